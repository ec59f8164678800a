"""`python -m benchmarks`: ingestion against DuckDB's readers and dlt, the build of marts against hand-written SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import parts
from benchmarks.measuring import StepFailed
from benchmarks.results import Measured, machine_facts, show, write_json
from benchmarks.scratch import Scratch, WorldSize
from dagster_project.settings import load_settings

_WIDTH = 130
_DLT_VIEWS = 300_000


class Part(StrEnum):
    """What is measured; `all` is ingest, build, formats and small files."""

    ALL = "all"
    INGEST = "ingest"
    BUILD = "build"
    FORMATS = "formats"
    SMALL_FILES = "small-files"
    DLT = "dlt"
    VOLUME = "volume"


_IN_ALL = (Part.INGEST, Part.BUILD, Part.FORMATS, Part.SMALL_FILES)


def run(
    views: Annotated[int, typer.Option(min=1, help="About so many view events.")] = 10_000_000,
    viewers: Annotated[int | None, typer.Option(min=1, help="Number of persons, instead of --views.")] = None,
    days: Annotated[int, typer.Option(min=1, help="Days of logs.")] = 120,
    seed: Annotated[int, typer.Option(help="Seed of the world.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="How often each step is run, in turns.")] = 3,
    part: Annotated[Part, typer.Option(help="What is measured.")] = Part.ALL,
    risk_tables: Annotated[
        bool, typer.Option("--risk-tables", help="Also build the risk tables behind the estimates.")
    ] = False,
    scratch: Annotated[
        Path | None,
        typer.Option(help="Folder for worlds, warehouses and results; default: temp/benchmarks of the data root."),
    ] = None,
) -> None:
    """Measure, compare the numbers, print a table and write it all as JSON. Ends with 1 when numbers differ."""
    out, progress = Console(width=_WIDTH), Console(stderr=True, highlight=False)
    here = Scratch(scratch or load_settings().data_root / "temp" / "benchmarks")
    facts = machine_facts()
    progress.print("world")
    if part is Part.DLT and viewers is None:
        views = min(views, _DLT_VIEWS)  # dlt's default takes an hour for ten million
    size = WorldSize(viewers or here.viewers_for(views, days, seed), days, seed)
    world, lines = here.world(size)
    files = list((world / "landing" / "views").iterdir())
    described: dict[str, Any] = {
        **asdict(size),
        "view_lines": lines["views"],
        "view_files": len(files),
        "view_bytes": sum(file.stat().st_size for file in files),
    }
    chosen: dict[Part, Callable[[], Measured]] = {
        Part.INGEST: partial(parts.ingest, here, world, repeats),
        Part.BUILD: partial(parts.build, here, world, repeats, risk_tables=risk_tables),
        Part.FORMATS: partial(parts.formats, here, world, repeats),
        Part.SMALL_FILES: partial(parts.small_files, here, world, repeats),
        Part.DLT: partial(parts.dlt, here, world, repeats),
        Part.VOLUME: partial(parts.volume, here, world, repeats),
    }
    measured = Measured()
    try:
        for one in _IN_ALL if part is Part.ALL else (part,):
            progress.print(one.value)
            measured.add(chosen[one]())
    except StepFailed as failure:
        progress.print(str(failure), markup=False, style="red")
        raise typer.Exit(1) from failure
    show(out, measured.usages, measured.ratios, described)
    path = write_json(here.results, facts, described, measured)
    here.clear()
    for compared in measured.comparisons:
        verdict = "equal" if compared["is_equal"] else f"DIFFERENT, for example {compared['examples']}"
        rows = f"{compared['n_mart']:,} rows, {compared['n_peer']:,} by hand"
        out.print(f"{compared['mart']}: {rows}: {verdict}", markup=False)
    for note in (*measured.notes, f"written to {path}"):
        out.print(note, markup=False)
    if not all(compared["is_equal"] for compared in measured.comparisons):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(run)
