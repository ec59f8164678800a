"""The truth's own money arithmetic, against the worked examples of the payout rules."""

from fractions import Fraction

import pytest

from dagster_project.simulator.exact import entitlement, largest_remainder, round_half_away


@pytest.mark.parametrize(
    ("value", "whole"), [("1/2", 1), ("-1/2", -1), ("5/2", 3), ("144370500/1000", 144371), ("7/3", 2)]
)
def test_ties_go_away_from_zero(value: str, whole: int) -> None:
    assert round_half_away(Fraction(value)) == whole


def test_a_statement_splits_to_its_series_without_losing_a_cent() -> None:
    weights = {"S1": 4812345678, "S2": 3300000001, "S3": 2087654321, "S4": 0}
    assert largest_remainder(1_015_000, weights) == {"S1": 478876, "S2": 328382, "S3": 207742, "S4": 0}
    assert largest_remainder(-15_000, weights) == {"S1": -7077, "S2": -4853, "S3": -3070, "S4": 0}


def test_more_money_may_lower_the_smallest() -> None:
    assert largest_remainder(10, {"a": 3, "b": 3, "c": 1}) == {"a": 4, "b": 4, "c": 2}
    assert largest_remainder(11, {"a": 3, "b": 3, "c": 1}) == {"a": 5, "b": 5, "c": 1}


def test_ties_prefer_the_larger_weight_and_then_the_key() -> None:
    assert largest_remainder(100, {"c": 1, "a": 1, "b": 1}) == {"a": 34, "b": 33, "c": 33}


def test_nothing_can_be_split_over_nothing() -> None:
    with pytest.raises(ValueError, match="weights that are all zero"):
        largest_remainder(5, {"a": 0})
    assert largest_remainder(0, {"a": 0}) == {"a": 0}


def test_tiers_rate_slabs_or_the_whole() -> None:
    tiers = ((500_000, 300_000), (2_000_000, 400_000), (None, 500_000))
    assert entitlement(Fraction(801_799), tiers, whole=False) == Fraction("270719.6")
    assert entitlement(Fraction(801_799), tiers, whole=True) == Fraction("320719.6")
    assert entitlement(Fraction(-5), tiers, whole=False) == 0
