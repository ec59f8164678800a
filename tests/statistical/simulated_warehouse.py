"""From a simulated world to the estimates of its marts, by dbt and inference alone.

The log lines are read by DuckDB itself and settled by one window function, so that a test of a metric does not stand or
fall with ingestion: lines that do not parse are passed over, and of rows with one key the one received first counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from dagster_project.contracts import TableContract, feed_contracts, reference_contracts
from dagster_project.contracts.loader import statement_contracts
from dagster_project.inference.registry import ESTIMATES, EstimateSpec
from dagster_project.simulator import WorldParameters, write_world
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.reference_tables import read_reference, write_reference

DBT_DIR = Path(__file__).resolve().parents[2] / "dbt"
ALL_FEEDS = ("views", "unlocks", "ads", "topups")
_EARLIEST = "2020-01-01 00:00:00+00"
# Kept until the process ends: worlds and warehouses are shared by the test modules.
_SCRATCH = TemporaryDirectory(prefix="cliffhanger-worlds-")


@dataclass(frozen=True)
class SimulatedWarehouse:
    """A world with its truth, and the warehouse made of it."""

    root: Path
    warehouse: Path

    def truth(self, name: str) -> pl.DataFrame:
        """One table of the truth."""
        return pl.read_csv(self.root / "truth" / f"{name}.csv", infer_schema_length=None)

    def parameters(self) -> dict[str, Any]:
        """What was planted, in words and numbers."""
        planted: dict[str, Any] = json.loads((self.root / "truth" / "parameters.json").read_text(encoding="utf-8"))
        return planted

    def released(self, table: str) -> pl.DataFrame:
        """A released table: its mart joined with its estimates, row by row."""
        spec = _spec(table)
        with closing(duckdb.connect(str(self.warehouse), read_only=True)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            marts = {name: connection.execute(f'select * from marts."{name}"').pl() for name in spec.sources}
        joined = marts[spec.mart].join(spec.compute(marts).select(*spec.keys, *spec.columns), on=spec.keys)
        assert joined.height == marts[spec.mart].height
        return joined


@cache
def simulated_warehouse(
    parameters: WorldParameters,
    tables: tuple[str, ...],
    feeds: tuple[str, ...] = ALL_FEEDS,
    *,
    has_data_tests: bool = True,
) -> SimulatedWarehouse:
    """Simulate a world, load these feeds and build the marts behind the released `tables`."""
    folder = Path(_SCRATCH.name) / f"world-{abs(hash((parameters, tables, feeds)))}"
    folder.mkdir()
    write_world(folder / "world", parameters)
    built = SimulatedWarehouse(folder / "world", folder / "warehouse.duckdb")
    load_world(built.root, built.warehouse, feeds)
    sources = sorted({name for table in tables for name in _spec(table).sources})
    build_models(built.warehouse, [f"+{name}" for name in sources], has_data_tests=has_data_tests)
    return built


def load_world(root: Path, warehouse: Path, feeds: Sequence[str] = ALL_FEEDS) -> None:
    """Create the raw and reference schemas of `warehouse` from the data root `root`, as one pending batch."""
    contracts = feed_contracts()
    with closing(duckdb.connect(str(warehouse))) as connection:
        connection.execute("set TimeZone = 'UTC'")
        prepare_raw(connection, {**contracts, **statement_contracts()})
        for name in feeds:
            _load_feed(connection, contracts[name], sorted((root / "landing" / name).glob("*.jsonl.gz")))
        write_reference(connection, read_reference(root / "reference", reference_contracts()), datetime.now(UTC))
        connection.execute("insert into raw.batches values ('first', now(), 'pending')")


def build_models(warehouse: Path, select: Sequence[str], *, has_data_tests: bool = True) -> None:
    """Run these models and, unless told not to, the data tests whose models are all among them.

    The file must be called `warehouse.duckdb`: dbt takes the database's name from it, and the project is parsed once.
    """
    project = _parsed_project()
    # The adapter of an earlier run in this process would go on writing to the earlier file.
    reset_adapters()
    os.environ["CLIFFHANGER_WAREHOUSE"] = str(warehouse)
    done = dbtRunner(manifest=project).invoke(
        [
            "build",
            "--full-refresh",
            "--quiet",
            "--no-write-json",
            *("--exclude-resource-type", "unit_test"),
            *(() if has_data_tests else ("--exclude-resource-type", "test")),
            *("--indirect-selection", "cautious"),
            *_folders(warehouse.parent / "dbt"),
            *("--select", *select),
        ]
    )
    failed = [] if done.result is None else [one for one in done.result if one.status in ("error", "fail")]
    assert done.exception is None, done.exception
    assert not failed, [one.message for one in failed]


@cache
def _parsed_project() -> Manifest:
    scratch = Path(_SCRATCH.name) / "parse"
    os.environ["CLIFFHANGER_WAREHOUSE"] = str(scratch / "warehouse.duckdb")
    done = dbtRunner().invoke(["parse", "--quiet", *_folders(scratch)])
    assert done.success, done.exception
    assert isinstance(done.result, Manifest)
    return done.result


def _folders(target: Path) -> list[str]:
    return [
        *("--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)),
        *("--target-path", str(target), "--log-path", str(target), "--log-level-file", "none"),
    ]


def _spec(table: str) -> EstimateSpec:
    return next(spec for spec in ESTIMATES if spec.released == table)


def _load_feed(connection: duckdb.DuckDBPyConnection, contract: TableContract, files: Sequence[Path]) -> None:
    """Rows that parse and whose columns fit, each key once."""
    typed = ", ".join(
        f'try_cast("{column.name}" as {column.physical_type}) as "{column.name}"' for column in contract.columns
    )
    conditions = [f'"{column.name}" is not null' for column in contract.columns if column.is_required]
    conditions += [
        f'("{column.name}" is null or "{column.name}" in ({", ".join(map(_quoted, column.valid_values))}))'
        for column in contract.columns
        if column.valid_values
    ]
    key = ", ".join(f'"{name}"' for name in contract.key)
    connection.execute(
        f"insert into {contract.relation} select * exclude (copy_no), 'x', 'x', 0, current_date, now() from ("
        f"select *, row_number() over (partition by {key} order by received_ts) as copy_no from ("
        f"select {typed} from read_json(?, format = 'newline_delimited', ignore_errors = true, auto_detect = false, "
        f"columns = ?)) where {' and '.join(conditions)} and event_ts >= timestamptz '{_EARLIEST}') where copy_no = 1",
        [[str(file) for file in files], {column.name: "VARCHAR" for column in contract.columns}],
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
