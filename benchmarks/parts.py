"""What is measured together: the steps of each part, run in turns, and the ratios between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.deliveries import SMALL_FILES, Form
from benchmarks.measuring import Usage
from benchmarks.results import Measured, ratio
from benchmarks.scratch import Scratch, alternate

INGEST_TARGET = 2.2
BUILD_TARGET = 2.0
SMALL_FILE_TARGET_MS = 15.0
_INGEST_STEPS = ("read_json", "read_json_hashed", "read_json_tuned", "ingest")


def ingest(here: Scratch, world: Path, repeats: int) -> Measured:
    """gz JSON lines through the door and through `read_json`."""
    usages = alternate({step: partial(here.take_in, step, world) for step in _INGEST_STEPS}, repeats)
    peers: Mapping[str, float | None] = {
        "read_json_hashed": INGEST_TARGET,
        "read_json": None,
        "read_json_tuned": None,
    }
    return Measured(usages, [ratio(usages, "ingest", peer, target) for peer, target in peers.items()])


def volume(here: Scratch, world: Path, repeats: int) -> Measured:
    """The door alone, for its memory at large numbers of rows."""
    return Measured(alternate({"ingest": partial(here.take_in, "ingest", world)}, repeats))


def formats(here: Scratch, world: Path, repeats: int) -> Measured:
    """The same rows as CSV and as Parquet, through the door and through DuckDB's readers."""
    measured = Measured()
    for form in (Form.CSV, Form.PARQUET):
        delivered = here.delivered_as(form, world)
        ours, peer = f"ingest_{form}", f"read_{form}_hashed"
        steps = {peer: partial(here.take_in, peer, delivered), ours: partial(here.take_in, "ingest", delivered)}
        usages = alternate(steps, repeats)
        measured.add(Measured(usages, [ratio(usages, ours, peer)]))
    return measured


def small_files(here: Scratch, world: Path, repeats: int) -> Measured:
    """A million lines in ten thousand files."""
    delivered = here.delivered_as(Form.SMALL_FILES, world)
    usages = alternate({"ingest_small_files": partial(here.take_in, "ingest", delivered)}, repeats)
    taken = min(one.wall_seconds for one in usages["ingest_small_files"]) / SMALL_FILES * 1000
    verdict = "met" if taken <= SMALL_FILE_TARGET_MS else "missed"
    note = f"{SMALL_FILES:,} files: {taken:.1f} ms a file, start included; target {SMALL_FILE_TARGET_MS:g} {verdict}"
    return Measured(usages, notes=[note])


def dlt(here: Scratch, world: Path, repeats: int) -> Measured:
    """gz JSON lines through the door and through dlt, by its default and by its Parquet loader."""
    usages = alternate(
        {
            "dlt_default": partial(here.load_with_dlt, world),
            "dlt_parquet": partial(here.load_with_dlt, world, "parquet"),
            "ingest_for_dlt": partial(here.take_in, "ingest", world),
        },
        repeats,
    )
    return Measured(usages, [ratio(usages, peer, "ingest_for_dlt") for peer in ("dlt_default", "dlt_parquet")])


def build(here: Scratch, world: Path, repeats: int, *, risk_tables: bool = False) -> Measured:
    """The marts by dbt and by hand, on the warehouse that the last `ingest` left."""
    if not here.ingested.exists():
        here.take_in("ingest", world)
    here.complete_raw(world)
    here.parse_project()
    steps: dict[str, Callable[[], Usage]] = {
        "direct_sql": here.direct_sql,
        "build": here.build,
        "dbt_start": here.dbt_start,
    }
    if risk_tables:
        steps["build_with_risk_tables"] = here.build_with_risk_tables
    usages = alternate(steps, repeats)
    ratios = [ratio(usages, "build", "direct_sql", BUILD_TARGET)]
    if risk_tables:
        ratios.append(ratio(usages, "build_with_risk_tables", "direct_sql"))
    return Measured(usages, ratios, here.compare())
