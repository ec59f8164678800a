"""This machine and the settings: Python, packages, clock, alerts, telemetry."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from dagster_project.alerts import hook_problems
from dagster_project.core.findings import Finding, Level, listed
from dagster_project.settings import DBT_DIR, PROJECT_ROOT, Settings
from dagster_project.storage.layout import DataLayout

LOCK = PROJECT_ROOT / "requirements.lock"
# Another version of it writes files that this one cannot read, or the other way round.
_FILE_FORMAT = "duckdb"


def examine(settings: Settings) -> list[Finding]:
    """Python, packages, clock and alerts."""
    wanted = metadata.metadata("cliffhanger")["Requires-Python"] or ""
    return [
        python_version(platform.python_version(), wanted),
        *packages(LOCK),
        *clock(settings),
        *alerts(settings),
    ]


def python_version(running: str, wanted: str) -> Finding:
    """Whether this Python is one the project is tested with (`wanted` is a version specifier)."""
    if SpecifierSet(wanted).contains(running, prereleases=True):
        return Finding(Level.OK, "python", f"Python {running}")
    return Finding(
        Level.BROKEN,
        "python",
        f"Python {running} is not supported",
        why=f"the project needs {wanted}",
        fix="make the environment anew: make PYTHON=python3.12 test",
    )


def packages(lock: Path) -> list[Finding]:
    """Whether the installed packages are the locked ones."""
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        return [
            Finding(
                Level.ATTENTION,
                "packages",
                "the versions cannot be compared with the locked ones",
                where=str(lock),
                why=error.strerror or str(error),
                fix="keep requirements.lock beside the project",
            )
        ]
    return [compare_packages(locked_versions(text.splitlines()), installed_versions())]


def installed_versions() -> dict[str, str]:
    """Canonical name to version of every package of this environment."""
    # Each question to a distribution parses its file anew, so it is asked once.
    heads = [distribution.metadata for distribution in metadata.distributions()]
    return {canonicalize_name(head["Name"]): head["Version"] for head in heads if head["Name"]}


def locked_versions(lines: Iterable[str]) -> dict[str, str]:
    """Canonical name to version of every requirement that applies to this machine."""
    found: dict[str, str] = {}
    for line in lines:
        if "==" not in line or line.startswith((" ", "\t", "#")):
            continue
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate():
            pinned = next(iter(requirement.specifier)).version
            found[canonicalize_name(requirement.name)] = pinned
    return found


def compare_packages(locked: Mapping[str, str], installed: Mapping[str, str]) -> Finding:
    """One finding over all locked packages."""
    different = {
        name: f"{name} {installed.get(name, 'missing')} instead of {version}"
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    }
    if not different:
        return Finding(Level.OK, "packages", f"{len(locked)} packages, all as locked")
    return Finding(
        Level.BROKEN if _FILE_FORMAT in different else Level.ATTENTION,
        "packages",
        f"{len(different)} of {len(locked)} packages are not the locked ones",
        why=listed(different.values(), 5),
        fix="remove .venv and run `make test`: it is made anew from requirements.lock",
    )


def clock(settings: Settings) -> list[Finding]:
    """A clock that stands still is told: every age is measured against it."""
    if settings.fixed_now is None:
        return []
    return [
        Finding(
            Level.ATTENTION,
            "clock",
            f"the clock stands at {settings.fixed_now:%Y-%m-%d %H:%M} UTC",
            why="CLIFFHANGER_NOW is set, for reproducible runs only",
            fix="unset it where real data are run",
        )
    ]


def alerts(settings: Settings) -> list[Finding]:
    """Whether somebody hears of a run that fails."""
    hooks = [
        name for name, value in (("command", settings.alert_command), ("webhook", settings.alert_webhook)) if value
    ]
    if not hooks:
        return [
            Finding(
                Level.ATTENTION,
                "alerts",
                "nobody is told when a run fails",
                why="no alert hook is set",
                fix="set CLIFFHANGER_ALERT_COMMAND or CLIFFHANGER_ALERT_WEBHOOK (docs/runbooks/alerts.md)",
            )
        ]
    problems = hook_problems(settings, find_program=shutil.which)
    if not problems:
        return [Finding(Level.OK, "alerts", f"a run that fails is told by {' and '.join(hooks)}")]
    return [
        Finding(
            Level.BROKEN,
            "alerts",
            problem,
            why="a run that fails would be told to nobody",
            fix="correct it (docs/runbooks/alerts.md)",
        )
        for problem in problems
    ]


def telemetry(layout: DataLayout) -> list[Finding]:
    """Whether Dagster and dbt are told to phone nobody; Great Expectations is told so by each run."""
    dagster = layout.dagster_home / "dagster.yaml"
    project = DBT_DIR / "dbt_project.yml"
    switches = [(project, _setting(project, "flags", "send_anonymous_usage_stats"))]
    if dagster.exists():  # each run writes it before Dagster is loaded
        switches.append((dagster, _setting(dagster, "telemetry", "enabled")))
    on = [path for path, value in switches if value is not False]
    if not on:
        return [Finding(Level.OK, "telemetry", "switched off")]
    return [
        Finding(
            Level.BROKEN,
            "telemetry",
            "usage statistics are not switched off",
            where=str(path),
            why="the data root is not to be told of to anyone",
            fix="restore the file; `cliffhanger run` writes Dagster's anew",
        )
        for path in on
    ]


def _setting(path: Path, section: str, name: str) -> object:
    """The value, or None when it is not set or the file cannot be read."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return document[section][name]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return None
