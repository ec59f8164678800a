"""Refused rows that an operator has mended: delivered beside the file they stand in, and only if all are good."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path, PurePosixPath

from dagster_project.contracts.model import TableContract
from dagster_project.core.errors import LandingFileError, UsageError
from dagster_project.ingest.feed import ReadingProgress, sha256_of, stage
from dagster_project.ingest.merge import BatchStamp, merge_staged, outcomes
from dagster_project.ingest.results import FileOutcome
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.landing import LandedFile, discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.quarantine_files import write_mirrors
from dagster_project.storage.raw_tables import known_files, note_decision
from dagster_project.storage.refusals import RefusedContent
from dagster_project.storage.warehouse import Connection, checkpoint, transaction

PREFIX = "mended-"


def take_mended(
    connection: Connection,
    layout: DataLayout,
    contract: TableContract,
    content: RefusedContent,
    mended: Path,
    *,
    batch_id: str,
    now: datetime,
    persons: Persons | None = None,
) -> FileOutcome:
    """Land a copy of `mended` beside the file and take it in, one transaction; the original's counts stay as they are.

    Told twice the same, nothing is counted twice: the second time the content is known.

    Raises:
        UsageError: It holds more rows than were refused, or one that still breaks the contract; nothing was changed.
        LandingFileError: It cannot be read or copied.
    """
    file = _land(layout, contract, content, mended)
    sha256 = sha256_of(file)
    known = known_files(connection, contract.name).get(sha256)
    if known is not None and known.status == "loaded":
        with transaction(connection):
            _note(connection, content, sha256, batch_id, now)
        return FileOutcome(contract.name, file.name, sha256, "known")
    try:
        with transaction(connection):
            readings = stage(connection, contract, [file], ReadingProgress("reading the mended rows", [file], None))
            merge_staged(connection, contract, readings, BatchStamp(batch_id, now, persons=persons))
            (outcome,) = outcomes(connection, contract, readings)
            _require_mended(connection, content, outcome, mended)
            _note(connection, content, sha256, batch_id, now)
    except BaseException:
        file.path.unlink(missing_ok=True)
        raise
    checkpoint(connection)
    write_mirrors(connection, layout, contract.name)
    return outcome


def _note(connection: Connection, content: RefusedContent, sha256: str, batch_id: str, now: datetime) -> None:
    note_decision(
        connection, content.feed, content.file_sha256, "mended", batch_id=batch_id, now=now, mended_sha256=sha256
    )


def _land(layout: DataLayout, contract: TableContract, content: RefusedContent, mended: Path) -> LandedFile:
    """Copy into the folder of the original; under its name it appears whole or not at all."""
    name = str(PurePosixPath(content.file_name).with_name(f"{PREFIX}{content.file_sha256[:12]}-{mended.name}"))
    target = layout.landing / name
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mended, partial)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise LandingFileError(
            "the mended rows cannot be copied to landing",
            where=str(mended),
            why=error.strerror or str(error),
            fix="name a plain file that this user may read, and make the landing folder writable",
        ) from error
    for file in discover(layout, contract).files:
        if file.name == name:
            return file
    target.unlink()
    raise UsageError(
        "the mended rows are in no form that is taken in",
        where=str(mended),
        why="its name must end in .jsonl or .csv, also with .gz or .zst, or in .parquet, and must not be a link's",
        fix="rename it and try again",
    )


def _require_mended(connection: Connection, content: RefusedContent, outcome: FileOutcome, mended: Path) -> None:
    rows = outcome.lines_read - outcome.blank
    if outcome.status == "known":
        why = "the same content was refused before"
    elif outcome.status != "loaded":
        why = f"{outcome.reason_code}: {outcome.detail}"
    elif outcome.rejected:
        line, reason, detail = connection.execute(
            "select line_no, reason_code, detail from raw.quarantine where feed = ? and file_sha256 = ? "
            "and reason_code <> 'conflict' order by line_no",
            [content.feed, outcome.file_sha256],
        ).fetchall()[0]
        why = f"{outcome.rejected} of its rows still break the contract, first line {line} ({reason}: {detail})"
    elif rows > content.refused_rows:
        why = f"it holds {rows} rows, but only {content.refused_rows} were refused of {content.file_name}"
    else:
        return
    raise UsageError(
        "the mended rows are not taken in",
        where=str(mended),
        why=why,
        fix="give the refused rows alone, each mended; to replace a held file, deliver it whole under its old name",
    )
