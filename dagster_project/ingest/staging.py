"""Reads a group of files, each once, into the temporary table `staged`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import pyarrow as pa

from dagster_project.contracts.model import TableContract
from dagster_project.ingest import staging_sql
from dagster_project.ingest.adapters.expressions import create_macros
from dagster_project.ingest.adapters.native_sql import header_names, record_contract
from dagster_project.ingest.csv_records import CANONICAL, CsvForm, csv_batches, record_schema
from dagster_project.ingest.json_lines import LINE_SCHEMA, FileCounts, first_pairs, json_batches
from dagster_project.ingest.long_values import kept_lengths
from dagster_project.ingest.parquet_rows import parquet_batches
from dagster_project.ingest.unpacking import BLOCK_BYTES, HashingReader, UnusableFile, unpack
from dagster_project.storage.landing import FileForm, LandedFile, has_changed, open_landed
from dagster_project.storage.reference_tables import create_missing_references
from dagster_project.storage.warehouse import Connection

_FULL_BATCH_ROWS = 1_000
_SAMPLED_FILES = 3
_SHOWN_UNKNOWN_COLUMNS = 50
_QUICK_SHARE = 0.7
"""Share of plain lines from which the quick way first, then the careful one for the rest, costs less."""
ByteProgress = Callable[[int], None]


@dataclass
class FileReading:
    """What reading one file brought; `status` is read, rejected, held, known or changing."""

    index: int
    file: LandedFile
    status: str = "read"
    sha256: str = ""
    lines_read: int = 0
    blank: int = 0
    reason_code: str | None = None
    detail: str | None = None
    unknown_columns: list[str] = field(default_factory=list)

    def take(self, counts: FileCounts) -> None:
        """The file was read to its end."""
        self.lines_read, self.blank = counts.lines_read, counts.blank
        self.unknown_columns = counts.unknown_columns

    def refuse(self, problem: UnusableFile) -> None:
        """Nothing of the file is kept."""
        self.status, self.reason_code, self.detail = "rejected", problem.reason_code, problem.detail
        self.lines_read = self.blank = 0


def stage_files(
    connection: Connection, contract: TableContract, readings: Sequence[FileReading], progress: ByteProgress
) -> None:
    """Read the files into `staged`; rows of refused files are taken out again. Fills in the readings.

    Raises:
        LandingFileError: A file cannot be read at all.
    """
    connection.execute(staging_sql.create_staged(contract))
    own = [reading for reading in readings if not reading.file.native]
    by_form = {form: [reading for reading in own if reading.file.form is form] for form in FileForm}
    json_files = by_form[FileForm.JSON_LINES]
    shapes, share_plain = _sample(contract, json_files)
    is_quick = share_plain >= _QUICK_SHARE
    insert_json = staging_sql.insert_json_quickly if is_quick else staging_sql.insert_json_carefully
    rows = _Reader(json_files, partial(_json_rows, limits=kept_lengths(contract)), progress)
    _insert(connection, insert_json(contract, "delivered", shapes), LINE_SCHEMA, rows)
    if is_quick:
        _look_again(connection, contract, shapes)
    statement, schema = staging_sql.insert_texts(contract, "delivered"), record_schema(contract)
    for form in (FileForm.CSV, FileForm.PARQUET):
        rows = _Reader(by_form[form], partial(_record_rows, contract), progress)
        _insert(connection, statement, schema, rows)
    _stage_natives(connection, contract, [reading for reading in readings if reading.file.native], progress)
    dropped = [reading.index for reading in readings if reading.status != "read"]
    if dropped:
        connection.execute("delete from staged where list_contains(?, _file_index)", [dropped])
    _note_unknown_columns(connection, contract, readings, shapes)


def _stage_natives(
    connection: Connection, contract: TableContract, readings: Sequence[FileReading], progress: ByteProgress
) -> None:
    """Read platforms' own files, those of one native feed after those of another."""
    if not readings:
        return
    for statement in create_macros():
        connection.execute(statement)
    for native in contract.natives:
        files = [reading for reading in readings if reading.file.native == native.name]
        if not files:
            continue
        create_missing_references(connection, (lookup.table for lookup in native.lookups))
        statement = staging_sql.insert_native(contract, native, "delivered")
        if native.file_form == FileForm.JSON_LINES:
            _insert(connection, statement, LINE_SCHEMA, _Reader(files, _json_rows, progress))
        else:
            records = record_contract(native)
            form = CsvForm(",;\t", header_names(native), native.trailer)
            _insert(
                connection,
                statement,
                record_schema(records),
                _Reader(files, partial(_record_rows, records, form=form), progress),
            )


def _json_rows(
    reading: FileReading, reader: HashingReader, limits: Mapping[str, int] | None = None
) -> Iterator[pa.RecordBatch]:
    counts = FileCounts()
    yield from json_batches(unpack(reader, reading.file.packing), reading.index, counts, limits)
    reading.take(counts)


def _record_rows(
    contract: TableContract, reading: FileReading, reader: HashingReader, form: CsvForm = CANONICAL
) -> Iterator[pa.RecordBatch]:
    counts = FileCounts()
    if reading.file.form is FileForm.CSV:
        yield from csv_batches(contract, reading.file.packing, reader, reading.index, counts, form)
    else:
        yield from parquet_batches(contract, reader, reading.index, counts)
    reading.take(counts)


class _Reader:
    """Yields the batches of all files; a refused file ends, the next begins.

    An exception must not pass through the database, which would change it: it is kept in `failure`.
    """

    def __init__(
        self,
        readings: Sequence[FileReading],
        rows: Callable[[FileReading, HashingReader], Iterator[pa.RecordBatch]],
        progress: ByteProgress,
    ) -> None:
        self._readings = readings
        self._rows = rows
        self._progress = progress
        self.failure: BaseException | None = None

    @property
    def is_empty(self) -> bool:
        return not self._readings

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from _no_crumbs(batch for reading in self._readings for batch in self._file(reading))
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failure = error

    def _file(self, reading: FileReading) -> Iterator[pa.RecordBatch]:
        with closing(open_landed(reading.file)) as stream:
            reader = HashingReader(reading.file, stream)
            reported = 0
            try:
                for batch in self._rows(reading, reader):
                    yield batch
                    self._progress(reader.bytes_read - reported)
                    reported = reader.bytes_read
            except UnusableFile as problem:
                reading.refuse(problem)
            reader.read_rest()
            self._progress(reader.bytes_read - reported)
            reading.sha256 = reader.sha256
            if has_changed(reading.file, stream):
                reading.status, reading.detail = "changing", "it changed while it was read; a later run reads it"


def _no_crumbs(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches put together: each costs the database the same, and small files make many."""
    crumbs: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        crumbs.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _FULL_BATCH_ROWS or size >= BLOCK_BYTES:
            yield pa.concat_batches(crumbs) if len(crumbs) > 1 else batch
            crumbs, rows, size = [], 0, 0
    if crumbs:
        yield pa.concat_batches(crumbs)


def _insert(connection: Connection, statement: str, schema: pa.Schema, reader: _Reader) -> None:
    if reader.is_empty:
        return
    stream = pa.RecordBatchReader.from_batches(schema, reader.batches())
    connection.register("delivered", stream)
    try:
        connection.execute(statement)
    finally:
        connection.unregister("delivered")
    if reader.failure is not None:
        raise reader.failure


def _look_again(connection: Connection, contract: TableContract, shapes: Sequence[tuple[str, ...]]) -> None:
    """Type carefully what the quick way did not take."""
    aside, leave = staging_sql.set_failed_aside()
    connection.execute(aside)
    found = connection.execute("select count(*) from second_look").fetchone()
    if found is not None and found[0]:
        connection.execute(leave)
        connection.execute(staging_sql.insert_json_carefully(contract, "second_look", shapes))
    connection.execute("drop table second_look")


def _sample(contract: TableContract, readings: Sequence[FileReading]) -> tuple[list[tuple[str, ...]], float]:
    """From the first lines of a few files: lists of keys that seem to be in use, share of quick lines."""
    shapes: list[tuple[str, ...]] = []
    plain = count = 0
    for reading in readings[:_SAMPLED_FILES]:
        batch = _first_batch(reading)
        if batch is None:
            continue
        pairs = first_pairs(batch.column("_line")[0].as_py().encode())
        keys = None if pairs is None else tuple(pairs)
        if keys is not None and keys not in shapes and any(column.name in keys for column in contract.columns):
            shapes.append(keys)
        count += batch.num_rows
        if pairs is None or staging_sql.has_usual_kinds(contract, pairs):
            plain += batch.column("_is_plain").true_count
    return shapes[: staging_sql.KNOWN_SHAPE_LIMIT], plain / count if count else 1.0


def _first_batch(reading: FileReading) -> pa.RecordBatch | None:
    with closing(open_landed(reading.file)) as stream:
        blocks = islice(unpack(HashingReader(reading.file, stream), reading.file.packing), 1)
        try:
            return next(json_batches(blocks, reading.index, FileCounts()), None)
        except UnusableFile:
            return None  # told when the file is read in earnest


def _note_unknown_columns(
    connection: Connection,
    contract: TableContract,
    readings: Sequence[FileReading],
    shapes: Sequence[tuple[str, ...]],
) -> None:
    known = {column.name for column in contract.columns}
    found: dict[int, set[str]] = {}
    rows = connection.execute(
        "select distinct _file_index, unnest(_unknown) from staged where _unknown is not null"
    ).fetchall()
    for index, name in rows:
        found.setdefault(index, set()).add(name)
    if shapes:
        matched = connection.execute("select distinct _file_index, _shape from staged where _shape > 0").fetchall()
        for index, shape in matched:
            found.setdefault(index, set()).update(set(shapes[shape - 1]) - known)
    for reading in readings:
        names = {*reading.unknown_columns, *found.get(reading.index, set())}
        reading.unknown_columns = sorted(names)[:_SHOWN_UNKNOWN_COLUMNS]
