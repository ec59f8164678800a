"""Reads the files of a range of ingest days again from landing, in place of what raw holds of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from dagster_project.contracts.model import TableContract
from dagster_project.core.errors import LandingFileError
from dagster_project.ingest.feed import ReadingProgress, grouped, rejected_by_reason, sha256_of, stage
from dagster_project.ingest.merge import BatchStamp, merge_staged, outcomes, watermark
from dagster_project.ingest.merge_sql import MergeStatements
from dagster_project.ingest.results import FeedResult, FileOutcome, Progress
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.landing import LandedFile, discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.quarantine_files import write_mirrors
from dagster_project.storage.raw_tables import KnownFile, forget_files, known_files, names_of, note_decision
from dagster_project.storage.warehouse import Connection, checkpoint, transaction


def reingest(
    connection: Connection,
    layout: DataLayout,
    contracts: Mapping[str, TableContract],
    *,
    first: date,
    last: date,
    batch_id: str,
    now: datetime,
    progress: Progress | None = None,
    persons: Persons | None = None,
) -> dict[str, FeedResult]:
    """Replace the raw rows of all files taken in from `first` to `last` (inclusive), one transaction per feed.

    Files keep their ingest date and time. After it raw holds what it would hold had the files been read with today's
    contracts, so that doing it twice changes nothing. When rows that a re-read file used to hold now belong to nobody
    (the contract has become stricter), the files with the next best rows are read again too.

    Raises:
        LandingFileError: A file of the range is no longer in landing with the same content; nothing was changed.
        WarehouseError: See `ingest_feed`.
    """
    results = {}
    for name, contract in contracts.items():
        chosen = {
            sha256: file
            for sha256, file in known_files(connection, name).items()
            # Of a replaced content nothing was taken in, and landing may hold another one under its name.
            if first <= file.ingest_date <= last and file.status != "replaced"
        }
        results[name] = _replace(
            connection, layout, contract, chosen, BatchStamp(batch_id, now, persons=persons), progress
        )
    return results


def read_again(
    connection: Connection,
    layout: DataLayout,
    contract: TableContract,
    hashes: Sequence[str],
    *,
    batch_id: str,
    now: datetime,
    accepts: bool = False,
    progress: Progress | None = None,
    persons: Persons | None = None,
) -> FeedResult:
    """Replace what raw holds of these contents by what today's contract reads in them, one transaction.

    Args:
        accepts: Take their good rows in although too many of the others are bad; that is kept for later readings.

    Raises:
        LandingFileError: A file is no longer in landing with the same content; nothing was changed.
        WarehouseError: See `ingest_feed`.
    """
    known = known_files(connection, contract.name)
    chosen = {sha256: known[sha256] for sha256 in hashes}
    return _replace(
        connection, layout, contract, chosen, BatchStamp(batch_id, now, persons=persons), progress, accepts=accepts
    )


def _replace(
    connection: Connection,
    layout: DataLayout,
    contract: TableContract,
    chosen: Mapping[str, KnownFile],
    stamp: BatchStamp,
    progress: Progress | None,
    *,
    accepts: bool = False,
) -> FeedResult:
    found: dict[str, FileOutcome] = {}
    if not chosen:
        return FeedResult(contract.name, ())
    landed = {file.name: file for file in discover(layout, contract).files}
    before = watermark(connection, contract)
    with transaction(connection):
        for sha256 in chosen if accepts else ():
            note_decision(connection, contract.name, sha256, "accepted", batch_id=stamp.batch_id, now=stamp.now)
        while chosen:
            files = [_landed(connection, landed, known) for known in chosen.values()]
            tracker = ReadingProgress(f"reading {contract.name} again", files, progress)
            _note_leaving(connection, contract, stamp.batch_id, list(chosen))
            forget_files(connection, contract, list(chosen))
            again = BatchStamp(stamp.batch_id, stamp.now, chosen, before, stamp.persons)
            for group in grouped(sorted(files, key=lambda file: file.name)):
                readings = stage(connection, contract, group, tracker)
                merge_staged(connection, contract, readings, again)
                found |= {outcome.file_sha256: outcome for outcome in outcomes(connection, contract, readings)}
            known = known_files(connection, contract.name)
            chosen = {sha256: known[sha256] for sha256 in _orphaned(connection, contract)}
        reasons = rejected_by_reason(connection, contract, stamp.batch_id)
    checkpoint(connection)
    write_mirrors(connection, layout, contract.name)
    return FeedResult(contract.name, tuple(found.values()), reasons)


def _landed(connection: Connection, landed: Mapping[str, LandedFile], known: KnownFile) -> LandedFile:
    """The file of that content in landing, under any name it was seen under."""
    for name in [known.file_name, *names_of(connection, known.file_sha256)]:
        file = landed.get(name)
        if file is not None and file.size_bytes == known.size_bytes and sha256_of(file) == known.file_sha256:
            return file
    raise LandingFileError(
        "the file cannot be read again",
        where=known.file_name,
        why=f"landing no longer holds the content with sha-256 {known.file_sha256}",
        fix="put the file back as it was delivered and run again",
    )


def _note_leaving(connection: Connection, contract: TableContract, batch_id: str, hashes: Sequence[str]) -> None:
    connection.execute(MergeStatements(contract).note_leaving(), {"batch_id": batch_id, "hashes": list(hashes)})


def _orphaned(connection: Connection, contract: TableContract) -> list[str]:
    """Files with a lost row whose key no row in raw holds any more."""
    if not contract.key:
        return []
    rows = connection.execute(MergeStatements(contract).find_orphans()).fetchall()
    return [row[0] for row in rows]
