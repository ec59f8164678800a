"""What a run did and what the release says, in the few figures a person wants to read first."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import feed_contracts, statement_contracts
from dagster_project.storage.headlines import Headline, headlines
from dagster_project.storage.landing import discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.recomputed import Recomputed, recomputed_by
from dagster_project.storage.warehouse import open_warehouse


@dataclass(frozen=True)
class FeedCounts:
    """What one run took in of one feed; rows add up to lines."""

    feed: str
    files: int
    lines_read: int
    accepted: int
    duplicate: int
    conflict: int
    rejected: int
    blank: int
    rejected_files: int
    rejected_by_reason: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RefusedFile:
    """A landed file of which nothing was taken in."""

    file_name: str
    reason_code: str
    detail: str


@dataclass(frozen=True)
class UnknownColumn:
    """A column in a file of this run that no contract names; the first file and moment it was ever seen with."""

    feed: str
    column_name: str
    first_file_name: str
    first_seen_at: datetime


@dataclass(frozen=True)
class RunSummary:
    """The summary of one run.

    Attributes:
        held: All files that wait for an operator, whichever run they came with.
        data_docs: Page with every check of the latest deliveries; None before the first.
    """

    run_id: str
    state: str
    files: list[FeedCounts]
    refused: list[RefusedFile]
    held: list[RefusedFile]
    unknown_columns: list[UnknownColumn]
    recomputed: list[Recomputed]
    tables: dict[str, int]
    checks_passed: int
    checks_failed: list[str]
    release_id: str | None
    content_hash: str | None
    as_of: datetime | None
    headlines: list[Headline]
    published: str
    data_docs: str | None


def summarize_run(layout: DataLayout, run_id: str) -> RunSummary:
    """Read the private warehouse for what came in, and the published file for what came out."""
    with closing(open_warehouse(layout, read_only=True)) as connection:
        files = _feed_counts(connection, run_id)
        refused = _refused_files(connection, layout, run_id)
        held = _held_files(connection)
        unknown = _unknown_columns(connection, run_id)
        recomputed = recomputed_by(connection, run_id)
        latest = connection.execute(
            "select release_id, content_hash from raw.releases order by created_at desc, release_id desc"
        ).fetchone()
    pages = str(layout.data_docs_index) if layout.data_docs_index.is_file() else None
    if not layout.published.exists():
        return RunSummary(
            run_id=run_id,
            state="taken in",
            files=files,
            refused=refused,
            held=held,
            unknown_columns=unknown,
            recomputed=recomputed,
            tables={},
            checks_passed=0,
            checks_failed=[],
            release_id=None,
            content_hash=None,
            as_of=None,
            headlines=[],
            published=str(layout.published),
            data_docs=pages,
        )
    with closing(open_release(layout.published)) as release:
        tables = _table_counts(release)
        passed, failed = _checks(release)
        row = release.execute("select release_id, content_hash, as_of from meta.releases where is_current").fetchone()
        found = headlines(release, tables)
    release_id, content_hash, as_of = row if row else (None, None, None)
    state = "released" if release_id and release_id.endswith(run_id[:8]) else "unchanged"
    if latest is not None and latest[0] != release_id:
        state = "rolled back"
    return RunSummary(
        run_id=run_id,
        state=state,
        files=files,
        refused=refused,
        held=held,
        unknown_columns=unknown,
        recomputed=recomputed,
        tables=tables,
        checks_passed=passed,
        checks_failed=failed,
        release_id=release_id,
        content_hash=content_hash,
        as_of=as_of,
        headlines=found,
        published=str(layout.published),
        data_docs=pages,
    )


def describe_release(path: Path) -> dict[str, Any]:
    """Id, time, watermark and content hash of a kept release."""
    with closing(open_release(path)) as release:
        row = release.execute(
            "select release_id, created_at, as_of, content_hash, row_count from meta.releases where is_current"
        ).fetchone()
    names = ("release_id", "created_at", "as_of", "content_hash", "row_count")
    return dict(zip(names, row or (path.stem, None, None, "", 0), strict=True))


def open_release(path: Path) -> duckdb.DuckDBPyConnection:
    """A reading session on a release.

    It is attached under another name than the file's: `cliffhanger.duckdb` opened by itself would make the schema
    `cliffhanger` ambiguous.
    """
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("set enable_progress_bar = false")
    name = str(path).replace("'", "''")
    connection.execute(f"attach '{name}' as release (read_only)")
    connection.execute("use release")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _feed_counts(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[FeedCounts]:
    rows = connection.execute(
        "select feed, count(*)::bigint, sum(lines_read)::bigint, sum(accepted)::bigint, sum(duplicate)::bigint, "
        "sum(conflict)::bigint, sum(rejected)::bigint, sum(blank)::bigint, "
        "(count(*) filter (status in ('rejected', 'held')))::bigint "
        "from raw.files where batch_id = ? group by feed order by feed",
        [run_id],
    ).fetchall()
    reasons = connection.execute(
        "select feed, reason_code, count(*)::bigint from raw.quarantine where batch_id = ? group by all order by all",
        [run_id],
    ).fetchall()
    by_feed: dict[str, dict[str, int]] = {}
    for feed, reason, count in reasons:
        by_feed.setdefault(feed, {})[reason] = count
    names = [field.name for field in fields(FeedCounts)][:-1]
    return [
        FeedCounts(**dict(zip(names, row, strict=True)), rejected_by_reason=by_feed.get(row[0], {})) for row in rows
    ]


def _refused_files(connection: duckdb.DuckDBPyConnection, layout: DataLayout, run_id: str) -> list[RefusedFile]:
    """Contents this run refused, and what lies in landing but is no file of its own, for as long as it lies there."""
    rows = connection.execute(
        "select file_name, coalesce(reason_code, status), coalesce(detail, '') from raw.files "
        "where batch_id = ? and status in ('rejected', 'held') order by file_name",
        [run_id],
    ).fetchall()
    contracts = {**feed_contracts(), **statement_contracts()}
    entries = [entry for contract in contracts.values() for entry in discover(layout, contract).refused]
    return [
        *(RefusedFile(*row) for row in rows),
        *(RefusedFile(entry.name, "not_a_regular_file", entry.detail) for entry in entries),
    ]


def _held_files(connection: duckdb.DuckDBPyConnection) -> list[RefusedFile]:
    rows = connection.execute(
        "select file_name, reason_code, coalesce(detail, '') from raw.files where status = 'held' order by file_name"
    ).fetchall()
    return [RefusedFile(*row) for row in rows]


def _unknown_columns(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[UnknownColumn]:
    rows = connection.execute(
        "select feed, column_name, arg_min(file_name, (ingested_at, file_name)), min(ingested_at) "
        "from raw.unknown_columns inner join raw.files using (feed, file_sha256) "
        "group by feed, column_name having bool_or(batch_id = ?) order by feed, column_name",
        [run_id],
    ).fetchall()
    return [UnknownColumn(*row) for row in rows]


def _table_counts(release: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = release.execute(
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_catalog = 'release' order by 1"
    ).fetchall()
    counts = {}
    for (name,) in names:
        schema, _, table = name.partition(".")
        row = release.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
        counts[name] = int(row[0]) if row else 0
    return counts


def _checks(release: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
    passed = release.execute("select count(*) from meta.checks where passed").fetchone()
    failed = release.execute(
        "select asset || ': ' || check_name from meta.checks where not passed order by 1"
    ).fetchall()
    return int(passed[0]) if passed else 0, [name for (name,) in failed]
