"""What a run did and what the release says, in the few figures a person wants to read first."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.storage.layout import DataLayout
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
class Headline:
    """One figure of one family with its interval, or the reason why there is none."""

    family: str
    sentence: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    status: str


@dataclass(frozen=True)
class RunSummary:
    """The summary of one run."""

    run_id: str
    state: str
    files: list[FeedCounts]
    tables: dict[str, int]
    checks_passed: int
    checks_failed: list[str]
    release_id: str | None
    content_hash: str | None
    as_of: datetime | None
    headlines: list[Headline]
    published: str


def summarize_run(layout: DataLayout, run_id: str) -> RunSummary:
    """Read the private warehouse for what came in, and the published file for what came out."""
    with closing(open_warehouse(layout, read_only=True)) as connection:
        files = _feed_counts(connection, run_id)
        latest = connection.execute(
            "select release_id, content_hash from raw.releases order by created_at desc, release_id desc"
        ).fetchone()
    if not layout.published.exists():
        return RunSummary(run_id, "taken in", files, {}, 0, [], None, None, None, [], str(layout.published))
    with closing(_open_release(layout.published)) as release:
        tables = _table_counts(release)
        passed, failed = _checks(release)
        row = release.execute("select release_id, content_hash, as_of from meta.releases where is_current").fetchone()
        headlines = _headlines(release, tables)
    release_id, content_hash, as_of = row if row else (None, None, None)
    state = "released" if release_id and release_id.endswith(run_id[:8]) else "unchanged"
    if latest is not None and latest[0] != release_id:
        state = "rolled back"
    return RunSummary(
        run_id, state, files, tables, passed, failed, release_id, content_hash, as_of, headlines, str(layout.published)
    )


def describe_release(path: Path) -> dict[str, Any]:
    """Id, time, watermark and content hash of a kept release."""
    with closing(_open_release(path)) as release:
        row = release.execute(
            "select release_id, created_at, as_of, content_hash, row_count from meta.releases where is_current"
        ).fetchone()
    names = ("release_id", "created_at", "as_of", "content_hash", "row_count")
    return dict(zip(names, row or (path.stem, None, None, "", 0), strict=True))


def _open_release(path: Path) -> duckdb.DuckDBPyConnection:
    """A reading session on a release.

    It is attached under another name than the file's: `cliffhanger.duckdb` opened by itself would make the schema
    `cliffhanger` ambiguous.
    """
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    name = str(path).replace("'", "''")
    connection.execute(f"attach '{name}' as release (read_only)")
    connection.execute("use release")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _feed_counts(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[FeedCounts]:
    rows = connection.execute(
        "select feed, count(*)::bigint, sum(lines_read)::bigint, sum(accepted)::bigint, sum(duplicate)::bigint, "
        "sum(conflict)::bigint, sum(rejected)::bigint, sum(blank)::bigint, "
        "(count(*) filter (status <> 'loaded'))::bigint "
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


# The one question each family answers first; each returns sentence, estimate, ci_low, ci_high, status.
_HEADLINES = (
    (
        "retention",
        "audience.episode_reach",
        """
        select 'reach the paywall of ' || series.title || ' (episode ' || reach.episode_seq || ') within 7 days',
            reach.estimate, reach.ci_low, reach.ci_high, reach.status
        from audience.episode_reach as reach
        inner join core.dim_series as series
            on reach.series_id = series.series_id and reach.episode_seq = series.first_gated_episode_seq
        where reach.surface = 'all' and reach.cohort_week = 'all' and reach.horizon_hours = 168
        order by reach.n_entered desc, reach.series_id limit 1
        """,
    ),
    (
        "retention",
        "audience.cohort_days",
        """
        select 'come back on day ' || day || ' after their first', estimate, ci_low, ci_high, status
        from audience.cohort_days
        where scope = 'all' and surface = 'all' and cohort_date = 'all' and mode = 'n_day' and day = 7
        """,
    ),
    (
        "cliffhangers",
        "cliffhanger.continuation",
        """
        select 'start the next episode within a minute of finishing episode 1 of ' || series.title,
            continuation.estimate, continuation.ci_low, continuation.ci_high, continuation.status
        from cliffhanger.continuation as continuation
        inner join core.dim_series as series on continuation.series_id = series.series_id
        where continuation.surface = 'all' and continuation.mode = 'all'
            and continuation.window_seconds = 60 and continuation.episode_seq = 1
        order by continuation.n_at_risk desc, continuation.series_id limit 1
        """,
    ),
)


def _headlines(release: duckdb.DuckDBPyConnection, tables: dict[str, int]) -> list[Headline]:
    headlines = []
    for family, table, query in _HEADLINES:
        row = release.execute(query).fetchone() if table in tables else None
        if row is None:
            headlines.append(Headline(family, f"{table} has no such row yet", None, None, None, "not_identified"))
        else:
            headlines.append(Headline(family, *row))
    return headlines
