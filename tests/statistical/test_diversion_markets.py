"""The staggered comparison finds a planted diversion, in simulated worlds and in panels with many draws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from planted_worlds import null_world, planted_world
from scipy import stats
from simulated_warehouse import SimulatedWarehouse

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


def estimate(world: SimulatedWarehouse) -> tuple[dict[str, float], float]:
    """The released row and its standard error."""
    row = world.released("cannibalization.diversion").filter(pl.col("method") == "staggered_did").row(0, named=True)
    assert row["status"] == "ok"
    reach = stats.t.ppf(0.975, row["n_clusters"] - 1)
    return row, (row["ci_high"] - row["ci_low"]) / (2 * reach)


def planted_kappa(world: SimulatedWarehouse, kind: str) -> float:
    truth = world.truth("diversion").filter(
        (pl.col("scope") == "all")
        & (pl.col("method") == "staged_markets")
        & (pl.col("measure") == "kappa")
        & (pl.col("kind") == kind)
    )
    return float(truth["truth"].item())


def test_the_planted_diversion_is_found() -> None:
    row, error = estimate(planted_world())
    planted = planted_kappa(planted_world(), "parametric")
    assert planted > 0.05
    assert abs(row["kappa"] - planted) / error < 4
    assert row["displaced_minor"] == pytest.approx(row["kappa"] * row["in_platform_minor"], abs=1)
    assert row["pretrend_p"] > 1e-4


def test_no_diversion_is_found_where_none_is_planted() -> None:
    row, error = estimate(null_world())
    assert planted_kappa(null_world(), "parametric") == 0
    assert abs(row["kappa"]) / error < 4
    assert row["pretrend_p"] > 1e-4


def test_the_event_study_has_every_week() -> None:
    table = planted_world().released("cannibalization.event_study").filter(pl.col("method") == "staggered_did")
    found = table.filter(pl.col("status") == "ok").sort("event_week")
    assert found["event_week"].to_list() == list(range(found["event_week"].min(), found["event_week"].max() + 1))
    assert found["event_week"].min() < -1
    assert (found["band_low"] < found["ci_low"]).all()
    assert (found["ci_high"] < found["band_high"]).all()


def test_in_platform_revenue_is_the_worlds() -> None:
    """Same markets, less the last days, which are no full week, and less refunds; never more."""
    row, _ = estimate(planted_world())
    truth = (
        planted_world()
        .truth("diversion")
        .filter(
            (pl.col("scope") == "all")
            & (pl.col("method") == "staged_markets")
            & (pl.col("measure") == "in_platform_minor")
            & (pl.col("kind") == "realised")
        )
    )
    assert 0.85 < row["in_platform_minor"] / truth["truth"].item() < 1


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
