"""The metric definitions once more, in plain Python over raw rows: slow, literal and on its own.

Nothing here shares a line or an idea with the SQL: content is a set of intervals per viewer, curves are products over
everyone at risk at each event, days are sets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import exp, log
from statistics import NormalDist
from typing import Any

ALL = "all"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Play:
    """One playback that counts."""

    viewer: str
    series: str
    episode: int
    surface: str
    start_at: datetime
    is_start: bool
    is_autoplay: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Unit:
    """Somebody followed from a moment on: time of the event (None without) and end of follow-up, in microseconds."""

    event_us: int | None
    follow_up_us: int


@dataclass
class Visit:
    """A viewer in a series."""

    first: dict[int, Play] = field(default_factory=dict)
    """First start of each episode."""

    @property
    def entry(self) -> Play:
        return min(self.first.values(), key=lambda play: (play.start_at, play.episode))

    def later(self, episode: int) -> list[datetime]:
        return [play.start_at for seq, play in self.first.items() if seq > episode]

    def is_first_pass(self, episode: int) -> bool:
        return all(at >= self.first[episode].start_at for at in self.later(episode))


def micros(delta: timedelta) -> int:
    return delta // timedelta(microseconds=1)


def viewer_of(row: Row) -> str:
    if row.get("viewer_id") is not None:
        return f"{row['app_id']}|{row['viewer_id']}"
    return f"{row['app_id']}|~{row['anon_id']}"


def log_order(row: Row) -> tuple[Any, ...]:
    watched = -1 if row["watched_ms"] is None else row["watched_ms"]
    return (row["event_ts"], watched, row["position_ms"], row["event_id"])


class World:
    """Views and catalogue, read by the definitions."""

    def __init__(self, views: Iterable[Row], reference: Mapping[str, Sequence[Row]]) -> None:
        rows = list(views)
        self.as_of = max(row["received_ts"] for row in rows)
        self.reference = reference
        testers = {f"{row['app_id']}|{row['viewer_id']}" for row in reference["test_account"]}
        known = [row for row in rows if row["event_ts"] <= self.as_of]
        self.durations = self._durations(known)
        grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in known:
            grouped[row["app_id"], row["playback_id"]].append(row)
        self.plays = []
        for group in grouped.values():
            ordered = sorted(group, key=log_order)
            if any(
                row.get("is_test") or row.get("ivt_flag") == "invalid" or viewer_of(row) in testers for row in ordered
            ):
                continue
            self.plays.append(self._play(ordered))
        self.visits: dict[tuple[str, str], Visit] = defaultdict(Visit)
        for play in sorted(self.plays, key=lambda one: (one.start_at, one.rows[0]["playback_id"])):
            if play.is_start:
                self.visits[play.viewer, play.series].first.setdefault(play.episode, play)

    def total(self, series: str) -> int:
        return next(int(row["total_episodes"]) for row in self.reference["series"] if row["series_id"] == series)

    def published(self, series: str, episode: int) -> datetime | None:
        for row in self.reference["episodes"]:
            if (row["series_id"], row["episode_seq"]) == (series, episode):
                return row["published_ts"]
        return None

    def is_listed(self, series: str, surface: str, at: datetime) -> bool:
        rows = [r for r in self.reference["series_listing"] if (r["series_id"], r["surface"]) == (series, surface)]
        return not rows or any(
            row["listing_status"] == "active"
            and row["valid_from"] <= at
            and (row.get("valid_to") is None or at < row["valid_to"])
            for row in rows
        )

    def _durations(self, rows: Sequence[Row]) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        for row in rows:
            key = (row["series_id"], row["episode_seq"])
            if row["duration_ms"] is not None:
                found[key] = max(found.get(key, 0), row["duration_ms"])
        for row in self.reference["episodes"]:
            if row["duration_ms"] is not None:
                found[row["series_id"], row["episode_seq"]] = row["duration_ms"]
        return found

    @staticmethod
    def _play(rows: Sequence[Row]) -> Play:
        starts = [row for row in rows if row["event_type"] == "start"]
        played = [row["watched_ms"] for row in rows if row["watched_ms"] is not None]
        flags = [row["is_autoplay_next"] for row in starts if row["is_autoplay_next"] is not None]
        flags = flags or [row["is_autoplay_next"] for row in rows if row["is_autoplay_next"] is not None]
        first = rows[0]
        return Play(
            viewer=viewer_of(first),
            series=first["series_id"],
            episode=first["episode_seq"],
            surface=first["surface"],
            start_at=min(row["event_ts"] for row in (starts or rows)),
            is_start=not played or max(played) >= 1000,
            is_autoplay=any(flags),
            rows=tuple(rows),
        )

    # --- content

    def completion(self, viewer: str, series: str, episode: int) -> tuple[int, datetime | None, str | None]:
        """Content seen in ms, and when and where 90% of the episode had been seen."""
        segments = []
        for play in self.plays:
            if (play.viewer, play.series, play.episode) != (viewer, series, episode):
                continue
            for before, row in zip(play.rows, play.rows[1:], strict=False):
                length = self._played(before, row)
                segments.append((row["event_ts"], before["position_ms"], before["position_ms"] + length, play.surface))
        segments.sort(key=lambda segment: segment[0])
        seen: set[int] = set()
        duration = self.durations.get((series, episode))
        completed_at = completed_on = None
        for at, low, high, surface in segments:
            seen.update(range(low, high))
            if completed_at is None and duration and len(seen) * 100 >= 90 * duration:
                completed_at, completed_on = at, surface
        return len(seen), completed_at, completed_on

    @staticmethod
    def _played(before: Row, row: Row) -> int:
        is_seek = row["event_type"] == "seek"
        forward = row["position_ms"] - before["position_ms"]
        if row["watched_ms"] is not None and before["watched_ms"] is not None:
            played = max(row["watched_ms"] - before["watched_ms"], 0)
        else:
            played = 0 if is_seek else max(forward, 0)
        return min(played, forward) if not is_seek and forward >= 0 else played

    # --- metrics: key to counts and estimate

    def reach(self, horizons_hours: Sequence[int]) -> dict[tuple[Any, ...], dict[str, Any]]:
        """(series, surface, cohort week, episode, hours) to n_entered, n_at_risk, n_event, n_censored, estimate."""
        cells: dict[tuple[Any, ...], list[tuple[Visit, Play]]] = defaultdict(list)
        for (_, series), visit in self.visits.items():
            if visit.entry.episode == 1:
                for surface, week in _cells(visit.entry):
                    cells[series, surface, week].append((visit, visit.entry))
        found = {}
        for (series, surface, week), members in cells.items():
            for episode in range(1, self.total(series) + 1):
                units = []
                for visit, entry in members:
                    reached = [play.start_at for seq, play in visit.first.items() if seq >= episode]
                    event = micros(min(reached) - entry.start_at) if reached else None
                    units.append(Unit(event, micros(self.as_of - entry.start_at)))
                for hours in horizons_hours:
                    found[series, surface, week, episode, hours] = curve(units, hours * 3_600_000_000)
        return found

    def survival(self, windows_days: Sequence[int]) -> dict[tuple[Any, ...], dict[str, Any]]:
        """(series, surface, cohort week, episode, days) to n_at_risk, n_drop and the product before the episode."""
        cells: dict[tuple[Any, ...], list[Visit]] = defaultdict(list)
        for (_, series), visit in self.visits.items():
            for surface, week in _cells(visit.entry):
                cells[series, surface, week].append(visit)
        found = {}
        for (series, surface, week), visits in cells.items():
            for days in windows_days:
                window, product = timedelta(days=days), Fraction(1)
                for episode in range(1, self.total(series) + 1):
                    at_risk = drops = 0
                    for visit in visits:
                        if episode not in visit.first or not visit.is_first_pass(episode):
                            continue
                        at = visit.first[episode].start_at
                        if at > self.as_of - window:
                            continue
                        at_risk += 1
                        went_on = any(at <= later <= at + window for later in visit.later(episode))
                        drops += not went_on and episode < self.total(series)
                    key = (series, surface, week, episode, days)
                    found[key] = {"n_at_risk": at_risk, "n_drop": drops, "estimate": product}
                    product *= 1 - Fraction(drops, at_risk) if at_risk else 1
        return found

    def continuation(self, windows_seconds: Sequence[int]) -> dict[tuple[Any, ...], dict[str, Any]]:
        """(series, surface, episode, seconds, mode) to counts and estimate; only cells with anyone at risk."""
        cells: dict[tuple[Any, ...], list[Unit]] = defaultdict(list)
        for (viewer, series), visit in self.visits.items():
            for episode in visit.first:
                _, completed_at, surface = self.completion(viewer, series, episode)
                if completed_at is None or surface is None or episode >= self.total(series):
                    continue
                published = self.published(series, episode + 1)
                follow = visit.first.get(episode + 1)
                if published is None or published > completed_at or not self.is_listed(series, surface, completed_at):
                    continue
                if follow is not None and follow.start_at < completed_at:
                    continue
                end = micros(self.as_of - completed_at)
                for mode in (ALL, "autoplay", "active"):
                    kind = follow is not None and mode in (ALL, "autoplay" if follow.is_autoplay else "active")
                    event = micros(follow.start_at - completed_at) if follow is not None and kind else None
                    for place in (surface, ALL):
                        cells[series, place, episode, mode].append(Unit(event, end))
        return {
            (series, surface, episode, seconds, mode): curve(units, seconds * 1_000_000)
            for (series, surface, episode, mode), units in cells.items()
            for seconds in windows_seconds
        }

    def cohort_days(self) -> dict[tuple[Any, ...], tuple[int, int]]:
        """(scope, scope id, surface, cohort date, mode, day) to eligible and active viewers, where any are eligible."""
        studios = {row["series_id"]: row["studio_id"] for row in self.reference["series"]}
        starts: dict[tuple[str, str, str], list[Play]] = defaultdict(list)
        for play in self.plays:
            if play.is_start:
                for scope in (("series", play.series), ("studio", studios[play.series]), (ALL, ALL)):
                    starts[(*scope, play.viewer)].append(play)
        last_full_day = self.as_of.astimezone(UTC).date() - timedelta(days=1)
        questions = [("n_day", n, n, n) for n in range(31)]
        questions += [("unbounded", n, n, n + 7) for n in (1, 3, 7, 14, 28)]
        questions += [("bracket", low, low, high) for low, high in ((0, 0), (1, 3), (4, 7), (8, 14), (15, 30))]
        found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
        for (scope, scope_id, _), plays in starts.items():
            entry = min(plays, key=lambda play: (play.start_at, play.series, play.episode))
            born = _day(entry.start_at)
            ages = {(_day(play.start_at) - born).days for play in plays}
            for mode, name, low, high in questions:
                if born + timedelta(days=high) > last_full_day:
                    continue
                for surface in (entry.surface, ALL):
                    for cohort in (born.isoformat(), ALL):
                        cell = found[scope, scope_id, surface, cohort, mode, name]
                        cell[0] += 1
                        cell[1] += any(low <= age <= high for age in ages)
        return {key: (eligible, active) for key, (eligible, active) in found.items()}


def curve(units: Sequence[Unit], horizon_us: int) -> dict[str, Any]:
    """Counts, Kaplan-Meier incidence and Greenwood's sum at a horizon, by walking over every distinct event time."""
    survival, greenwood = Fraction(1), Fraction(0)
    for at in sorted({unit.event_us for unit in units if unit.event_us is not None and unit.event_us <= horizon_us}):
        at_risk = sum((unit.event_us >= at if unit.event_us is not None else unit.follow_up_us >= at) for unit in units)
        events = sum(unit.event_us == at for unit in units)
        survival *= 1 - Fraction(events, at_risk)
        greenwood += Fraction(events, at_risk * (at_risk - events)) if at_risk > events else 0
    has_event = [unit.event_us is not None and unit.event_us <= horizon_us for unit in units]
    return {
        "n": len(units),
        "n_at_risk": sum(unit.follow_up_us > 0 for unit in units),
        "n_event": sum(has_event),
        "n_censored": sum(
            unit.follow_up_us < horizon_us and not done for unit, done in zip(units, has_event, strict=True)
        ),
        "longest_us": max(unit.follow_up_us for unit in units),
        "estimate": 1 - survival,
        "greenwood": greenwood,
    }


def log_log_interval(counts: Mapping[str, Any]) -> tuple[float, float] | None:
    """The 95% interval of an incidence on the log(-log) scale of survival; None where that scale has no value."""
    survival = float(1 - counts["estimate"])
    if not 0 < survival < 1:
        return None
    error = float(counts["greenwood"]) ** 0.5 / abs(log(survival))
    low, high = (survival ** exp(sign * NormalDist().inv_cdf(0.975) * error) for sign in (-1, 1))
    return 1 - low, 1 - high


def _cells(entry: Play) -> list[tuple[str, str]]:
    monday = _day(entry.start_at) - timedelta(days=_day(entry.start_at).weekday())
    return [(surface, week) for surface in (entry.surface, ALL) for week in (monday.isoformat(), ALL)]


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
