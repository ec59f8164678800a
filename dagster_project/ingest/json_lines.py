"""Framed lines to Arrow batches for the strict JSON parse in SQL; what cannot be JSON text is set aside here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dagster_project.ingest.framing import Framer, Lines, OverlongLine
from dagster_project.ingest.key_marks import key_marks, lines_of
from dagster_project.ingest.long_values import shortened_lines

LINE_SCHEMA = pa.schema(
    [
        ("_file_index", pa.int32()),
        ("_line_no", pa.int64()),
        ("_line", pa.string()),
        # No backslash, nothing outside printable ASCII and no text that is empty or starts blank: such a line needs
        # neither unescaping nor a look for odd characters or blank texts.
        ("_is_plain", pa.bool_()),
        # How often `":` occurs, which is the number of keys when nothing is nested or escaped; -1 when a colon follows
        # a space, so that the count could be too low. Rows whose keys found do not account for it get a closer look.
        ("_key_marks", pa.int32()),
        # Of these, how often a null follows, and how often something that is neither a null nor a text.
        ("_null_marks", pa.int32()),
        ("_bare_marks", pa.int32()),
        # The sum of the prints (`key_marks.key_print`) of the keys that are null.
        ("_null_prints", pa.int64()),
        ("_fault", pa.string()),
    ]
)
_BLANKS = np.isin(np.arange(256), np.frombuffer(b" \t\r\n\v\f", np.uint8))
_QUOTE, _BACKSLASH, _DELETE, _SPACE = 0x22, 0x5C, 0x7F, 0x20


class FileCounts:
    """What is told of one file outside SQL; `unknown_columns` where a header or schema names them."""

    def __init__(self) -> None:
        self.lines_read = 0
        self.blank = 0
        self.unknown_columns: list[str] = []


def json_batches(
    blocks: Iterator[bytes], file_index: int, counts: FileCounts, limits: Mapping[str, int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Frame the blocks of one file; blank lines are counted, not passed on.

    Args:
        limits: By key, how much of a value in a long line is passed on (see `long_values`); None for all of it.
    """
    framer = Framer()
    for block in blocks:
        for framed in framer.feed(block):
            yield from _batches(_bounded(framed, limits), file_index, counts)
    for framed in framer.finish():
        yield from _batches(_bounded(framed, limits), file_index, counts)
    counts.lines_read = framer.lines_read


def _bounded(framed: Lines | OverlongLine, limits: Mapping[str, int] | None) -> Lines | OverlongLine:
    return framed if limits is None or isinstance(framed, OverlongLine) else shortened_lines(framed, limits)


def first_pairs(line: bytes) -> dict[str, Any] | None:
    """The keys of a line in order with their values, or None when it is no JSON object or says a key twice."""
    try:
        pairs: Any = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not line.lstrip().startswith(b"{") or len(found := dict(pairs)) != len(pairs):
        return None
    return found


def _batches(framed: Lines | OverlongLine, file_index: int, counts: FileCounts) -> Iterator[pa.RecordBatch]:
    if isinstance(framed, OverlongLine):
        preview = framed.beginning.decode("utf-8", "replace")
        yield _faulty_batch([(framed.line_no, preview, "line_too_long")], file_index)
        return
    data = np.frombuffer(framed.text, np.uint8)
    is_blank = blank_lines(data, framed.offsets)
    is_plain, faulty = _inspect(framed, data)
    keep = ~is_blank
    keep[faulty] = False
    counts.blank += int(is_blank.sum())
    line_numbers = np.arange(framed.first_line_no, framed.first_line_no + framed.count, dtype=np.int64)
    marks = key_marks(data, framed.offsets)
    if len(faulty):
        faults = [
            (int(line_numbers[row]), framed.line(row).decode("utf-8", "replace"), "invalid_utf8")
            for row in faulty.tolist()
        ]
        yield _faulty_batch(faults, file_index)
        # Arrow text must be UTF-8 throughout: the bad lines are copied out of the way.
        text = b"".join(framed.line(row) for row in np.flatnonzero(keep).tolist())
        lengths = np.diff(framed.offsets)[keep]
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        lines = text_array(text, offsets)
    else:
        lines = text_array(framed.text, framed.offsets)
        if not keep.all():
            lines = lines.filter(pa.array(keep))
    if not keep.all():
        line_numbers, is_plain, marks = line_numbers[keep], is_plain[keep], [found[keep] for found in marks]
    count = len(line_numbers)
    if count:
        indexes, no_fault = np.full(count, file_index, np.int32), pa.nulls(count, pa.string())
        columns = [pa.array(column) for column in (indexes, line_numbers, lines, is_plain, *marks, no_fault)]
        yield pa.record_batch(columns, schema=LINE_SCHEMA)


def text_array(text: bytes, offsets: NDArray[np.int32]) -> pa.StringArray:
    """The lines as Arrow text, without a copy."""
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text))


def blank_lines(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which lines hold nothing but white space, shape (n,)."""
    starts, ends = offsets[:-1], offsets[1:]
    is_blank: NDArray[np.bool_] = _BLANKS[data[starts]]
    # An empty line is its line end; only longer lines that start blank need a look at all they hold.
    longer = np.flatnonzero(is_blank & (ends - starts > 1))
    if len(longer):
        inked = np.concatenate(([0], np.cumsum(~_BLANKS[data], dtype=np.int32)))
        is_blank[longer] = inked[ends[longer]] == inked[starts[longer]]
    return is_blank


def _inspect(lines: Lines, data: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which lines are plain, and the rows that are not UTF-8."""
    is_plain = np.ones(lines.count, np.bool_)
    no_rows = np.empty(0, np.int64)
    is_quote = data == _QUOTE
    starts_blank = is_quote[:-1] & (is_quote[1:] | (data[1:] <= _SPACE))
    if starts_blank.any():
        is_plain[lines_of(np.flatnonzero(starts_blank), lines.offsets)] = False
    if lines.text.isascii() and not any(mark in lines.text for mark in (b"\\", b"\x7f")):
        return is_plain, no_rows
    rows = lines_of(np.flatnonzero((data == _BACKSLASH) | (data >= _DELETE)), lines.offsets)
    is_plain[rows] = False
    try:
        lines.text.decode("utf-8")
    except UnicodeDecodeError:
        return is_plain, np.array([row for row in rows.tolist() if not _is_utf8(lines.line(row))], np.int64)
    return is_plain, no_rows


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _faulty_batch(faults: list[tuple[int, str, str]], file_index: int) -> pa.RecordBatch:
    count = len(faults)
    columns: list[list[Any]] = [
        [file_index] * count,
        [line_no for line_no, _, _ in faults],
        [text for _, text, _ in faults],
        [False] * count,
        *([0] * count for _ in range(4)),
        [code for _, _, code in faults],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, LINE_SCHEMA, strict=True)]
    return pa.record_batch(arrays, schema=LINE_SCHEMA)
