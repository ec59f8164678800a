"""What the in-platform Mini took from the own apps, across all series of the app, by the rollout's design.

The launch was not randomised over markets, so every figure here is modelled and never a cause.
"""

import math
from dataclasses import dataclass

from dashboards.compare import Difference, Interval
from dashboards.figures.app_wide import DIVERSION, EVENT_STUDY, AppWide
from dashboards.figures.record import Source

METHOD = "staggered_did"
_KEY: dict[str, str | int] = {"scope": "all", "scope_id": "all", "method": METHOD}


@dataclass(frozen=True)
class WeekSinceLaunch:
    """Own-app revenue over what it would have been, less one: `change` with each week's own 95% interval.

    `band` holds all weeks at once. Infinite ends are possible in small markets.
    """

    week: int
    n_markets: int
    change: float
    interval: Interval
    band: Interval | None


@dataclass(frozen=True)
class Rollout:
    """Diversion per unit earned in the platform, as share, with its interval; None where it is not identified."""

    diversion: Difference | None
    n_launched: int
    n_markets: int
    reason: str | None
    weeks: list[WeekSinceLaunch]

    def source(self, column: str) -> Source:
        return Source(DIVERSION, column, _KEY)


def read_rollout(app: AppWide) -> Rollout | None:
    """The app's rollout; None when the release has none or too few studios are in the app for it to be shown."""
    rows = app.rollout(
        DIVERSION, ["kappa", "ci_low", "ci_high", "n_launched_markets", "n_markets", "status", "status_reason"], _KEY
    )
    if not rows:
        return None
    row = rows[0]
    ok = row["status"] == "ok" and row["kappa"] is not None
    studied = app.rollout(
        EVENT_STUDY,
        ["event_week", "n_markets", "att", "ci_low", "ci_high", "band_low", "band_high", "status"],
        _KEY,
        ["event_week"],
    )
    weeks = [
        WeekSinceLaunch(
            int(w["event_week"]),
            int(w["n_markets"]),
            math.expm1(float(w["att"])),
            Interval(math.expm1(float(w["ci_low"])), math.expm1(float(w["ci_high"]))),
            None if w["band_low"] is None else Interval(math.expm1(w["band_low"]), math.expm1(w["band_high"])),
        )
        for w in studied
        if w["status"] == "ok" and w["att"] is not None
    ]
    return Rollout(
        Difference(float(row["kappa"]), Interval(float(row["ci_low"]), float(row["ci_high"]))) if ok else None,
        int(row["n_launched_markets"] or 0),
        int(row["n_markets"] or 0),
        row["status_reason"],
        weeks,
    )
