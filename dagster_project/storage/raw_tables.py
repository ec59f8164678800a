"""The `raw` schema: typed rows of each feed, and the books kept about every delivered file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from dagster_project.contracts.model import TableContract
from dagster_project.contracts.render import raw_table_ddl
from dagster_project.storage.landing import LandedFile
from dagster_project.storage.warehouse import Connection

_BOOKS = """
create schema if not exists raw;
create table if not exists raw.files (
    file_sha256 varchar, feed varchar, file_name varchar, size_bytes bigint,
    lines_read bigint, accepted bigint, duplicate bigint, conflict bigint, rejected bigint, blank bigint,
    status varchar, reason_code varchar, detail varchar, unknown_columns varchar,
    batch_id varchar, ingest_date date, ingested_at timestamptz
);
create table if not exists raw.file_names (
    file_name varchar, file_sha256 varchar, size_bytes bigint, modified_ns bigint, first_seen_at timestamptz
);
create table if not exists raw.quarantine (
    file_sha256 varchar, feed varchar, file_name varchar, line_no bigint, reason_code varchar, detail varchar,
    raw_text varchar, batch_id varchar, ingest_date date, ingested_at timestamptz
);
create table if not exists raw.batches (batch_id varchar, started_at timestamptz, state varchar);
create table if not exists raw.touched (batch_id varchar, feed varchar, event_date date, viewer_key varchar);
create table if not exists raw.watermarks (
    batch_id varchar, feed varchar, as_of_before timestamptz, as_of_after timestamptz
);
create table if not exists raw.profiles (
    batch_id varchar, feed varchar, profiled_at timestamptz,
    n_files bigint, n_rejected_files bigint, n_lines bigint, n_accepted bigint, n_duplicate bigint, n_conflict bigint,
    n_rejected bigint, n_blank bigint, reject_ppm bigint, duplicate_ppm bigint, conflict_ppm bigint,
    min_event_at timestamptz, max_event_at timestamptz, min_received_at timestamptz, max_received_at timestamptz,
    received_before_event_ppm bigint, future_ppm bigint, late_ppm bigint, unknown_series_ppm bigint,
    null_ppm map(varchar, bigint), median_accepted_before double, n_held_files bigint, held_files varchar
);
alter table raw.profiles add column if not exists n_held_files bigint;
alter table raw.profiles add column if not exists held_files varchar;
alter table raw.profiles add column if not exists received_later_ppm bigint;
alter table raw.profiles add column if not exists old_ppm bigint;
alter table raw.profiles add column if not exists without_studio_ppm bigint;
alter table raw.profiles add column if not exists without_contract_ppm bigint;
alter table raw.profiles add column if not exists unknown_app_ppm bigint;
alter table raw.profiles add column if not exists unknown_region_ppm bigint;
alter table raw.profiles add column if not exists unknown_series varchar;
alter table raw.profiles add column if not exists series_without_studio varchar;
alter table raw.profiles add column if not exists series_without_contract varchar;
alter table raw.profiles add column if not exists unknown_apps varchar;
alter table raw.profiles add column if not exists unknown_regions varchar;
alter table raw.profiles add column if not exists n_viewers bigint;
-- Rows by event day, for each ingest day: what is usual for a feed.
create table if not exists raw.profile_days (feed varchar, ingest_date date, event_date date, n_rows bigint);
-- Rows of a batch by value of the columns whose values are few.
create table if not exists raw.profile_values (
    batch_id varchar, feed varchar, column_name varchar, value varchar, n_rows bigint
);
-- Every delivered row that lost its key to another row, so that a later winner can turn a duplicate into a conflict
-- and back whatever the order of arrival. Holds hashes, never content.
create table if not exists raw.lost_rows (
    feed varchar, row_key varchar, file_sha256 varchar, line_no bigint, received_ts timestamptz,
    content_sha256 varchar, state varchar
);
-- What operators have decided about refused rows: `accepted` (the file counts although it is past its threshold) or
-- `mended` (its refused rows were delivered anew as mended_sha256).
create table if not exists raw.decisions (
    feed varchar, file_sha256 varchar, decision varchar, mended_sha256 varchar, batch_id varchar,
    decided_at timestamptz
);
-- Columns of delivered files that no contract names, one row per file and column.
create table if not exists raw.unknown_columns (feed varchar, file_sha256 varchar, column_name varchar);
-- Contents that landed files had before a person was erased from them: delivered again, they are known.
create table if not exists raw.superseded (
    feed varchar, file_sha256 varchar, size_bytes bigint, successor_sha256 varchar
);
-- Files whose quarantine mirror is not written yet; emptied once it is.
create table if not exists raw.unmirrored (feed varchar, file_sha256 varchar);
"""


@dataclass(frozen=True)
class KnownFile:
    """A content that was taken in before."""

    file_sha256: str
    file_name: str
    size_bytes: int
    lines_read: int
    status: str
    reason_code: str | None
    detail: str | None
    ingest_date: date
    ingested_at: datetime


def prepare_raw(connection: Connection, contracts: Mapping[str, TableContract]) -> None:
    """Create the schema and its tables where they are missing."""
    connection.execute(_BOOKS)
    for contract in contracts.values():
        schema = contract.relation.partition(".")[0]
        connection.execute(f'create schema if not exists "{schema}"')
        connection.execute(raw_table_ddl(contract))


def known_names(connection: Connection) -> set[tuple[str, int, int]]:
    """(name, size, modification time) of every file seen so far."""
    rows = connection.execute("select file_name, size_bytes, modified_ns from raw.file_names").fetchall()
    return {(name, size, modified) for name, size, modified in rows}


def known_files(connection: Connection, feed: str) -> dict[str, KnownFile]:
    """Every content of the feed taken in so far, by sha-256."""
    rows = connection.execute(
        "select file_sha256, file_name, size_bytes, lines_read, status, reason_code, detail, ingest_date, ingested_at "
        "from raw.files where feed = ?",
        [feed],
    ).fetchall()
    return {row[0]: KnownFile(*row) for row in rows}


def superseded_contents(connection: Connection, feed: str) -> dict[str, int]:
    """Size in bytes by sha-256 of every content that an erasure has replaced in landing."""
    rows = connection.execute("select file_sha256, size_bytes from raw.superseded where feed = ?", [feed]).fetchall()
    return dict(rows)


def names_of(connection: Connection, file_sha256: str) -> list[str]:
    """Every name below `landing/` a content was seen under, latest first."""
    rows = connection.execute(
        "select file_name, max(first_seen_at) from raw.file_names where file_sha256 = ? group by 1 order by 2 desc, 1",
        [file_sha256],
    ).fetchall()
    return [row[0] for row in rows]


def insert_rows(connection: Connection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert whole rows of a table in one statement, however many."""
    if not rows:
        return
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    connection.register("inserted", pa.table(columns, names=[f"c{number}" for number in range(len(columns))]))
    try:
        connection.execute(f"insert into {table} select * from inserted")
    finally:
        connection.unregister("inserted")


def note_names(connection: Connection, names: Sequence[tuple[LandedFile, str]], now: datetime) -> None:
    """Keep the names that contents (file, sha-256) were seen under, so that they are not read again."""
    rows = [(file.name, file_sha256, file.size_bytes, file.modified_ns, now) for file, file_sha256 in names]
    insert_rows(connection, "raw.file_names", rows)


def note_unknown_columns(connection: Connection, feed: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Keep the columns, by content, that its contract does not name."""
    rows = [(feed, file_sha256, name) for file_sha256, names in columns.items() for name in names]
    insert_rows(connection, "raw.unknown_columns", rows)


def has_held_files(connection: Connection, feed: str) -> bool:
    """True while a file of the feed waits for a decision."""
    row = connection.execute("select count(*) from raw.files where feed = ? and status = 'held'", [feed]).fetchone()
    return row is not None and row[0] > 0


def note_unmirrored(connection: Connection, feed: str, file_sha256: str) -> None:
    """The content's mirror in the quarantine folder is to be written anew, or taken away when nothing is refused."""
    connection.execute("insert into raw.unmirrored values (?, ?)", [feed, file_sha256])


def accepted_in_spite(connection: Connection, feed: str) -> set[str]:
    """Contents an operator has accepted although too many of their rows are bad."""
    rows = connection.execute(
        "select file_sha256 from raw.decisions where feed = ? and decision = 'accepted'", [feed]
    ).fetchall()
    return {row[0] for row in rows}


def note_decision(
    connection: Connection,
    feed: str,
    file_sha256: str,
    decision: str,
    *,
    batch_id: str,
    now: datetime,
    mended_sha256: str | None = None,
) -> None:
    """Keep what an operator decided about a content, in the caller's transaction; told twice it is kept once."""
    connection.execute(
        "insert into raw.decisions select ?, ?, ?, ?, ?, ? where not exists (select 1 from raw.decisions "
        "where feed = ? and file_sha256 = ? and decision = ? and mended_sha256 is not distinct from ?)",
        [feed, file_sha256, decision, mended_sha256, batch_id, now, feed, file_sha256, decision, mended_sha256],
    )


def replace_held(connection: Connection, feed: str, file_sha256: str, file_name: str) -> None:
    """A content was taken in under this name: it stands for what was held under it."""
    connection.execute(
        "update raw.files set status = 'replaced', detail = detail || '; delivered anew as ' || ? "
        "where feed = ? and status = 'held' and file_sha256 <> ? and (file_name = ? or file_sha256 in "
        "(select file_sha256 from raw.file_names where file_name = ?))",
        [file_sha256, feed, file_sha256, file_name, file_name],
    )


def note_batch(connection: Connection, batch_id: str, now: datetime) -> None:
    """Open the batch; it stays pending until a release holds it. A batch that is open already stays as it is."""
    connection.execute(
        "insert into raw.batches select ?, ?, 'pending' "
        "where not exists (select 1 from raw.batches where batch_id = ?)",
        [batch_id, now, batch_id],
    )


def forget_files(connection: Connection, contract: TableContract, hashes: Sequence[str]) -> None:
    """Take out everything raw holds of these contents, ahead of reading them anew. The names stay known."""
    for table in (contract.relation, "raw.quarantine", "raw.lost_rows", "raw.unknown_columns", "raw.files"):
        column = "_file_sha256" if table == contract.relation else "file_sha256"
        scope = "" if table == contract.relation else f" and feed = '{contract.name}'"
        connection.execute(f"delete from {table} where list_contains(?, {column}){scope}", [list(hashes)])
