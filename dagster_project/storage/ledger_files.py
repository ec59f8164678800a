"""The ledger's files: one sealed folder per closed month, written once, in one step, and never changed.

`ledger/<YYYY-MM>/` holds `lines.parquet` (what was posted), `weights.parquet` (the frozen weights of that month of
activity) and `seal.json` (hashes, counts, totals). What the bytes mean, and whether they are genuine, is told by
`dagster_project.ledger`; this module reads and writes them and loads them for dbt.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.core.errors import NothingToDo, WarehouseError
from dagster_project.storage.batches import pending_batches, prepare_history, release_history
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import stored_fingerprint
from dagster_project.storage.warehouse import Connection, DatabaseError, transaction

LINES, WEIGHTS, SEAL = "lines.parquet", "weights.parquet", "seal.json"
FILES = (LINES, WEIGHTS, SEAL)
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_TEXT, _WHOLE = pa.string(), pa.int64()

LINE_SCHEMA = pa.schema(
    [
        ("line_id", _TEXT),
        ("statement_id", _TEXT),
        ("direction", _TEXT),
        ("party_id", _TEXT),
        ("contract_id", _TEXT),
        ("contract_version", _WHOLE),
        ("series_id", _TEXT),
        ("activity_period", _TEXT),
        ("posted_period", _TEXT),
        ("stream", _TEXT),
        ("currency", _TEXT),
        ("line_type", _TEXT),
        ("reason", _TEXT),
        ("tier_no", _WHOLE),
        ("base_minor", _WHOLE),
        ("rate_ppm", _WHOLE),
        ("posted_before_minor", _WHOLE),
        ("restated_minor", _WHOLE),
        ("amount_minor", _WHOLE),
        ("source_statement", _TEXT),
        ("source_version", _TEXT),
        ("adjusts_line_id", _TEXT),
    ]
)
WEIGHT_SCHEMA = pa.schema(
    [
        ("activity_period", _TEXT),
        ("platform", _TEXT),
        ("stream", _TEXT),
        ("time_zone", _TEXT),
        ("series_id", _TEXT),
        ("surface", _TEXT),
        ("country", _TEXT),
        ("activity_date", pa.date32()),
        ("quantity", _WHOLE),
        ("weight", _WHOLE),
    ]
)
_PERIODS_DDL = (
    "posted_period varchar, format_version bigint, previous_hash varchar, hash varchar, line_count bigint, "
    "closed_at timestamptz"
)
_DUCKDB_TYPES = {_TEXT: "varchar", _WHOLE: "bigint", pa.date32(): "date"}


@dataclass(frozen=True)
class PeriodFiles:
    """One closed month as it lies on disk: file name to bytes, and entries that do not belong there."""

    period: str
    contents: Mapping[str, bytes]
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True)
class CloseInputs:
    """What a close reads from the private warehouse, as records by column name.

    Attributes:
        as_of: Data-through mark of the last release, or None when nothing was released.
        is_reference_released: The reference tables in the warehouse are those the last release was computed with.
        loaded_head: Hash of the ledger as the last run had loaded it.
    """

    as_of: datetime | None
    pending_batches: tuple[str, ...]
    is_reference_released: bool
    loaded_head: str
    blockers: list[dict[str, Any]]
    statements: list[dict[str, Any]]
    should_be: list[dict[str, Any]]
    bases: list[dict[str, Any]]
    components: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    contracts: list[dict[str, Any]]
    tiers: list[dict[str, Any]]
    parties: list[dict[str, Any]]


_INPUT_RELATIONS = {
    "blockers": "marts.mrt_payouts__blockers",
    "statements": "core.fct_platform_statement",
    "should_be": "marts.mrt_payouts__should_be",
    "bases": "intermediate.int_contract_bases_summed",
    "components": "intermediate.int_statement_components_attributed",
    "segments": "intermediate.int_statement_segments_weighed",
    "contracts": "core.dim_contract",
    "tiers": "staging.stg_reference__contract_tiers",
    "parties": "staging.stg_reference__contract_parties",
}


def closed_periods(layout: DataLayout) -> list[str]:
    """The months that have a folder, in order."""
    if not layout.ledger.is_dir():
        return []
    return sorted(path.name for path in layout.ledger.iterdir() if path.is_dir() and _PERIOD.fullmatch(path.name))


def read_period(layout: DataLayout, period: str) -> PeriodFiles:
    """All bytes of one closed month.

    Raises:
        WarehouseError: A file cannot be read.
    """
    folder = layout.ledger / period
    try:
        names = sorted(path.name for path in folder.iterdir())
        contents = {name: (folder / name).read_bytes() for name in names if name in FILES}
    except OSError as error:
        raise WarehouseError(
            "the ledger cannot be read", where=str(folder), why=str(error), fix="mend its permissions and start again"
        ) from error
    return PeriodFiles(period, contents, tuple(name for name in names if name not in FILES))


def line_records(content: bytes) -> list[dict[str, Any]]:
    """The rows of a `lines.parquet`.

    Raises:
        pyarrow.ArrowException: The bytes are not such a file.
    """
    table = _read_parquet(content)
    if table.schema.names != LINE_SCHEMA.names:
        raise pa.ArrowInvalid(f"columns {', '.join(table.schema.names)} are not those of posted lines")
    records: list[dict[str, Any]] = table.cast(LINE_SCHEMA).to_pylist()
    return records


def weight_count(content: bytes) -> int:
    """Number of rows of a `weights.parquet`.

    Raises:
        pyarrow.ArrowException: The bytes are not such a file.
    """
    return int(_read_parquet(content).cast(WEIGHT_SCHEMA).num_rows)


def _read_parquet(content: bytes) -> pa.Table:
    """All rows, read in this thread: a process that ends while Arrow's threads wind down may abort after its work."""
    file = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True, pre_buffer=False)
    return file.read(use_threads=False)


def lines_parquet(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Posted lines as a Parquet file."""
    columns = {name: [record[name] for record in records] for name in LINE_SCHEMA.names}
    return _parquet(pa.table(columns, schema=LINE_SCHEMA))


def weights_parquet(rows: Sequence[Sequence[Any]]) -> bytes:
    """Frozen weights (rows in the order of `WEIGHT_SCHEMA`) as a Parquet file."""
    columns = {name: [row[position] for row in rows] for position, name in enumerate(WEIGHT_SCHEMA.names)}
    return _parquet(pa.table(columns, schema=WEIGHT_SCHEMA))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, store_schema=False)
    return sink.getvalue()


def write_period(layout: DataLayout, period: str, contents: Mapping[str, bytes]) -> Path:
    """Write one closed month: whole and safe on disk under its name, or not at all.

    Raises:
        WarehouseError: The month has a folder already, or the disk refuses.
    """
    target = layout.ledger / period
    partial = layout.ledger / f".{period}.partial"
    if target.exists():
        raise WarehouseError(
            f"{period} is closed already", where=str(target), why="a closed month is never written again"
        )
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        for name in FILES:
            with (partial / name).open("wb") as handle:
                handle.write(contents[name])
                handle.flush()
                os.fsync(handle.fileno())
            (partial / name).chmod(0o444)
        _sync_folder(partial)
        partial.rename(target)
        _sync_folder(layout.ledger)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise WarehouseError(
            f"{period} could not be written to the ledger",
            where=str(layout.ledger),
            why=str(error),
            fix="free disk space or mend the folder's permissions and close again; nothing was posted",
        ) from error
    return target


def load_ledger(connection: Connection, layout: DataLayout) -> None:
    """Replace `raw.ledger_lines`, `raw.ledger_weights` and `raw.ledger_periods` by what the files hold.

    The tables exist afterwards even when no month is closed. Whether the files are genuine is not asked here: verify
    the ledger first.

    Raises:
        WarehouseError: A file cannot be read, or the database refused the rows; the tables are as they were.
    """
    periods = closed_periods(layout)
    folders = [layout.ledger / period for period in periods]
    with transaction(connection):
        connection.execute("create schema if not exists raw")
        _load(connection, "raw.ledger_lines", LINE_SCHEMA, [folder / LINES for folder in folders])
        _load(connection, "raw.ledger_weights", WEIGHT_SCHEMA, [folder / WEIGHTS for folder in folders])
        connection.execute(f"create or replace table raw.ledger_periods ({_PERIODS_DDL})")
        for period in periods:
            connection.execute("insert into raw.ledger_periods values (?, ?, ?, ?, ?, ?)", _seal_row(layout, period))


def _seal_row(layout: DataLayout, period: str) -> list[Any]:
    path = layout.ledger / period / SEAL
    try:
        seal = json.loads(path.read_bytes())
        closed_at = datetime.fromisoformat(seal["closed_at"])
        return [
            period,
            seal["format_version"],
            seal["previous_hash"],
            seal["hash"],
            seal["line_count"],
            closed_at,
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WarehouseError(
            "the seal of a closed month cannot be read",
            where=str(path),
            why=f"{type(error).__name__}: {error}",
            fix="run `cliffhanger verify` and restore the ledger from a copy",
        ) from error


def loaded_head(connection: Connection) -> str:
    """Hash of the last month in `raw.ledger_periods`; empty when none is loaded."""
    connection.execute("create schema if not exists raw")
    connection.execute(f"create table if not exists raw.ledger_periods ({_PERIODS_DDL})")
    row = connection.execute("select hash from raw.ledger_periods order by posted_period desc limit 1").fetchone()
    return str(row[0]) if row else ""


def read_close_inputs(connection: Connection) -> CloseInputs:
    """Everything a close computes from, as the last run left it.

    Raises:
        NothingToDo: No run has built the payout models yet.
    """
    prepare_history(connection)
    releases = release_history(connection)
    try:
        records = {name: _records(connection, relation) for name, relation in _INPUT_RELATIONS.items()}
    except DatabaseError as error:
        raise NothingToDo(
            "there is nothing to close yet",
            why=f"the payout models are not in the warehouse ({str(error).splitlines()[0]})",
            fix="run `cliffhanger run` first",
        ) from error
    return CloseInputs(
        as_of=releases[-1].as_of if releases else None,
        pending_batches=tuple(pending_batches(connection)),
        is_reference_released=bool(releases) and releases[-1].reference_fingerprint == stored_fingerprint(connection),
        loaded_head=loaded_head(connection),
        **records,
    )


def read_weights(connection: Connection, period: str) -> list[tuple[Any, ...]]:
    """The weights of one month of activity as the last run left them, in the order of `WEIGHT_SCHEMA` and sorted."""
    names = ", ".join(WEIGHT_SCHEMA.names)
    query = f"select {names} from intermediate.int_activity_weights_frozen where activity_period = ? order by all"
    return connection.execute(query, [period]).fetchall()


def _records(connection: Connection, relation: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"select * from {relation}")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _load(connection: Connection, relation: str, schema: pa.Schema, paths: Sequence[Path]) -> None:
    columns = ", ".join(f"{field.name} {_DUCKDB_TYPES[field.type]}" for field in schema)
    connection.execute(f"create or replace table {relation} ({columns})")
    names = ", ".join(schema.names)
    for path in paths:
        connection.execute(f"insert into {relation} select {names} from read_parquet(?)", [str(path)])


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
