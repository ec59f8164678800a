"""Rows of two feeds and a data root they are delivered to, for tests of what is refused, held and mended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import TableContract, feed_contracts
from dagster_project.ingest import FileOutcome, ingest_feed, prepare_raw
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]
TOPUPS = feed_contracts()["topups"]
FIRST_NIGHT = datetime(2026, 5, 20, 3, tzinfo=UTC)


def view(number: int, **changes: Any) -> dict[str, Any]:
    """A good row of the views feed; `changes` may spoil it."""
    return {
        "event_id": f"e-{number:05}",
        "playback_id": "p",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"viewer-{number:05}",
        "series_id": "S-1",
        "episode_id": "E-1",
        "episode_seq": 1,
        "event_type": "progress",
        "event_ts": "2026-05-12T09:00:00Z",
        "received_ts": "2026-05-12T09:00:05Z",
        "position_ms": number,
        "access_type": "free",
        **changes,
    }


def topup(number: int, **changes: Any) -> dict[str, Any]:
    """A good row of the top-ups feed."""
    return {
        "store": "apple",
        "store_transaction_id": f"t-{number:05}",
        "event_type": "purchase",
        "gross_amount": "4.99",
        "currency": "USD",
        "event_ts": "2026-05-12T09:00:00Z",
        "received_ts": "2026-05-12T09:00:05Z",
        **changes,
    }


def lines(rows: Iterable[dict[str, Any] | str]) -> str:
    """JSON lines; a text is a line as it is."""
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


class Door:
    """A data root and its raw tables; each delivery is a night's batch of its own."""

    def __init__(
        self, root: Path, connection: duckdb.DuckDBPyConnection | None = None, persons: Persons | None = None
    ) -> None:
        self.layout = DataLayout(root)
        self.persons = persons
        self.layout.prepare()
        self.connection = connection or duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        prepare_raw(self.connection, {"views": VIEWS, "topups": TOPUPS})
        prepare_history(self.connection)
        self._nights = 0

    def land(self, name: str, text: str) -> Path:
        """Put a file below `landing/`."""
        path = self.layout.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def night(self, contract: TableContract = VIEWS) -> dict[str, FileOutcome]:
        """Take in what is new, on the next night; outcomes by file name."""
        now = FIRST_NIGHT + timedelta(days=self._nights)
        self._nights += 1
        result = ingest_feed(
            self.connection,
            self.layout,
            contract,
            batch_id=f"night-{self._nights}-{contract.name}",
            now=now,
            persons=self.persons,
        )
        return {file.file_name: file for file in result.files}

    def deliver(self, name: str, rows: Iterable[dict[str, Any] | str], contract: TableContract = VIEWS) -> FileOutcome:
        """Land a file of JSON lines and take it in."""
        self.land(name, lines(rows))
        return self.night(contract)[name]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def raw_rows(self, feed: str = "views") -> list[tuple[Any, ...]]:
        """Every contract column of every raw row, whatever file and night it came with."""
        return self.rows(f"select columns(c -> not starts_with(c, '_')) from raw.{feed} order by all")

    def counted(self) -> list[tuple[Any, ...]]:
        """Counts of every file, which must add up."""
        found = self.rows(
            "select file_name, status, lines_read, accepted, duplicate, conflict, rejected, blank "
            "from raw.files order by file_name, ingested_at"
        )
        assert all(lines_read == sum(parts) for _, _, lines_read, *parts in found), found
        return found
