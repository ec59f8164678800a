"""Uplift refuses a broken experiment, and its intervals keep their promises over many draws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
from planted_worlds import broken_split_world
from scipy import stats

from dagster_project.inference.experiments import (
    ArmMoments,
    always_valid_half_width,
    conversion_difference,
    cuped_difference,
    welch_difference,
)


def test_a_broken_split_gives_no_figure() -> None:
    released = broken_split_world().released("discounts.uplift").filter(pl.col("segment") == "all")
    rows = released.filter(pl.col("experiment_id") == "exp-broken-split")
    assert rows.height > 0
    assert (rows["status"] == "not_identified").all()
    assert rows["srm_p"].max() < 0.001
    assert rows["difference"].is_null().all()
    assert rows["p_value"].is_null().all()
    sound = released.filter(pl.col("experiment_id") != "exp-broken-split")
    assert sound["srm_p"].min() > 0.001
    assert (sound["status"] == "ok").any()


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
