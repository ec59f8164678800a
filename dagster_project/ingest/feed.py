"""A feed's landed files into raw: which are new, in which groups, one transaction each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.merge import BatchStamp, merge_staged, outcomes
from dagster_project.ingest.results import FeedResult, FileOutcome, Progress
from dagster_project.ingest.staging import FileReading, stage_files
from dagster_project.ingest.unpacking import HashingReader
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.landing import FileForm, LandedFile, Packing, RefusedEntry, discover, open_landed
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.quarantine_files import write_mirrors
from dagster_project.storage.raw_tables import known_files, known_names, note_names, superseded_contents
from dagster_project.storage.warehouse import Connection, checkpoint, transaction

GROUP_TEXT_BYTES = 1024**3
GROUP_FILES = 2_000
_EXPANSION = {Packing.PLAIN: 1, Packing.GZIP: 10, Packing.ZSTANDARD: 12}
_PARQUET_EXPANSION = 8


def pending_files(connection: Connection, layout: DataLayout, contract: TableContract) -> list[LandedFile]:
    """The files a run would read: those not seen yet under this name, size and modification time.

    Raises:
        LandingFileError: A folder cannot be listed.
    """
    known = known_names(connection)
    return [
        file for file in discover(layout, contract).files if (file.name, file.size_bytes, file.modified_ns) not in known
    ]


def ingest_feed(
    connection: Connection,
    layout: DataLayout,
    contract: TableContract,
    *,
    batch_id: str,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    persons: Persons | None = None,
) -> FeedResult:
    """Take in every new file of the feed, exactly once.

    Files are read in groups of about `GROUP_TEXT_BYTES` of text; a group is one transaction, so a killed run leaves
    whole groups and the next run goes on after them. With `dry_run` each group is done and then taken back.

    Args:
        now: The run's clock (UTC); its date is the ingest date.
        progress: Told (what, share from 0 to 1).
        persons: Whose pseudonyms take the place of ids; None keeps the ids as they were delivered.

    Raises:
        PrivacyError: The warehouse was filled with another key.
        LandingFileError: A file or folder cannot be read; nothing of its group is kept.
        WarehouseError: The database could not be written, or a file's lines do not add up.
    """
    refused = [_refusal(contract, entry) for entry in discover(layout, contract).refused]
    pending = pending_files(connection, layout, contract)
    stamp = BatchStamp(batch_id, now, persons=persons)
    tracker = ReadingProgress(f"reading {contract.name}", pending, progress)
    found: list[FileOutcome] = []
    reasons: Counter[str] = Counter()
    for group in grouped(pending):
        fresh, repeated = _set_known_aside(connection, contract, group)
        # Staged outside the transaction: rows of an open transaction are slower to read.
        readings = stage(connection, contract, fresh, tracker)
        with transaction(connection, keeps=not dry_run):
            note_names(connection, list(repeated.items()), now)
            merge_staged(connection, contract, readings, stamp)
            found += outcomes(connection, contract, readings)
            reasons = Counter(rejected_by_reason(connection, contract, batch_id))
        found += [FileOutcome(contract.name, file.name, sha256, "known") for file, sha256 in repeated.items()]
        connection.execute("drop table staged")
        if not dry_run:
            checkpoint(connection)
    if not dry_run:
        write_mirrors(connection, layout, contract.name)
    return FeedResult(contract.name, (*found, *refused), dict(reasons))


def stage(
    connection: Connection, contract: TableContract, files: Sequence[LandedFile], tracker: ReadingProgress
) -> list[FileReading]:
    """Read these files into `staged`."""
    readings = [FileReading(index, file) for index, file in enumerate(files)]
    stage_files(connection, contract, readings, tracker.add)
    return readings


def rejected_by_reason(connection: Connection, contract: TableContract, batch_id: str) -> dict[str, int]:
    """Rows that this batch sent to quarantine, by reason code."""
    rows = connection.execute(
        "select reason_code, count(*) from raw.quarantine where feed = ? and batch_id = ? group by 1 order by 1",
        [contract.name, batch_id],
    ).fetchall()
    return dict(rows)


def grouped(files: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
    """Split into groups that are staged and committed together, in name order; a file is never split."""
    group: list[LandedFile] = []
    size = 0
    for file in files:
        expansion = _PARQUET_EXPANSION if file.form is FileForm.PARQUET else _EXPANSION[file.packing]
        text = file.size_bytes * expansion
        if group and (size + text > GROUP_TEXT_BYTES or len(group) >= GROUP_FILES):
            yield group
            group, size = [], 0
        group.append(file)
        size += text
    if group:
        yield group


class ReadingProgress:
    """Turns bytes read into a share of all bytes to read."""

    def __init__(self, what: str, files: Sequence[LandedFile], progress: Progress | None) -> None:
        self._what = what
        self._total = max(sum(file.size_bytes for file in files), 1)
        self._done = 0
        self._progress = progress

    def add(self, count: int) -> None:
        """So many more delivered bytes are read."""
        self._done += count
        if self._progress is not None:
            self._progress(self._what, min(self._done / self._total, 1.0))


def sha256_of(file: LandedFile) -> str:
    """Of the bytes as delivered.

    Raises:
        LandingFileError: It cannot be read.
    """
    with closing(open_landed(file)) as stream:
        reader = HashingReader(file, stream)
        reader.read_rest()
        return reader.sha256


def _set_known_aside(
    connection: Connection, contract: TableContract, group: Sequence[LandedFile]
) -> tuple[list[LandedFile], dict[LandedFile, str]]:
    """Files to read, and re-deliveries by sha-256: a file as large as a known one is hashed before it is read.

    What was refused as a whole is read once more under its new name, which may be the right one.
    """
    known = {
        sha256: file.size_bytes
        for sha256, file in known_files(connection, contract.name).items()
        if file.status != "rejected"
    }
    known |= superseded_contents(connection, contract.name)
    sizes = set(known.values())
    fresh: list[LandedFile] = []
    repeated: dict[LandedFile, str] = {}
    for file in group:
        sha256 = sha256_of(file) if file.size_bytes in sizes else ""
        if sha256 in known:
            repeated[file] = sha256
        else:
            fresh.append(file)
    return fresh, repeated


def _refusal(contract: TableContract, entry: RefusedEntry) -> FileOutcome:
    return FileOutcome(contract.name, entry.name, "", "rejected", reason_code="not_a_regular_file", detail=entry.detail)
