"""The scratch folder: the world, simulated once, and the data roots and warehouses of each step."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.deliveries import Form, deliver_as
from benchmarks.measuring import Usage, run_measured
from dagster_project.settings import DBT_DIR

DLT_REQUIREMENT = "dlt[duckdb,parquet]==1.31.0"
PILOT_VIEWERS = 1_000
BUILT_MARTS = (
    "mrt_audience__episode_reach",
    "mrt_audience__episode_survival",
    "mrt_audience__cohort_days",
    "mrt_cliffhanger__continuation",
)
RISK_TABLES = ("mrt_audience__reach_risk", "mrt_cliffhanger__continuation_risk")


@dataclass(frozen=True)
class WorldSize:
    """What is simulated."""

    viewers: int
    days: int
    seed: int


class Scratch:
    """Runs steps below one folder and leaves behind the worlds, the logs and the results."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._work = self.root / "work"
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir()

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def ingested(self) -> Path:
        """The warehouse that the last `ingest` left."""
        return self._work / "ingest" / "warehouse" / "warehouse.duckdb"

    def viewers_for(self, views: int, days: int, seed: int) -> int:
        """How many viewers leave about so many view events, told by a small world of the same kind."""
        lines = self.world(WorldSize(PILOT_VIEWERS, days, seed))[1]["views"]
        return max(1, round(views * PILOT_VIEWERS / lines))

    def world(self, size: WorldSize) -> tuple[Path, dict[str, int]]:
        """The folder of a world and its lines per feed; it is simulated when it is not there yet."""
        folder = self.root / f"world-{size.viewers}-viewers-{size.days}-days-seed-{size.seed}"
        summary = folder.with_suffix(".json")
        if not (folder.exists() and summary.exists()):
            shutil.rmtree(folder, ignore_errors=True)
            options = ("--viewers", size.viewers, "--days", size.days, "--seed", size.seed, "--out", folder)
            log = self._log("simulate")
            run_measured([sys.executable, "-m", "dagster_project.cli", "simulate", *map(str, options), "--json"], log)
            written = log.read_text(encoding="utf-8")
            summary.write_text(written[written.index("{") :], encoding="utf-8")
        lines: dict[str, int] = json.loads(summary.read_text(encoding="utf-8"))["lines"]
        return folder, lines

    def take_in(self, step: str, world: Path) -> Usage:
        """Measure `ingest` or one of the `read_...` steps in a fresh folder."""
        folder = self._fresh(step)
        usage = run_measured(_step(step, folder, world), self._log(step))
        if step != "ingest":
            shutil.rmtree(folder)
        return usage

    def delivered_as(self, form: Form, world: Path) -> Path:
        """The world's view rows in another form."""
        return deliver_as(form, world, world.with_name(f"{world.name}-{form}"))

    def load_with_dlt(self, world: Path, *loader_format: str) -> Usage:
        """Measure dlt on the view files, in an environment of its own, which is installed when it is missing."""
        python = self.root / "dlt-environment" / "bin" / "python"
        if not python.exists():
            run_measured([sys.executable, "-m", "venv", str(python.parents[1])], self._log("dlt_install"))
            run_measured([str(python), "-m", "pip", "install", "--quiet", DLT_REQUIREMENT], self._log("dlt_install"))
        folder = self._fresh("dlt")
        script = Path(__file__).with_name("dlt_load.py")
        command = [str(python), str(script), str(world / "landing" / "views"), str(folder), *loader_format]
        return run_measured(command, self._log("dlt_load"), {"RUNTIME__DLTHUB_TELEMETRY": "false"})

    def complete_raw(self, world: Path) -> dict[str, int]:
        """Make the ingested warehouse ready for models; its lines read and rows accepted."""
        log = self._log("complete_raw")
        run_measured(_step("complete_raw", self._work / "ingest", world), log)
        counted: dict[str, int] = json.loads(log.read_text(encoding="utf-8"))
        return counted

    def parse_project(self) -> None:
        """Leave the parsed project behind, as a night finds it."""
        self._dbt("parse", [])

    def dbt_start(self) -> Usage:
        """Measure what dbt takes before it does anything: its start is part of `build`, whatever the number of rows."""
        return self._dbt("ls", ["--select", "stg_reference__series"])

    def build(self, marts: Sequence[str] = BUILT_MARTS) -> Usage:
        """Measure dbt on a copy of the ingested warehouse, as a night with changed code runs it."""
        self._copy("build")
        arguments = ["--full-refresh", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"]
        return self._dbt("build", [*arguments, "--select", *(f"+{mart}" for mart in marts)])

    def build_with_risk_tables(self) -> Usage:
        """The same, with the risk tables that the published estimates are computed from."""
        return self.build((*BUILT_MARTS, *RISK_TABLES))

    def direct_sql(self) -> Usage:
        """Measure the hand-written SQL on a copy of the ingested warehouse."""
        return run_measured(_step("direct_sql", self._copy("direct_sql")), self._log("direct_sql"))

    def compare(self) -> list[dict[str, Any]]:
        """What the last `build` and the last `direct_sql` have left, mart by mart."""
        log = self._log("compare")
        built, written = (self._work / name / "warehouse.duckdb" for name in ("build", "direct_sql"))
        run_measured(_step("compare", built, written), log)
        compared: list[dict[str, Any]] = json.loads(log.read_text(encoding="utf-8"))
        return compared

    def clear(self) -> None:
        """Remove data roots and warehouses; worlds, logs and results stay."""
        shutil.rmtree(self._work)

    def _fresh(self, name: str) -> Path:
        folder = self._work / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _copy(self, name: str) -> Path:
        folder = self._work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return Path(shutil.copy(self.ingested, folder / "warehouse.duckdb"))

    def _dbt(self, command: str, arguments: list[str]) -> Usage:
        # Always the same path: dbt would parse the project anew for another one.
        warehouse = self._work / "build" / "warehouse.duckdb"
        folders = ("--project-dir", DBT_DIR, "--profiles-dir", DBT_DIR)
        outputs = ("--target-path", self._work / "dbt", "--log-path", self._work / "dbt")
        executable = Path(sys.executable).with_name("dbt")
        return run_measured(
            [str(executable), command, *map(str, (*folders, *outputs)), *arguments],
            self._log(f"dbt_{command}"),
            {"CLIFFHANGER_WAREHOUSE": str(warehouse)},
        )

    def _log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"


def alternate(steps: Mapping[str, Callable[[], Usage]], repeats: int) -> dict[str, list[Usage]]:
    """Run the steps one after the other, again and again: A B A B, so that a change of the machine meets them all."""
    found: dict[str, list[Usage]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, run in steps.items():
            found[name].append(run())
    return found


def _step(name: str, *paths: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.measured_steps", name, *map(str, paths)]
