"""One row of figures per feed and batch: what the gate judges, whatever the size of the delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from dagster_project.contracts.model import TableContract
from dagster_project.storage.warehouse import Connection, transaction

_HISTORY_BATCHES = 14
# Fewer say nothing about what is usual: a first delivery of all that was there before is no measure for a day.
_LEAST_BATCHES = 3
_DEFAULT_LATE_HOURS = 24
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


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


def profile_feed(connection: Connection, contract: TableContract, batch_id: str) -> FeedProfile | None:
    """Profile what a batch took in of one feed and keep the row in `raw.profiles`; None when it took in no file."""
    row = connection.execute(
        _profile_sql(connection, contract), {"batch_id": batch_id, "feed": contract.name}
    ).fetchone()
    if row is None or not row[3]:
        # Files may have gone over to the batch that read them again.
        connection.execute("delete from raw.profiles where batch_id = ? and feed = ?", [batch_id, contract.name])
        return None
    profile = FeedProfile(*row)
    with transaction(connection):
        connection.execute("delete from raw.profiles where batch_id = ? and feed = ?", [batch_id, contract.name])
        names = ", ".join(field.name for field in fields(profile))
        marks = ", ".join("?" for _ in fields(profile))
        connection.execute(f"insert into raw.profiles ({names}) values ({marks})", list(row))
    return profile


def _profile_sql(connection: Connection, contract: TableContract) -> str:
    event = f'"{contract.event_time}"' if contract.event_time else "null::timestamptz"
    received = f'"{contract.received_time}"' if contract.received_time else "null::timestamptz"
    late_hours = contract.late_after_hours or _DEFAULT_LATE_HOURS
    optional = [column.name for column in contract.columns if not column.is_required]
    shares = {name: f'1000000 * (count(*) - count("{name}")) // nullif(count(*), 0)' for name in optional}
    nulls = ", ".join(f"'{name}': {share}" for name, share in shares.items())
    series = _unknown_series(connection, contract)
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
            {series} as unknown_series_ppm,
            map {{{nulls}}} as null_ppm
        from {contract.relation} cross join mark
        where _file_sha256 in (select file_sha256 from raw.files where batch_id = $batch_id and feed = $feed)
            and _ingest_date in (select ingest_date from raw.files where batch_id = $batch_id and feed = $feed)
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
        unknown_series_ppm, null_ppm,
        case when $batch_id not in (select batch_id from raw.decisions) then
            (select case when count(*) >= {_LEAST_BATCHES} then median(n_accepted)::double end from earlier)
        end, n_held_files, held_files
    from delivered cross join accepted"""


def _judged(count: str) -> str:
    """The sum of a count over the files to judge: nothing was taken in of held ones, accepted ones are decided on."""
    return f"coalesce(sum({count}) filter (status not in ('held', 'replaced') and not is_accepted), 0)::bigint"


def _ppm(condition: str) -> str:
    """Share of rows in millionths; null without rows or where the condition never has an answer."""
    return f"case when count({condition}) > 0 then (1000000 * count(*) filter ({condition}) // count(*))::bigint end"


def _share(count: str) -> str:
    return f"case when n_lines > 0 then 1000000 * {count} // n_lines end"


def _unknown_series(connection: Connection, contract: TableContract) -> str:
    """Null where the feed has no series or no series are known at all."""
    if all(column.name != "series_id" for column in contract.columns):
        return "null::bigint"
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = 'reference' and table_name = 'series'"
    ).fetchone()
    if found is None or not found[0]:
        return "null::bigint"
    known = connection.execute("select count(*) from reference.series").fetchone()
    if known is None or not known[0]:
        return "null::bigint"
    return _ppm("series_id not in (select series_id from reference.series)")
