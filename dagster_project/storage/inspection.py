"""Looks at a data root without changing it: who holds the lock, what is left over, what the two databases say."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.summary import open_release
from dagster_project.storage.warehouse import Connection, open_warehouse

_LEFTOVERS = (".partial", ".tmp", ".wal", ".wal.set-aside-")
# What other tools keep there for themselves.
_FOREIGN_FOLDERS = frozenset({"dagster", "dbt", "report_cache", "spill"})
_FAILED_GATES = (
    "select distinct feed || ': ' || detail from {} where not passed and severity = 'critical' "
    "and batch_id in (select batch_id from raw.batches where state = 'pending') order by 1"
)


@dataclass(frozen=True)
class Writer:
    """Who holds the writer lock.

    Attributes:
        process_id: As the holder wrote it down, or None.
        is_alive: Whether that process is there.
    """

    is_holding: bool
    process_id: int | None = None
    is_alive: bool = False


@dataclass(frozen=True)
class WarehouseState:
    """What the private warehouse knows.

    Attributes:
        known_names: (name, size, modification time in ns) of every file seen so far.
        pending: Start of every batch that no release holds.
        failed_gates: `feed: detail` of the critical gate checks that hold those batches back.
        held: Names of the files that wait for an operator's decision.
        closed_months: Months of the ledger as the last run loaded it.
        last_release: Id of the last release, or None.
        is_filled: Files were taken in.
        key_fingerprint: Of the key it was filled with, or None.
    """

    known_names: frozenset[tuple[str, int, int]] = frozenset()
    pending: tuple[datetime, ...] = ()
    failed_gates: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    closed_months: tuple[str, ...] = ()
    last_release: str | None = None
    is_filled: bool = False
    key_fingerprint: str | None = None


@dataclass(frozen=True)
class FeedFreshness:
    """How far one feed has come, as released."""

    feed: str
    as_of: datetime | None
    late_share: float | None
    status: str


@dataclass(frozen=True)
class ReleasedState:
    """What the published file says of itself; `failed_checks` as `asset: check`."""

    release_id: str
    created_at: datetime
    freshness: tuple[FeedFreshness, ...]
    failed_checks: tuple[str, ...]
    closed_months: tuple[str, ...]


@contextmanager
def beside_writers(layout: DataLayout) -> Iterator[Writer]:
    """Tell who holds the writer lock; while nobody does, new runs wait for the end of this block.

    The lock is taken shared, on the file as it is: nothing is created, written or waited for.
    """
    try:
        descriptor = os.open(layout.writer_lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield Writer(is_holding=False)  # no run was ever here, or its lock is not for this user
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            process_id = int(text) if text.isdecimal() else None
            writer = Writer(True, process_id, process_id is not None and _is_alive(process_id))
        else:
            writer = Writer(is_holding=False)
        yield writer
    finally:
        os.close(descriptor)


def leftovers(layout: DataLayout) -> list[Path]:
    """Files and folders that a killed process has left half done, below the folders this project writes to."""
    found: list[Path] = []
    for root in (layout.quarantine, layout.warehouse_dir, layout.ledger, layout.published_dir, layout.reports):
        for folder, folders, files in os.walk(root):
            half_done = [name for name in [*folders, *files] if _is_leftover(name)]
            found += [Path(folder, name) for name in half_done]
            skipped = {*half_done, *(_FOREIGN_FOLDERS if Path(folder) == layout.warehouse_dir else ())}
            folders[:] = [name for name in folders if name not in skipped]
    return sorted(found)


def folder_size(folder: Path) -> int:
    """Bytes of all regular files below the folder; 0 when it is not there."""
    total = 0
    for current, _, files in os.walk(folder):
        for name in files:
            try:
                total += Path(current, name).lstat().st_size
            except FileNotFoundError:
                continue  # gone since the folder was listed
    return total


def warehouse_state(layout: DataLayout) -> WarehouseState:
    """Read the private warehouse without opening it for writing; call it beside no writer.

    Raises:
        WarehouseError: It does not exist, is open elsewhere or is damaged.
    """
    with closing(open_warehouse(layout, read_only=True)) as connection:
        try:
            names = _select(connection, "raw.file_names", "select file_name, size_bytes, modified_ns from {}")
            pending = _select(connection, "raw.batches", "select started_at from {} where state = 'pending' order by 1")
            held = _select(connection, "raw.files", "select file_name from {} where status = 'held' order by 1")
            gates = _select(connection, "raw.gate_checks", _FAILED_GATES)
            months = _select(connection, "raw.ledger_periods", "select posted_period from {} order by 1")
            releases = _select(connection, "raw.releases", "select release_id from {} order by created_at, release_id")
            files = _select(connection, "raw.files", "select 1 from {} limit 1")
            keys = _select(connection, "raw.pseudonym_key", "select fingerprint from {}")
        except duckdb.Error as error:
            raise _damaged(layout.warehouse, error) from error
    return WarehouseState(
        known_names=frozenset((row[0], row[1], row[2]) for row in names),
        pending=tuple(row[0] for row in pending),
        failed_gates=tuple(row[0] for row in gates),
        held=tuple(row[0] for row in held),
        closed_months=tuple(row[0] for row in months),
        last_release=releases[-1][0] if releases else None,
        is_filled=bool(files),
        key_fingerprint=keys[0][0] if keys else None,
    )


def released_state(layout: DataLayout) -> ReleasedState:
    """Read the published file.

    Raises:
        WarehouseError: It is damaged, or not a released file.
    """
    try:
        with closing(open_release(layout.published)) as connection:
            row = connection.execute("select release_id, created_at from meta.releases where is_current").fetchone()
            if row is None:
                raise WarehouseError(
                    "the published file names no release",
                    where=str(layout.published),
                    fix="run `cliffhanger run` again",
                )
            freshness = _select(
                connection, "health.freshness", "select source, as_of, late_share, status from {} order by 1"
            )
            failed = _select(
                connection,
                "meta.checks",
                "select distinct asset || ': ' || check_name from {} where not passed order by 1",
            )
            months = _select(connection, "payouts.lines", "select distinct posted_period from {} order by 1")
    except duckdb.Error as error:
        raise _damaged(layout.published, error) from error
    return ReleasedState(
        release_id=row[0],
        created_at=row[1],
        freshness=tuple(FeedFreshness(*one) for one in freshness),
        failed_checks=tuple(one[0] for one in failed),
        closed_months=tuple(one[0] for one in months),
    )


def _is_leftover(name: str) -> bool:
    return name.endswith(_LEFTOVERS) or any(mark in name for mark in (".partial.", ".wal.set-aside-"))


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _select(connection: Connection, table: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of the query, whose `{}` is the table; none when there is no such table yet."""
    schema, _, name = table.partition(".")
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    ).fetchone()
    return connection.execute(query.format(table)).fetchall() if found else []


def _damaged(path: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        "the database cannot be read", where=str(path), why=str(error).splitlines()[0], fix="restore it from a copy"
    )
