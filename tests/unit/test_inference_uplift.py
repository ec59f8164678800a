"""Closed forms of experiments against statsmodels and plain numpy, and the rules of the released rows."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from dagster_project.inference.experiments import (
    ArmMoments,
    always_valid_half_width,
    conversion_difference,
    cuped_difference,
    holm,
    log_ratio,
    sample_ratio_p,
    welch_difference,
)
from dagster_project.inference.uplift import UPLIFT_COLUMNS, UPLIFT_KEYS, uplift


def moments(outcome: np.ndarray, *covariates: np.ndarray) -> ArmMoments:
    """Exact moments of whole numbers."""

    def total(values: np.ndarray) -> Fraction:
        return sum((Fraction(int(value)) for value in values), Fraction(0))

    return ArmMoments(
        len(outcome),
        total(outcome),
        total(outcome**2),
        tuple(total(one) for one in covariates),
        tuple(tuple(total(one * other) for other in covariates) for one in covariates),
        tuple(total(one * outcome) for one in covariates),
    )


@pytest.fixture
def arms() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.integers(0, 4_000_000, 180), generator.integers(0, 6_000_000, 240)


def test_welch_is_that_of_statsmodels(arms: tuple[np.ndarray, np.ndarray]) -> None:
    control, treatment = arms
    reference = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    found = welch_difference(moments(control), moments(treatment))
    low, high = reference.tconfint_diff(usevar="unequal")
    assert (found.estimate, found.low, found.high) == pytest.approx((treatment.mean() - control.mean(), low, high))
    assert found.p_value == pytest.approx(reference.ttest_ind(usevar="unequal")[1])


def test_conversion_has_the_pooled_test_and_newcombes_interval() -> None:
    control = ArmMoments(320, Fraction(48), Fraction(48))
    treatment = ArmMoments(300, Fraction(66), Fraction(66))
    found = conversion_difference(control, treatment)
    assert found.p_value == pytest.approx(proportions_ztest([66, 48], [300, 320])[1])
    # Newcombe 1998, method 10, by hand from the two Wilson intervals.
    wilson = {}
    for name, hits, n in (("c", 48, 320), ("t", 66, 300)):
        z = stats.norm.ppf(0.975)
        middle, reach = (hits + z**2 / 2) / (n + z**2), z * math.sqrt(hits * (n - hits) / n + z**2 / 4) / (n + z**2)
        wilson[name] = (middle - reach, middle + reach)
    p_c, p_t = 48 / 320, 66 / 300
    low = p_t - p_c - math.hypot(p_t - wilson["t"][0], wilson["c"][1] - p_c)
    high = p_t - p_c + math.hypot(wilson["t"][1] - p_t, p_c - wilson["c"][0])
    assert (found.low, found.high) == pytest.approx((low, high))


def test_cuped_is_the_analysis_of_covariance() -> None:
    generator = np.random.default_rng(2)
    watch = generator.integers(0, 5_000, 500)
    unseen = (generator.random(500) < 0.2).astype(np.int64)
    watch = watch * (1 - unseen)
    spend = generator.integers(0, 9_000_000, 500) * (generator.random(500) < 0.3)
    arm = np.repeat([0, 1], 250)
    outcome = (
        spend // 3 + 200 * watch + 500_000 * unseen + 400_000 * arm + generator.integers(0, 900_000, 500)
    ).astype(np.int64)
    design = sm.add_constant(np.column_stack([arm, watch, spend, unseen]).astype(float))
    reference = sm.OLS(outcome.astype(float), design).fit()
    each = [moments(outcome[arm == a], watch[arm == a], spend[arm == a], unseen[arm == a]) for a in (0, 1)]
    found = cuped_difference(*each)
    assert found.estimate == pytest.approx(reference.params[1], rel=1e-9)
    # Robust errors of the regression differ by degrees of freedom only.
    assert found.standard_error == pytest.approx(reference.get_robustcov_results("HC0").bse[1], rel=0.01)
    plain = welch_difference(*each)
    assert found.standard_error < 0.5 * plain.standard_error


def test_cuped_without_information_is_the_plain_difference(arms: tuple[np.ndarray, np.ndarray]) -> None:
    control, treatment = arms
    nothing = [moments(values, np.zeros_like(values), np.full_like(values, 7)) for values in (control, treatment)]
    found, plain = cuped_difference(*nothing), welch_difference(*nothing)
    assert (found.estimate, found.low, found.high) == pytest.approx((plain.estimate, plain.low, plain.high))


def test_ratio_is_on_the_log_scale(arms: tuple[np.ndarray, np.ndarray]) -> None:
    control, treatment = arms
    found = log_ratio(moments(control), moments(treatment))
    assert found is not None
    assert found.estimate == pytest.approx(treatment.mean() / control.mean())
    error = math.sqrt(
        treatment.var(ddof=1) / len(treatment) / treatment.mean() ** 2
        + control.var(ddof=1) / len(control) / control.mean() ** 2
    )
    assert math.log(found.high / found.low) == pytest.approx(2 * stats.norm.ppf(0.975) * error)
    assert log_ratio(moments(np.zeros(5, dtype=np.int64)), moments(treatment)) is None


def test_confidence_sequence_has_its_published_form() -> None:
    """The boundary of equation 9 in other words: sqrt(2 (n r + 1) / (n^2 r) ln(sqrt(n r + 1) / alpha)) deviations."""
    alpha, planned = 0.05, 10_000
    tuning = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    for n in (100, 10_000, 250_000):
        deviation = 3.0
        boundary = math.sqrt((2 * (n * tuning + 1)) / (n**2 * tuning) * math.log(math.sqrt(n * tuning + 1) / alpha))
        # A mean of n values with deviation s has variance s^2 / n.
        assert always_valid_half_width(deviation**2 / n, n) == pytest.approx(deviation * boundary)
        assert always_valid_half_width(deviation**2 / n, n) > 1.96 * deviation / math.sqrt(n)


def test_sample_ratio_and_holm() -> None:
    assert sample_ratio_p([44_700, 45_489]) == pytest.approx(0.0086080, abs=1e-6)
    assert sample_ratio_p([10, 10, 10]) == pytest.approx(1.0)
    assert sample_ratio_p([10]) is None
    assert sample_ratio_p([0, 0]) is None
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04]) == [0.04]


@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=30), st.integers(0, 10**15))
def test_variance_survives_a_shift_of_any_size(values: list[int], shift: int) -> None:
    plain = moments(np.array(values, dtype=object))
    shifted = moments(np.array([value + shift for value in values], dtype=object))
    assert shifted.variance == plain.variance


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20), st.lists(st.integers(0, 1000), min_size=2, max_size=20))
def test_swapping_the_arms_mirrors_the_effect(control: list[int], treatment: list[int]) -> None:
    one, other = moments(np.array(control)), moments(np.array(treatment))
    there, back = welch_difference(one, other), welch_difference(other, one)
    assert (there.estimate, there.low, there.high) == pytest.approx((-back.estimate, -back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


PRODUCTS = (
    "watch_sum",
    "watch_sum_sq",
    "outcome_watch_sum",
    "spend_sum",
    "spend_sum_sq",
    "outcome_spend_sum",
    "unseen_sum",
    "unseen_sum_sq",
    "outcome_unseen_sum",
    "watch_spend_sum",
    "watch_unseen_sum",
    "spend_unseen_sum",
)


def arm_row(arm: str, n: int, total: int, total_sq: int, **columns: Any) -> dict[str, Any]:
    return {
        "experiment_id": "x", "arm": arm, "metric": "conversion", "horizon_days": 7, "segment": "all",
        "n_exposed": n, "viewer_n": n, "outcome_sum": total, "outcome_sum_sq": total_sq,
        "n_lines": total, "n_unvalued_lines": 0, **dict.fromkeys(PRODUCTS, 0), **columns,
    }  # fmt: skip


def infer(*rows: dict[str, Any]) -> pl.DataFrame:
    """The released rows of these arms, the first being control."""
    control = rows[0]
    pairs = [
        {name: row[name] for name in UPLIFT_KEYS if name != "control_arm"} | {"control_arm": control["arm"]}
        for row in rows
        if row["arm"] != control["arm"] and row["segment"] == control["segment"]
    ]
    asked = pl.DataFrame(pairs).select(UPLIFT_KEYS)
    found = uplift({"mrt_discounts__uplift": asked, "mrt_discounts__arm_moments": pl.DataFrame(list(rows))})
    assert found.columns == [*UPLIFT_KEYS, *UPLIFT_COLUMNS]
    return found


def test_a_sound_experiment_has_every_number() -> None:
    row = infer(arm_row("control", 1000, 150, 150), arm_row("cheap", 1010, 202, 202)).row(0, named=True)
    assert row["status"] == "ok"
    assert row["difference"] == pytest.approx(0.05)
    assert row["ratio"] == pytest.approx(4 / 3)
    assert row["cuped_difference"] == pytest.approx(0.05)
    assert all(row[name] is not None for name in UPLIFT_COLUMNS if name != "status_reason")


def test_money_leaves_in_currency_units() -> None:
    money = {"metric": "net_revenue"}
    row = infer(
        arm_row("control", 1000, 2_000_000_000, 40_000_000_000_000_000, **money),
        arm_row("cheap", 1000, 2_500_000_000, 50_000_000_000_000_000, **money),
    ).row(0, named=True)
    assert row["mean_control"] == pytest.approx(2.0)
    assert row["difference"] == pytest.approx(0.5)


def test_a_broken_split_blocks_every_number_but_its_own() -> None:
    row = infer(arm_row("control", 1000, 150, 150), arm_row("cheap", 1200, 202, 202)).row(0, named=True)
    assert row["status"] == "not_identified"
    assert "split" in row["status_reason"]
    assert row["srm_p"] == pytest.approx(stats.chisquare([1000, 1200]).pvalue)
    assert all(row[name] is None for name in UPLIFT_COLUMNS if name not in ("srm_p", "status", "status_reason"))


def test_a_broken_whole_blocks_its_segments() -> None:
    rows = [arm_row("control", 1000, 150, 150), arm_row("cheap", 1200, 202, 202)]
    parts = [arm_row("control", 100, 15, 15, segment="ext_web"), arm_row("cheap", 100, 20, 20, segment="ext_web")]
    asked = pl.DataFrame([{"experiment_id": "x", "arm": "cheap", "control_arm": "control", "metric": "conversion",
                           "horizon_days": 7, "segment": "ext_web"}])  # fmt: skip
    found = uplift({"mrt_discounts__uplift": asked, "mrt_discounts__arm_moments": pl.DataFrame([*rows, *parts])})
    assert found["status"].to_list() == ["not_identified"]
    assert found["srm_p"].item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("control", "treatment", "status"),
    [
        (arm_row("control", 10, 0, 0, viewer_n=0), arm_row("cheap", 10, 0, 0, viewer_n=0), "immature"),
        (arm_row("control", 10, 1, 1), arm_row("cheap", 10, 0, 0, viewer_n=1), "immature"),
        (arm_row("control", 10, 0, 0), arm_row("cheap", 10, 0, 0), "not_identified"),
        (
            arm_row("control", 10, 1, 1, metric="net_revenue", n_lines=10, n_unvalued_lines=1),
            arm_row("cheap", 10, 1, 1, metric="net_revenue", n_lines=1),
            "not_identified",
        ),
    ],
)
def test_what_cannot_be_known_is_not_given(control: dict[str, Any], treatment: dict[str, Any], status: str) -> None:
    row = infer(control, treatment).row(0, named=True)
    assert row["status"] == status
    assert row["status_reason"]
    assert row["difference"] is None
    assert row["p_value"] is None


def test_several_arms_share_the_risk_of_a_false_alarm() -> None:
    arms = [arm_row("control", 1000, 150, 150), arm_row("b", 1000, 185, 185), arm_row("c", 1000, 180, 180)]
    together = infer(*arms)
    alone = [infer(arms[0], arm)["p_value"].item() for arm in arms[1:]]
    assert together["p_value"].to_list() == pytest.approx(holm(alone))
    assert together["p_value"].to_list() > alone


def test_no_outcome_in_control_leaves_only_the_ratio_open() -> None:
    row = infer(arm_row("control", 100, 0, 0), arm_row("cheap", 100, 5, 5)).row(0, named=True)
    assert row["status"] == "ok"
    assert row["difference"] == pytest.approx(0.05)
    assert row["ratio"] is None
