"""What was taken in but is in no release yet, and the history of releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

import duckdb

from dagster_project.storage.release import CheckRecord, ReleaseRecord


def prepare_history(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module where they are missing."""
    connection.execute("create schema if not exists raw")
    connection.execute(
        "create table if not exists raw.batches (batch_id varchar, started_at timestamptz, state varchar)"
    )
    connection.execute(
        "create table if not exists raw.releases (release_id varchar, created_at timestamptz, content_hash varchar, "
        "as_of timestamptz, reference_fingerprint varchar, code_fingerprint varchar, "
        "ledger_head varchar, row_count bigint)"
    )
    connection.execute(
        "create table if not exists raw.gate_checks (batch_id varchar, feed varchar, check_name varchar, "
        "severity varchar, passed boolean, detail varchar)"
    )


def pending_batches(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Batches that no release holds yet, oldest first."""
    rows = connection.execute(
        "select batch_id from raw.batches where state = 'pending' order by started_at, batch_id"
    ).fetchall()
    return [row[0] for row in rows]


def mark_released(connection: duckdb.DuckDBPyConnection, batch_ids: Sequence[str], record: ReleaseRecord) -> None:
    """Close these batches and note the release that holds them: one transaction."""
    connection.begin()
    try:
        for batch_id in batch_ids:
            connection.execute("update raw.batches set state = 'released' where batch_id = ?", [batch_id])
        connection.execute("insert into raw.releases values (?, ?, ?, ?, ?, ?, ?, ?)", list(astuple(record)))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def note_unchanged(
    connection: duckdb.DuckDBPyConnection, latest: ReleaseRecord, recomputed: ReleaseRecord, batch_ids: Sequence[str]
) -> None:
    """The figures equal the latest release: close the batches and keep it, under its new origin."""
    connection.begin()
    try:
        connection.execute(
            "update raw.releases set reference_fingerprint = ?, code_fingerprint = ?, ledger_head = ? "
            "where release_id = ?",
            [recomputed.reference_fingerprint, recomputed.code_fingerprint, recomputed.ledger_head, latest.release_id],
        )
        for batch_id in batch_ids:
            connection.execute("update raw.batches set state = 'released' where batch_id = ?", [batch_id])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def release_history(connection: duckdb.DuckDBPyConnection) -> list[ReleaseRecord]:
    """All releases, oldest first."""
    rows = connection.execute(
        "select release_id, created_at, content_hash, as_of, reference_fingerprint, code_fingerprint, ledger_head, "
        "row_count from raw.releases order by created_at, release_id"
    ).fetchall()
    return [ReleaseRecord(*row) for row in rows]


def record_gate(connection: duckdb.DuckDBPyConnection, batch_id: str, feed: str, checks: Sequence[CheckRecord]) -> None:
    """Keep what the gate of one feed said in this batch, replacing an earlier verdict."""
    connection.begin()
    try:
        connection.execute("delete from raw.gate_checks where batch_id = ? and feed = ?", [batch_id, feed])
        for check in checks:
            connection.execute(
                "insert into raw.gate_checks values (?, ?, ?, ?, ?, ?)",
                [batch_id, feed, check.check_name, check.severity, check.passed, check.detail],
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def gate_checks(connection: duckdb.DuckDBPyConnection) -> list[CheckRecord]:
    """The gate's verdicts on what no release holds yet, and on the last delivery of every other feed."""
    rows = connection.execute(
        "select checks.check_name, 'raw/' || checks.feed, checks.severity, checks.passed, checks.detail "
        "from raw.gate_checks as checks inner join raw.batches as batches on checks.batch_id = batches.batch_id "
        "qualify batches.state = 'pending' "
        "or batches.started_at = max(batches.started_at) over (partition by checks.feed) "
        "order by checks.feed, batches.started_at, checks.batch_id, checks.check_name"
    ).fetchall()
    return [CheckRecord(*row) for row in rows]


def data_through(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """The watermark of the views feed: the largest accepted received time."""
    row = connection.execute("select max(received_ts) from raw.views").fetchone()
    return row[0] if row else None
