"""The rows of a world delivered in other forms: as CSV, as Parquet, in many small files."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from itertools import islice
from pathlib import Path

import duckdb

from dagster_project.contracts import feed_contracts

FEED = "views"


class Form(StrEnum):
    """How the rows lie in their files."""

    CSV = "csv"
    PARQUET = "parquet"
    SMALL_FILES = "small_files"


SMALL_FILES, SMALL_FILE_LINES = 10_000, 100


def deliver_as(form: Form, world: Path, target: Path) -> Path:
    """A world whose view files hold the same rows in another form; it is made when it is not there yet.

    Malformed lines are left out of CSV and Parquet, which have no place for them; small files hold the first million
    lines as they are.
    """
    folder = target / "landing" / FEED
    if folder.exists():
        return target
    partial = target / "landing" / f".{FEED}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    shutil.copytree(world / "truth", target / "truth", dirs_exist_ok=True)
    files = sorted((world / "landing" / FEED).iterdir())
    if form is Form.SMALL_FILES:
        _split(files, partial)
    else:
        _convert(files, form, partial)
    partial.rename(folder)
    return target


def _split(files: list[Path], folder: Path) -> None:
    lines = (line for file in files for line in _lines(file))
    for number in range(SMALL_FILES):
        part = list(islice(lines, SMALL_FILE_LINES))
        if not part:
            return
        (folder / f"{number:05}.jsonl").write_bytes(b"".join(part))


def _lines(file: Path) -> Iterator[bytes]:
    with gzip.open(file, "rb") as stream:
        yield from stream


def _convert(files: list[Path], form: Form, folder: Path) -> None:
    kinds = {column.name: column.physical_type for column in feed_contracts()[FEED].columns}
    if form is Form.CSV:
        # As text, so that every time and number stays written as it was.
        kinds = dict.fromkeys(kinds, "varchar")
    with closing(duckdb.connect()) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for file in files:
            name = folder / file.name.replace(".jsonl.gz", ".csv.gz" if form is Form.CSV else ".parquet")
            options = "format csv, header, compression gzip" if form is Form.CSV else "format parquet, compression zstd"
            connection.execute(
                f"copy (select * from read_json($file, columns = {kinds}, format = 'newline_delimited', "
                f"ignore_errors = true) where event_id is not null) to '{name}' ({options})",
                {"file": str(file)},
            )
