"""`cliffhanger simulate`: a world with known truth, written as real log files."""

from __future__ import annotations

from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.console import out, print_json, progress_display
from dagster_project.core.errors import UsageError
from dagster_project.simulator import WorldParameters, parse_overrides, write_world


class FileFormat(StrEnum):
    """Formats a landing file can have."""

    JSONL = "jsonl.gz"
    CSV = "csv"
    PARQUET = "parquet"


def simulate(
    target: Annotated[Path, typer.Option("--out", help="Empty or new folder for the data root.")],
    viewers: Annotated[int, typer.Option(min=1, help="Number of persons.")] = 30_000,
    days: Annotated[int, typer.Option(min=1, help="Days of logs.")] = 120,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    file_format: Annotated[FileFormat, typer.Option("--format", help="Format of the log files.")] = FileFormat.JSONL,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Planted truth, as key=value; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write a data root of log files, reference tables and statements, with the planted truth beside it."""
    try:
        planted = parse_overrides(overrides or [])
        parameters = replace(WorldParameters(viewers=viewers, days=days, seed=seed), **planted)
        with progress_display() as progress:
            summary = write_world(target, parameters, file_format=file_format.value, progress=progress)
    except (ValueError, FileExistsError) as error:
        raise UsageError(
            "the world cannot be simulated", where=str(target), why=str(error), fix="mend the options"
        ) from error
    if as_json:
        print_json(asdict(summary))
    else:
        out.print(f"wrote a world of {viewers:,} persons over {days} days to {target}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)
