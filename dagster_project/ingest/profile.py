"""One row of figures per feed and batch: what the gate judges, whatever the size of the delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.profile_counts import (
    batch_rows,
    keep_days,
    keep_values,
    unknown_apps,
    unknown_regions,
    unknown_series,
    without_contract,
    without_studio,
)
from dagster_project.storage.warehouse import Connection, transaction

_HISTORY_BATCHES = 14
# Fewer say nothing about what is usual: a first delivery of all that was there before is no measure for a day.
_LEAST_BATCHES = 3
_DEFAULT_LATE_HOURS = 24
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_OLD_DAYS = 90


@dataclass(frozen=True)
class FeedProfile:
    """The delivery of one feed in one batch; counts leave out files that are held or that an operator has accepted.

    Shares are in millionths of the lines read (reject, duplicate, conflict) or of the accepted rows of the batch's
    files (all others); None where the share is not defined.

    Attributes:
        received_before_event_ppm: Rows that were received more than a day before they happened.
        future_ppm: Rows that lie after the feed's watermark and wait.
        late_ppm: Rows older at arrival than the contract's latency.
        unknown_series_ppm: Rows whose series no reference table knows.
        held_files: Name and reason of each held file, None when there is none.
        null_ppm: Share of rows without a value, by optional column.
        n_viewers: Different viewers, give or take a few percent; None where rows name none.
        received_later_ppm: Rows that arrived, by their own account, more than an hour after they were taken in.
        old_ppm: Rows more than 90 days old when they arrived.
        without_studio_ppm, without_contract_ppm, unknown_app_ppm, unknown_region_ppm: Rows that point to nothing, in
            millionths of those that point somewhere (see `profile_counts`); the commonest names are beside them.
        median_accepted_before: Median of `n_accepted` over the latest earlier batches, None while they are few or when
            the batch is an operator's decision on rows delivered before.
    """

    batch_id: str
    feed: str
    profiled_at: datetime
    n_files: int
    n_rejected_files: int
    n_lines: int
    n_accepted: int
    n_duplicate: int
    n_conflict: int
    n_rejected: int
    n_blank: int
    reject_ppm: int | None
    duplicate_ppm: int | None
    conflict_ppm: int | None
    min_event_at: datetime | None
    max_event_at: datetime | None
    min_received_at: datetime | None
    max_received_at: datetime | None
    received_before_event_ppm: int | None
    future_ppm: int | None
    late_ppm: int | None
    unknown_series_ppm: int | None
    null_ppm: Mapping[str, int | None]
    median_accepted_before: float | None
    n_held_files: int = 0
    held_files: str | None = None
    received_later_ppm: int | None = None
    old_ppm: int | None = None
    without_studio_ppm: int | None = None
    without_contract_ppm: int | None = None
    unknown_app_ppm: int | None = None
    unknown_region_ppm: int | None = None
    unknown_series: str | None = None
    series_without_studio: str | None = None
    series_without_contract: str | None = None
    unknown_apps: str | None = None
    unknown_regions: str | None = None
    n_viewers: int | None = None


def profile_feed(connection: Connection, contract: TableContract, batch_id: str) -> FeedProfile | None:
    """Profile what a batch took in of one feed and keep the row in `raw.profiles`; None when it took in no file."""
    row = connection.execute(_profile_sql(contract), {"batch_id": batch_id, "feed": contract.name}).fetchone()
    if row is None or not row[3]:
        # Files may have gone over to the batch that read them again.
        with transaction(connection):
            for table in ("raw.profiles", "raw.profile_values"):
                connection.execute(f"delete from {table} where batch_id = ? and feed = ?", [batch_id, contract.name])
            keep_days(connection, contract, batch_id)
        return None
    *figures, n_viewers = row
    profile = replace(FeedProfile(*figures), n_viewers=n_viewers, **_coverage(connection, contract, batch_id))
    with transaction(connection):
        connection.execute("delete from raw.profiles where batch_id = ? and feed = ?", [batch_id, contract.name])
        names = [field.name for field in fields(profile)]
        marks = ", ".join("?" for _ in names)
        connection.execute(
            f"insert into raw.profiles ({', '.join(names)}) values ({marks})",
            [getattr(profile, name) for name in names],
        )
        keep_days(connection, contract, batch_id)
        keep_values(connection, contract, batch_id)
    return profile


def _coverage(connection: Connection, contract: TableContract, batch_id: str) -> dict[str, Any]:
    """Figure and names of everything that rows point to, by attribute of the profile."""
    found = {
        ("unknown_series_ppm", "unknown_series"): unknown_series(connection, contract, batch_id),
        ("without_studio_ppm", "series_without_studio"): without_studio(connection, contract, batch_id),
        ("without_contract_ppm", "series_without_contract"): without_contract(connection, contract, batch_id),
        ("unknown_app_ppm", "unknown_apps"): unknown_apps(connection, contract, batch_id),
        ("unknown_region_ppm", "unknown_regions"): unknown_regions(connection, contract, batch_id),
    }
    return {
        attribute: value
        for (figure, names), coverage in found.items()
        if coverage is not None
        for attribute, value in ((figure, coverage.outside_ppm), (names, coverage.names))
    }


def _profile_sql(contract: TableContract) -> str:
    event = f'"{contract.event_time}"' if contract.event_time else "null::timestamptz"
    received = f'"{contract.received_time}"' if contract.received_time else "null::timestamptz"
    late_hours = contract.late_after_hours or _DEFAULT_LATE_HOURS
    optional = [column.name for column in contract.columns if not column.is_required]
    shares = {name: f'1000000 * (count(*) - count("{name}")) // nullif(count(*), 0)' for name in optional}
    named = [column.name for column in contract.columns if column.names_viewer]
    viewers = f'nullif(approx_count_distinct("{named[0]}"), 0)' if named else "null::bigint"
    nulls = ", ".join(f"'{name}': {share}" for name, share in shares.items())
    return f"""
    with delivered as (
        select count(*) as n_files, count(*) filter (status = 'rejected') as n_rejected_files,
            {_judged("lines_read")} as n_lines, {_judged("accepted")} as n_accepted,
            {_judged("duplicate")} as n_duplicate, {_judged("conflict")} as n_conflict,
            {_judged("rejected")} as n_rejected, {_judged("blank")} as n_blank,
            max(ingested_at) as profiled_at, count(*) filter (status = 'held') as n_held_files,
            string_agg(file_name || ': ' || detail, '; ' order by file_name) filter (status = 'held') as held_files
        from (
            select *, file_sha256 in (
                select file_sha256 from raw.decisions where feed = $feed and decision = 'accepted'
            ) as is_accepted
            from raw.files where batch_id = $batch_id and feed = $feed
        )
    ),
    mark as (select max({received}) as as_of from {contract.relation}),
    accepted as (
        select min({event}) as min_event_at, max({event}) as max_event_at,
            min({received}) as min_received_at, max({received}) as max_received_at,
            {_ppm(f"epoch_us({event}) - epoch_us({received}) > {_DAY_US}")} as received_before_event_ppm,
            {_ppm(f"{event} > mark.as_of")} as future_ppm,
            {_ppm(f"epoch_us({received}) - epoch_us({event}) > {late_hours * _HOUR_US}")} as late_ppm,
            {_ppm(f"epoch_us({received}) - epoch_us(_ingested_at) > {_HOUR_US}")} as received_later_ppm,
            {_ppm(f"epoch_us({received}) - epoch_us({event}) > {_OLD_DAYS * _DAY_US}")} as old_ppm,
            {viewers} as n_viewers, map {{{nulls}}} as null_ppm
        from {contract.relation} cross join mark
        where {batch_rows(contract)}
    ),
    earlier as (
        select n_accepted from raw.profiles
        where feed = $feed and batch_id <> $batch_id and batch_id not in (select batch_id from raw.decisions)
            and profiled_at <= (select profiled_at from delivered)
        order by profiled_at desc limit {_HISTORY_BATCHES}
    )
    select $batch_id, $feed, profiled_at, n_files, n_rejected_files, n_lines, n_accepted, n_duplicate, n_conflict,
        n_rejected, n_blank, {_share("n_rejected")}, {_share("n_duplicate")}, {_share("n_conflict")},
        min_event_at, max_event_at, min_received_at, max_received_at, received_before_event_ppm, future_ppm, late_ppm,
        null::bigint, null_ppm,
        case when $batch_id not in (select batch_id from raw.decisions) then
            (select case when count(*) >= {_LEAST_BATCHES} then median(n_accepted)::double end from earlier)
        end, n_held_files, held_files, received_later_ppm, old_ppm, n_viewers
    from delivered cross join accepted"""


def _judged(count: str) -> str:
    """The sum of a count over the files to judge: nothing was taken in of held ones, accepted ones are decided on."""
    return f"coalesce(sum({count}) filter (status not in ('held', 'replaced') and not is_accepted), 0)::bigint"


def _ppm(condition: str) -> str:
    """Share of rows in millionths; null without rows or where the condition never has an answer."""
    return f"case when count({condition}) > 0 then (1000000 * count(*) filter ({condition}) // count(*))::bigint end"


def _share(count: str) -> str:
    return f"case when n_lines > 0 then 1000000 * {count} // n_lines end"
