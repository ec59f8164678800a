"""`python -m benchmarks`: ingestion against `read_json`, the build of marts against hand-written SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.measuring import StepFailed, Usage
from benchmarks.results import Ratio, machine_facts, ratio, show, write_json
from benchmarks.scratch import Scratch, WorldSize, alternate
from dagster_project.settings import load_settings

INGEST_TARGET = 2.2
BUILD_TARGET = 2.0
_WIDTH = 130
_INGEST_STEPS = ("read_json", "read_json_hashed", "read_json_tuned", "ingest")


class Part(StrEnum):
    """What is measured."""

    ALL = "all"
    INGEST = "ingest"
    BUILD = "build"


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
    size = WorldSize(viewers or here.viewers_for(views, days, seed), days, seed)
    world, lines = here.world(size)
    files = list((world / "landing" / "views").iterdir())
    described: dict[str, Any] = {
        **asdict(size),
        "view_lines": lines["views"],
        "view_files": len(files),
        "view_bytes": sum(file.stat().st_size for file in files),
    }
    try:
        usages, ratios, comparisons = _measure(here, world, part, repeats, risk_tables, described, progress)
    except StepFailed as failure:
        progress.print(str(failure), markup=False, style="red")
        raise typer.Exit(1) from failure
    show(out, usages, ratios, described)
    path = write_json(here.results, facts, described, usages, ratios, comparisons)
    here.clear()
    different = [one for one in comparisons if not one["is_equal"]]
    for one in comparisons:
        verdict = "equal" if one["is_equal"] else f"DIFFERENT, for example {one['examples']}"
        out.print(f"{one['mart']}: {one['n_mart']:,} rows, {one['n_peer']:,} by hand: {verdict}", markup=False)
    out.print(f"written to {path}", markup=False)
    if different:
        raise typer.Exit(1)


def _measure(
    here: Scratch,
    world: Path,
    part: Part,
    repeats: int,
    risk_tables: bool,
    described: dict[str, Any],
    progress: Console,
) -> tuple[dict[str, list[Usage]], list[Ratio], list[dict[str, Any]]]:
    usages: dict[str, list[Usage]] = {}
    ratios: list[Ratio] = []
    if part is Part.BUILD:
        progress.print("ingest, not measured")
        here.take_in("ingest", world)
    else:
        progress.print("ingest")
        usages |= alternate({step: partial(here.take_in, step, world) for step in _INGEST_STEPS}, repeats)
        ratios += [
            ratio(usages, "ingest", "read_json", INGEST_TARGET),
            ratio(usages, "ingest", "read_json_hashed"),
            ratio(usages, "ingest", "read_json_tuned"),
        ]
    described |= {f"view_lines_{name}": count for name, count in here.complete_raw(world).items()}
    if part is Part.INGEST:
        return usages, ratios, []
    progress.print("build")
    here.parse_project()
    steps: dict[str, Callable[[], Usage]] = {
        "direct_sql": here.direct_sql,
        "build": here.build,
        "dbt_start": here.dbt_start,
    }
    if risk_tables:
        steps["build_with_risk_tables"] = here.build_with_risk_tables
    usages |= alternate(steps, repeats)
    ratios.append(ratio(usages, "build", "direct_sql", BUILD_TARGET))
    if risk_tables:
        ratios.append(ratio(usages, "build_with_risk_tables", "direct_sql"))
    return usages, ratios, here.compare()


if __name__ == "__main__":
    typer.run(run)
