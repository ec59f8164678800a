"""What the doctor says of the machine and the settings."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from dagster import __version__ as dagster_version

from dagster_project.core.findings import Level
from dagster_project.doctor import surroundings
from dagster_project.settings import Settings


def test_python_is_held_against_what_the_project_needs() -> None:
    assert surroundings.python_version("3.12.4", ">=3.11,<3.14").level is Level.OK
    assert surroundings.python_version("3.14.0", ">=3.11,<3.14").level is Level.BROKEN


LOCKED = """\
# resolved
dagster==1.13.27 \\
    --hash=sha256:00
duckdb==1.5.5 \\
    --hash=sha256:00
Typing_Extensions==4.15.0 ; python_version >= '3.8' \\
    # via pydantic
pywin32==311 ; sys_platform == 'win32'
"""


def test_the_lock_is_read_as_it_applies_here() -> None:
    assert surroundings.locked_versions(LOCKED.splitlines()) == {
        "dagster": "1.13.27",
        "duckdb": "1.5.5",
        "typing-extensions": "4.15.0",
    }


def test_every_installed_package_is_known() -> None:
    installed = surroundings.installed_versions()
    assert installed["duckdb"] == duckdb.__version__
    assert installed["dagster"] == dagster_version


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({}, Level.OK, "3 packages"),
        ({"dagster": "1.14.0"}, Level.ATTENTION, "dagster 1.14.0 instead of 1.13.27"),
        ({"duckdb": "2.0.0"}, Level.BROKEN, "duckdb 2.0.0 instead of 1.5.5"),
        ({"dagster": None}, Level.ATTENTION, "dagster missing"),
    ],
)
def test_installed_packages_are_held_against_the_lock(changed: dict[str, str | None], level: Level, words: str) -> None:
    locked = surroundings.locked_versions(LOCKED.splitlines())
    installed = {name: version for name, version in {**locked, **changed}.items() if version is not None}
    finding = surroundings.compare_packages(locked, installed)
    assert finding.level is level
    assert words in finding.sentence()


def test_alert_hooks_are_looked_at_without_being_called_or_shown(tmp_path: Path) -> None:
    (none,) = surroundings.alerts(Settings(tmp_path))
    assert none.level is Level.ATTENTION
    (broken,) = surroundings.alerts(Settings(tmp_path, alert_webhook="ftp://x/s3cr3t"))
    assert broken.level is Level.BROKEN
    assert "s3cr3t" not in broken.sentence()
    sign = tmp_path / "called"
    (fine,) = surroundings.alerts(Settings(tmp_path, alert_command=f"touch {sign}"))
    assert fine.level is Level.OK
    assert not sign.exists()
