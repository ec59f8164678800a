"""Worked money examples, to the cent, and the properties that hold for every amount."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.core.money import (
    Tier,
    entitlement,
    entitlement_by_tier,
    largest_remainder,
    round_half_away,
    round_to_target,
    to_minor,
)

WEIGHTS = {"S1": 4_812_345_678, "S2": 3_300_000_001, "S3": 2_087_654_321, "S4": 0}
TIERS = [Tier(500_000, 300_000), Tier(2_000_000, 400_000), Tier(None, 500_000)]
totals = st.integers(-(10**15), 10**15)
weights = st.dictionaries(st.text("ABCDEF", min_size=1, max_size=3), st.integers(0, 10**12), min_size=1).filter(
    lambda value: sum(value.values()) > 0
)


def test_a_statement_falls_to_series_component_by_component() -> None:
    gross = largest_remainder(1_015_000, WEIGHTS)
    invalid = largest_remainder(-15_000, WEIGHTS)
    assert gross == {"S1": 478_876, "S2": 328_382, "S3": 207_742, "S4": 0}
    assert invalid == {"S1": -7_077, "S2": -4_853, "S3": -3_070, "S4": 0}
    assert {key: gross[key] + invalid[key] for key in gross} == {"S1": 471_799, "S2": 323_529, "S3": 204_672, "S4": 0}


def test_three_equal_parts_of_a_hundred_lose_nothing() -> None:
    parts = largest_remainder(10_000, {"A": 1, "B": 1, "C": 1})
    assert parts == {"A": 3_334, "B": 3_333, "C": 3_333}
    naive = sum(round_half_away(Fraction(10_000, 3)) for _ in parts)
    assert naive == 9_999 != sum(parts.values())


def test_tiers_marginal_and_whole() -> None:
    september, to_october = 471_799, 471_799 + 330_000
    assert round_half_away(entitlement(september, TIERS, "MARGINAL")) == 141_540
    assert round_half_away(entitlement(to_october, TIERS, "MARGINAL")) - 141_540 == 129_180
    assert round_half_away(entitlement(to_october, TIERS, "WHOLE")) - 141_540 == 179_180
    before = entitlement_by_tier(september, TIERS, "MARGINAL")
    after = entitlement_by_tier(to_october, TIERS, "MARGINAL")
    lines = {f"T{number}": late - early for number, (early, late) in enumerate(zip(before, after, strict=True), 1)}
    assert round_to_target(lines, 129_180) == {"T1": 8_460, "T2": 120_720, "T3": 0}


def test_a_deduction_after_close_restates_the_tiers_behind_it() -> None:
    def earned(*bases: int) -> list[int]:
        steps = [round_half_away(entitlement(sum(bases[:end]), TIERS, "MARGINAL")) for end in range(1, len(bases) + 1)]
        return [late - early for early, late in zip([0, *steps], steps, strict=False)]

    posted = earned(471_799, 330_000)
    restated = earned(421_799, 330_000, 200_000)
    assert posted == [141_540, 129_180]
    assert [restated[0] - posted[0], restated[1] - posted[1], restated[2]] == [-15_000, -5_000, 80_000]
    assert sum(restated) == 330_720


def test_an_amendment_in_mid_month_splits_the_base() -> None:
    base = largest_remainder(323_529, {"before": 1_980_000_001, "after": 1_320_000_000})
    assert base == {"before": 194_117, "after": 129_412}
    exact = {"before": Fraction(base["before"] * 30, 100), "after": Fraction(base["after"] * 35, 100)}
    target = round_half_away(sum(exact.values(), Fraction(0)))
    assert round_to_target(exact, target) == {"before": 58_235, "after": 45_294}
    assert target == 103_529


def test_more_money_may_lower_a_part_by_a_cent() -> None:
    weights = {"A": 3, "B": 3, "C": 1}
    assert largest_remainder(10, weights) == {"A": 4, "B": 4, "C": 2}
    assert largest_remainder(11, weights) == {"A": 5, "B": 5, "C": 1}


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.5", 1), ("-0.5", -1), ("2.5", 3), ("144370.5", 144_371), ("0.4999", 0), ("-1.5", -2)],
)
def test_halves_go_away_from_zero(value: str, rounded: int) -> None:
    assert round_half_away(Fraction(value)) == rounded


def test_yen_have_no_decimals_and_dinars_three() -> None:
    assert to_minor(Decimal("1200"), "JPY") == 1_200
    assert to_minor(Decimal("1.234"), "KWD") == 1_234
    assert to_minor(Decimal("-3.10"), "USD") == -310
    with pytest.raises(ValueError, match="minor unit"):
        to_minor(Decimal("0.5"), "JPY")


def test_nothing_can_be_split_by_no_weight() -> None:
    assert largest_remainder(0, {"A": 0}) == {"A": 0}
    with pytest.raises(ValueError, match="all weights are 0"):
        largest_remainder(1, {"A": 0})
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(1, {"A": -1, "B": 3})


@given(totals, weights)
def test_parts_add_up_and_stay_within_a_unit(total: int, weights: dict[str, int]) -> None:
    parts = largest_remainder(total, weights)
    whole = sum(weights.values())
    assert sum(parts.values()) == total
    assert all(abs(Fraction(total * weights[key], whole) - part) < 1 for key, part in parts.items())
    assert all(part == 0 for key, part in parts.items() if weights[key] == 0)


@given(totals, weights, st.integers(1, 1_000))
def test_splits_mirror_scale_and_ignore_order(total: int, weights: dict[str, int], factor: int) -> None:
    parts = largest_remainder(total, weights)
    assert largest_remainder(-total, weights) == {key: -part for key, part in parts.items()}
    assert largest_remainder(total, {key: weight * factor for key, weight in weights.items()}) == parts
    assert largest_remainder(total, dict(reversed(weights.items()))) == parts


@given(st.integers(0, 10**12), weights)
def test_a_larger_weight_never_gets_less(total: int, weights: dict[str, int]) -> None:
    parts = largest_remainder(total, weights)
    ranked = sorted(weights, key=lambda key: weights[key])
    assert all(parts[low] <= parts[high] for low, high in itertools.pairwise(ranked) if weights[low] < weights[high])


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12))
def test_periods_add_up_to_the_entitlement_of_the_whole(bases: list[int]) -> None:
    steps = [round_half_away(entitlement(sum(bases[:end]), TIERS, "MARGINAL")) for end in range(len(bases) + 1)]
    periods = [late - early for early, late in itertools.pairwise(steps)]
    assert sum(periods) == round_half_away(entitlement(sum(bases), TIERS, "MARGINAL"))


@given(st.dictionaries(st.text("ABC", min_size=1, max_size=2), st.fractions(-1000, 1000), min_size=1))
def test_rounding_to_the_rounded_sum_is_always_possible(exact: dict[str, Fraction]) -> None:
    target = round_half_away(sum(exact.values(), Fraction(0)))
    parts = round_to_target(exact, target)
    assert sum(parts.values()) == target
    assert all(abs(parts[key] - value) <= 1 for key, value in exact.items())


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_base_never_earns_less_at_the_margin(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert entitlement(low, TIERS, "MARGINAL") <= entitlement(high, TIERS, "MARGINAL") <= Fraction(high, 2)
