"""Survival curves from risk tables, and the intervals of shares.

References: Kaplan and Meier 1958 (product limit); Greenwood 1926 (variance); Kalbfleisch and Prentice 2002, section 1.4
(log-log interval); Clopper and Pearson 1934 (exact interval of a share); Wilson 1927 (score interval of a share).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from statsmodels.stats.proportion import proportion_confint

from dagster_project.inference.results import CONFIDENCE_LEVEL, Z_VALUE


def product_limit(risk: pl.DataFrame, cells: pl.DataFrame, keys: Sequence[str], horizon: str) -> pl.DataFrame:
    """Kaplan-Meier survival and Greenwood's sum at the horizons of each cell.

    Args:
        risk: Columns keys, `horizon` (the smallest horizon that holds the row's events), `n_before`, `n_event`; one
            row per stretch of events between censorings. A full risk table, one row per event time, is the special
            case of the shortest stretches and gives the same result.
        cells: Columns keys, `horizon` and any others: where the curve is wanted. A cell without events keeps
            survival 1.

    Returns:
        The rows of `cells` in the order of keys and horizon, with `survival` = P(no event up to the horizon) and
        `greenwood_sum` = sum of d / (n (n - d)); the sum is infinite once everyone at risk had the event.
    """
    after = (pl.col("n_before") - pl.col("n_event")).cast(pl.Float64)
    before = pl.col("n_before").cast(pl.Float64)
    steps = (
        risk.lazy()
        .with_columns(ratio=after / before, increment=1.0 / after - 1.0 / before)
        .group_by([*keys, horizon])
        .agg(pl.col("ratio").product(), pl.col("increment").sum())
    )
    return (
        cells.lazy()
        .join(steps, on=[*keys, horizon], how="left")
        .with_columns(pl.col("ratio").fill_null(1.0), pl.col("increment").fill_null(0.0))
        .sort([*keys, horizon])
        .with_columns(
            survival=pl.col("ratio").cum_prod().over(keys),
            greenwood_sum=pl.col("increment").cum_sum().over(keys),
        )
        .drop("ratio", "increment")
        .collect()
    )


def log_log_interval(survival: pl.Expr, greenwood_sum: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The 95% interval of a survival probability on the log(-log) scale.

    Meant for 0 < survival < 1; at the edges the scale has no value and the expressions are not finite.

    Returns:
        Expressions of the lower and the upper end.
    """
    standard_error = greenwood_sum.sqrt() / survival.log().abs()
    low = survival.pow((Z_VALUE * standard_error).exp())
    high = survival.pow((-Z_VALUE * standard_error).exp())
    return low, high


def clopper_pearson(successes: pl.Series, trials: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Exact 95% interval of a share; null where there are no trials. Both series are whole numbers of equal length."""
    return _share_interval(successes, trials, "beta")


def wilson(successes: pl.Series, trials: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Score 95% interval of a share; null where there are no trials. Both series are whole numbers of equal length."""
    return _share_interval(successes, trials, "wilson")


def _share_interval(successes: pl.Series, trials: pl.Series, method: str) -> tuple[pl.Series, pl.Series]:
    count = successes.cast(pl.Float64).to_numpy()
    total = trials.cast(pl.Float64).to_numpy()
    low, high = np.full(total.shape, np.nan), np.full(total.shape, np.nan)
    asked = total > 0
    if asked.any():
        alpha = 1 - CONFIDENCE_LEVEL
        found_low, found_high = proportion_confint(count[asked], total[asked], alpha=alpha, method=method)
        # Rounding leaves an end a few units in the last place beyond what a share can be.
        low[asked], high[asked] = np.clip(found_low, 0.0, 1.0), np.clip(found_high, 0.0, 1.0)
    return pl.Series(low).fill_nan(None), pl.Series(high).fill_nan(None)


def with_incidence(frame: pl.DataFrame, n_event: str, n_at_risk: str) -> pl.DataFrame:
    """Turn survival into incidence with its interval.

    Where survival is 0 or 1 the log-log scale has no value; there the exact interval of `n_event` of `n_at_risk` is
    taken, stretched to hold the estimate.

    Args:
        frame: Columns `survival`, `greenwood_sum`, and the two counts.

    Returns:
        `frame` with `estimate` = 1 - survival, `ci_low` and `ci_high`.
    """
    is_edge = (pl.col("survival") <= 0.0) | (pl.col("survival") >= 1.0)
    edges = frame.with_row_index("row").filter(is_edge)
    counted = edges.select("row", "survival", n_event, n_at_risk).with_columns(
        pl.min_horizontal(n_event, n_at_risk).alias(n_event)
    )
    low, high = clopper_pearson(counted[n_event], counted[n_at_risk])
    exact = counted.select(
        "row",
        exact_low=pl.when(pl.col("survival") >= 1.0).then(0.0).otherwise(low),
        exact_high=pl.when(pl.col("survival") <= 0.0).then(1.0).otherwise(high),
    )
    survival_low, survival_high = log_log_interval(pl.col("survival"), pl.col("greenwood_sum"))
    return (
        frame.with_row_index("row")
        .join(exact, on="row", how="left", maintain_order="left")
        .with_columns(
            estimate=1.0 - pl.col("survival"),
            ci_low=pl.when(is_edge).then("exact_low").otherwise(1.0 - survival_high),
            ci_high=pl.when(is_edge).then("exact_high").otherwise(1.0 - survival_low),
        )
        .drop("row", "exact_low", "exact_high")
    )
