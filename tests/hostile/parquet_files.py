"""Hostile Parquet files, aimed at ads: types that cannot hold the value, damage, and columns said twice."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from catalogue import Expectation, FileKind, Row, ad, numbered, written

TIME = pa.timestamp("us", "UTC")
AMOUNT = pa.decimal128(18, 6)
_TYPES = {datetime: TIME, Decimal: AMOUNT, bool: pa.bool_(), int: pa.int64(), str: pa.string()}
_BOMB_ROWS = 20_000_001
CORRUPT, TOO_LARGE, MISSING, TWICE, BAD_TYPE = (
    Expectation("rejected", reason)
    for reason in ("corrupt", "too_large", "missing_column", "duplicate_column", "bad_column_type")
)


def columns(rows: list[Row]) -> dict[str, pa.Array]:
    """The rows as typed columns."""
    return {
        name: pa.array(
            [row[name] for row in rows], next(_TYPES[type(row[name])] for row in rows if row[name] is not None)
        )
        for name in rows[0]
    }


def parquet(table: pa.Table | Mapping[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(dict(table)), stream, **options)
    return stream.getvalue()


def rows(prefix: str, count: int = 3, **changes: Any) -> list[Row]:
    return [ad(f"parquet-{prefix}-{number}", 1 + number, **changes) for number in range(count)]


def _file(
    listed: str,
    kind: str,
    path: str,
    make: Callable[[], bytes],
    expectation: Expectation,
    canonical: Mapping[int, Row] | None = None,
    note: str = "",
) -> FileKind:
    return FileKind(listed, "parquet", kind, "ads", f"{path}.parquet", make, expectation, canonical or {}, note=note)


def _replaced(
    listed: str,
    kind: str,
    path: str,
    column: str,
    values: Callable[[list[Row]], pa.Array],
    expectation: Expectation | None = None,
    as_taken: Any = ...,
    **options: Any,
) -> FileKind:
    """Three good rows with one column written otherwise; `as_taken` is the value it must be taken as, if it is."""
    made = rows(path)
    canonical = [row if as_taken is ... else {**row, column: as_taken} for row in made]
    return _file(
        listed,
        kind,
        path,
        lambda: parquet({**columns(made), column: values(made)}, **options),
        expectation or Expectation(taken=numbered(canonical)),
        numbered(canonical),
    )


def _damaged(kind: str, path: str, damage: Callable[[bytes], bytes]) -> FileKind:
    return _file("reject_file", kind, path, lambda: damage(parquet(columns(rows(path)))), CORRUPT)


def _bomb() -> bytes:
    one = columns(rows("bomb", 1))
    chunk = 1 << 20
    table = pa.table({name: pa.repeat(array[0], chunk) for name, array in one.items()})
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, table.schema, compression="zstd") as writer:
        left = _BOMB_ROWS
        while left > 0:
            writer.write_table(table.slice(0, min(left, chunk)), row_group_size=chunk)
            left -= chunk
    return stream.getvalue()


PAGES = rows("pages", 40)
_PAGE_FILE = parquet(
    columns(PAGES), compression="none", write_page_checksum=True, use_dictionary=False, write_statistics=False
)


def _changed_page(occurrence: int) -> bytes:
    """One bit of an id changed in the data page that its checksum covers."""
    place = _PAGE_FILE.index(f"parquet-pages-{occurrence}".encode())
    return _PAGE_FILE[:place] + bytes([_PAGE_FILE[place] ^ 1]) + _PAGE_FILE[place + 1 :]


def _without(name: str) -> bytes:
    return parquet({column: array for column, array in columns(rows("missing")).items() if column != name})


def _with_twice() -> bytes:
    made = columns(rows("amount-twice"))
    arrays, names = [*made.values(), made["revenue_amount"]], [*made, "revenue_amount"]
    return parquet(pa.Table.from_arrays(arrays, names=names))


def _upper() -> bytes:
    return parquet({name.upper() if name == "ad_event_id" else name: a for name, a in columns(rows("upper")).items()})


REFUSED = [
    _replaced(
        "reject_file",
        "timestamp column as date",
        "date",
        "event_ts",
        lambda made: pa.array([date(2026, 5, 12)] * len(made)),
        BAD_TYPE,
    ),
    _replaced(
        "reject_file",
        "a struct where a string belongs",
        "struct",
        "placement_id",
        lambda made: pa.array([{"id": "home"}] * len(made)),
        BAD_TYPE,
    ),
    _file("reject_file", "required column missing", "missing", lambda: _without("ad_event_id"), MISSING),
    _damaged("file cut in half", "half", lambda data: data[: len(data) // 2]),
    _damaged("footer magic damaged", "magic", lambda data: data[:-4] + b"PARX"),
    _damaged("footer length says 4 GB", "footer", lambda data: data[:-8] + b"\xff\xff\xff\xff" + data[-4:]),
    _damaged("PARE magic", "encrypted", lambda data: data[:-4] + b"PARE"),
    _damaged("4 bytes", "four", lambda data: b"PAR1"),
    _damaged("0 bytes", "none", lambda data: b""),
    _file("reject_file", "more than 20000000 rows in 601 kB", "bomb", _bomb, TOO_LARGE, note="a few hundred kB here"),
    _replaced(
        "zero",
        "money as float with fractions: nothing may be rounded",
        "float",
        "revenue_amount",
        lambda made: pa.array([0.1, 0.2, 0.30000000000000004]),
        BAD_TYPE,
    ),
    _replaced(
        "zero",
        "floats past 2^53 cannot be trusted as money: reject the file or the rows",
        "large-float",
        "revenue_amount",
        lambda made: pa.array([float(2**53), float(2**53 + 2), 1e18]),
        BAD_TYPE,
    ),
    _file("zero", "JSON lines named .parquet", "json", lambda: b'{"ad_event_id":"parquet-json-1"}\n' * 3, CORRUPT),
]
EITHER = [
    *(
        _file(
            "either_file",
            f"good, {compression}",
            compression,
            lambda compression=compression: parquet(columns(rows(compression)), compression=compression),  # type: ignore[misc]  # bound now
            Expectation(taken=numbered(rows(compression))),
            numbered(rows(compression)),
        )
        for compression in ("lz4", "brotli")
    ),
    _replaced(
        "either_file",
        "timestamp column as str",
        "time-text",
        "event_ts",
        lambda made: pa.array([written(row["event_ts"]) for row in made]),
    ),
    _replaced(
        "either_file",
        "timestamp column as naive",
        "naive",
        "event_ts",
        lambda made: pa.array([row["event_ts"].replace(tzinfo=None) for row in made], pa.timestamp("us")),
        BAD_TYPE,
    ),
    _replaced(
        "either_file",
        "timestamp column as epoch_ms",
        "epoch",
        "event_ts",
        lambda made: pa.array([int(row["event_ts"].timestamp() * 1000) for row in made]),
        BAD_TYPE,
    ),
    _replaced(
        "either_file",
        "INT96 timestamps",
        "int96",
        "event_ts",
        lambda made: pa.array([row["event_ts"] for row in made], TIME),
        BAD_TYPE,
        use_deprecated_int96_timestamps=True,
    ),
    _replaced(
        "either_file",
        "money as digits in a string column",
        "amount-text",
        "revenue_amount",
        lambda made: pa.array(["0.250000"] * len(made)),
        as_taken=Decimal("0.25"),
    ),
    _replaced(
        "either_file",
        "money as whole floats",
        "whole-float",
        "revenue_amount",
        lambda made: pa.array([1.0, 1.0, 1.0]),
        BAD_TYPE,
        as_taken=Decimal(1),
    ),
    _replaced(
        "either_file",
        "money as DECIMAL(19,0)",
        "decimal-19",
        "revenue_amount",
        lambda made: pa.array([Decimal(7)] * len(made), pa.decimal128(19, 0)),
        as_taken=Decimal(7),
    ),
    _replaced(
        "either_file",
        "ids as BINARY with invalid UTF-8",
        "binary",
        "ad_event_id",
        lambda made: pa.array([b"\xff" + bytes([number]) for number in range(len(made))]),
        BAD_TYPE,
    ),
    _file("either_file", "column name in upper case", "upper", _upper, MISSING, numbered(rows("upper"))),
    _file(
        "either_file",
        "a money column twice (same values)",
        "amount-twice",
        _with_twice,
        TWICE,
        numbered(rows("amount-twice")),
    ),
    *(
        _file(
            "either_file",
            "one byte of a data page changed, page checksums present: reject, or every value still right",
            f"page-{occurrence}",
            lambda occurrence=occurrence: _changed_page(occurrence),  # type: ignore[misc]  # bound now
            CORRUPT,
            numbered(PAGES),
        )
        for occurrence in range(0, 40, 5)
    ),
]


def _good(kind: str, path: str, **options: Any) -> FileKind:
    made = rows(path)
    return _file("load", kind, path, lambda: parquet(columns(made), **options), Expectation(taken=numbered(made)))


def _ids() -> FileKind:
    made = [
        {**row, "viewer_id": person, "ad_event_id": name}
        for row, person, name in zip(
            rows("ids", 4),
            ("person-ids-0", "", None, "person-ids-3"),
            ("parquet-ids-0", "parquet-ids-1", "", None),
            strict=True,
        )
    ]
    taken = {1: made[0], 2: {**made[1], "viewer_id": None}}
    expectation = Expectation(taken=taken, refused={3: "missing", 4: "missing"})
    return _file("load", "null and empty ids", "ids", lambda: parquet(columns(made)), expectation)


_AMOUNTS = [Decimal("-1.5"), None, Decimal("999999999999.999999")]
_NEGATIVE = [{**row, "revenue_amount": amount} for row, amount in zip(rows("negative"), _AMOUNTS, strict=True)]
LOADED = [
    *(
        _good(f"good, {compression}", f"good-{compression}", compression=compression)
        for compression in ("none", "snappy", "zstd", "gzip")
    ),
    *(
        _replaced(
            "load",
            f"timestamp column as {name}",
            f"time-{name}",
            "event_ts",
            lambda made, kind=kind: pa.array([row["event_ts"] for row in made], kind),  # type: ignore[misc]  # bound now
        )
        for name, kind in {
            "ns_utc": pa.timestamp("ns", "UTC"),
            "ms_utc": pa.timestamp("ms", "UTC"),
            "ny": pa.timestamp("us", "America/New_York"),
        }.items()
    ),
    _replaced(
        "load",
        "money as UINT64",
        "uint64",
        "revenue_amount",
        lambda made: pa.array([3] * len(made), pa.uint64()),
        as_taken=Decimal(3),
    ),
    _file(
        "load",
        "null and negative money",
        "negative",
        lambda: parquet(columns(_NEGATIVE)),
        Expectation(taken=numbered(_NEGATIVE)),
    ),
    _ids(),
    _replaced(
        "load",
        "dictionary-encoded strings",
        "dictionary",
        "ad_event_id",
        lambda made: pa.array([row["ad_event_id"] for row in made]).dictionary_encode(),
    ),
    _replaced(
        "load",
        "large strings",
        "large-strings",
        "ad_event_id",
        lambda made: pa.array([row["ad_event_id"] for row in made], pa.large_string()),
    ),
    _replaced(
        "load",
        "extra column whose name is an SQL injection",
        "injection",
        'x"; drop table raw.ads; --',
        lambda made: pa.array([1] * len(made)),
    ),
    _file("load", "0 rows", "no-rows", lambda: parquet(pa.table(columns(rows("no-rows"))).slice(0, 0)), Expectation()),
]
PARQUET_FILES: list[FileKind] = [*REFUSED, *EITHER, *LOADED]
