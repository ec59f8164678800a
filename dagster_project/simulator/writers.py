"""Write one feed's rows of one received day in a file format, with extra lines put between the rows."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import polars as pl
from isal import igzip

from dagster_project.simulator.feeds import as_text, schema
from dagster_project.simulator.malformed import ExtraLine, spoiled_csv, spoiled_json, spoiled_row

FileFormat = Literal["jsonl.gz", "csv", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = ("jsonl.gz", "csv", "parquet")
_SLICE_ROWS = 100_000


def write_feed_file(
    path: Path, feed: str, rows: pl.DataFrame, extra: Sequence[ExtraLine], mark: str, file_format: FileFormat
) -> None:
    """Write the rows in order. The same rows give the same bytes: no clock and no name goes into the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if file_format == "parquet":
        _write_parquet(path, feed, rows, extra, mark)
    elif file_format == "csv":
        with path.open("wb") as stream:
            stream.write((",".join(rows.columns) + "\n").encode())
            _write_lines(stream, feed, rows, extra, mark, _csv_lines, spoiled_csv)
    else:
        with path.open("wb") as raw, igzip.IGzipFile("", "wb", compresslevel=2, fileobj=raw, mtime=0) as stream:
            _write_lines(stream, feed, rows, extra, mark, _json_lines, spoiled_json)


def _write_lines(
    stream: BinaryIO | igzip.IGzipFile,
    feed: str,
    rows: pl.DataFrame,
    extra: Sequence[ExtraLine],
    mark: str,
    encode: Callable[[pl.DataFrame], memoryview],
    spoil: Callable[[str, dict[str, Any], ExtraLine, str], bytes],
) -> None:
    waiting = list(extra)
    for begin in range(0, max(rows.height, 1), _SLICE_ROWS):
        part = rows[begin : begin + _SLICE_ROWS]
        last = begin + _SLICE_ROWS >= rows.height
        buffer = encode(as_text(part))
        here = [line for line in waiting if last or line.position < begin + part.height]
        waiting = waiting[len(here) :]
        if not here:
            stream.write(buffer)
            continue
        ends = np.flatnonzero(np.frombuffer(buffer, dtype=np.uint8) == 10) + 1
        done = 0
        for line in here:
            offset = int(ends[line.position - begin - 1]) if line.position > begin else 0
            stream.write(buffer[done:offset])
            stream.write(spoil(feed, as_text(rows[line.template]).row(0, named=True), line, mark))
            done = offset
        stream.write(buffer[done:])


def _json_lines(rows: pl.DataFrame) -> memoryview:
    lines = rows.select((pl.struct(pl.all()).struct.json_encode() + "\n").alias("line"))["line"]
    return _text_bytes(lines)


def _text_bytes(lines: pl.Series) -> memoryview:
    """Return the concatenated UTF-8 bytes of a text column without nulls."""
    array = lines.to_arrow()
    buffers = array.buffers()
    return memoryview(buffers[2]) if buffers[2] is not None else memoryview(b"")


def _csv_lines(rows: pl.DataFrame) -> memoryview:
    stream = io.BytesIO()
    rows.write_csv(stream, include_header=False)
    return stream.getbuffer()


def _write_parquet(path: Path, feed: str, rows: pl.DataFrame, extra: Sequence[ExtraLine], mark: str) -> None:
    pieces, done = [], 0
    for line in extra:
        pieces.append(rows[done : line.position])
        template = as_text(rows[line.template]).row(0, named=True)
        pieces.append(spoiled_row(feed, template, line, mark, schema(feed)))
        done = line.position
    pieces.append(rows[done:])
    pl.concat(pieces).write_parquet(path, compression="zstd", statistics=False, row_group_size=_SLICE_ROWS)
