"""Record types of what journeys did: playbacks, completions, gate opportunities, all as arrays."""

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from dagster_project.simulator.arrays import Array

FULL, FULL_STOP, PARTIAL, SCRUB, PRELOAD, REWATCH = range(6)
EXPERIMENTS = ("exp-minis-discount10", "exp-own-discount10", "exp-broken-split")
NO_EXPERIMENT = -1


@dataclass(frozen=True)
class Playbacks:
    """Playbacks, shape (n,). `fraction` is the share of the episode watched; `shape` one of the codes above."""

    journey: Array
    seq: Array
    start_ms: Array
    fraction: Array
    shape: Array
    pause_ms: Array
    is_autoplay: Array
    access: Array
    """Index into ACCESS_TYPES."""
    gate: Array
    """Row of the gate opportunity that unlocked the episode, -1 when none did."""


@dataclass(frozen=True)
class Completions:
    """Completed episodes on the first pass: gap to the next episode's first start, -1 when it never came."""

    journey: Array
    seq: Array
    at_ms: Array
    gap_ms: Array
    is_autoplay: Array
    is_available: Array
    """The next episode was published and the series listed at completion."""


@dataclass(frozen=True)
class Gates:
    """Gate opportunities: a viewer started `seq - 1` while `seq` was locked for them. Times -1 when absent."""

    journey: Array
    seq: Array
    started_ms: Array
    outcome: Array
    offered_ms: Array
    passed_ms: Array
    cover_to: Array
    mode: Array
    is_first: Array
    experiment: Array
    arm: Array


@dataclass(frozen=True)
class Paths:
    """Everything the journeys of one chunk did; `starts` are the first starts on foot."""

    playbacks: Playbacks
    completions: Completions
    gates: Gates


_Record = TypeVar("_Record", Playbacks, Completions, Gates)


class Columns:
    """Grows the columns of one record type step by step."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = defaultdict(list)
        self.size = 0

    def add(self, **columns: Array) -> None:
        """Append one step's columns, all of one length."""
        for name, values in columns.items():
            self._parts[name].append(values)
        self.size += len(next(iter(columns.values())))

    def build(self, record: type[_Record]) -> _Record:
        """Return all steps as one record."""
        return record(
            **{
                field.name: np.concatenate(self._parts[field.name]) if self.size else np.zeros(0, dtype=np.int64)
                for field in fields(record)
            }
        )
