"""Reads `reference/<table>.csv` into typed tables; a value that cannot be read is told with file and line."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.contracts.loader import reference_contracts
from dagster_project.contracts.model import Column, LogicalType, TableContract
from dagster_project.contracts.render import reference_table_ddl
from dagster_project.core.errors import ReferenceDataError
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.pseudonym_key import require_same_key

_ARROW_TYPES: Mapping[LogicalType, pa.DataType] = {
    LogicalType.STRING: pa.string(),
    LogicalType.INTEGER: pa.int64(),
    LogicalType.NUMBER: pa.decimal128(18, 6),
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.DATE: pa.date32(),
    LogicalType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
# Ownership that everything else stands on: (table, column) -> table that must know the id.
_OWNERSHIP = (("series", "studio_id", "studios"), ("episodes", "series_id", "series"))


@dataclass(frozen=True)
class ReferenceTable:
    """One table as read: its rows and the sha-256 of the file (empty when the file is absent)."""

    contract: TableContract
    rows: pa.Table
    sha256: str


def read_reference(folder: Path, contracts: Mapping[str, TableContract]) -> dict[str, ReferenceTable]:
    """Read every reference table.

    Raises:
        ReferenceDataError: A required file is missing, a value does not fit its column, a key stands twice, or a
            series or episode belongs to nothing known. The message names file and line.
    """
    tables = {name: _read_table(folder / f"{name}.csv", contract) for name, contract in contracts.items()}
    for child, column, parent in _OWNERSHIP:
        if child in tables and parent in tables:
            _check_ownership(folder / f"{child}.csv", tables[child].rows, column, parent, tables[parent].rows)
    return tables


def reference_fingerprint(tables: Mapping[str, ReferenceTable]) -> str:
    """sha-256 over the content of all reference tables."""
    return _fingerprint({name: table.sha256 for name, table in tables.items()})


def folder_fingerprint(folder: Path, contracts: Mapping[str, TableContract]) -> str:
    """The same from the files as they lie there, whether or not they can be read as tables.

    Raises:
        ReferenceDataError: A file cannot be read.
    """
    paths = {name: folder / f"{name}.csv" for name in contracts}
    return _fingerprint(
        {name: hashlib.sha256(_read_bytes(path)).hexdigest() if path.exists() else "" for name, path in paths.items()}
    )


def _fingerprint(hashes: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(f"{name}:{hashes[name]}\n".encode())
    return digest.hexdigest()


def stored_fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """The fingerprint of the reference tables as they stand in the warehouse; empty before the first load."""
    connection.execute("create schema if not exists reference")
    connection.execute("create table if not exists reference.fingerprint (value varchar)")
    row = connection.execute("select value from reference.fingerprint").fetchone()
    return str(row[0]) if row else ""


def follow_fingerprint(connection: duckdb.DuckDBPyConnection, *, before: str, after: str) -> None:
    """An erasure has changed reference files and their rows here alike: nothing is to be computed anew for it."""
    if stored_fingerprint(connection) == before:
        connection.execute("update reference.fingerprint set value = ?", [after])
        connection.execute(
            "update raw.releases set reference_fingerprint = ? where reference_fingerprint = ?", [after, before]
        )


def write_reference(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, ReferenceTable],
    loaded_at: datetime,
    persons: Persons | None = None,
) -> None:
    """Replace all reference tables and note each new content in `reference.file_history`, in one transaction.

    Ids of viewers are stored as the same pseudonyms as in the logs, so that they still join; None keeps the ids.

    Raises:
        PrivacyError: The warehouse was filled with another key.
    """
    if persons is not None:
        require_same_key(connection, persons.pseudonymizer)
    connection.execute("create schema if not exists reference")
    connection.execute(
        "create table if not exists reference.file_history "
        "(table_name varchar, file_sha256 varchar, row_count bigint, first_loaded_at timestamptz)"
    )
    connection.execute("create table if not exists reference.fingerprint (value varchar)")
    connection.begin()
    try:
        connection.execute("delete from reference.fingerprint")
        connection.execute("insert into reference.fingerprint values (?)", [reference_fingerprint(tables)])
        for name, table in tables.items():
            connection.execute(reference_table_ddl(table.contract))
            connection.register("reference_rows", _named(table, persons))
            connection.execute(f"insert into {table.contract.relation} select * from reference_rows")
            connection.unregister("reference_rows")
            connection.execute(
                "insert into reference.file_history select $name, $sha256, $row_count, $loaded_at where not exists "
                "(from reference.file_history where table_name = $name and file_sha256 = $sha256)",
                {"name": name, "sha256": table.sha256, "row_count": table.rows.num_rows, "loaded_at": loaded_at},
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _named(table: ReferenceTable, persons: Persons | None) -> pa.Table:
    rows = table.rows
    if persons is None:
        return rows
    for place, column in enumerate(table.contract.columns):
        if column.names_viewer:
            ids = rows[column.name].to_pylist()
            names = pa.array([None if text is None else persons.pseudonym(text) for text in ids], pa.string())
            rows = rows.set_column(place, column.name, names)
    return rows


def create_missing_references(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Empty tables for those that no run has read yet, so that what is looked up there is not found."""
    connection.execute("create schema if not exists reference")
    contracts = reference_contracts()
    for name in names:
        connection.execute(reference_table_ddl(contracts[name], replace=False))


def _read_table(path: Path, contract: TableContract) -> ReferenceTable:
    schema = pa.schema([(column.name, _ARROW_TYPES[column.logical_type]) for column in contract.columns])
    if not path.exists():
        if contract.file_required:
            raise ReferenceDataError(
                "the reference table is missing",
                where=str(path),
                why=f"{contract.purpose.lower()} ({contract.grain}) are needed before any log can be understood",
                fix=f"put {path.name} there with the columns {', '.join(column.name for column in contract.columns)}",
            )
        return ReferenceTable(contract, schema.empty_table(), "")
    content = _read_bytes(path)
    columns: dict[str, list[Any]] = {column.name: [] for column in contract.columns}
    seen: dict[tuple[Any, ...], int] = {}
    for line, record in _records(path, content, contract):
        values = {column.name: _value(path, line, column, record.get(column.name, "")) for column in contract.columns}
        key = tuple(values[name] for name in contract.key)
        if key and key in seen:
            names = ", ".join(f"{name}={values[name]}" for name in contract.key)
            raise _error(path, line, f"the key {names} stands twice", f"line {seen[key]} has it already", "keep one")
        seen[key] = line
        for name, value in values.items():
            columns[name].append(value)
    return ReferenceTable(contract, pa.table(columns, schema=schema), hashlib.sha256(content).hexdigest())


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReferenceDataError(
            "the reference table cannot be read", where=str(path), why=str(error), fix="mend its permissions"
        ) from error


def _records(path: Path, content: bytes, contract: TableContract) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _error(path, line, "the line is not UTF-8", str(error), "save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise _error(path, 1, "the file is empty", "a header line is needed even for no rows", "write the header")
        names = [name.strip() for name in header]
        missing = [column.name for column in contract.columns if column.is_required and column.name not in names]
        if missing or len(set(names)) != len(names):
            why = f"missing: {', '.join(missing)}" if missing else "a column name stands twice"
            raise _error(path, 1, "the header does not fit", why, "mend the header line")
        while True:
            line = reader.line_num + 1
            fields = next(reader, None)
            if fields is None:
                return
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(names):
                why = f"the header has {len(names)} columns, this line {len(fields)}"
                raise _error(path, line, "the line has another number of fields", why, "mend the line")
            yield line, dict(zip(names, fields, strict=True))
    except csv.Error as error:
        raise _error(path, reader.line_num, "the line is not CSV", str(error), "mend its quotes") from error


def _value(path: Path, line: int, column: Column, text: str) -> Any:
    stripped = text.strip()
    if not stripped:
        if column.is_required:
            raise _error(path, line, f"{column.name} is empty", "the column must have a value", "fill it in")
        return None
    try:
        value = _typed(column, stripped if column.logical_type is not LogicalType.STRING else text)
    except (ValueError, InvalidOperation) as error:
        why = f"{text!r} is not a {column.logical_type}"
        raise _error(path, line, f"{column.name} cannot be read", why, "correct the value") from error
    low, high = column.minimum, column.maximum
    if isinstance(value, int) and ((low is not None and value < low) or (high is not None and value > high)):
        why = f"{value} is outside {low} to {high if high is not None else 'any'}"
        raise _error(path, line, f"{column.name} is out of range", why, "correct the value")
    if column.valid_values and value not in column.valid_values:
        why = f"{value!r} is none of {', '.join(column.valid_values)}"
        raise _error(path, line, f"{column.name} has an unknown value", why, "correct the value")
    if column.max_length is not None and isinstance(value, str) and len(value) > column.max_length:
        why = f"it has {len(value)} characters, the limit is {column.max_length}"
        raise _error(path, line, f"{column.name} is too long", why, "shorten it")
    return value


def _typed(column: Column, text: str) -> Any:
    match column.logical_type:
        case LogicalType.INTEGER:
            return int(text)
        case LogicalType.NUMBER:
            return _decimal(text)
        case LogicalType.BOOLEAN:
            if text.lower() not in _BOOLEANS:
                raise ValueError(text)
            return _BOOLEANS[text.lower()]
        case LogicalType.DATE:
            return date.fromisoformat(text)
        case LogicalType.TIMESTAMP:
            return _moment(text)
        case _:
            return text


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    exact = number.quantize(Decimal("0.000001"))
    if exact != number or not number.is_finite():
        raise ValueError(text)
    return exact


def _moment(text: str) -> datetime:
    """A date means its midnight in UTC; a time must carry its offset."""
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _check_ownership(path: Path, rows: pa.Table, column: str, parent: str, parents: pa.Table) -> None:
    known = set(parents[column].to_pylist())
    for number, value in enumerate(rows[column].to_pylist(), 1):
        if value not in known:
            raise _error(
                path,
                number + 1,
                f"{column} {value} is not known",
                f"reference/{parent}.csv has no such {column}",
                f"add it there or correct row {number}",
            )


def _error(path: Path, line: int, what: str, why: str, fix: str) -> ReferenceDataError:
    return ReferenceDataError(what, where=f"{path}:{line}", why=why, fix=fix)
