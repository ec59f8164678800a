"""Builds the released file from one run's exports and swaps it in: readers see the old or the new, never a part."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from dagster_project.core.errors import NothingToDo, WarehouseError
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.manifest import ExportedModel

KEPT_RELEASES = 5
# Run metadata: true of one run, not of the data, so out of the content hash.
_RUN_COLUMNS = frozenset({"ingested_at", "batch_id"})


@dataclass(frozen=True)
class Estimates:
    """Estimates to join to a released mart: a Parquet file, the keys and the meaning of each added column."""

    path: Path
    keys: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class ReleaseRecord:
    """One release as `meta.releases` and the private history keep it."""

    release_id: str
    created_at: datetime
    content_hash: str
    as_of: datetime | None
    reference_fingerprint: str
    code_fingerprint: str
    ledger_head: str
    row_count: int


@dataclass(frozen=True)
class CheckRecord:
    """One check of the run behind a release."""

    check_name: str
    asset: str
    severity: str
    passed: bool
    detail: str


def build_release(
    layout: DataLayout,
    *,
    release_id: str,
    exports: Path,
    models: Sequence[ExportedModel],
    estimates: Mapping[str, Estimates],
    checks: Sequence[CheckRecord],
) -> tuple[Path, str, int]:
    """Write `published/releases/<id>.duckdb.partial` without `meta.releases`.

    Returns:
        The path, the content hash over all released rows, and the number of rows.
    """
    partial = layout.releases / f"{release_id}.duckdb.partial"
    partial.unlink(missing_ok=True)
    connection = duckdb.connect(str(partial), config={"autoinstall_known_extensions": "false"})
    connection.execute("set enable_progress_bar = false")
    try:
        connection.execute("set TimeZone = 'UTC'")
        dictionary: list[tuple[str, str, str, str]] = []
        definitions: list[tuple[str, ...]] = []
        digest = hashlib.sha256()
        rows = 0
        for model in sorted(models, key=lambda item: item.released_as or ""):
            if model.released_as is None:
                continue
            comments = _create_table(connection, exports, model, estimates.get(model.released_as))
            dictionary += _comment(connection, model, comments)
            if model.definition is not None:
                definitions.append((model.released_as, *astuple(model.definition)))
            table_hash, table_rows = _table_hash(connection, model.released_as, model.key)
            digest.update(f"{model.released_as}:{table_hash}\n".encode())
            rows += table_rows
        # What the words say about the data is content too: a better explanation is a new release.
        digest.update(repr((dictionary, definitions)).encode())
        _write_meta(connection, dictionary, definitions, checks, release_id)
        connection.execute("checkpoint")
    finally:
        connection.close()
    return partial, digest.hexdigest(), rows


def publish(layout: DataLayout, partial: Path, history: Sequence[ReleaseRecord]) -> Path:
    """Add `meta.releases` (the newest last), seal the file and make it the current release.

    Returns:
        The path of the kept release.
    """
    current = history[-1]
    connection = duckdb.connect(str(partial), config={"autoinstall_known_extensions": "false"})
    connection.execute("set enable_progress_bar = false")
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create table meta.releases (release_id varchar, created_at timestamptz, content_hash varchar, "
            "as_of timestamptz, row_count bigint, is_current boolean)"
        )
        for record in history:
            connection.execute(
                "insert into meta.releases values (?, ?, ?, ?, ?, ?)",
                [
                    record.release_id,
                    record.created_at,
                    record.content_hash,
                    record.as_of,
                    record.row_count,
                    record.release_id == current.release_id,
                ],
            )
        connection.execute("comment on table meta.releases is 'One row per release up to this one'")
        connection.execute("checkpoint")
    finally:
        connection.close()
    if partial.with_name(partial.name + ".wal").exists():
        raise WarehouseError("the release was not written out whole", where=str(partial), fix="run again")
    _sync(partial)
    partial.chmod(0o444)
    kept = layout.releases / f"{current.release_id}.duckdb"
    partial.replace(kept)
    _swap_in(layout, kept)
    _forget_old_releases(layout, keep=kept)
    return kept


def kept_releases(layout: DataLayout) -> list[Path]:
    """The releases on disk, oldest first."""
    return sorted(layout.releases.glob("*.duckdb"), key=lambda path: path.name)


def current_release(layout: DataLayout) -> Path | None:
    """The kept file that is published now, or None."""
    if not layout.published.exists():
        return None
    for path in kept_releases(layout):
        if path.samefile(layout.published) or _same_bytes(path, layout.published):
            return path
    return None


def roll_back(layout: DataLayout, release_id: str | None = None) -> Path:
    """Publish an earlier release again: the one named, or the one before the current.

    Raises:
        NothingToDo: There is no such release, or nothing before the current one.
    """
    kept = kept_releases(layout)
    current = current_release(layout)
    if release_id is None:
        earlier = [path for path in kept if current is None or path.name < current.name]
    else:
        earlier = [path for path in kept if path.stem == release_id]
    if not earlier:
        raise NothingToDo(
            f"release {release_id or 'before the current one'} is not there",
            where=str(layout.releases),
            why=f"the last {KEPT_RELEASES} releases are kept: {', '.join(path.stem for path in kept) or 'none'}",
            fix="choose one of these",
        )
    _swap_in(layout, earlier[-1])
    return earlier[-1]


def _create_table(
    connection: duckdb.DuckDBPyConnection, exports: Path, model: ExportedModel, estimates: Estimates | None
) -> dict[str, str]:
    """Create the table, rows sorted by its key; returns the meaning of every column."""
    schema, _, table = (model.released_as or "").partition(".")
    connection.execute(f'create schema if not exists "{schema}"')
    mart = connection.read_parquet(str(exports / f"{model.name}.parquet"))
    connection.register("mart", mart)
    order = ", ".join(f'mart."{name}"' for name in model.key) or "all"
    comments = dict(model.columns)
    if estimates is None:
        connection.execute(f'create table "{schema}"."{table}" as select * from mart order by {order}')
    else:
        inferred = connection.read_parquet(str(estimates.path))
        connection.register("inferred", inferred)
        added = ", ".join(f'inferred."{name}"' for name in estimates.columns)
        keys = ", ".join(f'"{name}"' for name in estimates.keys)
        connection.execute(
            f'create table "{schema}"."{table}" as select mart.*, {added} '
            f"from mart join inferred using ({keys}) order by {order}"
        )
        matched, expected = _count(connection, f'"{schema}"."{table}"'), _count(connection, "mart")
        if matched != expected:
            raise WarehouseError(
                f"{model.released_as} has {expected} rows but {matched} estimates",
                where=str(exports),
                why="inference must return one row for each row of its mart",
                fix="report this; the release was not changed",
            )
        comments |= estimates.columns
        connection.unregister("inferred")
    connection.unregister("mart")
    return comments


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _comment(
    connection: duckdb.DuckDBPyConnection, model: ExportedModel, comments: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    schema, _, table = (model.released_as or "").partition(".")
    connection.execute(f'comment on table "{schema}"."{table}" is {_literal(model.description)}')
    types = connection.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = ? and table_name = ? order by ordinal_position",
        [schema, table],
    ).fetchall()
    entries = [(f"{schema}.{table}", "", "table", model.description)]
    for name, data_type in types:
        meaning = comments.get(name, "")
        if not meaning:
            raise WarehouseError(
                f"column {name} of {schema}.{table} is not described",
                why="every released column carries its meaning",
                fix="describe it in the model's YAML",
            )
        connection.execute(f'comment on column "{schema}"."{table}"."{name}" is {_literal(meaning)}')
        entries.append((f"{schema}.{table}", name, data_type, meaning))
    return entries


def _literal(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"


def _table_hash(connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> tuple[str, int]:
    """sha-256 over the rows as CSV, sorted by their key: order of computation doesn't matter, every value does."""
    schema, _, name = table.partition(".")
    columns = [
        row[0]
        for row in connection.execute(
            "select column_name from information_schema.columns where table_schema = ? and table_name = ? "
            "order by ordinal_position",
            [schema, name],
        ).fetchall()
    ]
    hashed = ", ".join(f'"{column}"' for column in columns if column not in _RUN_COLUMNS)
    order = ", ".join(f'"{column}"' for column in key) or "all"
    reader = connection.execute(f'select {hashed} from "{schema}"."{name}" order by {order}').to_arrow_reader(250_000)
    digest = hashlib.sha256()
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        text = io.BytesIO()
        # Text is quoted and NULL is not, so that the two can't be mistaken for each other.
        pl.DataFrame(batch).write_csv(text, include_header=False, quote_style="non_numeric")
        digest.update(text.getbuffer())
    return digest.hexdigest(), rows


def _write_meta(
    connection: duckdb.DuckDBPyConnection,
    dictionary: Sequence[tuple[str, str, str, str]],
    definitions: Sequence[tuple[str, ...]],
    checks: Sequence[CheckRecord],
    release_id: str,
) -> None:
    connection.execute("create schema if not exists meta")
    connection.execute(
        "create table meta.dictionary (table_name varchar, column_name varchar, data_type varchar, meaning varchar)"
    )
    connection.executemany("insert into meta.dictionary values (?, ?, ?, ?)", dictionary)
    connection.execute("comment on table meta.dictionary is 'What every released table and column means'")
    connection.execute(
        "create table meta.definitions (table_name varchar, metric varchar, answers varchar, population varchar, "
        "method varchar, interval_method varchar)"
    )
    if definitions:
        connection.executemany("insert into meta.definitions values (?, ?, ?, ?, ?, ?)", definitions)
    connection.execute("comment on table meta.definitions is 'What every released metric is and how it is estimated'")
    connection.execute(
        "create table meta.checks (release_id varchar, check_name varchar, asset varchar, severity varchar, "
        "passed boolean, detail varchar)"
    )
    for check in checks:
        connection.execute(
            "insert into meta.checks values (?, ?, ?, ?, ?, ?)",
            [release_id, check.check_name, check.asset, check.severity, check.passed, check.detail],
        )
    connection.execute("comment on table meta.checks is 'The checks that ran before this release'")


def _swap_in(layout: DataLayout, kept: Path) -> None:
    """Give the release its public name in one step; sessions on the old file keep it until they close."""
    staged = layout.published_dir / f".{kept.stem}.partial"
    staged.unlink(missing_ok=True)
    try:
        os.link(kept, staged)
    except OSError:  # no hard links on this file system: a copy does the same at the cost of time
        shutil.copyfile(kept, staged)
        _sync(staged)
        staged.chmod(0o444)
    staged.replace(layout.published)
    _sync_folder(layout.published_dir)


def _forget_old_releases(layout: DataLayout, keep: Path) -> None:
    kept = kept_releases(layout)
    for path in kept[: max(0, len(kept) - KEPT_RELEASES)]:
        if path != keep:
            path.unlink()
    for leftover in layout.releases.glob("*.partial*"):
        leftover.unlink()


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        return hashlib.file_digest(first, "sha256").digest() == hashlib.file_digest(second, "sha256").digest()


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
