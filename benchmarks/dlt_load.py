"""The same files through dlt, run by the Python of dlt's own environment: `python dlt_load.py FOLDER TARGET [FORMAT]`.

Imports nothing of this project. Lines that are no JSON are left out, since dlt has no place for them; without FORMAT
dlt chooses how rows are handed to DuckDB.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]  # it lives in an environment of its own

ROWS_AT_ONCE = 10_000


def rows(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """The objects of every file, some thousand at once, as dlt's documentation advises."""
    batch: list[dict[str, Any]] = []
    for file in sorted(folder.iterdir()):
        with gzip.open(file, "rb") as stream:
            for line in stream:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    batch.append(row)
                if len(batch) >= ROWS_AT_ONCE:
                    yield batch
                    batch = []
    yield batch


def main(folder: str, target: str, *loader_format: Any) -> None:
    """Load every file of the folder into a new DuckDB file in the target folder; prints the rows loaded."""
    Path(target).mkdir(parents=True)
    pipeline = dlt.pipeline(
        "views",
        pipelines_dir=f"{target}/state",
        destination=dlt.destinations.duckdb(f"{target}/views.duckdb"),
        dataset_name="raw",
    )
    options = {"loader_file_format": loader_format[0]} if loader_format else {}
    pipeline.run(dlt.resource(rows(Path(folder)), name="views"), **options).raise_on_failed_jobs()
    with pipeline.sql_client() as client:
        sys.stdout.write(f"{client.execute_sql('select count(*) from views')[0][0]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
