"""Reads what is usual for a feed from the profiles of its deliveries before."""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.drift import LEAST_ROWS, TRAINING, FeedHistory
from dagster_project.ingest.profile import FeedProfile
from dagster_project.ingest.profile_counts import delivered_days
from dagster_project.storage.warehouse import Connection

# Ahead of the 14 days before the first day that can be judged, whatever the delivery holds.
_DAYS_READ = 400


def feed_history(connection: Connection, contract: TableContract, profile: FeedProfile) -> FeedHistory:
    """The history against which a profiled delivery is judged; of constant size, whatever the feed holds.

    Earlier deliveries are the latest 14 of at least 1,000 accepted rows; operators' decisions on rows delivered
    before are none.
    """
    delivered = delivered_days(connection, contract, profile.batch_id)
    days = connection.execute(
        "select event_date, sum(n_rows)::bigint from raw.profile_days where feed = ? and event_date <= ? "
        "group by event_date order by event_date desc limit ?",
        [contract.name, max(delivered), _DAYS_READ],
    ).fetchall() if delivered else []  # fmt: skip
    earlier = connection.execute(
        "select batch_id, null_ppm from raw.profiles where feed = ? and batch_id <> ? and profiled_at <= ? "
        "and n_accepted >= ? and batch_id not in (select batch_id from raw.decisions) "
        "order by profiled_at desc, batch_id limit ?",
        [contract.name, profile.batch_id, profile.profiled_at, LEAST_ROWS, TRAINING],
    ).fetchall()
    values = _values(connection, contract.name, [profile.batch_id, *(batch_id for batch_id, _ in earlier)])
    return FeedHistory(
        days=dict(days),
        delivered=delivered,
        received_until=profile.max_received_at,
        n_viewers=profile.n_viewers,
        null_ppm=[nulls for _, nulls in earlier],
        values=values[profile.batch_id],
        earlier_values=[values[batch_id] for batch_id, _ in earlier if values[batch_id]],
    )


def _values(connection: Connection, feed: str, batch_ids: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Rows by batch, column and value."""
    found: dict[str, dict[str, dict[str, int]]] = {batch_id: {} for batch_id in batch_ids}
    rows = connection.execute(
        "select batch_id, column_name, value, n_rows from raw.profile_values "
        "where feed = ? and list_contains(?, batch_id)",
        [feed, list(batch_ids)],
    ).fetchall()
    for batch_id, column, value, count in rows:
        found[batch_id].setdefault(column, {})[value] = count
    return found
