"""The benchmark: the median of similar series of other studios, or the plain statement that none is fair.

The one reader of other studios' rows. What leaves this module is a median, two counts and a reason: no id,
no title, no single series' figure.

Similar: same genre, same band of length, paywall within GATE_DISTANCE episodes (or none
likewise). Fair: at least FEWEST_STUDIOS
other studios with at least FEWEST_STARTERS starters between them, none with more than LARGEST_WEIGHT of
those. Series are lined up at their first episode, their paywall and their finale, and in proportion
between: paywalls sit at different episodes, and a series must not look bad for placing it early. The line
ends where too many of the similar series are not released yet to be the same group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from dashboards.figures.curves import COLUMNS, HORIZON_HOURS, TABLE, Curve, build_curves
from dashboards.figures.scope import Series
from dashboards.periods import Week
from dashboards.published import Release

FEWEST_STUDIOS = 5
FEWEST_STARTERS = 1_000
LARGEST_WEIGHT = 0.5
GATE_DISTANCE = 5
SMALLEST_REST = 0.8
"""Of the series that stand at the decisive episode, at least this share must stand at every other one."""
LENGTH_BANDS = ((1, 40), (41, 60), (61, 80), (81, 100), (101, None))
"""Episodes of a whole series, first to last; None is open."""


@dataclass(frozen=True)
class Benchmark:
    """`points` by the series' own episode number; `reason` says why there is none at the paywall."""

    points: Mapping[int, float]
    n_series: int
    n_studios: int
    reason: str | None


@dataclass(frozen=True)
class Peer:
    """One series of another studio."""

    studio_id: str
    gate: int | None
    total_episodes: int
    curve: Curve


def length_band(total_episodes: int) -> tuple[int, int | None]:
    """The band a series of that length falls into."""
    return next(b for b in LENGTH_BANDS if b[1] is None or total_episodes <= b[1])


def median_curve(series: Series, peers: Sequence[Peer]) -> Benchmark:
    """The median of `peers` at each episode of `series` at which the comparison is fair."""
    decisive = series.gate or 1
    fellows = [
        peer
        for peer in peers
        if _gates_alike(series.gate, peer.gate)
        and peer.curve.estimate(matching_episode(series, peer, decisive)) is not None
    ]
    studios = len({peer.studio_id for peer in fellows})
    reason = _unfair(fellows)
    if reason is not None:
        return Benchmark({}, len(fellows), studios, reason)
    points: dict[int, float] = {}
    for episode in range(1, series.total_episodes + 1):
        found = [
            (peer, estimate.value)
            for peer in fellows
            if (estimate := peer.curve.estimate(matching_episode(series, peer, episode))) is not None
        ]
        if len(found) < SMALLEST_REST * len(fellows) or _unfair([peer for peer, _ in found]) is not None:
            break
        points[episode] = median(value for _, value in found)
    return Benchmark(points, len(fellows), studios, None)


def _gates_alike(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= GATE_DISTANCE


def matching_episode(series: Series, peer: Peer, episode: int) -> int:
    """The peer's episode that stands where `episode` stands in the series."""
    if series.gate is None or peer.gate is None:
        return _scaled(episode, (1, series.total_episodes), (1, peer.total_episodes))
    if episode < series.gate:
        return _scaled(episode, (1, series.gate - 1), (1, peer.gate - 1))
    return _scaled(episode, (series.gate, series.total_episodes), (peer.gate, peer.total_episodes))


def _scaled(episode: int, from_: tuple[int, int], to: tuple[int, int]) -> int:
    length = from_[1] - from_[0]
    if length <= 0:
        return to[0]
    return to[0] + round((episode - from_[0]) * (to[1] - to[0]) / length)


def _unfair(peers: Sequence[Peer]) -> str | None:
    starters: dict[str, int] = {}
    for peer in peers:
        starters[peer.studio_id] = starters.get(peer.studio_id, 0) + peer.curve.entered
    if len(starters) < FEWEST_STUDIOS:
        return f"fewer than {FEWEST_STUDIOS} other studios have a similar series"
    together = sum(starters.values())
    if together < FEWEST_STARTERS:
        return f"similar series have fewer than {FEWEST_STARTERS:,} starters together"
    if max(starters.values()) > LARGEST_WEIGHT * together:
        return "one studio has more than half of the starters of similar series"
    return None


class BenchmarkReader:
    """Benchmarks for the series of one studio in one week; reads each group of similar series once."""

    def __init__(self, release: Release, studio_id: str, week: Week) -> None:
        self._release = release
        self._studio_id = studio_id
        self._week = week
        self._groups: dict[tuple[str, tuple[int, int | None]], list[Peer]] = {}

    def of(self, series: Series) -> Benchmark:
        """The benchmark of one of the studio's series."""
        if series.genre is None:
            return Benchmark({}, 0, 0, "the series has no genre in the release")
        key = (series.genre, length_band(series.total_episodes))
        if key not in self._groups:
            self._groups[key] = self._peers(*key)
        return median_curve(series, self._groups[key])

    def _peers(self, genre: str, band: tuple[int, int | None]) -> list[Peer]:
        rows = self._release.read(
            "core.dim_series",
            ["series_id", "studio_id", "total_episodes", "first_gated_episode_seq"],
            {"genre": genre},
            ["series_id"],
        )
        others = {
            row["series_id"]: row
            for row in rows
            if row["studio_id"] != self._studio_id
            and row["total_episodes"] is not None
            and length_band(int(row["total_episodes"])) == band
        }
        curves = build_curves(
            self._release.read(
                TABLE,
                COLUMNS,
                {
                    "series_id": list(others),
                    "surface": "all",
                    "cohort_week": self._week.monday.isoformat(),
                    "horizon_hours": HORIZON_HOURS,
                },
            )
        )
        return [
            Peer(
                others[s]["studio_id"],
                others[s]["first_gated_episode_seq"],
                int(others[s]["total_episodes"]),
                curve,
            )
            for (s, _), curve in sorted(curves.items())
        ]
