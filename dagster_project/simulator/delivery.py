"""When rows arrive, and what arrives twice or differently: lateness, duplicates, conflicting duplicates."""

from collections.abc import Callable

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.vocabulary import MILLISECONDS_PER_DAY, MILLISECONDS_PER_HOUR

GOOD, DUPLICATE, CONFLICT = range(3)
_SLOW_SHARE = 0.012


def draw_lag(generator: np.random.Generator, late_share: float, size: int) -> Array:
    """Return delivery lags in ms: mostly seconds, some hours, `late_share` between 24 hours and 7 days."""
    lag = 250 + np.exp(np.log(2200) + 0.9 * generator.standard_normal(size))
    kind = generator.random(size)
    slow = generator.uniform(60_000, 18 * MILLISECONDS_PER_HOUR, size)
    late = generator.uniform(MILLISECONDS_PER_DAY + 60_000, 7 * MILLISECONDS_PER_DAY - 60_000, size)
    lag = np.minimum(lag, 1_800_000)
    lag = np.where(kind < late_share + _SLOW_SHARE * (1 - late_share), slow, lag)
    return np.rint(np.where(kind < late_share, late, lag)).astype(np.int64)


def deliver(
    generator: np.random.Generator,
    parameters: WorldParameters,
    rows: pl.DataFrame,
    conflicting: Callable[[pl.DataFrame], pl.DataFrame],
    end_ms: int,
    lag_ms: Array | None = None,
) -> pl.DataFrame:
    """Give rows their received_ms, add dirty copies and cut what arrives after the world's end.

    `rows` has an `event_ms` column; `conflicting` returns copies with the same key and other content. The result
    is sorted by received_ms and has a `delivery` column (good, duplicate, conflict). Copies never replace a row:
    a duplicate arrives with the original, within hours or days later; a conflicting copy arrives strictly later.
    """
    size = rows.height
    lag = draw_lag(generator, parameters.late_share, size) if lag_ms is None else lag_ms
    good = rows.with_columns(
        (pl.col("event_ms") + pl.Series(lag)).alias("received_ms"), pl.lit(GOOD, dtype=pl.UInt8).alias("delivery")
    )
    twice = np.flatnonzero(generator.random(size) < parameters.duplicate_share)
    how = generator.integers(0, 3, len(twice))
    soon = generator.uniform(1000, 2 * MILLISECONDS_PER_HOUR, len(twice))
    later = generator.uniform(MILLISECONDS_PER_DAY, 4 * MILLISECONDS_PER_DAY, len(twice))
    extra = np.rint(np.select([how == 0, how == 1], [np.zeros(len(twice)), soon], later)).astype(np.int64)
    copies = good[twice].with_columns(
        pl.col("received_ms") + pl.Series(extra), pl.lit(DUPLICATE, dtype=pl.UInt8).alias("delivery")
    )
    differing = np.flatnonzero(generator.random(size) < parameters.conflict_share)
    after = np.rint(generator.uniform(1000, 6 * MILLISECONDS_PER_HOUR, len(differing))).astype(np.int64)
    conflicts = conflicting(good[differing]).with_columns(
        pl.col("received_ms") + pl.Series(after), pl.lit(CONFLICT, dtype=pl.UInt8).alias("delivery")
    )
    return (
        pl.concat([good, copies, conflicts.select(good.columns)])
        .filter(pl.col("received_ms") < end_ms)
        .sort("received_ms", maintain_order=True)
    )
