"""From a simulated world to the estimates of its marts, by dbt and inference alone.

The log lines are read by DuckDB itself and settled by one window function, so that a test of a metric does not stand or
fall with ingestion: malformed lines are passed over, and of rows with one key the one received first counts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
from dbt.cli.main import dbtRunner

from dagster_project.contracts.loader import feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.model import TableContract
from dagster_project.inference.registry import ESTIMATES
from dagster_project.settings import DBT_DIR
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.reference_tables import read_reference, write_reference

_EARLIEST = "2020-01-01"


def load_world(root: Path, warehouse: Path) -> None:
    """Create the raw and reference schemas of `warehouse` from the data root `root`, as one pending batch."""
    connection = duckdb.connect(str(warehouse))
    try:
        connection.execute("set TimeZone = 'UTC'")
        contracts = feed_contracts()
        prepare_raw(connection, {**contracts, **statement_contracts()})
        for name, contract in contracts.items():
            _load_feed(connection, contract, sorted((root / "landing" / name).glob("*.jsonl.gz")))
        write_reference(connection, read_reference(root / "reference", reference_contracts()), datetime.now(UTC))
        connection.execute("insert into raw.batches values ('first', now(), 'pending')")
    finally:
        connection.close()


def build_marts(warehouse: Path, models: Sequence[str], target: Path) -> dict[str, pl.DataFrame]:
    """Run the models and all they stand on, with their data tests, and return them by name."""
    os.environ["CLIFFHANGER_WAREHOUSE"] = str(warehouse)
    run = dbtRunner().invoke(
        [
            "build",
            "--full-refresh",
            "--project-dir",
            str(DBT_DIR),
            "--profiles-dir",
            str(DBT_DIR),
            "--target-path",
            str(target),
            "--log-path",
            str(target),
            "--quiet",
            "--exclude-resource-type",
            "unit_test",
            "--indirect-selection",
            "cautious",
            "--select",
            *(f"+{model}" for model in models),
        ]
    )
    assert run.success, run.exception or [str(one.message) for one in run.result if one.status not in ("success", "pass")]
    connection = duckdb.connect(str(warehouse), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        return {
            model: pl.DataFrame(connection.execute(f'select * from marts."{model}"').to_arrow_table()) for model in models
        }
    finally:
        connection.close()


def estimates(marts: Mapping[str, pl.DataFrame], released: str) -> pl.DataFrame:
    """The released table: the mart joined with its estimates, one row each."""
    spec = next(one for one in ESTIMATES if one.released == released)
    inferred = spec.compute({name: marts[name] for name in spec.sources})
    joined = marts[spec.mart].join(inferred.select(*spec.keys, *spec.columns), on=spec.keys)
    assert joined.height == marts[spec.mart].height
    return joined


def _load_feed(connection: duckdb.DuckDBPyConnection, contract: TableContract, files: Sequence[Path]) -> None:
    """Rows that parse and whose required columns fit, each key once."""
    columns = {column.name: "VARCHAR" for column in contract.columns}
    connection.execute(
        "create or replace temp table lines as select * from read_json(?, format = 'newline_delimited', "
        "ignore_errors = true, auto_detect = false, columns = ?)",
        [[str(file) for file in files], columns],
    )
    typed = ", ".join(
        f'try_cast("{column.name}" as {column.physical_type}) as "{column.name}"' for column in contract.columns
    )
    required = " and ".join(f'"{column.name}" is not null' for column in contract.columns if column.is_required)
    allowed = "".join(
        f' and ("{column.name}" is null or "{column.name}" in ({", ".join(_quoted(value) for value in column.valid_values)}))'
        for column in contract.columns
        if column.valid_values
    )
    key = ", ".join(f'"{name}"' for name in contract.key)
    connection.execute(
        f"insert into {contract.relation} select * exclude (copy_no), 'x', 'x', 0, current_date, now() from ("
        f"select *, row_number() over (partition by {key} order by received_ts) as copy_no from (select {typed} from lines)"
        f" where {required}{allowed} and event_ts >= timestamptz '{_EARLIEST} 00:00:00+00') where copy_no = 1"
    )
    connection.execute("drop table lines")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
