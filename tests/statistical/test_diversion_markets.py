"""The staggered comparison centers on the planted diversion and covers it, over many drawn panels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dagster_project.inference.staggered import (
    Method,
    Panel,
    estimate_diversion,
    log_counterfactual,
    poisson_counterfactual,
)

FACTORS = Method(poisson_counterfactual, leads_need_refit=True)
LAUNCH = np.array([5] * 3 + [7] * 4 + [9] * 4 + [11] * 4 + [17] * 8)
WEEKS = 17


def panel(generator: np.random.Generator, effect: float, orders: float) -> tuple[Panel, float]:
    """Heavy-tailed revenue of few orders a week in markets of very different size, and the kappa planted."""
    size = generator.lognormal(0.0, 0.8, len(LAUNCH))
    week = np.exp(0.01 * np.arange(WEEKS) + 0.05 * generator.standard_normal(WEEKS))
    rate = orders * size[:, None] * week[None, :] * np.exp(0.08 * generator.standard_normal((len(LAUNCH), WEEKS)))
    is_treated = np.arange(WEEKS)[None, :] >= LAUNCH[:, None]
    count = generator.poisson(rate * np.where(is_treated, np.exp(effect), 1.0))
    own = np.array([[generator.lognormal(0.0, 1.0, n).sum() for n in row] for row in count])
    mean_order = float(np.exp(0.5))
    platform = np.where(is_treated, 2.5 * rate * mean_order, 0.0)
    displaced = float((rate * mean_order * (1 - np.exp(effect)))[is_treated].sum())
    return Panel(own, platform, LAUNCH, np.zeros(len(LAUNCH), dtype=bool)), displaced / float(platform.sum())


@pytest.mark.parametrize("effect", [0.0, -0.25])
def test_estimates_center_and_intervals_cover(effect: float) -> None:
    generator = np.random.default_rng(20_260_406)
    trials = 50
    errors, covered, pretrends = [], 0, 0
    for _ in range(trials):
        drawn, kappa = panel(generator, effect, orders=20.0)
        found = estimate_diversion(drawn, FACTORS)
        errors.append(found.kappa - kappa)
        covered += found.low <= kappa <= found.high
        assert found.pretrend_p is not None
        pretrends += found.pretrend_p < 0.05
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(trials)
    # With 23 markets the jackknife errs on the side of width.
    assert stats.binom.cdf(covered, trials, 0.95) > 1e-3
    assert stats.binom.sf(pretrends - 1, trials, 0.05) > 1e-3


def test_factors_are_surer_than_logs() -> None:
    """Why the headline is by factors: on the same panels the group-time effects on logs err by half as much again."""
    generator = np.random.default_rng(20_260_407)
    logs = Method(log_counterfactual, leads_need_refit=False, needs_revenue_everywhere=True)
    errors = []
    while len(errors) < 25:
        drawn, kappa = panel(generator, -0.25, orders=60.0)
        if (drawn.own > 0).all():
            launch = np.where(LAUNCH < WEEKS, LAUNCH, WEEKS)
            errors.append([_kappa(drawn, method.counterfactual(drawn, launch)) - kappa for method in (FACTORS, logs)])
    spread = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert spread[1] > 1.5 * spread[0]


def test_bands_hold_all_weeks_at_once() -> None:
    generator = np.random.default_rng(20_260_408)
    trials, pointwise, simultaneous = 30, 0, 0
    for _ in range(trials):
        drawn, _ = panel(generator, 0.0, orders=60.0)
        effects = estimate_diversion(drawn, FACTORS).effects.values()
        pointwise += all(effect.low <= 0 <= effect.high for effect in effects)
        simultaneous += all(effect.band_low <= 0 <= effect.band_high for effect in effects)
    assert simultaneous > pointwise
    assert stats.binom.cdf(simultaneous, trials, 0.90) > 1e-3


def _kappa(drawn: Panel, counterfactual: np.ndarray) -> float:
    treated = drawn.is_treated
    return float((counterfactual - drawn.own)[treated].sum() / drawn.platform[treated].sum())
