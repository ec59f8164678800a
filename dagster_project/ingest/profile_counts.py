"""Counts of a delivery by day, by value and by series: what its profile keeps for the days to come, and names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dagster_project.contracts.model import TableContract
from dagster_project.storage.warehouse import Connection

# Beyond this many rows a random part of the lines stands for all: shares of a million rows are known to a tenth of a
# percent. Not every k-th line: steps of one event follow each other.
_COUNTED_ROWS = 1_000_000
_DAY_US = 86_400_000_000
# A column with more values is no closed list; the rare ones are left out.
_VALUES_KEPT = 50
_NAMES_SHOWN = 3
_NAME_LENGTH = 40
# Steps of the paywall before anything is owed.
_BEFORE_MONEY = ("offered", "sheet_opened", "tapped", "payment_failed")


@dataclass(frozen=True)
class Coverage:
    """Rows that point to nothing: how many of how many, and the commonest things they point to.

    Counted exactly up to a million rows, then from a sample.
    """

    n_rows: int
    n_outside: int
    names: str | None

    @property
    def outside_ppm(self) -> int | None:
        """In millionths of the rows that point somewhere; None when none does."""
        return 1_000_000 * self.n_outside // self.n_rows if self.n_rows else None


def batch_rows(contract: TableContract) -> str:
    """SQL condition on rows of the feed: they came with the files of batch `$batch_id` of `$feed`."""
    of_batch = "from raw.files where batch_id = $batch_id and feed = $feed"
    return f"_file_sha256 in (select file_sha256 {of_batch}) and _ingest_date in (select ingest_date {of_batch})"


def _sampled_rows(connection: Connection, contract: TableContract, batch_id: str) -> tuple[str, int]:
    """SQL condition on a sample of about a million rows of the batch, and how many rows each stands for."""
    row = connection.execute(
        "select coalesce(sum(accepted), 0)::bigint from raw.files where batch_id = ? and feed = ?",
        [batch_id, contract.name],
    ).fetchone()
    weight = (row[0] if row else 0) // _COUNTED_ROWS + 1
    rows = batch_rows(contract)
    return (rows if weight == 1 else f"{rows} and hash(_line_no) % {weight} = 0"), weight


def keep_days(connection: Connection, contract: TableContract, batch_id: str) -> None:
    """Count the feed's rows by event day anew, for the ingest days this batch touched."""
    if contract.event_time is None:
        return
    connection.execute(
        "delete from raw.profile_days where feed = $feed and (ingest_date in ("
        "select ingest_date from raw.files where batch_id = $batch_id and feed = $feed) or ingest_date not in ("
        "select ingest_date from raw.files where feed = $feed))",
        {"batch_id": batch_id, "feed": contract.name},
    )
    connection.execute(
        f"insert into raw.profile_days select $feed, _ingest_date, {_day(contract)}, count(*) "
        f"from {contract.relation} where _ingest_date in ("
        "select ingest_date from raw.files where batch_id = $batch_id and feed = $feed) group by all",
        {"batch_id": batch_id, "feed": contract.name},
    )


def delivered_days(connection: Connection, contract: TableContract, batch_id: str) -> dict[date, int]:
    """Rows of the batch by event day (UTC)."""
    if contract.event_time is None:
        return {}
    rows = connection.execute(
        f"select {_day(contract)}, count(*) from {contract.relation} where {batch_rows(contract)} group by all",
        {"batch_id": batch_id, "feed": contract.name},
    ).fetchall()
    return dict(rows)


def keep_values(connection: Connection, contract: TableContract, batch_id: str) -> None:
    """Count the batch's rows by value of each column whose values are few; beyond a million rows by a sample."""
    connection.execute("delete from raw.profile_values where batch_id = ? and feed = ?", [batch_id, contract.name])
    columns = [column.name for column in contract.columns if column.is_category]
    if not columns:
        return
    scope, weight = _sampled_rows(connection, contract, batch_id)
    names = ", ".join(f'"{name}"' for name in columns)
    sets = ", ".join(f'("{name}")' for name in columns)
    branches = " ".join(f"when grouping(\"{name}\") = 0 then '{name}'" for name in columns)
    values = " ".join(f'when grouping("{name}") = 0 then "{name}"::varchar' for name in columns)
    connection.execute(
        f"""insert into raw.profile_values
        select $batch_id, $feed, column_name, value, n_rows from (
            select case {branches} end as column_name, case {values} end as value, {weight} * count(*) as n_rows
            from (select {names} from {contract.relation} where {scope})
            group by grouping sets ({sets})
        ) where value is not null
        qualify row_number() over (partition by column_name order by n_rows desc, value) <= {_VALUES_KEPT}""",
        {"batch_id": batch_id, "feed": contract.name},
    )


def without_studio(connection: Connection, contract: TableContract, batch_id: str) -> Coverage | None:
    """Rows of a known series that belongs to no known studio."""
    if not _has(contract, "series_id") or not _known(connection, "series", "studios"):
        return None
    return _coverage(
        connection,
        contract,
        batch_id,
        subject="series_id",
        day="null::date",
        scope="series_id in (select series_id from reference.series)",
        outside="name in (select series_id from reference.series "
        "where studio_id is null or studio_id not in (select studio_id from reference.studios))",
    )


def without_contract(connection: Connection, contract: TableContract, batch_id: str) -> Coverage | None:
    """Rows of money that are owed to somebody no payable contract names on that day.

    A series that never had a contract is the house's own, unless its owner is the studio.
    """
    if not _has(contract, "series_id") or contract.event_time is None or not contract.carries_money:
        return None
    if not _known(connection, "contracts", "series"):
        return None
    scope = "series_id is not null"
    if _has(contract, "event_type"):
        scope += f" and event_type not in ({', '.join(repr(step) for step in _BEFORE_MONEY)})"
    ever = "select 1 from reference.contracts as c where c.direction = 'PAYABLE' and c.series_id = name"
    in_force = f"{ever} and c.valid_from <= day and (c.valid_to is null or day < c.valid_to)"
    of_studio = "name in (select series_id from reference.series where owner in ('studio', studio_id))"
    return _coverage(
        connection,
        contract,
        batch_id,
        subject="series_id",
        day=_day(contract),
        scope=scope,
        outside=f"not exists ({in_force}) and (exists ({ever}) or {of_studio})",
    )


def unknown_series(connection: Connection, contract: TableContract, batch_id: str) -> Coverage | None:
    """Rows of a series no reference table knows."""
    return _unlisted(connection, contract, batch_id, "series_id", "series", "series_id")


def unknown_apps(connection: Connection, contract: TableContract, batch_id: str) -> Coverage | None:
    """Rows of an app in which no series is listed."""
    return _unlisted(connection, contract, batch_id, "app_id", "series_listing", "app_id")


def unknown_regions(connection: Connection, contract: TableContract, batch_id: str) -> Coverage | None:
    """Rows of a region that no country belongs to."""
    return _unlisted(connection, contract, batch_id, "region_entity", "region_map", "region_entity")


def _unlisted(
    connection: Connection, contract: TableContract, batch_id: str, column: str, table: str, key: str
) -> Coverage | None:
    if not _has(contract, column) or not _known(connection, table):
        return None
    return _coverage(
        connection,
        contract,
        batch_id,
        subject=column,
        day="null::date",
        scope=f'"{column}" is not null',
        outside=f'name not in (select "{key}" from reference.{table} where "{key}" is not null)',
    )


def _coverage(
    connection: Connection,
    contract: TableContract,
    batch_id: str,
    *,
    subject: str,
    day: str,
    scope: str,
    outside: str,
) -> Coverage:
    rows, weight = _sampled_rows(connection, contract, batch_id)
    row = connection.execute(
        f"""with pointed as (
            select "{subject}" as name, {day} as day, {weight} * count(*) as n_rows
            from {contract.relation} where {rows} and {scope} group by all
        ),
        found as (select name, sum(n_rows) as n_outside from pointed where {outside} group by name)
        select coalesce((select sum(n_rows) from pointed), 0)::bigint,
            coalesce((select sum(n_outside) from found), 0)::bigint,
            (select list(name order by n_outside desc, name) from found), (select count(*) from found)""",
        {"batch_id": batch_id, "feed": contract.name},
    ).fetchone()
    if row is None:
        return Coverage(0, 0, None)
    n_rows, n_outside, names, n_names = row
    return Coverage(n_rows, n_outside, shown(names, n_names) if names else None)


def shown(names: list[str], count: int) -> str:
    """The first names as they may be shown to people, whatever was delivered in them."""
    first = ", ".join(_printable(name) for name in names[:_NAMES_SHOWN])
    more = count - min(len(names), _NAMES_SHOWN)
    return f"{first} and {more:,} more" if more > 0 else first


def _printable(name: str) -> str:
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return text if len(text) <= _NAME_LENGTH else f"{text[:_NAME_LENGTH]}…"


def _day(contract: TableContract) -> str:
    """The UTC day of the event by arithmetic: a tenth of what conversion by time zone costs."""
    return f'make_date((epoch_us("{contract.event_time}") // {_DAY_US})::int)'


def _has(contract: TableContract, name: str) -> bool:
    return any(column.name == name for column in contract.columns)


def _known(connection: Connection, *tables: str) -> bool:
    """Whether all these reference tables are there and hold rows."""
    for table in tables:
        found = connection.execute(
            "select 1 from information_schema.tables where table_schema = 'reference' and table_name = ?", [table]
        ).fetchone()
        if found is None or connection.execute(f"select 1 from reference.{table} limit 1").fetchone() is None:
            return False
    return True
