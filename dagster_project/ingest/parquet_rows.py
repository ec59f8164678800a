"""Parquet rows to Arrow batches of texts, so that they pass the same rules as delivered text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.contracts.model import Column, LogicalType, TableContract
from dagster_project.ingest.csv_records import record_schema
from dagster_project.ingest.json_lines import FileCounts
from dagster_project.ingest.long_values import CUT_MARK, LONG_TEXT, kept_length
from dagster_project.ingest.unpacking import RATIO_FREE_BYTES, RATIO_LIMIT, HashingReader, UnusableFile

_BATCH_ROWS = 16_384
_BATCH_BYTES = 32 * 1024**2
_DICTIONARY_ENCODINGS = frozenset({"PLAIN_DICTIONARY", "RLE_DICTIONARY"})
ROW_LIMIT = 100_000_000
ROWS_PER_BYTE_LIMIT = 4
"""Rows with distinct keys take more room than this; a few repeated pages that claim millions of rows do not."""
_ROWS_FREE = 1_000_000
_ToText = Callable[[pa.Array], pa.Array]


def parquet_batches(
    contract: TableContract, reader: HashingReader, file_index: int, counts: FileCounts
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one file; row numbers count from 1. Page checksums are verified where the file has them.

    Raises:
        UnusableFile: corrupt, too_large, missing_column, duplicate_column or bad_column_type.
    """
    reader.read_rest()
    try:
        with pq.ParquetFile(reader.rewound(), page_checksum_verification=True) as source:
            to_text = _readers(contract, source.schema_arrow)
            _check_size(source.metadata, reader.bytes_read)
            known = {column.name for column in contract.columns}
            counts.unknown_columns = [name for name in source.schema_arrow.names if name not in known]
            row_no, long_bytes = 1, 0
            rows = _rows_at_once(reader, source.metadata, to_text)
            for batch in source.iter_batches(batch_size=rows, columns=list(to_text), use_threads=False):
                texts = _texts(contract, batch, to_text, file_index, row_no)
                long_bytes += _long_bytes(texts)
                _check_ratio(long_bytes, reader.bytes_read)
                yield texts
                row_no += batch.num_rows
            counts.lines_read = row_no - 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # The last of them for names of columns, which are read late.
        raise UnusableFile("corrupt", f"parquet: {error}") from error


def _check_size(metadata: pq.FileMetaData, size: int) -> None:
    rows = metadata.num_rows
    if rows > ROW_LIMIT or (rows > _ROWS_FREE and rows > ROWS_PER_BYTE_LIMIT * size):
        raise UnusableFile("too_large", f"{rows} rows in {size} bytes")
    _check_ratio(sum(group.total_byte_size for group in _row_groups(metadata)), size)


def _check_ratio(unpacked: int, size: int) -> None:
    if unpacked > RATIO_FREE_BYTES and unpacked > RATIO_LIMIT * size:
        raise UnusableFile("too_large", f"{size} bytes unpack to more than {RATIO_LIMIT} times as many")


def _row_groups(metadata: pq.FileMetaData) -> list[pq.RowGroupMetaData]:
    return [metadata.row_group(number) for number in range(metadata.num_row_groups)]


def _rows_at_once(reader: HashingReader, metadata: pq.FileMetaData, names: Iterable[str]) -> int:
    """So many that a batch stays small, though each row repeated the longest value of a dictionary."""
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in _row_groups(metadata)), default=0)
    longest = max(
        (_longest(reader, metadata, number, set(names)) for number in range(metadata.num_row_groups)), default=0
    )
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(widest, longest, 1)))


def _longest(reader: HashingReader, metadata: pq.FileMetaData, number: int, names: set[str]) -> int:
    """Bytes of the longest value in the dictionaries of a row group; 0 when they are too small to matter.

    The dictionary of a column comes with its first row.
    """
    group = metadata.row_group(number)
    suspects = [
        chunk.path_in_schema
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema in names
        and chunk.total_uncompressed_size > _BATCH_BYTES // _BATCH_ROWS
        and not _DICTIONARY_ENCODINGS.isdisjoint(chunk.encodings)
    ]
    if not suspects:
        return 0
    with pq.ParquetFile(
        reader.rewound(), metadata=metadata, read_dictionary=suspects, pre_buffer=False, page_checksum_verification=True
    ) as source:
        for batch in source.iter_batches(batch_size=1, row_groups=[number], columns=suspects, use_threads=False):
            dictionaries = [column.dictionary for column in batch.columns if pa.types.is_dictionary(column.type)]
            lengths = (pc.max(pc.binary_length(values)).as_py() for values in dictionaries if len(values))
            return max((length or 0 for length in lengths), default=0)
    return 0


def _long_bytes(texts: pa.RecordBatch) -> int:
    """Bytes of the values that are longer than values of logs are."""
    total = 0
    for column in texts.columns:
        if pa.types.is_string(column.type) and (pc.max(pc.binary_length(column)).as_py() or 0) > LONG_TEXT:
            lengths = pc.binary_length(column)
            total += pc.sum(pc.if_else(pc.greater(lengths, LONG_TEXT), lengths, 0)).as_py()
    return total


def _readers(contract: TableContract, schema: pa.Schema) -> Mapping[str, _ToText]:
    """How to turn each contract column of the file into text."""
    to_text: dict[str, _ToText] = {}
    for column in contract.columns:
        occurrences = schema.names.count(column.name)
        if occurrences > 1:
            raise UnusableFile("duplicate_column", f"{column.name} stands {occurrences} times in the schema")
        if occurrences == 0:
            if column.is_required:
                raise UnusableFile("missing_column", f"the schema lacks {column.name}")
            continue
        kind = schema.field(column.name).type
        reader = _reader(column, kind)
        if reader is None:
            raise UnusableFile("bad_column_type", f"{column.name} is {kind}, which does not fit {column.logical_type}")
        to_text[column.name] = reader
    return to_text


def _reader(column: Column, kind: pa.DataType) -> _ToText | None:
    """Text is taken for every column; beside it only types that hold the value exactly."""
    if pa.types.is_dictionary(kind):
        inner = _reader(column, kind.value_type)
        return None if inner is None else lambda array: inner(array.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return _plain_text
    if pa.types.is_timestamp(kind):
        fits = column.logical_type is LogicalType.TIMESTAMP and kind.tz is not None
        return _moment_text if fits else None
    exact: dict[LogicalType, bool] = {
        LogicalType.STRING: pa.types.is_integer(kind),
        LogicalType.INTEGER: pa.types.is_integer(kind),
        LogicalType.NUMBER: pa.types.is_integer(kind) or pa.types.is_decimal(kind),
        LogicalType.BOOLEAN: pa.types.is_boolean(kind),
        LogicalType.DATE: pa.types.is_date32(kind),
        LogicalType.TIMESTAMP: False,
    }
    return _plain_text if exact[column.logical_type] else None


def _plain_text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _moment_text(array: pa.Array) -> pa.Array:
    moments = array.cast(pa.timestamp("us", "UTC"), safe=False)
    return pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ")


def _texts(
    contract: TableContract, batch: pa.RecordBatch, to_text: Mapping[str, _ToText], file_index: int, row_no: int
) -> pa.RecordBatch:
    count = batch.num_rows
    arrays = [
        pa.array(np.full(count, file_index, np.int32)),
        pa.array(np.arange(row_no, row_no + count, dtype=np.int64)),
        pa.nulls(count, pa.string()),
        pa.array(np.zeros(count, np.bool_)),
        pa.nulls(count, pa.string()),
    ]
    for column in contract.columns:
        if column.name in to_text:
            array = to_text[column.name](batch.column(column.name))
            array.validate(full=True)  # text that is not UTF-8 would pass the database unseen
            arrays.append(_shortened(column, array))
        else:
            arrays.append(pa.nulls(count, pa.string()))
    return pa.record_batch(arrays, schema=record_schema(contract))


def _shortened(column: Column, array: pa.Array) -> pa.Array:
    """Values too long for the column, as long as it takes to be refused for that."""
    limit = kept_length(column)
    if (pc.max(pc.binary_length(array)).as_py() or 0) <= limit:
        return array
    beginnings = pc.binary_join_element_wise(pc.utf8_slice_codeunits(array, 0, limit), CUT_MARK, "")
    is_blank = pc.equal(pc.binary_length(pc.ascii_trim_whitespace(array)), 0)
    return pc.if_else(pc.greater(pc.utf8_length(array), limit), pc.if_else(is_blank, "", beginnings), array)
