"""What the tests of whole runs share: how to succeed, what a release's content is, a day that is held back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

Command = Callable[..., subprocess.CompletedProcess[str]]
FEEDS = ("views", "unlocks", "ads", "topups")
FIRST_NIGHT = "2026-11-01T03:00:00Z"
SECOND_NIGHT = "2026-11-02T03:00:00Z"
A_DAY_BACK = "2026-10-31T03:00:00Z"


@dataclass(frozen=True)
class TwoNights:
    """A root that was run without the last day of every feed, and again with it.

    Attributes:
        first_hash: Content hash after the first night.
        summary: What the second run printed with `--json`.
        answers: What a session opened after the first night was told while the second run was at work.
        newcomer: What a session opened after the second run is told.
    """

    root: Path
    first_hash: str
    summary: dict[str, Any]
    answers: set[tuple[Any, ...]]
    before: tuple[Any, ...]
    newcomer: tuple[Any, ...]


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    """What the command printed; it must have ended well."""
    assert done.returncode == 0, done.stderr
    return done.stdout


def content_hash(root: Path) -> str:
    """Content hash of the published release."""
    with duckdb.connect(str(root / "published" / "cliffhanger.duckdb"), read_only=True) as reader:
        row = reader.execute("select content_hash from meta.releases where is_current").fetchone()
    assert row is not None
    return str(row[0])


def hold_back_last_day(root: Path, aside: Path) -> list[Path]:
    """Move the newest file of every feed away; returns where each belongs."""
    held = []
    for feed in FEEDS:
        newest = max((root / "landing" / feed).glob("*.jsonl.gz"))
        (aside / feed).mkdir(parents=True)
        shutil.move(newest, aside / feed / newest.name)
        held.append(newest)
    return held
