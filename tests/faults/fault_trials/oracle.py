"""What must be in the warehouse once some files are taken in, settled row by row in plain Python."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from fault_trials.native_files import UNKNOWN_ID
from fault_trials.world import Delivery, Feed, Row, read_feed

Place = tuple[str, str, int]
"""Feed, file name and line number."""


@dataclass
class Content:
    """What a warehouse holds of all feeds, without run ids and times of taking in.

    Attributes:
        rows: Values in the order of the contract's columns, by place.
        files: Name to (status, reason, lines read, accepted, duplicate, conflict, rejected, blank), by feed and name.
        quarantine: Reason by place.
        losers: `duplicate` or `conflict` by place.
        touched: (feed, UTC event date, viewer key) of rows, so that what depends on them is computed anew.
        watermarks: Latest received time of accepted rows by feed.
        names: Every file name that was read, by feed.
        twice: Places that stand more than once anywhere.
    """

    rows: dict[Place, tuple[Any, ...]] = field(default_factory=dict)
    files: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    quarantine: dict[Place, str] = field(default_factory=dict)
    losers: dict[Place, str] = field(default_factory=dict)
    touched: set[tuple[str, date | None, str | None]] = field(default_factory=set)
    watermarks: dict[str, datetime | None] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)


class Oracle:
    """Knows the files of a world and says what any part of them must leave in the warehouse."""

    def __init__(self, world: Mapping[str, Sequence[Delivery]]) -> None:
        self.world = world
        self.feeds = {name: read_feed(name) for name in world}
        self._settled: dict[tuple[str, int], Content] = {}

    def expected(self, taken_in: Mapping[str, int]) -> Content:
        """The content after the first so many files of each feed, in the order of their names."""
        whole = Content()
        for name, count in taken_in.items():
            if (name, count) not in self._settled:
                self._settled[name, count] = _settle(self.feeds[name], self.world[name][:count])
            part = self._settled[name, count]
            whole.rows |= part.rows
            whole.files |= part.files
            whole.quarantine |= part.quarantine
            whole.losers |= part.losers
            whole.touched |= part.touched
            whole.watermarks |= part.watermarks
            whole.names |= part.names
        return whole

    def counts(self, names: Collection[tuple[str, str]]) -> tuple[dict[str, int], list[str]]:
        """How many files of each feed these names are, and what is wrong when they are not the first ones."""
        found, wrong = {}, []
        for feed, deliveries in self.world.items():
            there = {name for of_feed, name in names if of_feed == feed}
            first = [delivery.name for delivery in deliveries[: len(there)]]
            found[feed] = len(there)
            if there != set(first):
                wrong.append(f"{feed}: files are left out: there are {sorted(there)}, the first ones are {first}")
        return found, wrong


def _settle(feed: Feed, deliveries: Sequence[Delivery]) -> Content:
    content = Content()
    seen: set[str] = set()
    candidates: dict[tuple[Any, ...], list[tuple[Any, Place, Row]]] = defaultdict(list)
    counted: dict[str, dict[str, int]] = {}
    for order, delivery in enumerate(deliveries):
        content.names.add((feed.name, delivery.name))
        digest = hashlib.sha256(delivery.payload).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        counts = dict.fromkeys(("accepted", "duplicate", "conflict", "rejected", "blank"), 0)
        counted[delivery.name] = counts
        for line, meaning in delivery.lines if delivery.refusal is None else ():
            place = (feed.name, delivery.name, line)
            if meaning == "blank":
                counts["blank"] += 1
            elif isinstance(meaning, str) or delivery.is_held:
                counts["rejected"] += 1
                content.quarantine[place] = meaning if isinstance(meaning, str) else "held"
            else:
                key = tuple(meaning[column] for column in feed.key) if feed.key else place
                if UNKNOWN_ID in key:
                    key = place  # the project makes the key itself; no two such records of this world are alike
                received = meaning[feed.received] if feed.received else None
                candidates[key].append(((received or datetime.min, order, line), place, meaning))
    for rivals in candidates.values():
        _settle_key(feed, rivals, content, counted)
    for delivery in deliveries:
        if delivery.name in counted:
            content.files[feed.name, delivery.name] = _booked(delivery, counted[delivery.name])
    if feed.received:
        at = list(feed.columns).index(feed.received)
        content.watermarks[feed.name] = max((row[at] for row in content.rows.values()), default=None)
    return content


def _settle_key(
    feed: Feed, rivals: Iterable[tuple[Any, Place, Row]], content: Content, counted: Mapping[str, dict[str, int]]
) -> None:
    """The row that was received first keeps the key; of the others those with the same content are duplicates."""
    (_, place, winner), *losers = sorted(rivals, key=lambda rival: rival[0])
    content.rows[place] = tuple(winner.values())
    content.touched.add((feed.name, *_touched(feed, winner)))
    counted[place[1]]["accepted"] += 1
    for _, place, row in losers:
        same = all(row[column] == winner[column] for column in feed.columns if column != feed.received)
        state = "duplicate" if same else "conflict"
        content.losers[place] = state
        counted[place[1]][state] += 1
        if not same:
            content.quarantine[place] = "conflict"


def _touched(feed: Feed, row: Row) -> tuple[date | None, str | None]:
    viewer = None
    if row.get("viewer_id") is not None:
        viewer = f"{row['app_id']}|{row['viewer_id']}" if row["app_id"] is not None else None
    elif row.get("anon_id") is not None:
        viewer = f"{row['app_id']}|~{row['anon_id']}"
    return (row[feed.event].astimezone(UTC).date() if feed.event else None, viewer)


def _booked(delivery: Delivery, counts: Mapping[str, int]) -> tuple[Any, ...]:
    if delivery.refusal is not None:
        return ("rejected", delivery.refusal, 0, 0, 0, 0, 0, 0)
    status, reason = ("held", "held") if delivery.is_held else ("loaded", None)
    return (status, reason, len(delivery.lines), *counts.values())
