"""A private warehouse in a scratch folder: raw rows go in directly, dbt runs in this process, tables are read back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
from dbt.adapters.factory import reset_adapters
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from dagster_project.contracts import TableContract, feed_contracts, reference_contracts
from dagster_project.contracts.render import raw_table_ddl, reference_table_ddl

DBT_DIR = Path(__file__).resolve().parents[2] / "dbt"
FEEDS = ("views", "unlocks", "ads", "topups")
INGESTED_AT = datetime(2026, 6, 1, tzinfo=UTC)

# The rooms these tests are about, with everything they stand on.
MODELS = (
    "+path:models/marts/audience",
    "+path:models/marts/cliffhanger",
    "+path:models/marts/weekly",
    "+path:models/marts/health",
    "+fct_gate_opportunity",
    "+fct_topup",
    "+dim_studio",
)
FACTS = ("+fct_gate_opportunity", "+fct_unlock", "+fct_offer", "+fct_ad_impression", "+fct_topup")
COMPARED_SCHEMAS = ("core", "marts")

_CONTROL_TABLES = """
    create table raw.batches (batch_id varchar, started_at timestamptz, state varchar);
    create table raw.touched (batch_id varchar, feed varchar, event_date date, viewer_key varchar);
    create table raw.watermarks (batch_id varchar, feed varchar, as_of_before timestamptz, as_of_after timestamptz);
    create table raw.files (
        file_sha256 varchar, feed varchar, file_name varchar, size_bytes bigint, lines_read bigint, accepted bigint,
        duplicate bigint, conflict bigint, rejected bigint, blank bigint, status varchar, reason_code varchar,
        detail varchar, unknown_columns varchar, batch_id varchar, ingest_date date, ingested_at timestamptz
    );
    create table raw.unknown_columns (feed varchar, file_sha256 varchar, column_name varchar);
    create table raw.quarantine (
        file_sha256 varchar, feed varchar, file_name varchar, line_no bigint, reason_code varchar, detail varchar,
        raw_text varchar, batch_id varchar, ingest_date date, ingested_at timestamptz
    );
"""

Row = Mapping[str, Any]
# Lives as long as the process: the parsed project is shared by its tests.
_SCRATCH = TemporaryDirectory(prefix="cliffhanger-dbt-")


class DbtFailure(AssertionError):
    """dbt ended with errors; the message names them."""


@dataclass
class DbtWarehouse:
    """One warehouse file and the folder dbt writes to."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> DbtWarehouse:
        """An empty warehouse: every raw, control and reference table without rows."""
        folder.mkdir(parents=True, exist_ok=True)
        warehouse = cls(folder)
        with closing(warehouse.connect()) as connection:
            connection.execute("create schema raw; create schema reference")
            for contract in feed_contracts().values():
                connection.execute(raw_table_ddl(contract))
            for contract in reference_contracts().values():
                connection.execute(reference_table_ddl(contract))
            connection.execute(_CONTROL_TABLES)
        return warehouse

    @property
    def path(self) -> Path:
        # dbt takes the file's name for the database's, and the parsed project keeps it.
        return self.folder / "warehouse.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An open connection in UTC; close it before dbt runs."""
        connection = duckdb.connect(str(self.path))
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with closing(self.connect()) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def scalar(self, sql: str, *parameters: object) -> Any:
        """The one value of a query that has one."""
        rows = self.query(sql, *parameters)
        assert len(rows) == 1, f"{len(rows)} rows, not one: {sql}"
        return rows[0][0]

    def frame(self, relation: str) -> pl.DataFrame:
        """A whole table."""
        with closing(self.connect()) as connection:
            return connection.execute(f"select * from {relation}").pl()

    def load_reference(self, table: str, rows: Iterable[Row]) -> None:
        """Replace the rows of a reference table."""
        contract = reference_contracts()[table]
        with closing(self.connect()) as connection:
            connection.execute(f"delete from {contract.relation}")
            _insert(connection, contract, list(rows))

    def insert(self, feed: str, rows: Iterable[Row]) -> None:
        """Add raw rows of a feed, as if they were taken in; nothing is noted about them."""
        with closing(self.connect()) as connection:
            _insert(connection, feed_contracts()[feed], list(rows))

    def take_in(self, batch_id: str, **rows: Iterable[Row]) -> None:
        """A pending batch of rows by feed, with its notes on what it touched and the marks before and after it."""
        self.change(batch_id, added={feed: list(values) for feed, values in rows.items()})

    def change(
        self,
        batch_id: str,
        *,
        added: Mapping[str, Sequence[Row]] | None = None,
        removed: Mapping[str, Sequence[Row]] | None = None,
    ) -> None:
        """A pending batch that takes away the rows with the keys of `removed` and then adds `added`."""
        added, removed = added or {}, removed or {}
        with closing(self.connect()) as connection:
            connection.execute("insert into raw.batches values (?, ?, 'pending')", [batch_id, INGESTED_AT])
            for feed in FEEDS:
                contract = feed_contracts()[feed]
                before = connection.execute(f"select max(received_ts) from {contract.relation}").fetchall()[0][0]
                leaving = _delete(connection, contract, removed.get(feed, ()))
                arriving = list(added.get(feed, ()))
                _insert(connection, contract, arriving)
                after = connection.execute(f"select max(received_ts) from {contract.relation}").fetchall()[0][0]
                if leaving or arriving:
                    connection.execute(
                        "insert into raw.watermarks values (?, ?, ?, ?)", [batch_id, feed, before, after]
                    )
                touched = {(row["event_ts"].astimezone(UTC).date(), viewer_key(row)) for row in [*leaving, *arriving]}
                for event_date, viewer in sorted(touched, key=str):
                    connection.execute(
                        "insert into raw.touched values (?, ?, ?, ?)", [batch_id, feed, event_date, viewer]
                    )

    def release(self) -> None:
        """Close every batch, as a release does."""
        with closing(self.connect()) as connection:
            connection.execute("update raw.batches set state = 'released'")

    def run(self, *, full_refresh: bool = False, select: Sequence[str] = MODELS) -> None:
        """`dbt run`.

        Raises:
            DbtFailure: A model failed.
        """
        self._invoke("run", select, full_refresh)

    def build(self, *, full_refresh: bool = False, select: Sequence[str] = MODELS) -> None:
        """`dbt build`: models and their data tests.

        Raises:
            DbtFailure: A model or a test failed.
        """
        self._invoke("build", select, full_refresh)

    def _invoke(self, command: str, select: Sequence[str], full_refresh: bool) -> None:
        bad = [
            f"{name}: {status}"
            for name, status in self._results(command, select, full_refresh)
            if status in {"error", "fail", "skipped", "runtime error"}
        ]
        if bad:
            raise DbtFailure("; ".join(bad))

    def _results(self, command: str, select: Sequence[str], full_refresh: bool) -> list[tuple[str, str]]:
        arguments = [command, *folders(self.folder), "--quiet", "--no-write-json", "--select", *select]
        if full_refresh:
            arguments.append("--full-refresh")
        if command == "build":
            arguments += ["--exclude-resource-type", "unit_test"]
        project = parsed_project()
        # The adapter of an earlier run in this process would go on writing to the earlier file.
        reset_adapters()
        os.environ["CLIFFHANGER_WAREHOUSE"] = str(self.path)
        outcome = dbtRunner(manifest=project).invoke(arguments)
        if outcome.exception is not None:
            raise DbtFailure(str(outcome.exception))
        assert isinstance(outcome.result, RunExecutionResult)
        return [(f"{result.node.name} ({result.message})", str(result.status)) for result in outcome.result.results]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table that analysts may rely on, rows in one order: `schema.table` to rows."""
        with closing(self.connect()) as connection:
            names = connection.execute(
                "select table_schema, table_name from information_schema.tables "
                "where table_schema in (select unnest(?)) order by all",
                [list(COMPARED_SCHEMAS)],
            ).fetchall()
            return {
                f"{schema}.{name}": connection.execute(f'select * from "{schema}"."{name}" order by all').fetchall()
                for schema, name in names
            }


def folders(target: Path) -> list[str]:
    """The options that say where dbt reads and writes."""
    return [
        "--project-dir",
        str(DBT_DIR),
        "--profiles-dir",
        str(DBT_DIR),
        "--target-path",
        str(target / "dbt"),
        "--log-path",
        str(target / "dbt"),
        "--log-level-file",
        "none",
    ]


@cache
def parsed_project() -> Manifest:
    """The dbt project, parsed once for all tests of this process."""
    scratch = Path(_SCRATCH.name)
    os.environ["CLIFFHANGER_WAREHOUSE"] = str(scratch / "warehouse.duckdb")
    outcome = dbtRunner().invoke(["parse", "--quiet", *folders(scratch)])
    assert outcome.success, outcome.exception
    assert isinstance(outcome.result, Manifest)
    return outcome.result


def viewer_key(row: Row) -> str | None:
    """The identity of a row's viewer within its app, or None."""
    if row.get("viewer_id") is not None:
        return f"{row['app_id']}|{row['viewer_id']}"
    if row.get("anon_id") is not None:
        return f"{row['app_id']}|~{row['anon_id']}"
    return None


def _insert(connection: duckdb.DuckDBPyConnection, contract: TableContract, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = [column.name for column in contract.columns]
    unknown = {name for row in rows for name in row} - set(names)
    assert not unknown, f"{contract.name} has no columns {sorted(unknown)}"
    lineage = (
        {
            "_file_sha256": "f",
            "_file_name": "f",
            "_line_no": 1,
            "_ingest_date": date(2026, 6, 1),
            "_ingested_at": INGESTED_AT,
        }
        if contract.relation.startswith("raw.")
        else {}
    )
    columns = [*names, *lineage]
    staged = pl.DataFrame(
        [
            [str(row[name]) if row.get(name) is not None else None for name in names]
            + [str(v) for v in lineage.values()]
            for row in rows
        ],
        schema=dict.fromkeys(columns, pl.String),
        orient="row",
    )
    connection.register("staged", staged)
    connection.execute(
        f"insert into {contract.relation} ({', '.join(columns)}) select {', '.join(columns)} from staged"
    )
    connection.unregister("staged")


def _delete(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, rows: Sequence[Row]
) -> list[dict[str, Any]]:
    """Take rows away by key; returns what was there."""
    gone = []
    condition = " and ".join(f"{name} = ?" for name in contract.key)
    names = ["app_id", "viewer_id", "event_ts", *(["anon_id"] if contract.name in {"views", "ads"} else [])]
    for row in rows:
        key = [row[name] for name in contract.key]
        found = connection.execute(
            f"select {', '.join(names)} from {contract.relation} where {condition}", key
        ).fetchall()
        gone += [dict(zip(names, values, strict=True)) for values in found]
        connection.execute(f"delete from {contract.relation} where {condition}", key)
    return gone
