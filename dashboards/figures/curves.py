"""Retention curves as the release publishes them: reach of every episode within seven days of the first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from dashboards.compare import Estimate, Interval
from dashboards.figures.record import Source
from dashboards.published import Row

TABLE = "audience.episode_reach"
HORIZON_HOURS = 168
COLUMNS = (
    "series_id",
    "cohort_week",
    "episode_seq",
    "n_entered",
    "n_at_risk",
    "n_event",
    "n_censored",
    "estimate",
    "ci_low",
    "ci_high",
    "status",
)


@dataclass(frozen=True)
class CurvePoint:
    """Reach of one episode. Counts are viewers; `estimate` is None exactly when `status` is not `ok`."""

    episode: int
    n_entered: int
    n_event: int
    n_censored: int
    estimate: Estimate | None
    status: str

    @property
    def n_left(self) -> int:
        """Entrants who had their seven days and did not reach the episode."""
        return self.n_entered - self.n_event - self.n_censored


@dataclass(frozen=True)
class Curve:
    """One series, one week of starters. `points` by episode number; empty when the release has no rows."""

    series_id: str
    cohort_week: str
    points: Mapping[int, CurvePoint]

    def estimate(self, episode: int | None) -> Estimate | None:
        """The published estimate at the episode, or None."""
        point = self.points.get(episode) if episode is not None else None
        return point.estimate if point else None

    @cached_property
    def known(self) -> list[CurvePoint]:
        """The points with an estimate, by episode."""
        return [self.points[k] for k in sorted(self.points) if self.points[k].estimate is not None]

    @cached_property
    def entered(self) -> int:
        return max((point.n_entered for point in self.points.values()), default=0)

    def status(self) -> str:
        """`ok` when anything can be drawn, else why not: missing, zero, suppressed, too_early."""
        if not self.points:
            return "missing"
        if self.known:
            return "ok"
        found = {point.status for point in self.points.values()}
        if "suppressed" in found:
            return "suppressed"
        return "zero" if self.entered == 0 else "too_early"

    def source(self, episode: int, column: str) -> Source:
        """The cell of the release behind a number of this curve."""
        return Source(
            TABLE,
            column,
            {
                "series_id": self.series_id,
                "surface": "all",
                "cohort_week": self.cohort_week,
                "episode_seq": episode,
                "horizon_hours": HORIZON_HOURS,
            },
        )


def build_curves(rows: Iterable[Row]) -> dict[tuple[str, str], Curve]:
    """Curves by (series, cohort week) from rows with COLUMNS."""
    points: dict[tuple[str, str], dict[int, CurvePoint]] = {}
    for row in rows:
        estimate = None
        if row["status"] == "ok" and row["estimate"] is not None:
            value = float(row["estimate"])
            low = value if row["ci_low"] is None else float(row["ci_low"])
            high = value if row["ci_high"] is None else float(row["ci_high"])
            estimate = Estimate(value, Interval(low, high), int(row["n_at_risk"]))
        key = (str(row["series_id"]), str(row["cohort_week"]))
        points.setdefault(key, {})[int(row["episode_seq"])] = CurvePoint(
            int(row["episode_seq"]),
            int(row["n_entered"] or 0),
            int(row["n_event"] or 0),
            int(row["n_censored"] or 0),
            estimate,
            str(row["status"]),
        )
    return {key: Curve(*key, found) for key, found in points.items()}
