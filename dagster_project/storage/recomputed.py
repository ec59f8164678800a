"""How much of what was there a run computed anew, as the models noted it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

# What facts are keyed by, the set the models recompute, and all there is: the staging view it is drawn from.
_SCOPES = (
    ("viewers", "int_affected_viewers", ("viewer_key",), ("stg_raw__views", "stg_raw__unlocks")),
    ("orders", "int_affected_orders", ("source", "order_id"), ("stg_raw__unlocks",)),
    ("days of ads", "int_affected_ad_dates", ("event_date",), ("stg_raw__ads",)),
    ("days of top-ups", "int_affected_topup_dates", ("event_date",), ("stg_raw__topups",)),
)


@dataclass(frozen=True)
class Recomputed:
    """One kind of partition: how many of all were computed anew."""

    scope: str
    affected: int
    total: int


def prepare_recomputed(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table of this module where it is missing."""
    connection.execute("create schema if not exists raw")
    connection.execute(
        "create table if not exists raw.recomputed "
        "(run_id varchar, position integer, scope varchar, affected bigint, total bigint)"
    )


def note_recomputed(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Recomputed]:
    """Keep what the last build of the models recomputed; the affected sets hold until the next build."""
    prepare_recomputed(connection)
    for position, (scope, affected, keys, sources) in enumerate(_SCOPES):
        columns = ", ".join(keys)
        everything = " union ".join(
            f"select {columns} from staging.{source} where {keys[0]} is not null" for source in sources
        )
        connection.execute(
            "insert into raw.recomputed select ?, ?, ?, "
            f"(select count(*) from (select distinct {columns} from intermediate.{affected})), "
            f"(select count(*) from (select distinct {columns} from ({everything})))",
            [run_id, position, scope],
        )
    return recomputed_by(connection, run_id)


def recomputed_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Recomputed]:
    """What that run recomputed; nothing when it did not build the models."""
    known = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'raw' and table_name = 'recomputed'"
    ).fetchall()
    if not known:
        return []
    rows = connection.execute(
        "select scope, affected, total from raw.recomputed where run_id = ? order by position", [run_id]
    ).fetchall()
    return [Recomputed(*row) for row in rows]
