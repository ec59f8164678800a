"""How much own-app revenue moved into the platform instead of being added by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from dagster_project.core.money import exponent
from dagster_project.inference.results import InvalidEstimate, Status
from dagster_project.inference.staggered import (
    Diversion,
    EventEffect,
    Method,
    Panel,
    estimate_diversion,
    log_counterfactual,
    poisson_counterfactual,
)

DIVERSION_KEYS = ("scope", "scope_id", "method")
EVENT_KEYS = ("scope", "scope_id", "method", "event_week")
DIVERSION_COLUMNS: Mapping[str, str] = {
    "kappa": "Own-app net revenue displaced per unit of in-platform net revenue; below 0: a halo; null unless ok",
    "ci_low": "Lower end of its 95% interval (jackknife over markets, t); null unless status is ok",
    "ci_high": "Upper end of that interval; null unless status is ok",
    "displaced_minor": "Own-app net revenue displaced in the markets and weeks estimated, minor units; null unless ok",
    "in_platform_minor": "In-platform net revenue of the same markets and weeks, minor units; null unless status is ok",
    "n_clusters": "Markets in the estimate; null unless status is ok",
    "pretrend_p": "P-value of no difference in the weeks before launch; null too when there are too few of them",
    "status": "ok, immature, suppressed, not_identified or not_applicable",
    "status_reason": "Why there is no estimate; null when status is ok",
}
EVENT_COLUMNS: Mapping[str, str] = {
    "att": "Log of own-app net revenue over what it would have been without the launch; null unless status is ok",
    "ci_low": "Lower end of its 95% interval; null unless status is ok",
    "ci_high": "Upper end of that interval; null unless status is ok",
    "band_low": "Lower end of the band that holds all event weeks at once with 95%; null unless status is ok",
    "band_high": "Upper end of that band; null unless status is ok",
    "status": "ok, immature, suppressed, not_identified or not_applicable",
    "status_reason": "Why there is no estimate; null when status is ok",
}

LEAST_WEEKS_BEFORE = 4
"""Full weeks before launch a market needs to be compared with itself."""
LEAST_LAUNCHED = 12
"""Launched markets below which the jackknife over markets is no guide to the error."""
LEAST_CONTROLS = 2
"""Markets without the launch that every week needs."""
MOST_UNVALUED_SHARE = 0.05
_METHODS: Mapping[str, Method] = {
    "staggered_did": Method(poisson_counterfactual, leads_need_refit=True),
    "staggered_did_log": Method(log_counterfactual, leads_need_refit=False, needs_revenue_everywhere=True),
}
_MICROS = 1_000_000


@dataclass(frozen=True)
class _Absence:
    """Why there is no estimate."""

    status: Status
    reason: str


def diversion(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Share of in-platform revenue that the own apps lost, from the staggered rollout by market.

    Args:
        marts: `mrt_cannibalization__diversion` (what is asked) and `mrt_cannibalization__market_panel`.

    Returns:
        One row per row of the mart: its keys and `DIVERSION_COLUMNS`.
    """
    asked = marts["mrt_cannibalization__diversion"].select(DIVERSION_KEYS)
    currency = marts["mrt_cannibalization__diversion"]["currency"].drop_nulls().first()
    minor_units = 10 ** exponent(str(currency))
    studies = _studies(marts["mrt_cannibalization__market_panel"], asked)
    rows: list[dict[str, Any]] = []
    for row in asked.iter_rows(named=True):
        found = studies[row["method"]]
        if isinstance(found, _Absence):
            rows.append(row | {"status": str(found.status), "status_reason": found.reason})
            continue
        rows.append(
            row
            | {
                "kappa": found.kappa,
                "ci_low": found.low,
                "ci_high": found.high,
                "displaced_minor": round(found.displaced * minor_units),
                "in_platform_minor": round(found.in_platform * minor_units),
                "n_clusters": found.n_clusters,
                "pretrend_p": found.pretrend_p,
                "status": str(Status.OK),
            }
        )
    whole = dict.fromkeys(("displaced_minor", "in_platform_minor", "n_clusters"), pl.Int64)
    return _frame(rows, asked.schema, DIVERSION_COLUMNS, whole, ("kappa", "ci_low", "ci_high"))


def event_study(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The effect on own-app revenue by week since launch, with limits for each week and for all weeks at once.

    Args:
        marts: `mrt_cannibalization__event_study` (what is asked) and `mrt_cannibalization__market_panel`.

    Returns:
        One row per row of the mart: its keys and `EVENT_COLUMNS`.
    """
    asked = marts["mrt_cannibalization__event_study"].select(EVENT_KEYS)
    studies = _studies(marts["mrt_cannibalization__market_panel"], asked)
    rows: list[dict[str, Any]] = []
    for row in asked.iter_rows(named=True):
        found = studies[row["method"]]
        effect = found if isinstance(found, _Absence) else _effect(found, row["event_week"], row["method"])
        if isinstance(effect, _Absence):
            rows.append(row | {"status": str(effect.status), "status_reason": effect.reason})
            continue
        rows.append(
            row
            | {
                "att": effect.att,
                "ci_low": effect.low,
                "ci_high": effect.high,
                "band_low": effect.band_low,
                "band_high": effect.band_high,
                "status": str(Status.OK),
            }
        )
    return _frame(rows, asked.schema, EVENT_COLUMNS, {}, ("att", "band_low", "band_high"))


def _effect(found: Diversion, week: int, method: str) -> EventEffect | _Absence:
    if week in found.effects:
        return found.effects[week]
    if week == -1 and not _METHODS[method].leads_need_refit:
        return _Absence(Status.NOT_APPLICABLE, "the week before launch is the base that the others are compared with")
    return _Absence(Status.NOT_IDENTIFIED, "too few markets have a whole week with revenue this far from their launch")


def _studies(markets: pl.DataFrame, asked: pl.DataFrame) -> dict[str, Diversion | _Absence]:
    """The study by method."""
    found = _panel(markets)
    studies: dict[str, Diversion | _Absence] = {}
    for method in asked["method"].unique().sort().to_list():
        if isinstance(found, _Absence):
            studies[method] = found
        elif _METHODS[method].needs_revenue_everywhere and (found.own <= 0).any():
            studies[method] = _Absence(
                Status.NOT_APPLICABLE, "some market had a week without own-app revenue, and nothing has no logarithm"
            )
        else:
            studies[method] = _sound(estimate_diversion(found, _METHODS[method]))
    return studies


def _sound(study: Diversion) -> Diversion | _Absence:
    if np.isfinite([study.kappa, study.low, study.high]).all():
        return study
    return _Absence(Status.NOT_IDENTIFIED, "the estimate rests on a single market")


def _panel(markets: pl.DataFrame) -> Panel | _Absence:
    """The markets and weeks that can be compared, or why none can.

    Markets launched before the panel, or too soon in it, have no weeks to be compared with and are left out.
    """
    full = markets.filter("is_launch_known").sort("country", "week_start")
    weeks = full["week_start"].unique().sort().to_list()
    n_lines, n_unvalued = int(full["n_lines"].sum()), int(full["n_unvalued_lines"].sum())
    if n_lines == 0:
        return _Absence(Status.NOT_IDENTIFIED, "no coin or Bean unlock lies in a full week")
    if n_unvalued > MOST_UNVALUED_SHARE * n_lines:
        return _Absence(Status.NOT_IDENTIFIED, "cash value, currency or fee of more than 5% of the unlocks is unknown")
    launches = full.group_by("country", maintain_order=True).agg(pl.col("launch_week", "is_midweek_launch").first())
    launch = np.array([_week_index(weeks, day) for day in launches["launch_week"].to_list()], dtype=np.int64)
    is_usable = launch >= LEAST_WEEKS_BEFORE
    # Later weeks count as long as markets without the launch are there to compare with.
    controls = np.array([int((launch[is_usable] > index).sum()) for index in range(len(weeks))])
    n_weeks = int((controls >= LEAST_CONTROLS).cumprod().sum())
    own, platform = (
        full[name].to_numpy().astype(np.float64).reshape(len(launch), len(weeks))[is_usable, :n_weeks] / _MICROS
        for name in ("own_app_net_micros", "in_platform_net_micros")
    )
    midweek = launches["is_midweek_launch"].fill_null(False).to_numpy()[is_usable]
    panel = Panel(own, platform, launch[is_usable], np.asarray(midweek, dtype=bool))
    if int(panel.is_launched.sum()) < LEAST_LAUNCHED or not panel.is_treated[panel.is_launched].any():
        return _Absence(
            Status.NOT_IDENTIFIED,
            f"fewer than {LEAST_LAUNCHED} markets were launched after {LEAST_WEEKS_BEFORE} full weeks of data "
            f"and with {LEAST_CONTROLS} markets still without the launch",
        )
    treated = panel.is_treated & panel.is_launched[:, None]
    if platform[treated].sum() <= 0 or own[treated].sum() <= 0:
        return _Absence(Status.NOT_IDENTIFIED, "there is no revenue to compare after launch")
    return panel


def _week_index(weeks: list[date], launch_week: date | None) -> int:
    """Place of the launch week among the panel's weeks; negative before them, their number when not in them."""
    if launch_week is None:
        return len(weeks)
    return min((launch_week - weeks[0]).days // 7, len(weeks))


def _frame(
    rows: list[dict[str, Any]],
    keys: pl.Schema,
    columns: Mapping[str, str],
    whole: Mapping[str, Any],
    required: tuple[str, ...],
) -> pl.DataFrame:
    """The rows as a frame.

    Raises:
        InvalidEstimate: A row that is ok lacks a number.
    """
    types = {name: pl.String if name.startswith("status") else whole.get(name, pl.Float64) for name in columns}
    frame = pl.DataFrame(rows, schema={**keys, **types})
    broken = frame.filter(
        (pl.col("status") == str(Status.OK))
        & ~pl.all_horizontal(pl.col(name).is_finite().fill_null(False) for name in required)
    )
    if broken.height:
        raise InvalidEstimate(f"{broken.height} estimates lack a number, first: {broken.row(0, named=True)}")
    return frame
