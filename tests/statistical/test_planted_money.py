"""Uplift and diversion find what was planted in simulated worlds, and nothing where nothing was, on three seeds."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from planted_worlds import EACH_SEED, SEEDS, money_world
from scipy import stats
from standard_scores import FAR, standard_error

MINIS, OWN = "exp-minis-discount10", "exp-own-discount10"
KEYS = ["experiment_id", "metric", "horizon_days"]
PRICE_CUT = 0.1
"""Both experiments offer the treated arm a tenth off."""
HORIZONS = (7, 28)


@cache
def uplifts(seed: int, is_null: bool) -> pl.DataFrame:
    """Overall comparisons beside the difference planted in the law and the one between the viewers drawn."""
    world = money_world(seed, is_null=is_null)
    truth = world.truth("uplift").with_columns(pl.col("metric").replace("coin_value_usd", "net_revenue"))
    planted = truth.filter(kind="parametric").select(*KEYS, pl.col("truth").alias("planted"))
    realised = truth.filter(kind="realised").select(*KEYS, pl.col("truth").alias("realised"))
    return (
        world.released("discounts.uplift")
        .filter(segment="all")
        .join(realised, on=KEYS)
        .join(planted, on=KEYS, how="left")
        .with_columns(error=standard_error(pl.col("ci_low"), pl.col("ci_high")))
    )


def uplift(seed: int, experiment: str, metric: str, days: int, *, is_null: bool = False) -> dict[str, float]:
    """One comparison, which must be ok."""
    found = uplifts(seed, is_null).filter(experiment_id=experiment, metric=metric, horizon_days=days)
    row = found.row(0, named=True)
    assert row["status"] == "ok"
    return row


def planted_log_ratio(seed: int, experiment: str, *, is_null: bool = False) -> float:
    """Of net revenue per exposed viewer.

    Whoever buys buys alike in both arms, pays a tenth less, and there are more of them by the relative lift.
    """
    lift = money_world(seed, is_null=is_null).parameters()["experiments"][experiment]["relative_lift"]
    return float(np.log((1 + lift) * (1 - PRICE_CUT)))


def revenue_score(seed: int, experiment: str, days: int, *, is_null: bool = False) -> tuple[float, float]:
    """Distance of the ratio of net revenues from the planted one in standard errors, and that error; of logarithms."""
    row = uplift(seed, experiment, "net_revenue", days, is_null=is_null)
    error = standard_error(np.log(row["ratio_ci_low"]), np.log(row["ratio_ci_high"]))
    return (np.log(row["ratio"]) - planted_log_ratio(seed, experiment, is_null=is_null)) / error, error


@pytest.mark.parametrize("days", HORIZONS)
@pytest.mark.parametrize("seed", EACH_SEED)
def test_the_planted_lift_of_conversion_is_found(seed: int, days: int) -> None:
    row = uplift(seed, MINIS, "conversion", days)
    assert row["planted"] > 0.1
    assert row["error"] <= row["planted"] / 2
    assert abs(row["difference"] - row["planted"]) / row["error"] < FAR
    assert row["always_valid_low"] < row["ci_low"]


@pytest.mark.parametrize("days", HORIZONS)
@pytest.mark.parametrize("seed", EACH_SEED)
def test_the_planted_lift_of_net_revenue_is_found(seed: int, days: int) -> None:
    score, error = revenue_score(seed, MINIS, days)
    assert error <= planted_log_ratio(seed, MINIS) / 2
    assert abs(score) < FAR
    # It is not the lift of conversion, which the lower price eats up in part.
    assert planted_log_ratio(seed, MINIS) < np.log(1.6)


NULL_CELLS = [(OWN, False), (OWN, True), (MINIS, True)]


@pytest.mark.full
@pytest.mark.parametrize("days", HORIZONS)
@pytest.mark.parametrize(("experiment", "is_null"), NULL_CELLS)
def test_no_lift_is_found_where_none_is_planted(experiment: str, is_null: bool, days: int) -> None:
    """Conversion does not move; the same buyers then pay a tenth less, and that is all revenue shows."""
    conversions, revenues = [], []
    for seed in SEEDS:
        row = uplift(seed, experiment, "conversion", days, is_null=is_null)
        assert row["planted"] == 0
        conversions.append(row["difference"] / row["error"])
        assert planted_log_ratio(seed, experiment, is_null=is_null) == pytest.approx(np.log(0.9))
        revenues.append(revenue_score(seed, experiment, days, is_null=is_null)[0])
    for scores in (conversions, revenues):
        assert max(map(abs, scores)) < FAR
        assert abs(sum(scores)) / len(scores) ** 0.5 < FAR


@pytest.mark.full
@pytest.mark.parametrize("days", HORIZONS)
def test_the_null_is_told_from_the_planted_lift(days: int) -> None:
    """Nothing found is worth something only where the planted effect would have been seen."""
    for seed in SEEDS:
        effect = uplift(seed, MINIS, "conversion", days)["planted"]
        assert uplift(seed, MINIS, "conversion", days, is_null=True)["error"] <= effect / 4


@pytest.mark.parametrize("is_null", [False, True])
@pytest.mark.parametrize("seed", EACH_SEED)
def test_what_each_arm_bought_is_what_its_viewers_did(seed: int, is_null: bool) -> None:
    """The same viewers in the same arms, and their unlocks: episodes paid with bonus tokens alone are no paid units."""
    world = money_world(seed, is_null=is_null)
    arms = ["mean_control", "mean_treatment"]
    drawn = world.truth("uplift").filter(kind="realised").select(*KEYS, "n_control", "n_treatment", *arms)
    rows = uplifts(seed, is_null).filter(pl.col("metric") != "net_revenue").join(drawn, on=KEYS, suffix="_drawn")
    assert rows.height == 8
    for name in ("n_control", "n_treatment"):
        # One viewer may be a horizon old by the truth and not by the log, whose last row came earlier.
        assert ((rows[name] - rows[f"{name}_drawn"]).abs() <= 1).all(), name
    for name in arms:
        assert ((rows[name] / rows[f"{name}_drawn"] - 1).abs() <= 0.002).all(), name


@pytest.mark.parametrize("is_null", [False, True])
@pytest.mark.parametrize("seed", EACH_SEED)
def test_means_are_those_of_the_viewers_drawn(seed: int, is_null: bool) -> None:
    """Between them and what the drawn viewers did lie only lost rows, refunds and purchases outside the experiment."""
    rows = uplifts(seed, is_null).filter(status="ok")
    assert rows.height == 12
    assert ((rows["difference"] - rows["realised"]).abs() < 0.5 * rows["error"]).all()


def diversion(seed: int, *, is_null: bool = False) -> tuple[dict[str, float], float]:
    """The released row and the standard error of its kappa."""
    world = money_world(seed, is_null=is_null)
    row = world.released("cannibalization.diversion").filter(method="staggered_did").row(0, named=True)
    assert row["status"] == "ok"
    reach = float(stats.t.ppf(0.975, row["n_clusters"] - 1))
    return row, (row["ci_high"] - row["ci_low"]) / (2 * reach)


def truth(seed: int, measure: str, kind: str, *, is_null: bool = False) -> float:
    """Of the markets whose launch is staged."""
    rows = money_world(seed, is_null=is_null).truth("diversion")
    found = rows.filter(scope="all", method="staged_markets", measure=measure, kind=kind)
    return float(found["truth"].item())


@pytest.mark.parametrize("seed", EACH_SEED)
def test_the_planted_diversion_is_found(seed: int) -> None:
    row, error = diversion(seed)
    planted = truth(seed, "kappa", "parametric")
    assert planted > 0.15
    assert error <= planted / 2
    assert abs(row["kappa"] - planted) / error < FAR
    assert row["displaced_minor"] == pytest.approx(row["kappa"] * row["in_platform_minor"], abs=1)
    assert row["pretrend_p"] > 1e-4


@pytest.mark.full
def test_no_diversion_is_found_where_none_is_planted() -> None:
    scores = []
    for seed in SEEDS:
        row, error = diversion(seed, is_null=True)
        assert truth(seed, "kappa", "parametric", is_null=True) == 0
        assert error <= truth(seed, "kappa", "parametric") / 2
        assert row["pretrend_p"] > 1e-4
        scores.append(row["kappa"] / error)
    assert max(map(abs, scores)) < FAR
    assert abs(sum(scores)) / len(scores) ** 0.5 < FAR


@pytest.mark.parametrize("seed", EACH_SEED)
def test_in_platform_revenue_is_the_worlds(seed: int) -> None:
    """Same markets, less the last days, which are no full week, and less refunds; never more."""
    row, _ = diversion(seed)
    assert 0.85 < row["in_platform_minor"] / truth(seed, "in_platform_minor", "realised") < 1


def test_the_event_study_has_every_week_and_shows_the_drop() -> None:
    table = money_world(SEEDS[0]).released("cannibalization.event_study").filter(method="staggered_did")
    found = table.filter(status="ok").sort("event_week")
    assert found["event_week"].to_list() == list(range(found["event_week"].min(), found["event_week"].max() + 1))
    assert found["event_week"].min() < -1
    assert (found["band_low"] < found["ci_low"]).all()
    assert (found["ci_high"] < found["band_high"]).all()
    before, after = (found.filter(pl.col("event_week").is_between(*span))["att"].mean() for span in ((-4, -1), (1, 4)))
    assert after < before - 0.4
