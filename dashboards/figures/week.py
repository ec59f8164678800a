"""One studio's week, read once: weekly rows, retention curves, cliffhangers, freshness. Blocks take it from
here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from dashboards.compare import Estimate, share
from dashboards.figures.app_wide import AppWide
from dashboards.figures.benchmark import Benchmark, BenchmarkReader
from dashboards.figures.curves import COLUMNS, HORIZON_HOURS, TABLE, Curve, build_curves
from dashboards.figures.record import Source
from dashboards.figures.scope import Series, StudioScope
from dashboards.fonts import FontSet
from dashboards.periods import Week
from dashboards.published import Release, Row, aware

WEEKLY = "weekly.series_week"
WEEKS_SHOWN = 8
LATE_ALLOWANCE = timedelta(hours=24)
"""Rows may arrive this late without being called late; until then a week's total is provisional."""
_NO_CLIFFHANGER = frozenset({"", "none", "no", "false", "0"})
_WEEKLY_COLUMNS = (
    "series_id",
    "week_start",
    "n_starters",
    "n_gate_viewers",
    "n_gate_unlockers",
    "unlock_net_micros",
    "n_unpriced_unlocks",
    "ad_revenue_micros",
    "ad_impressions",
    "n_unpriced_impressions",
    "is_complete_week",
)


@dataclass(frozen=True)
class Total:
    """One column added over a studio's series in one week.

    `value` is None when no series has a number; `series` are those that have one; `sources` the cells added.
    """

    value: int | None
    series: frozenset[str]
    sources: tuple[Source, ...]


class StudioWeek:
    """Everything page blocks need about one studio and one week of a release."""

    def __init__(self, release: Release, studio_id: str, week: Week, fonts: FontSet) -> None:
        self.scope = StudioScope(release, studio_id, fonts)
        self.week = week
        self.weeks = [week.before(n) for n in range(WEEKS_SHOWN, -1, -1)]
        """The week before the sparkline's first as well, so that its first change has a reference."""
        self._rows: dict[tuple[str, str], Row] = {
            (row["series_id"], str(row["week_start"])): row
            for row in self.scope.read(
                WEEKLY, _WEEKLY_COLUMNS, {"week_start": [w.monday.isoformat() for w in self.weeks]}
            )
        }
        self.series = sorted(self.scope.series.values(), key=lambda s: (-(self.starters(s) or 0), s.series_id))
        self.curves = build_curves(self._read_curves([week, week.before(1)]))
        self.app = AppWide(release, self.scope)
        self._benchmarks = BenchmarkReader(release, studio_id, week)
        self._benchmark_of: dict[str, Benchmark] = {}
        self.fonts = fonts

    @property
    def lead(self) -> Series | None:
        """The series with most starters this week; None when none had any."""
        first = self.series[0] if self.series else None
        return first if first is not None and (self.starters(first) or 0) > 0 else None

    def row(self, series: Series, week: Week | None = None) -> Row | None:
        """The weekly row of a series, or None when the release has none."""
        return self._rows.get((series.series_id, (week or self.week).monday.isoformat()))

    def starters(self, series: Series) -> int | None:
        row = self.row(series)
        return None if row is None or row["n_starters"] is None else int(row["n_starters"])

    def has_rows(self, week: Week) -> bool:
        """Whether any of the studio's series has a row for that week."""
        return any(monday == week.monday.isoformat() for _, monday in self._rows)

    def total(self, column: str, week: Week | None = None) -> Total:
        """A weekly column over all series of the studio, empty cells left out."""
        monday = (week or self.week).monday.isoformat()
        found = {
            s: int(row[column]) for (s, m), row in sorted(self._rows.items()) if m == monday and row[column] is not None
        }
        sources = tuple(Source(WEEKLY, column, {"series_id": s, "week_start": monday}) for s in found)
        return Total(sum(found.values()) if found else None, frozenset(found), sources)

    def unlock_share(self, week: Week | None = None) -> Estimate | None:
        """Unlockers over viewers who saw an unlock offer, all series together; None without such viewers."""
        monday = (week or self.week).monday.isoformat()
        pairs = [
            (int(row["n_gate_unlockers"]), int(row["n_gate_viewers"]))
            for (_, m), row in self._rows.items()
            if m == monday and row["n_gate_unlockers"] is not None and row["n_gate_viewers"] is not None
        ]
        return share(sum(u for u, _ in pairs), sum(v for _, v in pairs)) if pairs else None

    def curve(self, series: Series, weeks_before: int = 0) -> Curve:
        """The retention curve of a series' starters of this week or the week before."""
        monday = self.week.before(weeks_before).monday.isoformat()
        return self.curves.get((series.series_id, monday)) or Curve(series.series_id, monday, {})

    def benchmark(self, series: Series) -> Benchmark:
        if series.series_id not in self._benchmark_of:
            self._benchmark_of[series.series_id] = self._benchmarks.of(series)
        return self._benchmark_of[series.series_id]

    def cliffhangers(self, series: Series) -> list[int]:
        """Episodes of the series that carry a cliffhanger label, by number."""
        rows = self.scope.read(
            "core.dim_episode",
            ["episode_seq", "cliffhanger_label"],
            {"series_id": series.series_id},
            ["episode_seq"],
        )
        return [
            int(row["episode_seq"])
            for row in rows
            if str(row["cliffhanger_label"] or "").strip().lower() not in _NO_CLIFFHANGER
        ]

    @cached_property
    def reach_history(self) -> Mapping[str, Estimate | None]:
        """Reach of the lead series' first paid episode by week (its Monday), for the sparkline."""
        lead = self.lead
        if lead is None or lead.gate is None:
            return {}
        rows = self._read_curves(self.weeks, lead, lead.gate)
        return {week: curve.estimate(lead.gate) for (_, week), curve in build_curves(rows).items()}

    @cached_property
    def freshness(self) -> Mapping[str, datetime | None]:
        """How far each source's log reaches (aware, UTC); None where the release does not say."""
        rows = self.scope.shared("health.freshness", ["source", "as_of"], order_by=["source"])
        return {r["source"]: None if r["as_of"] is None else aware(r["as_of"]) for r in rows}

    def is_provisional(self, source: str, week: Week | None = None) -> bool:
        """Whether a week's figures of a source may still change: log not past the allowance, or week marked
        open.
        """
        week = week or self.week
        reached = self.freshness.get(source)
        if reached is None or reached < week.ends_at + LATE_ALLOWANCE:
            return True
        monday = week.monday.isoformat()
        return any(row["is_complete_week"] is False for (_, m), row in self._rows.items() if m == monday)

    def history(self, value: Callable[[Week], int | float | None]) -> list[int | float | None]:
        """A value for each of the last WEEKS_SHOWN weeks, oldest first, this week last."""
        return [value(week) for week in self.weeks[1:]]

    def _read_curves(self, weeks: list[Week], series: Series | None = None, episode: int | None = None) -> list[Row]:
        where: dict[str, str | int | list[str]] = {
            "surface": "all",
            "cohort_week": [w.monday.isoformat() for w in weeks],
            "horizon_hours": HORIZON_HOURS,
        }
        if series is not None:
            where["series_id"] = series.series_id
        if episode is not None:
            where["episode_seq"] = episode
        return self.scope.read(TABLE, COLUMNS, where)
