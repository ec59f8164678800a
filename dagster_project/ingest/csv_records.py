"""CSV records to Arrow batches of texts; the line number of a record is that of its first line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.framing import LINE_LIMIT_BYTES, Framer, Lines, OverlongLine
from dagster_project.ingest.json_lines import FileCounts
from dagster_project.ingest.long_values import CUT_MARK, LONG_TEXT, kept_lengths
from dagster_project.ingest.unpacking import HashingReader, UnusableFile, unpack
from dagster_project.storage.landing import Packing

_BATCH_RECORDS = 8_192
_RECORD_LIMIT = 64 * 1024
"""Quarantine shows the beginning of a record; no more than this is passed on of it."""
_HIDDEN = "***"
_WHITE = " \t\r\n\v\f"


@dataclass(frozen=True)
class CsvForm:
    """How records are written.

    Attributes:
        delimiters: Candidates; the header line shows which one it is.
        headers: What a header (in lower case) means, where the file's owner names columns in its own way.
        trailer: First field of the control line below the records, whose second is their number; or None.
    """

    delimiters: str = ","
    headers: Mapping[str, str] = field(default_factory=dict)
    trailer: str | None = None

    def delimiter_of(self, header: str) -> str:
        """The candidate that stands most often in the header line."""
        return max(self.delimiters, key=header.count)


CANONICAL = CsvForm()


def record_schema(contract: TableContract) -> pa.Schema:
    """What `staging_sql.insert_texts` reads: lineage, the record as delivered (or null), one text per column.

    Names of this project's own columns start with `_`, which no contract column does.
    """
    fixed = [
        ("_file_index", pa.int32()),
        ("_line_no", pa.int64()),
        ("_record", pa.string()),
        ("_is_plain", pa.bool_()),
        ("_fault", pa.string()),
    ]
    return pa.schema([*fixed, *((column.name, pa.string()) for column in contract.columns)])


def csv_batches(
    contract: TableContract,
    packing: Packing,
    reader: HashingReader,
    file_index: int,
    counts: FileCounts,
    form: CsvForm = CANONICAL,
) -> Iterator[pa.RecordBatch]:
    """Yield the records of one file. A record that does not fit the header is passed on with a fault.

    Quotes follow RFC 4180. A quote that is never closed costs its own line, not the lines after it: a record over
    several lines that does not have the header's number of fields is read again line by line.

    Raises:
        UnusableFile: corrupt, too_large, missing_column or duplicate_column.
    """
    csv.field_size_limit(2 * LINE_LIMIT_BYTES)
    records = _Records(contract, file_index, form)
    framer = Framer()
    for block in unpack(reader, packing):
        for framed in framer.feed(block):
            yield from records.take(framed)
    for framed in framer.finish():
        yield from records.take(framed)
    yield from records.finish()
    counts.lines_read, counts.blank = records.lines_read, records.blank
    counts.unknown_columns = records.unknown_columns


class _Records:
    """Collects physical lines into records and records into batches."""

    def __init__(self, contract: TableContract, file_index: int, form: CsvForm) -> None:
        self._contract = contract
        self._form = form
        self._delimiter = form.delimiters[0]
        self._is_ended = False
        self._schema = record_schema(contract)
        self._file_index = file_index
        self._header: list[str] | None = None
        self._open: list[tuple[int, str]] = []
        self._open_length = 0
        self._rows: list[tuple[int, str, bool, str | None, Sequence[str] | None]] = []
        self.lines_read = 0
        self.blank = 0

    def take(self, framed: Lines | OverlongLine) -> Iterator[pa.RecordBatch]:
        if isinstance(framed, OverlongLine):
            self._settle()
            self._require_header()
            self._fault(framed.line_no, framed.beginning.decode("utf-8", "replace"), "line_too_long")
            return
        for offset in range(framed.count):
            self._take_line(framed.first_line_no + offset, framed.line(offset))
            if len(self._rows) >= _BATCH_RECORDS:
                yield self._batch()

    def finish(self) -> Iterator[pa.RecordBatch]:
        self._settle()
        self._require_header()
        if self._form.trailer is not None and not self._is_ended:
            raise UnusableFile("corrupt", f"the control line {self._form.trailer} is missing: the file is cut")
        if self._rows:
            yield self._batch()

    def _take_line(self, line_no: int, line: bytes) -> None:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._settle()
            self._require_header()
            self._fault(line_no, line.decode("utf-8", "replace"), "invalid_utf8")
            return
        if self._open:
            self._open.append((line_no, text))
            self._open_length += len(text)
            if text.count('"') % 2:
                self._close()
            elif self._open_length > LINE_LIMIT_BYTES:
                self._settle()
        elif text.count('"') % 2:
            self._open, self._open_length = [(line_no, text)], len(text)
        else:
            self._take_record(line_no, text)

    def _close(self) -> None:
        """The quotes of the open lines match: they are one record if they fit the header."""
        lines, self._open = self._open, []
        text = "".join(part for _, part in lines)
        if self._header is None or _fields(text, len(self._header), self._delimiter) is not None:
            self._take_record(lines[0][0], text)
        else:
            self._line_by_line(lines)

    def _settle(self) -> None:
        """No closing quote will come: each open line stands for itself."""
        lines, self._open = self._open, []
        self._line_by_line(lines)

    def _line_by_line(self, lines: list[tuple[int, str]]) -> None:
        for line_no, text in lines:
            self._take_record(line_no, text)

    def _take_record(self, line_no: int, text: str) -> None:
        if self._header is None:
            if text.strip(_WHITE):
                self._header = self._read_header(text)
            return
        if self._form.trailer is not None and (self._is_ended or text.startswith(self._form.trailer)):
            self._check_trailer(text)
            return
        self.lines_read += 1
        if not text.strip(_WHITE):
            self.blank += 1
            return
        fields = _fields(text, len(self._header), self._delimiter)
        if fields is None:
            self._rows.append((line_no, self._hide_persons(text), False, "not_object", None))
        elif len(text) > LONG_TEXT and (short := self._shortened(fields)) != fields:
            self._rows.append((line_no, self._hide_persons(text)[:_RECORD_LIMIT], False, None, short))
        else:
            self._rows.append((line_no, text, _is_plain(text), None, fields))

    def _shortened(self, fields: Sequence[str]) -> list[str]:
        """Fields too long for their column, as long as it takes to be refused for that."""
        limits = kept_lengths(self._contract)
        wanted = [limits.get(name, LONG_TEXT) for name in self._header or []]
        return [
            text if len(text) <= limit else text[:limit] + CUT_MARK if text.strip(_WHITE) else ""
            for text, limit in zip(fields, wanted, strict=True)
        ]

    def _check_trailer(self, text: str) -> None:
        """The control line is no record; it tells how many there must be. More totals may follow, but no record."""
        if self._is_ended:
            if _fields(text, len(self._header or []), self._delimiter) is not None:
                raise UnusableFile("corrupt", f"there are records below the control line {self._form.trailer}")
            return
        told = text.strip(_WHITE).split(self._delimiter)[1:2]
        found = self.lines_read - self.blank
        if told != [str(found)]:
            detail = f"{self._form.trailer} says {told[0] if told else 'nothing'}, but there are {found} records"
            raise UnusableFile("corrupt", detail)
        self._is_ended = True

    def _fault(self, line_no: int, text: str, fault: str) -> None:
        self.lines_read += 1
        self._rows.append((line_no, self._hide_persons(text), False, fault, None))

    def _read_header(self, text: str) -> list[str]:
        self._delimiter = self._form.delimiter_of(text)
        try:
            names = [name.strip() for name in next(csv.reader([text], delimiter=self._delimiter))]
        except csv.Error as error:
            raise UnusableFile("missing_column", f"the header cannot be read: {error}") from error
        names = [self._form.headers.get(name.lower(), name) for name in names]
        columns = [column.name for column in self._contract.columns]
        twice = sorted({name for name in names if names.count(name) > 1 and name in columns})
        if twice:
            raise UnusableFile("duplicate_column", f"the header names {', '.join(twice)} twice")
        missing = [column.name for column in self._contract.columns if column.is_required and column.name not in names]
        if missing:
            raise UnusableFile("missing_column", f"the header lacks {', '.join(missing)}")
        return names

    def _require_header(self) -> None:
        if self._header is None:
            raise UnusableFile("missing_column", "there is no header line")

    @property
    def unknown_columns(self) -> list[str]:
        """Columns of the header that the contract does not name."""
        known = {column.name for column in self._contract.columns}
        return [name for name in self._header or [] if name and name not in known]

    def _hide_persons(self, text: str) -> str:
        """Best effort on a record whose fields cannot be told for sure.

        With more or fewer fields than the header it is unknown where the fields shift: a personal one may stand
        anywhere between its place counted from the front and that counted from the back.
        """
        personal = {column.name for column in self._contract.columns if column.is_personal}
        header = self._header or []
        parts = text.split(self._delimiter)
        for from_front, name in enumerate(header):
            if name not in personal:
                continue
            from_back = from_front + len(parts) - len(header)
            first, last = sorted((from_front, from_back))
            for place in range(max(first, 0), min(last + 1, len(parts))):
                if parts[place].strip(_WHITE):
                    parts[place] = _HIDDEN
        return self._delimiter.join(parts)

    def _batch(self) -> pa.RecordBatch:
        rows, self._rows = self._rows, []
        header = self._header or []
        width = len(header)
        nothing: list[None] = [None] * width
        fields = list(zip(*(row[4] if row[4] is not None else nothing for row in rows), strict=True))
        positions = {name: position for position, name in enumerate(header)}
        count = len(rows)
        arrays = [
            pa.array(np.full(count, self._file_index, np.int32)),
            pa.array([row[0] for row in rows], pa.int64()),
            pa.array([row[1] for row in rows], pa.string()),
            pa.array([row[2] for row in rows], pa.bool_()),
            pa.array([row[3] for row in rows], pa.string()),
        ]
        for column in self._contract.columns:
            position = positions.get(column.name)
            arrays.append(pa.nulls(count, pa.string()) if position is None else pa.array(fields[position], pa.string()))
        return pa.record_batch(arrays, schema=self._schema)


def _fields(text: str, width: int, delimiter: str) -> list[str] | None:
    """The fields of one record, or None when they do not fit the header."""
    try:
        rows = list(csv.reader([text], strict=True, delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == width else None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.rstrip("\r\n").isprintable()
