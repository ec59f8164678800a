"""A data root in which the doctor has nothing to say, made in milliseconds: no run, only what a run leaves."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from dagster_project.contracts import Column, LogicalType, TableContract, feed_contracts, reference_contracts
from dagster_project.contracts.templates import header_line
from dagster_project.settings import Settings
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.landing import discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import loaded_head
from dagster_project.storage.pseudonym_key import load_pseudonymizer, require_same_key
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.warehouse import open_warehouse

NOW = datetime(2026, 5, 20, 6, tzinfo=UTC)
RELEASE = "20260520T030000Z-0a1b2c3d"
FEEDS = ("views", "unlocks", "ads", "topups")
_VALUES = {
    LogicalType.STRING: "x",
    LogicalType.INTEGER: "1",
    LogicalType.NUMBER: "1.5",
    LogicalType.BOOLEAN: "true",
    LogicalType.DATE: "2026-01-01",
    LogicalType.TIMESTAMP: "2026-01-01T00:00:00Z",
}


def make_healthy(root: Path) -> DataLayout:
    """Everything of a root after a good night, the month of April not yet closed."""
    layout = DataLayout(root)
    layout.prepare()
    layout.reference.mkdir()
    for contract in reference_contracts().values():
        if contract.file_required:
            write_table(layout, contract)
    for feed in FEEDS:
        land(layout, f"{feed}/2026-05-19.jsonl")
    make_warehouse(layout)
    publish(layout)
    return layout


def settings_of(layout: DataLayout, now: datetime | None = None) -> Settings:
    """Settings with an alert hook; the clock stands at `now`."""
    return Settings(layout.root, now, alert_command="true")


def write_table(layout: DataLayout, contract: TableContract) -> None:
    """One row of one reference table."""
    row = ",".join(_value(column) for column in contract.columns)
    (layout.reference / f"{contract.name}.csv").write_text(header_line(contract) + row + "\n", encoding="utf-8")


def land(layout: DataLayout, name: str, age: timedelta = timedelta(hours=4)) -> Path:
    """A file below landing, as old as said at `NOW`."""
    path = layout.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}\n", encoding="utf-8")
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    return path


def make_warehouse(layout: DataLayout) -> None:
    """A warehouse that has read every landed file and released it."""
    feeds = feed_contracts()
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, feeds)
        prepare_history(connection)
        loaded_head(connection)
        require_same_key(connection, load_pseudonymizer(layout, None))
        for contract in feeds.values():
            for file in discover(layout, contract).files:
                row = [file.name, "0" * 64, file.size_bytes, file.modified_ns, NOW]
                connection.execute("insert into raw.file_names values (?, ?, ?, ?, ?)", row)
        change_warehouse(
            layout, "insert into raw.batches values ('b1', '2026-05-20 03:00:00+00', 'released')", connection
        )
        change_warehouse(
            layout,
            f"insert into raw.releases values ('{RELEASE}', '2026-05-20 03:00:00+00', 'h', null, '', '', '', 1)",
            connection,
        )
    layout.writer_lock.write_text("1\n", encoding="ascii")
    layout.writer_lock.chmod(0o600)


def change_warehouse(layout: DataLayout, query: str, connection: duckdb.DuckDBPyConnection | None = None) -> None:
    """Run one statement in the private warehouse."""
    if connection is not None:
        connection.execute(query)
        return
    with closing(open_warehouse(layout)) as opened:
        opened.execute(query)


def publish(layout: DataLayout, *extra: str) -> None:
    """A released file of four fresh feeds and one passed check; `extra` statements are run in it."""
    layout.published.unlink(missing_ok=True)
    with duckdb.connect(str(layout.published)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create schema meta; create schema health;"
            "create table meta.releases (release_id varchar, created_at timestamptz, is_current boolean);"
            f"insert into meta.releases values ('{RELEASE}', '2026-05-20 03:00:00+00', true);"
            "create table meta.checks (check_name varchar, asset varchar, passed boolean);"
            "insert into meta.checks values ('rows_are_there', 'core/fct_play', true);"
            "create table health.freshness (source varchar, as_of timestamptz, late_share double, status varchar);"
        )
        for feed in FEEDS:
            connection.execute(f"insert into health.freshness values ('{feed}', '2026-05-20 02:00:00+00', 0.01, 'ok')")
        for statement in extra:
            connection.execute(statement)
    layout.published.chmod(0o444)


def _value(column: Column) -> str:
    if not column.is_required:
        return ""
    if column.valid_values:
        return column.valid_values[0]
    if column.minimum is not None:
        return str(column.minimum)
    return _VALUES[column.logical_type]
