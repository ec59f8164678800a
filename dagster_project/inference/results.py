"""What an estimate looks like: a number with its interval, or no number and the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import polars as pl

CONFIDENCE_LEVEL = 0.95
Z_VALUE = 1.959963984540054
"""The 97.5% point of the normal distribution."""

ESTIMATE_COLUMNS: Mapping[str, str] = {
    "estimate": "Point estimate; null unless status is ok",
    "ci_low": "Lower end of the 95% interval; null unless status is ok",
    "ci_high": "Upper end of the 95% interval; null unless status is ok",
    "status": "ok, immature, suppressed, not_identified or not_applicable",
    "status_reason": "Why there is no estimate; null when status is ok",
}
"""Name and meaning of the columns every estimate has."""

_SLACK = 1e-9


class Status(StrEnum):
    """Whether a number is given, and if not, what kind of absence it is."""

    OK = "ok"
    IMMATURE = "immature"
    SUPPRESSED = "suppressed"
    NOT_IDENTIFIED = "not_identified"
    NOT_APPLICABLE = "not_applicable"


class InvalidEstimate(ValueError):
    """An estimate that breaks its own rules: a defect of the method, never of the data."""


def choose_status(*rules: tuple[pl.Expr, Status, str]) -> tuple[pl.Expr, pl.Expr]:
    """The first rule that holds decides; without one the status is ok.

    Args:
        rules: (condition, status, reason in words), the strongest first. A null condition does not hold.

    Returns:
        Expressions named `status` and `status_reason`.
    """
    status, reason = pl.lit(str(Status.OK)), pl.lit(None, dtype=pl.String)
    for condition, value, words in reversed(rules):
        holds = condition.fill_null(False)
        status = pl.when(holds).then(pl.lit(str(value))).otherwise(status)
        reason = pl.when(holds).then(pl.lit(words)).otherwise(reason)
    return status.alias("status"), reason.alias("status_reason")


def finish(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Keep keys and estimate columns, blank every number whose status is not ok, and check what is left.

    Args:
        frame: Rows with the keys, `estimate`, `ci_low`, `ci_high` (floats), `status`, `status_reason`.

    Returns:
        Columns keys + `ESTIMATE_COLUMNS`, one row per row of `frame`.

    Raises:
        InvalidEstimate: A row that is ok lacks a number, or its interval does not hold its estimate.
    """
    is_ok = pl.col("status") == str(Status.OK)
    numbers = ("estimate", "ci_low", "ci_high")
    finished = frame.select(
        *keys,
        *(pl.when(is_ok).then(pl.col(name)).alias(name) for name in numbers),
        "status",
        "status_reason",
    )
    is_sound = (
        pl.all_horizontal(pl.col(name).is_finite().fill_null(False) for name in numbers)
        & (pl.col("ci_low") <= pl.col("estimate") + _SLACK)
        & (pl.col("estimate") <= pl.col("ci_high") + _SLACK)
    )
    broken = finished.filter(is_ok & ~is_sound)
    if broken.height:
        first = broken.row(0, named=True)
        raise InvalidEstimate(f"{broken.height} estimates do not lie within their interval, first: {first}")
    return finished
