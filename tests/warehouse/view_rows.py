"""Rows of the views feed written as a person would tell them: who played what, when, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

_numbers = count(1)

Mark = tuple[float, str, int, int | None]
"""Seconds since the start of the playback, event type, position in ms, play time so far in ms (None: unknown)."""


def moment(text: str) -> datetime:
    """A UTC time such as `2026-03-02 10:00:00`."""
    return datetime.fromisoformat(f"{text}+00:00")


def playback(
    viewer: str,
    series: str,
    episode: int,
    at: datetime,
    marks: Sequence[Mark],
    *,
    app: str = "app",
    surface: str = "ext_web",
    delay_seconds: float = 1,
    playback_id: str | None = None,
    **columns: Any,
) -> list[dict[str, Any]]:
    """The rows of one playback. A viewer written with a leading `~` is anonymous; further columns go to every row."""
    number = next(_numbers)
    identity = {"anon_id": viewer[1:]} if viewer.startswith("~") else {"viewer_id": viewer}
    rows = []
    for index, (second, event_type, position_ms, watched_ms) in enumerate(marks):
        happened = at + timedelta(seconds=second)
        rows.append(
            {
                "event_id": f"e{number:05}-{index:02}",
                "playback_id": playback_id or f"p{number:05}",
                "surface": surface,
                "app_id": app,
                **identity,
                "series_id": series,
                "episode_id": f"{series}-{episode}",
                "episode_seq": episode,
                "event_type": event_type,
                "event_ts": happened,
                "received_ts": happened + timedelta(seconds=delay_seconds),
                "position_ms": position_ms,
                "watched_ms": watched_ms,
                "is_autoplay_next": False,
                "access_type": "free",
                "country": "US",
                **columns,
            }
        )
    return rows


def watch(
    viewer: str, series: str, episode: int, at: datetime, *, seconds: float = 60, **options: Any
) -> list[dict[str, Any]]:
    """A playback from the beginning, played straight through for so many seconds."""
    ms = round(seconds * 1000)
    marks: list[Mark] = [(0, "start", 0, 0), (seconds / 2, "progress", ms // 2, ms // 2), (seconds, "stop", ms, ms)]
    return playback(viewer, series, episode, at, marks, **options)
