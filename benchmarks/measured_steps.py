"""What is measured, each step a process of its own: `python -m benchmarks.measured_steps <step> <paths>`.

Nothing is imported before it is needed, so that a step pays for its own libraries only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection, open_warehouse

FEED = "views"
_BLOCK_BYTES = 1024**2


def data_root(root: Path, world: Path) -> DataLayout:
    """A data root without a warehouse whose landing is the world's."""
    root.mkdir(parents=True)
    (root / "landing").symlink_to(world.resolve() / "landing", target_is_directory=True)
    layout = DataLayout(root)
    layout.prepare()
    return layout


def world_end(world: Path) -> datetime:
    """The clock of a run right after the world's last day, so that no figure hangs on the day of the benchmark."""
    planted = json.loads((world / "truth" / "parameters.json").read_text(encoding="utf-8"))
    return datetime.fromisoformat(planted["ends_at"])


def ingest(root: Path, world: Path) -> None:
    """The views feed through the door, viewers under pseudonyms."""
    from dagster_project.ingest import ingest_feed, prepare_raw
    from dagster_project.storage.erased_persons import load_persons

    layout = data_root(root, world)
    contract = feed_contracts()[FEED]
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {FEED: contract})
        persons = load_persons(layout, None)
        ingest_feed(connection, layout, contract, batch_id="benchmark", now=world_end(world), persons=persons)


def complete_raw(root: Path, world: Path) -> None:
    """After `ingest`, not measured: the other raw tables, empty, and the reference tables, as models need them."""
    from dagster_project.ingest import prepare_raw
    from dagster_project.storage.reference_tables import read_reference, write_reference

    with closing(open_warehouse(DataLayout(root))) as connection:
        prepare_raw(connection, {**feed_contracts(), **statement_contracts()})
        write_reference(connection, read_reference(world / "reference", reference_contracts()), world_end(world))
        counted = "select sum(lines_read)::bigint, sum(accepted)::bigint from raw.files"
        lines, accepted = connection.execute(counted).fetchall()[0]
    sys.stdout.write(json.dumps({"lines": lines, "accepted": accepted}) + "\n")


def read_json(root: Path, world: Path) -> None:
    """The same files into a typed table by DuckDB alone, as one would type it: nothing set."""
    root.mkdir(parents=True)
    with closing(duckdb.connect(str(root / "views.duckdb"))) as connection:
        _read_json(connection, world)


def read_json_hashed(root: Path, world: Path) -> None:
    """The same, and the sha-256 of every file, without which nobody can tell that a file came twice."""
    _hash_files(world)
    read_json(root, world)


def read_csv_hashed(root: Path, world: Path) -> None:
    """CSV files into a typed table by DuckDB alone, and their sha-256."""
    _hash_files(world)
    _read_table(root, world, "read_csv($files, columns = {columns}, header = true, ignore_errors = true)")


def read_parquet_hashed(root: Path, world: Path) -> None:
    """Parquet files into a table by DuckDB alone, and their sha-256."""
    _hash_files(world)
    _read_table(root, world, "read_parquet($files)")


def read_json_tuned(root: Path, world: Path) -> None:
    """The same under the warehouse's own settings: rows in any order, texts in the newer storage format."""
    layout = data_root(root, world)
    with closing(open_warehouse(layout)) as connection:
        _read_json(connection, world)


def _read_json(connection: Connection, world: Path) -> None:
    """Malformed lines become rows of nulls: without `ignore_errors` the first of them would end the statement."""
    columns = {column.name: column.physical_type for column in feed_contracts()[FEED].columns}
    connection.execute(
        "create table views as select * from read_json("
        f"$files, columns = {columns}, format = 'newline_delimited', ignore_errors = true)",
        {"files": [str(file) for file in _files(world)]},
    )


def _read_table(root: Path, world: Path, reader: str) -> None:
    columns = {column.name: column.physical_type for column in feed_contracts()[FEED].columns}
    root.mkdir(parents=True)
    with closing(duckdb.connect(str(root / "views.duckdb"))) as connection:
        connection.execute(
            f"create table views as from {reader.format(columns=columns)}",
            {"files": [str(file) for file in _files(world)]},
        )


def _hash_files(world: Path) -> None:
    for file in _files(world):
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        digest.hexdigest()


def direct_sql(warehouse: Path) -> None:
    """The marts' numbers by hand-written SQL."""
    from benchmarks.peers import write_peers

    write_peers(warehouse)


def compare(warehouse: Path, peers: Path) -> None:
    """Prints the comparisons as JSON."""
    from benchmarks.peers import compare_marts

    found = [{**asdict(one), "is_equal": one.is_equal} for one in compare_marts(warehouse, peers)]
    sys.stdout.write(json.dumps(found, default=str) + "\n")


def _files(world: Path) -> list[Path]:
    return sorted((world / "landing" / FEED).iterdir())


STEPS: dict[str, Callable[..., None]] = {
    step.__name__: step
    for step in (
        ingest,
        complete_raw,
        read_json,
        read_json_hashed,
        read_json_tuned,
        read_csv_hashed,
        read_parquet_hashed,
        direct_sql,
        compare,
    )
}


def main(arguments: Sequence[str]) -> None:
    """Run one step with its paths."""
    step, *paths = arguments
    STEPS[step](*map(Path, paths))


if __name__ == "__main__":
    main(sys.argv[1:])
