"""The door as a run goes through it: lock, open, reference tables, every feed in turn, in small groups of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.ingest import feed as feed_module
from dagster_project.ingest import ingest_feed, prepare_raw
from dagster_project.storage.landing import LandedFile
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import (
    read_reference,
    reference_fingerprint,
    stored_fingerprint,
    write_reference,
)
from dagster_project.storage.warehouse import Connection, open_warehouse, writer_lock
from fault_trials.native_files import REFERENCE
from fault_trials.world import NOW

GROUP_FILES = 3
CONTRACTS = {**feed_contracts(), **statement_contracts()}
_REFERENCES = {name: contract for name, contract in reference_contracts().items() if name in REFERENCE}

Acknowledge = Callable[[str], None]


def take_in(
    root: Path,
    feeds: Sequence[str],
    *,
    batch_id: str,
    acknowledge: Acknowledge,
    now: datetime = NOW,
    at_statement: Callable[[], None] | None = None,
) -> None:
    """Take in all new files of these feeds.

    Args:
        acknowledge: Told the name of every file as soon as the transaction that holds it has ended.
        at_statement: Called before every statement that the door sends to the database.

    Raises:
        CliffhangerError: Whatever the door says when it cannot go on.
    """
    layout = DataLayout(root)
    with writer_lock(layout, 5.0), closing(open_warehouse(layout)) as opened:
        connection = opened if at_statement is None else cast(Connection, _Watched(opened, at_statement))
        prepare_raw(connection, CONTRACTS)
        tables = read_reference(layout.reference, _REFERENCES)
        if stored_fingerprint(connection) != reference_fingerprint(tables):
            write_reference(connection, tables, now)
        for name in feeds:
            with _acknowledged(acknowledge):
                ingest_feed(connection, layout, CONTRACTS[name], batch_id=f"{batch_id}-{name}", now=now)


@contextmanager
def _acknowledged(acknowledge: Acknowledge) -> Iterator[None]:
    """While this holds, groups are small and every commit is told with the files it holds."""
    grouped, transaction = vars(feed_module)["grouped"], vars(feed_module)["transaction"]
    current: list[LandedFile] = []

    def watched_groups(files: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
        for group in grouped(files):
            current[:] = group
            yield group

    @contextmanager
    def told_transaction(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
        with transaction(connection, keeps=keeps):
            yield
        for file in current:
            acknowledge(file.name)

    with replaced(grouped=watched_groups, transaction=told_transaction, GROUP_FILES=GROUP_FILES):
        yield


@contextmanager
def replaced(**parts: Any) -> Iterator[None]:
    """While this holds, these names of the module that takes in a feed mean something else."""
    kept = {name: vars(feed_module)[name] for name in parts}
    vars(feed_module).update(parts)
    try:
        yield
    finally:
        vars(feed_module).update(kept)


class _Watched:
    """A connection that reports each statement before it is sent."""

    def __init__(self, connection: Connection, at_statement: Callable[[], None]) -> None:
        self._connection = connection
        self._at_statement = at_statement

    def __getattr__(self, name: str) -> Any:
        if name in ("execute", "begin", "commit", "rollback"):
            self._at_statement()
        return getattr(self._connection, name)


def write_references(root: Path) -> None:
    """The reference tables that platforms' records are looked up in."""
    folder = root / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, rows) in REFERENCE.items():
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def land(root: Path, deliveries: Sequence[Any]) -> None:
    """Write files below `landing/`."""
    for delivery in deliveries:
        path = root / "landing" / delivery.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(delivery.payload)
        # Re-delivered copies of one length are told apart by nothing but their content.
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
