"""Where viewers stop at the first locked episode: the week's starters of all series, 24 hours each.

Every viewer who started the last free episode while the next was locked for them ends in one state. Steps
are counted among those followed for the whole window, so that their numbers add up; how those who went on
did so comes from the release's own estimates, which allow for those too recent to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dashboards.compare import Difference, Estimate, Interval, difference, pooled, share
from dashboards.figures.findings import SMALLEST_BASE
from dashboards.figures.record import Source
from dashboards.figures.week import StudioWeek
from dashboards.periods import Week
from dashboards.published import Row

TABLE = "cliffhanger.gate_decomposition"
WINDOW_HOURS = 24
STEPS = ("start", "finish", "meet", "pass")
"""Started the last free episode, finished it, met the paywall, got past it."""
WAYS: Mapping[str, tuple[str, ...]] = {
    "coins": ("coin_unlock",),
    "ad": ("ad_unlock",),
    "membership": ("subscription_pass",),
    "promotion": ("promo_pass",),
}
_EXITS = {"finish": ("in_episode_exit",), "meet": ("story_exit",), "pass": ("gate_bounce", "ad_failed")}
Step = Literal["start", "finish", "meet", "pass"]


@dataclass(frozen=True)
class Funnel:
    """One cohort week. `counts` by step, among `n_followed`; `ways` shares of all who started, by way.

    `n_recent` are viewers whose 24 hours were not over; `sources` the cells behind each count.
    """

    counts: Mapping[str, int]
    ways: Mapping[str, Estimate]
    n_started: int
    n_recent: int
    sources: Mapping[str, tuple[Source, ...]]

    @property
    def n_followed(self) -> int:
        return self.counts["start"]

    def reach(self, step: str) -> Estimate | None:
        """Share of those who started that come to the step."""
        return share(self.counts[step], self.counts["start"])

    def rate(self, step: str) -> Estimate | None:
        """Share of the step before that come to the step; None for the first."""
        place = STEPS.index(step)
        return None if place == 0 else share(self.counts[step], self.counts[STEPS[place - 1]])


def read_funnel(week: StudioWeek, of: Week) -> Funnel | None:
    """The funnel of the studio's starters of a week; None when the release has no row for it."""
    gates = {s.series_id: s.gate for s in week.series if s.gate is not None and s.gate > 1}
    rows = week.scope.read(
        TABLE,
        [
            *("series_id", "gate_episode_seq", "outcome", "n_opportunities", "n_outcome", "n_censored"),
            *("n_followed", "estimate", "ci_low", "ci_high", "status"),
        ],
        {
            "series_id": sorted(gates),
            "surface": "all",
            "cohort_week": of.monday.isoformat(),
            "window_hours": WINDOW_HOURS,
        },
        ["series_id", "outcome"],
    )
    own = [row for row in rows if row["gate_episode_seq"] == gates[row["series_id"]]]
    return _funnel(own, of) if own else None


def _funnel(rows: list[Row], of: Week) -> Funnel:
    once = [row for row in rows if row["outcome"] == "gate_bounce"]
    counts = {"start": sum(int(row["n_followed"]) for row in once)}
    sources = {"start": tuple(_source(row, "n_followed", of) for row in once)}
    for place, step in enumerate(STEPS[1:]):
        gone = [row for row in rows if row["outcome"] in _EXITS[step]]
        before = STEPS[place]
        counts[step] = counts[before] - sum(int(row["n_outcome"]) for row in gone)
        sources[step] = tuple(_source(row, "n_outcome", of) for row in gone)
    ways: dict[str, Estimate] = {}
    for way, (outcome,) in WAYS.items():
        parts = [
            (
                Estimate(
                    float(row["estimate"]),
                    Interval(float(row["ci_low"]), float(row["ci_high"])),
                    int(row["n_followed"]),
                ),
                int(row["n_followed"]),
            )
            for row in rows
            if row["outcome"] == outcome and row["status"] == "ok" and row["estimate"] is not None
        ]
        estimate = pooled(parts)
        if estimate is not None:
            ways[way] = estimate
    started = sum(int(row["n_opportunities"]) for row in once)
    return Funnel(counts, ways, started, started - counts["start"], sources)


def _source(row: Row, column: str, of: Week) -> Source:
    return Source(
        TABLE,
        column,
        {
            "series_id": row["series_id"],
            "surface": "all",
            "gate_episode_seq": int(row["gate_episode_seq"]),
            "cohort_week": of.monday.isoformat(),
            "window_hours": WINDOW_HOURS,
            "outcome": row["outcome"],
        },
    )


def change(this: Estimate | None, last: Estimate | None) -> Difference | None:
    """This week's share less last week's; None when either rests on too few viewers to compare."""
    if this is None or last is None or min(this.base, last.base) < SMALLEST_BASE:
        return None
    return difference(this, last)
