"""How far viewers get in a series, and on which days they come back."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from dagster_project.inference.results import Status, choose_status, finish
from dagster_project.inference.survival import (
    clopper_pearson,
    log_log_interval,
    product_limit,
    wilson,
    with_incidence,
)

REACH_KEYS = ("series_id", "surface", "cohort_week", "episode_seq", "horizon_hours")
SURVIVAL_KEYS = ("series_id", "surface", "cohort_week", "episode_seq", "window_days")
COHORT_KEYS = ("scope", "scope_id", "surface", "cohort_date", "mode", "day")
_UNPUBLISHED = "the episode is not published"


def episode_reach(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """P(an entrant starts episode k or a later one within H hours), by Kaplan-Meier on the time to reach.

    Args:
        marts: `mrt_audience__episode_reach` (counts) and `mrt_audience__reach_risk` (stretches of the risk table).

    Returns:
        One row per row of the mart: keys, `estimate`, interval (Greenwood, log-log on survival; exact at the
        edges), status.
    """
    mart = marts["mrt_audience__episode_reach"]
    counted = product_limit(marts["mrt_audience__reach_risk"], mart, REACH_KEYS[:-1], "horizon_hours")
    status = choose_status(
        (~pl.col("is_published"), Status.NOT_APPLICABLE, _UNPUBLISHED),
        (~pl.col("is_followed_up"), Status.NOT_IDENTIFIED, "nobody has been followed for the whole horizon"),
    )
    return finish(with_incidence(counted, "n_event", "n_at_risk").with_columns(*status), REACH_KEYS)


def episode_survival(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """P(a viewer is still with the series at episode e), by the boundary clock.

    The product over the boundaries k before e of 1 - n_drop / n_at_risk, each boundary judged W days after it.

    Args:
        marts: `mrt_audience__episode_survival`, with every episode from 1 on in each cell.

    Returns:
        One row per row of the mart: keys, `estimate`, interval (Greenwood, log-log; exact on the smallest risk set
        where nobody or everybody dropped), status.
    """
    cell = [key for key in SURVIVAL_KEYS if key != "episode_seq"]
    n, d = pl.col("n_at_risk").cast(pl.Float64), pl.col("n_drop").cast(pl.Float64)
    has_risk = pl.col("n_at_risk") > 0
    factors = (
        marts["mrt_audience__episode_survival"]
        .sort([*cell, "episode_seq"])
        .with_columns(
            factor=pl.when(has_risk).then(1.0 - d / n).otherwise(1.0),
            # Infinite where everyone dropped: from there on survival is 0 and the exact interval is taken.
            increment=pl.when(has_risk).then(d / (n * (n - d))).otherwise(0.0),
        )
        .with_columns(
            survival=pl.col("factor").cum_prod().shift(1, fill_value=1.0).over(cell),
            greenwood_sum=pl.col("increment").cum_sum().shift(1, fill_value=0.0).over(cell),
            smallest=pl.when(has_risk).then("n_at_risk").cum_min().forward_fill().shift(1).over(cell),
        )
        # Past a survival of 0 nobody is left to be at risk, which is known and not missing.
        .with_columns(is_gap=~has_risk & (pl.col("survival") > 0.0))
        .with_columns(
            waits=(pl.col("is_gap") & (pl.col("n_started") > 0)).cum_max().shift(1, fill_value=False).over(cell),
            lacks=pl.col("is_gap").cum_max().shift(1, fill_value=False).over(cell),
        )
    )
    low, high = log_log_interval(pl.col("survival"), pl.col("greenwood_sum"))
    trials = factors["smallest"].fill_null(0)
    survivors = factors.select(pl.when(pl.col("survival") >= 1.0).then(trials).otherwise(0)).to_series()
    exact_low, exact_high = clopper_pearson(survivors, trials)
    is_first = pl.col("episode_seq") == 1
    is_edge = (pl.col("survival") <= 0.0) | (pl.col("survival") >= 1.0)
    status = choose_status(
        (~pl.col("is_published"), Status.NOT_APPLICABLE, _UNPUBLISHED),
        (pl.col("waits"), Status.IMMATURE, "no start of an earlier episode is as old as the window"),
        (pl.col("lacks"), Status.NOT_IDENTIFIED, "nobody was at risk at an earlier episode"),
    )
    estimated = factors.with_columns(
        estimate=pl.col("survival"),
        # Everyone who entered is there at episode 1: that is the definition, without uncertainty.
        ci_low=pl.when(is_first).then(1.0).when(is_edge).then(exact_low).otherwise(low),
        ci_high=pl.when(is_first).then(1.0).when(is_edge).then(exact_high).otherwise(high),
    )
    return finish(estimated.with_columns(*status), SURVIVAL_KEYS)


def cohort_days(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Share of a matured cohort that is active on the asked day or days, with its Wilson interval.

    Args:
        marts: `mrt_audience__cohort_days`.

    Returns:
        One row per row of the mart: keys, `estimate`, interval, status; immature where no viewer is eligible yet.
    """
    mart = marts["mrt_audience__cohort_days"]
    low, high = wilson(mart["n_active"], mart["n_eligible"])
    # Rounding may leave the score interval a hair inside a share of 0 or 1.
    share = pl.col("n_active").cast(pl.Float64) / pl.col("n_eligible")
    estimated = mart.with_columns(
        estimate=share,
        ci_low=pl.min_horizontal(low, share),
        ci_high=pl.max_horizontal(high, share),
    )
    status = choose_status(
        (pl.col("n_eligible") == 0, Status.IMMATURE, "the days asked about are not over for any viewer of the cohort"),
    )
    return finish(estimated.with_columns(*status), COHORT_KEYS)
