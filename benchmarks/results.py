"""Ratios of paired runs, as a table for people and as JSON."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Usage
from dagster_project.settings import PROJECT_ROOT

_PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "pyarrow", "numpy", "isal")


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of the repeats."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.greatest:.2f})"


@dataclass(frozen=True)
class Ratio:
    """One step against its peer, repeat by repeat; `target` is the largest median ratio of CPU time we accept."""

    step: str
    peer: str
    cpu: Spread
    wall: Spread
    peak_memory: Spread
    target: float | None

    @property
    def meets_target(self) -> bool | None:
        return None if self.target is None else self.cpu.median <= self.target


@dataclass
class Measured:
    """What a part has brought; `notes` are figures that are no ratios, one sentence each."""

    usages: dict[str, list[Usage]] = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Measured) -> None:
        """Take in what another part has brought."""
        self.usages |= other.usages
        self.ratios += other.ratios
        self.comparisons += other.comparisons
        self.notes += other.notes


def ratio(usages: Mapping[str, Sequence[Usage]], step: str, peer: str, target: float | None = None) -> Ratio:
    """Pair the repeats of two steps."""
    pairs = list(zip(usages[step], usages[peer], strict=True))
    return Ratio(
        step,
        peer,
        Spread.of([ours.cpu_seconds / theirs.cpu_seconds for ours, theirs in pairs]),
        Spread.of([ours.wall_seconds / theirs.wall_seconds for ours, theirs in pairs]),
        Spread.of([ours.peak_bytes / theirs.peak_bytes for ours, theirs in pairs]),
        target,
    )


def machine_facts() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "load_average_before": os.getloadavg(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "commit": _commit(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _commit() -> str | None:
    """The commit, with a plus when files differ from it; None where there is no git."""
    if shutil.which("git") is None or not (PROJECT_ROOT / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else "")


def show(
    console: Console,
    usages: Mapping[str, Sequence[Usage]],
    ratios: Sequence[Ratio],
    world: Mapping[str, Any],
) -> None:
    """Print what each step took, and the ratios."""
    lines, megabytes = world["view_lines"], world["view_bytes"] / 1e6
    console.print(f"{lines:,} view lines in {world['view_files']} files of {megabytes:,.1f} MB", markup=False)
    taken = Table("step", "CPU s", "wall s", "peak MiB", "lines/CPU s", title="median (least-greatest)")
    for name, repeats in usages.items():
        cpu = Spread.of([one.cpu_seconds for one in repeats])
        taken.add_row(
            name,
            str(cpu),
            str(Spread.of([one.wall_seconds for one in repeats])),
            f"{median(one.peak_bytes for one in repeats) / 1024**2:,.0f}",
            f"{lines / cpu.median:,.0f}" if name != "dbt_start" else "",
        )
    console.print(taken)
    compared = Table("step : peer", "CPU", "wall", "memory", "CPU target", title="ratios of paired runs")
    for one in ratios:
        verdict = "" if one.target is None else f"{one.target:g} {'met' if one.meets_target else 'missed'}"
        compared.add_row(f"{one.step} : {one.peer}", str(one.cpu), str(one.wall), str(one.peak_memory), verdict)
    console.print(compared)


def write_json(
    folder: Path,
    facts: Mapping[str, Any],
    world: Mapping[str, Any],
    measured: Measured,
) -> Path:
    """Everything that was measured, in a file named for its time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{facts['measured_at'].replace(':', '')}.json"
    document = {
        "machine": facts,
        "world": world,
        "steps": {name: [asdict(one) for one in repeats] for name, repeats in measured.usages.items()},
        "ratios": [{**asdict(one), "meets_target": one.meets_target} for one in measured.ratios],
        "equal_numbers": measured.comparisons,
        "notes": measured.notes,
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path
