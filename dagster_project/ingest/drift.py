"""What is usual for a feed, from its days and deliveries before, and where a delivery departs from it.

A departure must be large in two ways: against the feed's own spread (z > 3) and in itself (a fixed bound), so that
neither a feed that never varies nor one that varies much cries wolf. Training over 14 days or deliveries, at least 7
of them, and the last 2 days judged are the defaults of Elementary (docs.elementary-data.com, anomaly detection); the
median and the median absolute deviation (times 1.4826, Rousseeuw and Croux 1993) stand in for mean and deviation, so
that one bad day does not hide the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

TRAINING = 14
LEAST_TRAINING = 7
DAYS_JUDGED = 2
LIMIT_Z = 3.0
LEAST_DAILY_ROWS = 1_000
"""Feeds with fewer rows a day have no usual volume worth a warning: a few viewers make their day."""
LEAST_ROWS = 1_000
"""Shares of fewer rows say little."""
LEAST_VIEWERS = 200
"""Rows come in bunches, one viewer after the other: of few viewers one makes the mix of a day."""
_LEAST_GAPLESS_ROWS = 100
NEW_VALUE_SHARE = 0.01
VANISHED_SHARE = 0.05
_VOLUME_LOW, _VOLUME_HIGH = 0.2, 5.0
_VOLUME_SPREAD = 0.2
_NULL_CHANGE = 0.05
_NULL_SPREAD = 0.005
_DISTANCE_CHANGE = 0.15
# So few deliveries know little of how far shares stray.
_DISTANCE_SPREAD = 0.25
_MAD_TO_DEVIATION = 1.4826
# A day that brings less than this share of the largest is made of stragglers.
_STRAGGLERS = 0.05
_DAY_IS_OVER = timedelta(hours=23)


@dataclass(frozen=True)
class FeedHistory:
    """A delivery's counts and those of what came before it, the latest first.

    Attributes:
        days: All rows of the feed by event day, with those of this delivery.
        delivered: Rows of this delivery by event day.
        received_until: The latest arrival in this delivery, or None.
        n_viewers: Different viewers in this delivery, or None.
        null_ppm: Share of rows without a value in each earlier delivery, by column.
        values: Rows of this delivery by column and value.
        earlier_values: The same for each earlier delivery.
    """

    days: Mapping[date, int] = field(default_factory=dict)
    delivered: Mapping[date, int] = field(default_factory=dict)
    received_until: datetime | None = None
    n_viewers: int | None = None
    null_ppm: Sequence[Mapping[str, int | None]] = ()
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    earlier_values: Sequence[Mapping[str, Mapping[str, int]]] = ()


@dataclass(frozen=True)
class Departure:
    """One figure and the range that is usual for it.

    Attributes:
        subject: Day or column.
        observed, low, high: Rows, or millionths.
    """

    subject: str
    observed: float
    low: float
    high: float
    names: str = ""


def day_volumes(history: FeedHistory) -> list[Departure] | str:
    """Rows of the last days that this delivery completed, against the 14 days before each; or why not judged."""
    days = [day for day in _main_days(history) if 2 * history.delivered[day] >= history.days.get(day, 0)]
    closed = [day for day in days if _is_over(day, history.received_until)]
    if not closed:
        return "no event day is complete in it"
    found = []
    usual = 0.0
    for day in closed[-DAYS_JUDGED:]:
        before = [history.days[day - timedelta(days=n)] for n in range(1, TRAINING + 1) if _has_rows(history, day, n)]
        if len(before) < LEAST_TRAINING:
            continue
        usual = median(before)
        if usual < LEAST_DAILY_ROWS:
            continue
        spread = max(_spread(map(math.log, before)), _VOLUME_SPREAD, 1 / math.sqrt(usual))
        low = usual * max(_VOLUME_LOW, math.exp(-LIMIT_Z * spread))
        high = usual * min(_VOLUME_HIGH, math.exp(LIMIT_Z * spread))
        found.append(Departure(day.isoformat(), history.days[day], low, high))
    if found:
        return found
    if usual:
        return f"{usual:,.0f} rows a day are usual, fewer than {LEAST_DAILY_ROWS:,}"
    return f"fewer than {LEAST_TRAINING} of the {TRAINING} days before have rows"


def missing_days(history: FeedHistory) -> list[date] | str:
    """Whole event days without a row between the last day known before and the last of this delivery."""
    main = _main_days(history)
    if not main:
        return "it has no event days"
    least = _STRAGGLERS * max(history.delivered.values())
    before = [day for day, count in history.days.items() if day < main[0] and count >= least]
    first = max(before) if before else main[0]
    if (main[-1] - first).days > 366:
        first = main[0]
    known = [history.days[day] for day in sorted(history.days) if first - timedelta(TRAINING) <= day <= main[-1]]
    if median(known) < _LEAST_GAPLESS_ROWS:
        return f"{median(known):,.0f} rows a day are usual, fewer than {_LEAST_GAPLESS_ROWS}"
    span = ((main[-1] - first).days) + 1
    return [day for n in range(span) if not history.days.get(day := first + timedelta(n))]


def null_shares(null_ppm: Mapping[str, int | None], n_rows: int, history: FeedHistory) -> list[Departure] | str:
    """Share of rows without a value, by optional column, against earlier deliveries; or why not judged."""
    if n_rows < LEAST_ROWS:
        return f"{n_rows:,} rows, fewer than {LEAST_ROWS:,}"
    if few := _too_few_viewers(history):
        return few
    if len(history.null_ppm) < LEAST_TRAINING:
        return _too_few(len(history.null_ppm))
    found = []
    for column, observed in sorted(null_ppm.items()):
        before = [share / 1e6 for one in history.null_ppm if (share := one.get(column)) is not None]
        if observed is None or len(before) < LEAST_TRAINING:
            continue
        usual = median(before)
        sampling = math.sqrt(usual * (1 - usual) / n_rows)
        change = max(_NULL_CHANGE, LIMIT_Z * max(_spread(before), _NULL_SPREAD, sampling))
        found.append(Departure(column, observed, _millionths(usual - change), _millionths(usual + change)))
    return found


def value_shares(history: FeedHistory) -> list[Departure] | str:
    """Total variation distance of each column's values from their usual shares; or why not judged.

    The distance is the share of rows that would have to take another value (0 to 1). Its bound is the distance at
    which earlier deliveries lie from their own median, by its spread, or what chance alone does in so few rows.
    """
    if few := _too_few_viewers(history):
        return few
    if len(history.earlier_values) < LEAST_TRAINING:
        return _too_few(len(history.earlier_values))
    found = []
    for column, counts in sorted(history.values.items()):
        n_rows = sum(counts.values())
        before = [_shares(one[column]) for one in history.earlier_values if one.get(column)]
        if n_rows < LEAST_ROWS or len(before) < LEAST_TRAINING:
            continue
        usual = usual_shares(before)
        now = _shares(counts)
        distances = [_distance(one, usual) for one in before]
        by_chance = sum(math.sqrt(share * (1 - share) / (2 * math.pi * n_rows)) for share in usual.values())
        spread = max(_spread(distances), _DISTANCE_SPREAD * median(distances))
        limit = max(_DISTANCE_CHANGE, median(distances) + LIMIT_Z * spread, LIMIT_Z * by_chance)
        moved = sorted({*usual, *now}, key=lambda value: (-abs(now.get(value, 0.0) - usual.get(value, 0.0)), value))[:3]
        names = ", ".join(f"{value} {usual.get(value, 0.0):.1%} -> {now.get(value, 0.0):.1%}" for value in moved)
        found.append(Departure(column, _millionths(_distance(now, usual)), 0, _millionths(min(limit, 1.0)), names))
    return found


def new_and_vanished(history: FeedHistory) -> list[str] | str:
    """`column: value (share)` of values never delivered before, and of common values that are gone; or why not."""
    if few := _too_few_viewers(history):
        return few
    if len(history.earlier_values) < LEAST_TRAINING:
        return _too_few(len(history.earlier_values))
    found = []
    for column in sorted({name for one in history.earlier_values for name in one} | set(history.values)):
        counts = history.values.get(column, {})
        before = [_shares(one[column]) for one in history.earlier_values if one.get(column)]
        n_rows = sum(counts.values())
        if n_rows < LEAST_ROWS or len(before) < LEAST_TRAINING:
            continue
        usual, known = usual_shares(before), {value for one in before for value in one}
        now = _shares(counts)
        found += [
            f"{column}: {value} is new ({share:.1%})"
            for value, share in sorted(now.items())
            if value not in known and share >= NEW_VALUE_SHARE
        ]
        found += [
            f"{column}: {value} is gone (usually {share:.1%})"
            for value, share in sorted(usual.items())
            if value not in now and share >= VANISHED_SHARE
        ]
    return found


def usual_shares(before: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median share of each value, scaled to a sum of one."""
    values = {value for one in before for value in one}
    middle = {value: median(one.get(value, 0.0) for one in before) for value in values}
    total = sum(middle.values())
    return {value: share / total for value, share in middle.items() if share > 0} if total else {}


def _main_days(history: FeedHistory) -> list[date]:
    """The event days a delivery is about, in order: those with more than stragglers."""
    largest = max(history.delivered.values(), default=0)
    return sorted(day for day, count in history.delivered.items() if count >= _STRAGGLERS * largest)


def _is_over(day: date, received_until: datetime | None) -> bool:
    if received_until is None:
        return False
    start = datetime(day.year, day.month, day.day, tzinfo=received_until.tzinfo)
    return received_until >= start + _DAY_IS_OVER


def _has_rows(history: FeedHistory, day: date, days_before: int) -> bool:
    return history.days.get(day - timedelta(days=days_before), 0) > 0


def _spread(values: Iterable[float]) -> float:
    known = list(values)
    middle = median(known)
    return _MAD_TO_DEVIATION * median(abs(value - middle) for value in known)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {value: count / total for value, count in counts.items()}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(value, 0.0) - other.get(value, 0.0)) for value in {*one, *other}) / 2


def _millionths(share: float) -> float:
    return round(1_000_000 * min(max(share, 0.0), 1.0))


def _too_few_viewers(history: FeedHistory) -> str | None:
    if history.n_viewers is None or history.n_viewers >= LEAST_VIEWERS:
        return None
    return f"{history.n_viewers:,} viewers, fewer than {LEAST_VIEWERS}"


def _too_few(count: int) -> str:
    return f"{count} earlier deliveries, {LEAST_TRAINING} are needed"
