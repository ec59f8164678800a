"""One group of files into raw: rows, rejects, books and watermark in the caller's transaction, proved to add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from dagster_project.contracts.model import TableContract
from dagster_project.core.errors import WarehouseError
from dagster_project.ingest.hold import explain_held, hold_spoilt
from dagster_project.ingest.merge_sql import MergeStatements
from dagster_project.ingest.pseudonyms import forget_names, name_persons
from dagster_project.ingest.results import FileOutcome
from dagster_project.ingest.staging import FileReading
from dagster_project.ingest.typing_rules import moment
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.raw_tables import (
    KnownFile,
    forget_files,
    has_held_files,
    insert_rows,
    known_files,
    note_batch,
    note_names,
    note_unknown_columns,
    note_unmirrored,
    replace_held,
)
from dagster_project.storage.warehouse import Connection

_AHEAD_OF_WATERMARK = timedelta(days=1)
_AHEAD_OF_BULK = timedelta(days=366)
_IN_BOOKS = {"read": "loaded", "rejected": "rejected", "held": "held"}
"""What the books call a file, by what its reading brought."""


@dataclass(frozen=True)
class BatchStamp:
    """What marks the rows of one run.

    Attributes:
        now: The run's clock; its UTC date is the ingest date of new files.
        former: For files read anew: the stamp they keep, by sha-256.
        former_watermark: For files read anew: as_of of the feed before their rows were taken out.
        persons: Whose pseudonyms take the place of ids; None keeps the ids.
    """

    batch_id: str
    now: datetime
    former: Mapping[str, KnownFile] = field(default_factory=dict)
    former_watermark: datetime | None = None
    persons: Persons | None = None

    def of(self, sha256: str) -> tuple[date, datetime]:
        """Ingest date and time of a content."""
        known = self.former.get(sha256)
        return (known.ingest_date, known.ingested_at) if known else (self.now.date(), self.now)


def merge_staged(
    connection: Connection, contract: TableContract, readings: Sequence[FileReading], stamp: BatchStamp
) -> list[str]:
    """Merge what `staged` holds of these files; return the sha-256 of every file whose counts may have changed.

    Raises:
        WarehouseError: The lines of a file do not add up; the caller rolls back.
    """
    statements = MergeStatements(contract)
    note_batch(connection, stamp.batch_id, stamp.now)
    before = stamp.former_watermark or watermark(connection, contract)
    loaded = _settle_identity(connection, contract, readings, stamp)
    _stamp_files(connection, loaded, stamp)
    _apply_window(connection, contract, before, stamp.now)
    while hold_spoilt(connection, contract, loaded):
        _apply_window(connection, contract, before, stamp.now)
    name_persons(connection, contract, stamp.persons)
    _find_problems(connection, statements)
    explain_held(connection, loaded)
    collides = _find_contenders(connection, contract, statements, is_anew=bool(stamp.former))
    _insert_books(connection, contract, readings, stamp)
    _write(connection, statements, stamp, collides=collides)
    _prove(connection, contract, statements, collides=collides)
    _note_watermark(connection, contract, stamp.batch_id, before)
    forget_names(connection)
    return [row[0] for row in connection.execute("select file_sha256 from affected").fetchall()]


def watermark(connection: Connection, contract: TableContract) -> datetime | None:
    """as_of of the feed: the largest received time of accepted rows."""
    if contract.received_time is None:
        return None
    row = connection.execute(f'select max("{contract.received_time}") from {contract.relation}').fetchone()
    return row[0] if row else None


def _settle_identity(
    connection: Connection, contract: TableContract, readings: Sequence[FileReading], stamp: BatchStamp
) -> list[FileReading]:
    """Contents seen before keep only their new name; the first of equal files in this group is the one that counts.

    A content that was refused as a whole may have come under a wrong name: it counts under the first that fits it.
    """
    known = known_files(connection, contract.name)
    refused = {sha256 for sha256, file in known.items() if file.status == "rejected"}
    seen = set(known)
    loaded, repeated, names = [], [], []
    for reading in sorted(readings, key=lambda reading: reading.status == "rejected"):
        if reading.status == "changing":
            continue
        if reading.sha256 not in stamp.former:
            names.append((reading.file, reading.sha256))
        if reading.sha256 in refused and reading.status == "read":
            forget_files(connection, contract, [reading.sha256])
            note_unmirrored(connection, contract.name, reading.sha256)
            refused.remove(reading.sha256)
            loaded.append(reading)
        elif reading.sha256 in seen:
            reading.status = "known"
            repeated.append(reading.index)
        elif reading.status == "read":
            loaded.append(reading)
        seen.add(reading.sha256)
    note_names(connection, names, stamp.now)
    if repeated:
        connection.execute("delete from staged where list_contains(?, _file_index)", [repeated])
    return loaded


def _stamp_files(connection: Connection, loaded: Sequence[FileReading], stamp: BatchStamp) -> None:
    connection.execute(
        "create or replace temp table staged_file (_file_index integer, file_sha256 varchar, file_name varchar, "
        "ingest_date date, ingested_at timestamptz)"
    )
    rows = [(reading.index, reading.sha256, _name(reading, stamp), *stamp.of(reading.sha256)) for reading in loaded]
    insert_rows(connection, "staged_file", rows)


def _name(reading: FileReading, stamp: BatchStamp) -> str:
    known = stamp.former.get(reading.sha256)
    return known.file_name if known else reading.file.name


def _apply_window(connection: Connection, contract: TableContract, before: datetime | None, now: datetime) -> None:
    """Refuse event times more than a day after the watermark, and received times from beyond the run's clock.

    The watermark counts rows whose own clocks agree, so that no single row can lift it for itself.
    """
    event, received = contract.event_time, contract.received_time
    if event is None or received is None:
        return
    # In microseconds: interval arithmetic would ask the time zone database for every row.
    agrees = f'epoch_us("{event}") - epoch_us("{received}") <= {_AHEAD_OF_WATERMARK // timedelta(microseconds=1)}'
    found = connection.execute(
        f'select max("{received}"), max("{event}"), max("{received}") filter ({agrees}) from staged where _ok'
    ).fetchone()
    if found is None or found[0] is None:
        return
    latest_received, latest_event, agreeing = found
    limit = now + _AHEAD_OF_WATERMARK
    if latest_received > limit:
        # A run whose clock is behind most of what it reads has the wrong clock; then only far outliers are refused.
        (middle,) = _one(connection, f'select median("{received}") from staged where _ok')
        if middle > limit:
            limit = middle + _AHEAD_OF_BULK
        (agreeing,) = _one(
            connection,
            f'select max("{received}") from staged where _ok and "{received}" <= {moment(limit)} and {agrees}',
        )
    marks = [mark for mark in (before, agreeing) if mark is not None]
    last_event = (max(marks) if marks else now) + _AHEAD_OF_WATERMARK
    if latest_received > limit or latest_event > last_event:
        connection.execute(
            "update staged set _ok = false, _code = 'out_of_window' "
            f'where _ok and ("{received}" > {moment(limit)} or "{event}" > {moment(last_event)})'
        )


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    """The only row of an aggregate."""
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without groups has one row
    return row


def _find_problems(connection: Connection, statements: MergeStatements) -> None:
    """The statement is long: it is only planned when there is a failed row to explain."""
    (failed,) = _one(connection, "select count(*) from staged where not _ok")
    connection.execute(statements.find_problems() if failed else statements.no_problems())


def _find_contenders(
    connection: Connection, contract: TableContract, statements: MergeStatements, *, is_anew: bool
) -> bool:
    """True when there are rows that compete for a key; then `contender` holds them."""
    if not statements.has_key:
        return False
    connection.execute(statements.find_collisions(with_lost_rows=is_anew))
    found = connection.execute("select count(*) from collided").fetchone()
    if found is None or not found[0]:
        return False
    connection.execute(statements.set_contending_aside())
    connection.execute(statements.find_contenders())
    connection.execute(statements.render_conflicts())
    return True


def _insert_books(
    connection: Connection, contract: TableContract, readings: Sequence[FileReading], stamp: BatchStamp
) -> None:
    rejected = dict(connection.execute("select _file_index, count(*) from problem_row group by all").fetchall())
    in_books = [reading for reading in readings if reading.status in _IN_BOOKS]
    has_held = has_held_files(connection, contract.name)
    rows = []
    for reading in in_books:
        if reading.status == "rejected":
            note_unmirrored(connection, contract.name, reading.sha256)
        elif reading.status == "read" and has_held:
            replace_held(connection, contract.name, reading.sha256, _name(reading, stamp))
        counts = (reading.lines_read, 0, 0, 0, rejected.get(reading.index, 0), reading.blank)
        verdict = (_IN_BOOKS[reading.status], reading.reason_code, reading.detail)
        unknown = ", ".join(reading.unknown_columns) or None
        rows.append(
            (
                reading.sha256,
                contract.name,
                _name(reading, stamp),
                reading.file.size_bytes,
                *counts,
                *verdict,
                unknown,
                stamp.batch_id,
                *stamp.of(reading.sha256),
            )
        )
    insert_rows(connection, "raw.files", rows)
    note_unknown_columns(connection, contract.name, {reading.sha256: reading.unknown_columns for reading in in_books})


def _write(connection: Connection, statements: MergeStatements, stamp: BatchStamp, *, collides: bool) -> None:
    lineage = {"batch_id": stamp.batch_id, "ingest_date": stamp.now.date(), "ingested_at": stamp.now}
    connection.execute(statements.note_touched(with_contenders=collides), {"batch_id": stamp.batch_id})
    if collides:
        connection.execute(statements.remove_displaced())
    connection.execute(statements.insert_winners(with_contenders=collides))
    connection.execute(statements.quarantine_rejects(), lineage)
    if collides:
        for statement in statements.settle_losers():
            connection.execute(statement)
        leave, enter = statements.quarantine_conflicts()
        connection.execute(leave)
        connection.execute(enter, lineage)


def _prove(connection: Connection, contract: TableContract, statements: MergeStatements, *, collides: bool) -> None:
    """Every line of every touched file is in exactly one place, or nothing of the group is kept."""
    connection.execute(statements.find_affected(with_contenders=collides))
    connection.execute(statements.recount())
    wrong = connection.execute(statements.find_imbalance()).fetchall()
    if wrong:
        name, lines, *parts = wrong[0]
        named = zip(("accepted", "duplicate", "conflict", "rejected", "blank", "in quarantine"), parts, strict=True)
        raise WarehouseError(
            f"the lines of {len(wrong)} delivered files do not add up, so nothing of this batch was kept",
            where=f"{contract.name}: {name}",
            why=f"{lines} lines were read, but " + ", ".join(f"{what} {count}" for what, count in named),
            fix="keep the file and report this: it is a fault of this program",
        )
    connection.execute(
        "insert into raw.unmirrored select ?, file_sha256 from affected inner join raw.files using (file_sha256) "
        "where feed = ? and (rejected + conflict > 0 or file_sha256 in "
        "(select file_sha256 from raw.lost_rows where feed = ?))",
        [contract.name, contract.name, contract.name],
    )


def _note_watermark(connection: Connection, contract: TableContract, batch_id: str, before: datetime | None) -> None:
    after = watermark(connection, contract)
    known = connection.execute(
        "select count(*) from raw.watermarks where batch_id = ? and feed = ?", [batch_id, contract.name]
    ).fetchone()
    if known is not None and known[0]:
        connection.execute(
            "update raw.watermarks set as_of_after = ? where batch_id = ? and feed = ?",
            [after, batch_id, contract.name],
        )
    else:
        connection.execute("insert into raw.watermarks values (?, ?, ?, ?)", [batch_id, contract.name, before, after])


def outcomes(connection: Connection, contract: TableContract, readings: Sequence[FileReading]) -> list[FileOutcome]:
    """What became of the files of a merged group."""
    counts = {
        row[0]: row[1:]
        for row in connection.execute(
            "select file_sha256, status, lines_read, accepted, duplicate, conflict, rejected, blank, reason_code, "
            "detail from raw.files where feed = ?",
            [contract.name],
        ).fetchall()
    }
    found = []
    for reading in readings:
        if reading.status in _IN_BOOKS:
            found.append(FileOutcome(contract.name, reading.file.name, reading.sha256, *counts[reading.sha256]))
        else:
            found.append(
                FileOutcome(contract.name, reading.file.name, reading.sha256, reading.status, detail=reading.detail)
            )
    return found
