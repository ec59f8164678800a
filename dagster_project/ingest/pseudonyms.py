"""Ids of persons to pseudonyms, between the staged rows and everything that is kept of them.

The ids of a group's good rows are hashed once each, here and not in SQL, so that the key is never part of a statement.
Temporary tables, dropped with the group: `pseudonym` (value, pseudonym, erased_through) and `incoming`, a view of
`staged` with `_row_id` and pseudonyms in place of ids; `contending`, filled with the staged rows that compete for a
key, and `incoming_contending`, the same view of these few. They may spill to `warehouse/spill`, which ends with the
session.
"""

from __future__ import annotations

import pyarrow as pa

from dagster_project.contracts.model import LogicalType, TableContract
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.pseudonym_key import require_same_key
from dagster_project.storage.warehouse import Connection

_MAP_SCHEMA = pa.schema(
    [("value", pa.string()), ("pseudonym", pa.string()), ("erased_through", pa.timestamp("us", "UTC"))]
)


def name_persons(connection: Connection, contract: TableContract, persons: Persons | None) -> None:
    """Make `pseudonym` and `incoming` for what `staged` holds; rows of erased persons are settled before.

    Without `persons` ids stay as they were delivered.

    Raises:
        PrivacyError: The warehouse was filled with another key.
    """
    columns = [column.name for column in contract.columns if column.names_viewer]
    if persons is not None:
        require_same_key(connection, persons.pseudonymizer)
    _fill_map(connection, columns, persons)
    if persons is not None and persons.erasures:
        _settle_erased(connection, contract, columns)
    named = columns if persons is not None else []
    connection.execute("create or replace temp table contending as select rowid as _row_id, * from staged limit 0")
    connection.execute(_named_view("incoming", "select rowid as _row_id, * from staged", contract, named))
    connection.execute(_named_view("incoming_contending", "from contending", contract, named))


def forget_names(connection: Connection) -> None:
    """Drop what `name_persons` made."""
    for view in ("incoming", "incoming_contending"):
        connection.execute(f"drop view {view}")
    connection.execute("drop table contending")
    connection.execute("drop table pseudonym")


def _fill_map(connection: Connection, columns: list[str], persons: Persons | None) -> None:
    values: list[str] = []
    if persons is not None and columns:
        each = " union all ".join(f'select distinct "{name}" as value from staged where _ok' for name in columns)
        rows = connection.execute(f"select distinct value from ({each}) where value is not null").fetchall()
        values = [row[0] for row in rows]
    pairs = pa.table(
        [
            values,
            [] if persons is None else [persons.pseudonym(value) for value in values],
            [persons.erased_through(value) for value in values]
            if persons and persons.erasures
            else [None] * len(values),
        ],
        schema=_MAP_SCHEMA,
    )
    connection.register("named", pairs)
    try:
        connection.execute("create or replace temp table pseudonym as select * from named")
    finally:
        connection.unregister("named")


def _named_view(view: str, source: str, contract: TableContract, columns: list[str]) -> str:
    replaced = [f'_{name}.pseudonym as "{name}"' for name in columns]
    if columns:
        # Whom else a source names in its own words cannot be told, so these are not kept.
        replaced += [f'null::varchar as "{column.name}"' for column in contract.columns if column.is_source_text]
    joins = " ".join(f'left join pseudonym as _{name} on delivered."{name}" = _{name}.value' for name in columns)
    shown = f"delivered.* replace ({', '.join(replaced)})" if replaced else "delivered.*"
    return f"create or replace temp view {view} as select {shown} from ({source}) as delivered {joins}"


def _settle_erased(connection: Connection, contract: TableContract, columns: list[str]) -> None:
    """Rows of erased persons from before their erasure: what is there already or moves no money fails as `erased`.

    What is left is money that was not known yet: it counts, for nobody.
    """
    found = connection.execute("select count(*) from pseudonym where erased_through is not null").fetchone()
    if found is None or not found[0] or contract.event_time is None:
        return
    rows = " union ".join(
        f'select staged.rowid as _row_id from staged inner join pseudonym on staged."{name}" = pseudonym.value '
        f'where _ok and staged."{contract.event_time}" <= pseudonym.erased_through'
        for name in columns
    )
    connection.execute(f"create or replace temp table erased_row as {rows}")
    refused = "true"
    if any(column.logical_type is LogicalType.NUMBER for column in contract.columns):
        keys = ", ".join(f'"{name}"' for name in contract.key)
        row_key = "concat_ws(chr(31), " + ", ".join(f'"{name}"::varchar' for name in contract.key) + ")"
        refused = f"""(({keys}) in (select ({keys}) from {contract.relation})
            or ({keys}) in (
                select ({keys}) from staged where _ok and rowid not in (select _row_id from erased_row)
            )
            or {row_key} in (select row_key from raw.lost_rows where feed = '{contract.name}'))"""
    connection.execute(
        "update staged set _ok = false, _code = 'erased' "
        f"where _ok and rowid in (select _row_id from erased_row) and {refused}"
    )
    nobody = ", ".join(f'"{name}" = null' for name in columns)
    connection.execute(f"update staged set {nobody} where _ok and rowid in (select _row_id from erased_row)")
    connection.execute("drop table erased_row")
