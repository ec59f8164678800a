"""A data root that platforms deliver to: hand-written files of `native/`, reference rows, and what became of them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.render import reference_table_ddl
from dagster_project.ingest import FeedResult, ingest_feed, prepare_raw
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection, open_warehouse

FILES = Path(__file__).parent / "native"
CONTRACTS = {**feed_contracts(), **statement_contracts()}
NOW = datetime(2026, 5, 20, tzinfo=UTC)
LINEAGE = "_file_sha256, _file_name, _line_no, _ingest_date, _ingested_at"
REFERENCE: dict[str, list[tuple[Any, ...]]] = {
    "episode_id_map": [
        ("mini-1", "7400000000000000011", "S-ROOF", 11),
        ("mini-1", "7400000000000000021", "S-ROOF", 21),
    ],
    "trade_order": [
        ("mini-1", "O-1", "7400000000000000011", 1, 10),
        ("mini-1", "O-60", "7400000000000000021", 60, 499),
    ],
    "ad_unit_map": [
        ("max", "a1b2c3d4e5f60718", "ext_android", "android-1"),
        ("levelplay", "lp-unit-1", "ext_ios", "ios-1"),
        ("admob", "ca-app-pub-3940256099942544/5224354917", "ext_android", "android-1"),
        ("douyin", "ad-unit-9", "ext_android", "android-1"),
    ],
    "ad_placement_map": [("android-1", "roof_end_3", "S-ROOF", 3), ("ios-1", "roof", "S-ROOF", None)],
}


class NativeWorld:
    """Deliver files, run a feed, look at what is in raw."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        self.connection: Connection = open_warehouse(self.layout)
        self.runs = 0
        prepare_raw(self.connection, CONTRACTS)
        self.connection.execute("create schema if not exists reference")
        for name, rows in REFERENCE.items():
            self.refer(name, rows)

    def refer(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        contract = reference_contracts()[name]
        self.connection.execute(reference_table_ddl(contract))
        for row in rows:
            marks = ", ".join("?" for _ in contract.columns)
            self.connection.execute(f"insert into {contract.relation} values ({marks})", list(row))

    def land(self, file: str, folder: str) -> None:
        """Copy a hand-written file into a landing folder."""
        target = self.layout.landing / folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FILES / file, target)

    def write(self, folder: str, name: str, text: str) -> None:
        path = self.layout.landing / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, feed: str) -> FeedResult:
        self.runs += 1
        now = NOW + timedelta(hours=self.runs)
        return ingest_feed(self.connection, self.layout, CONTRACTS[feed], batch_id=f"run-{self.runs}", now=now)

    def rows(self, feed: str, columns: str, order: str = "_file_name, _line_no") -> list[tuple[Any, ...]]:
        return self.connection.execute(f"select {columns} from {CONTRACTS[feed].relation} order by {order}").fetchall()

    def content(self, feed: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(f"select * exclude ({LINEAGE}) from {CONTRACTS[feed].relation}").fetchall()

    def quarantined(self) -> list[tuple[Any, ...]]:
        """(file, line, reason, raw text), by file and line."""
        return self.connection.execute(
            "select file_name, line_no, reason_code, raw_text from raw.quarantine order by all"
        ).fetchall()

    def reasons(self) -> dict[int, str]:
        """Reason by line, for a world with one file."""
        return {line: reason for _, line, reason, _ in self.quarantined()}

    def counts(self, result: FeedResult) -> tuple[int, ...]:
        """Of all files of a run: lines, accepted, duplicate, conflict, rejected, blank; they add up."""
        parts = [(f.accepted, f.duplicate, f.conflict, f.rejected, f.blank) for f in result.files]
        lines = sum(f.lines_read for f in result.files)
        assert lines == sum(sum(part) for part in parts)
        return (lines, *(sum(column) for column in zip(*parts, strict=True)))
