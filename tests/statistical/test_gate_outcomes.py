"""The gate decomposition finds what a simulated world planted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from planted_worlds import gate_world
from scipy.stats import chi2

KEYS = ["series_id", "surface", "gate_episode_seq", "cohort_week", "window_hours", "outcome"]
OUTCOMES = (
    "in_episode_exit",
    "story_exit",
    "gate_bounce",
    "coin_unlock",
    "ad_unlock",
    "ad_failed",
    "subscription_pass",
    "promo_pass",
)


@pytest.fixture(scope="module")
def compared() -> pl.DataFrame:
    """Estimates beside both truths, where enough viewers met the lock."""
    world = gate_world()
    truth = world.truth("gate")
    realised = truth.filter(pl.col("kind") == "realised").select(*KEYS, pl.col("truth").alias("realised"))
    planted = truth.filter(pl.col("kind") == "parametric").select(*KEYS, pl.col("truth").alias("planted"))
    return (
        world.released("cliffhanger.gate_decomposition")
        .join(realised, on=KEYS)
        .join(planted, on=KEYS, how="left")
        .filter((pl.col("status") == "ok") & (pl.col("n_followed") >= 30))
    )


@pytest.mark.parametrize("hours", [24, 72, 168])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes_are_those_that_happened(compared: pl.DataFrame, outcome: str, hours: int) -> None:
    """What the log shows of the viewers drawn, against what they did in full: only late and lost rows lie between."""
    cells = compared.filter(
        (pl.col("outcome") == outcome) & (pl.col("window_hours") == hours) & (pl.col("surface") == "all")
    )
    assert cells.height >= 50
    weight = cells["n_opportunities"].to_numpy()
    estimate = np.average(cells["estimate"], weights=weight)
    happened = np.average(cells["realised"], weights=weight)
    error = np.sqrt(max(happened * (1 - happened), 1e-4) / weight.sum())
    assert abs(estimate - happened) < 4 * error
    assert abs(estimate - happened) < 0.006


@pytest.mark.parametrize("outcome", ["story_exit", "gate_bounce", "coin_unlock", "ad_unlock"])
def test_outcomes_agree_with_the_planted_law(compared: pl.DataFrame, outcome: str) -> None:
    cells = compared.filter(
        (pl.col("outcome") == outcome)
        & (pl.col("window_hours") == 72)
        & (pl.col("surface") != "all")
        & (pl.col("gate_episode_seq") <= 11)
        & pl.col("planted").is_not_null()
        & (pl.col("planted") * pl.col("n_followed") >= 0.5)
    )
    planted, n = cells["planted"].to_numpy(), cells["n_followed"].to_numpy()
    z = (cells["estimate"].to_numpy() - planted) / np.sqrt(planted * (1 - planted) / n)
    assert len(z) >= 20
    # The normal approximation of single cells needs some events; that of their sum does not.
    many = planted * n >= 5
    if outcome != "story_exit":
        assert many.sum() >= 15
        assert chi2.sf(float((z[many] ** 2).sum()), int(many.sum())) > 1e-4
    excess = ((cells["estimate"].to_numpy() - planted) * n).sum()
    assert abs(excess) / np.sqrt((planted * (1 - planted) * n).sum()) < 4


def test_intervals_hold_the_planted_share(compared: pl.DataFrame) -> None:
    cells = compared.filter(
        pl.col("outcome").is_in(["gate_bounce", "coin_unlock", "ad_unlock"])
        & (pl.col("window_hours") == 72)
        & (pl.col("surface") != "all")
        & (pl.col("gate_episode_seq") <= 11)
        & pl.col("planted").is_not_null()
    )
    held = ((cells["ci_low"] <= cells["planted"]) & (cells["planted"] <= cells["ci_high"])).mean()
    assert cells.height >= 60
    assert held > 0.90


def test_everyone_has_one_outcome_or_is_censored() -> None:
    released = gate_world().released("cliffhanger.gate_decomposition")
    cells = released.group_by([key for key in KEYS if key != "outcome"]).agg(
        pl.len().alias("n_states"),
        pl.col("n_outcome").sum() + pl.col("n_censored").first() - pl.col("n_opportunities").first(),
        pl.col("estimate").sum(),
        (pl.col("n_followed") == pl.col("n_opportunities")).all().alias("is_complete"),
    )
    assert (cells["n_states"] == len(OUTCOMES)).all()
    assert (cells["n_outcome"] == 0).all()
    complete = cells.filter("is_complete")
    assert complete.height > 100
    assert np.allclose(complete["estimate"], 1.0)


def test_surfaces_and_weeks_add_up() -> None:
    """Counts are of exclusive populations: surfaces add up to all of them, cohort weeks too at the first lock."""
    released = gate_world().released("cliffhanger.gate_decomposition").filter(pl.col("window_hours") == 72)
    cell = ["series_id", "gate_episode_seq", "outcome"]
    pooled = released.filter((pl.col("surface") == "all") & (pl.col("cohort_week") == "all"))
    by_surface = (
        released.filter((pl.col("surface") != "all") & (pl.col("cohort_week") == "all"))
        .group_by(cell)
        .agg(pl.col("n_opportunities", "n_outcome", "n_censored").sum())
    )
    joined = pooled.join(by_surface, on=cell, suffix="_parts")
    assert joined.height == pooled.height
    for count in ("n_opportunities", "n_outcome", "n_censored"):
        assert (joined[count] == joined[f"{count}_parts"]).all()
