"""Uplift finds a planted effect, finds none where there is none, and refuses a broken experiment."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from planted_worlds import null_world, planted_world
from scipy import stats
from simulated_warehouse import SimulatedWarehouse

from dagster_project.inference.experiments import (
    ArmMoments,
    always_valid_half_width,
    conversion_difference,
    cuped_difference,
    welch_difference,
)

KEYS = ["experiment_id", "metric", "horizon_days"]
Z = 1.959963984540054


def compared(world: SimulatedWarehouse) -> pl.DataFrame:
    """Overall estimates beside realised and planted conversion differences, with their standard error."""
    truth = world.truth("uplift").with_columns(pl.col("metric").replace("coin_value_usd", "net_revenue"))
    realised = truth.filter(pl.col("kind") == "realised").select(*KEYS, pl.col("truth").alias("realised"))
    planted = truth.filter(pl.col("kind") == "parametric").select(*KEYS, pl.col("truth").alias("planted"))
    return (
        world.released("discounts.uplift")
        .filter(pl.col("segment") == "all")
        .join(realised, on=KEYS)
        .join(planted, on=KEYS, how="left")
        .with_columns(error=(pl.col("ci_high") - pl.col("ci_low")) / (2 * Z))
    )


@pytest.fixture(scope="module")
def planted() -> pl.DataFrame:
    return compared(planted_world())


@pytest.fixture(scope="module")
def null() -> pl.DataFrame:
    return compared(null_world())


def test_the_planted_effect_is_found(planted: pl.DataFrame) -> None:
    rows = planted.filter((pl.col("metric") == "conversion") & (pl.col("experiment_id") == "exp-minis-discount10"))
    assert rows.height == 2
    assert (rows["status"] == "ok").all()
    assert (((rows["difference"] - rows["planted"]) / rows["error"]).abs() < 4).all()
    assert (rows["planted"] > 0.03).all()
    assert (rows["always_valid_low"] < rows["ci_low"]).all()


def test_no_effect_is_found_where_none_is_planted(planted: pl.DataFrame, null: pl.DataFrame) -> None:
    own = planted.filter(pl.col("experiment_id") == "exp-own-discount10")
    nothing = null.filter(pl.col("experiment_id").is_in(["exp-own-discount10", "exp-minis-discount10"]))
    rows = pl.concat([own, nothing]).filter(pl.col("metric") == "conversion")
    assert rows.height == 6
    assert (rows["planted"] == 0).all()
    assert (rows["difference"].abs() / rows["error"] < 4).all()


@pytest.mark.parametrize("name", ["planted", "null"])
def test_means_are_those_of_the_viewers_drawn(name: str, request: pytest.FixtureRequest) -> None:
    """Between them and what the drawn viewers did lie only lost rows, refunds and purchases outside the experiment."""
    rows = request.getfixturevalue(name).filter((pl.col("status") == "ok") & (pl.col("n_control") >= 200))
    assert rows.height == 12
    assert ((rows["difference"] - rows["realised"]).abs() < 0.5 * rows["error"]).all()


def test_a_broken_split_gives_no_figure(planted: pl.DataFrame) -> None:
    rows = planted.filter(pl.col("experiment_id") == "exp-broken-split")
    assert rows.height > 0
    assert (rows["status"] == "not_identified").all()
    assert rows["srm_p"].max() < 0.001
    assert rows["difference"].is_null().all()
    assert rows["p_value"].is_null().all()
    sound = planted.filter(pl.col("experiment_id") != "exp-broken-split")
    assert sound["srm_p"].min() > 0.001


def moments(outcome: np.ndarray, covariate: np.ndarray | None = None) -> ArmMoments:
    """Exact moments of whole-number outcomes."""

    def total(values: np.ndarray) -> Fraction:
        return Fraction(int(values.sum()))

    if covariate is None:
        return ArmMoments(len(outcome), total(outcome), total(outcome**2))
    return ArmMoments(
        len(outcome),
        total(outcome),
        total(outcome**2),
        (total(covariate),),
        ((total(covariate**2),),),
        (total(outcome * covariate),),
    )


def test_intervals_cover_and_peeking_needs_the_confidence_sequence() -> None:
    """A/A tests looked at 28 times: the fixed interval raises false alarms, the sequence keeps its promise."""
    generator = np.random.default_rng(20_260_403)
    trials, looks, per_look = 250, 28, 120
    spent = np.rint(generator.lognormal(5.0, 1.0, (2, trials, looks * per_look))).astype(np.int64)
    paid = spent * (generator.random(spent.shape) < 0.2)
    naive = sequential = last = 0
    for trial in range(trials):
        alarms = [False, False]
        for look in range(1, looks + 1):
            control, treatment = (moments(paid[arm, trial, : look * per_look]) for arm in (0, 1))
            effect = welch_difference(control, treatment)
            alarms[0] |= effect.p_value < 0.05
            reach = always_valid_half_width(effect.standard_error**2, control.n + treatment.n)
            alarms[1] |= abs(effect.estimate) > reach
        naive, sequential, last = naive + alarms[0], sequential + alarms[1], last + (effect.p_value < 0.05)
    assert naive / trials > 0.15
    assert stats.binom.sf(sequential - 1, trials, 0.05) > 1e-4
    assert stats.binomtest(last, trials, 0.05).pvalue > 1e-4


def test_adjustment_narrows_and_does_not_move() -> None:
    generator = np.random.default_rng(20_260_404)
    trials, n = 400, 300
    plain, adjusted, covered = [], [], 0
    for _ in range(trials):
        before = generator.poisson(20, (2, n))
        after = generator.poisson(np.maximum(before + np.array([[0], [1]]), 0))
        arms = [moments(after[arm], before[arm]) for arm in (0, 1)]
        first, second = welch_difference(*arms), cuped_difference(*arms)
        plain.append(first.estimate)
        adjusted.append(second.estimate)
        covered += second.low <= 1 <= second.high
    assert abs(np.mean(adjusted) - 1) < 4 * np.std(adjusted) / np.sqrt(trials)
    # Half of the variance is known before: Poisson of a Poisson mean.
    assert 0.60 < np.std(adjusted) / np.std(plain) < 0.82
    assert stats.binomtest(covered, trials, 0.95).pvalue > 1e-4


def test_newcombe_covers_small_shares() -> None:
    generator = np.random.default_rng(20_260_405)
    trials, n, share, lift = 1000, 400, 0.02, 0.01
    control, treatment = generator.binomial(n, share, trials), generator.binomial(n, share + lift, trials)
    covered = 0
    for c, t in zip(control.tolist(), treatment.tolist(), strict=True):
        effect = conversion_difference(ArmMoments(n, Fraction(c), Fraction(c)), ArmMoments(n, Fraction(t), Fraction(t)))
        covered += effect.low <= lift <= effect.high
    assert 0.93 < covered / trials <= 0.985
