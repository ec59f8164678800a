"""A run of the command that is blocked or fails calls the hook once and ends as it would without one."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from nights import FIRST_NIGHT, Command

from dagster_project.defs.alerts import COMMAND, STARTED_BY

pytestmark = pytest.mark.full  # several whole runs
KEEP_STDIN = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(sys.stdin.read() + chr(10))"


def _forge_a_month(root: Path) -> None:
    (root / "ledger" / "2026-03").mkdir(parents=True)


@pytest.mark.parametrize(
    ("spoil", "code", "event", "words"),
    [
        (lambda root: (root / "reference" / "series.csv").unlink(), 1, "run_failed", "series.csv"),
        (_forge_a_month, 3, "run_blocked", "the ledger was changed in 2026-03"),
    ],
    ids=["before the job", "within the job"],
)
def test_a_run_that_does_not_end_well_is_told_once(
    small_world: Path,
    tmp_path: Path,
    command: Command,
    spoil: Callable[[Path], object],
    code: int,
    event: str,
    words: str,
) -> None:
    root, kept = tmp_path / "data", tmp_path / "kept"
    shutil.copytree(small_world / "reference", root / "reference")
    spoil(root)
    hook = shlex.join([sys.executable, "-c", KEEP_STDIN, str(kept)])
    environment = {"CLIFFHANGER_NOW": FIRST_NIGHT, "CLIFFHANGER_ALERT_COMMAND": hook}
    done = command(root, "ingest", **environment)
    assert done.returncode == code, done.stderr
    assert words in done.stderr.strip().splitlines()[-1]
    assert done.stdout == ""
    (alert,) = _alerts(kept)
    assert (alert["event"], alert["exit_code"], alert["started_by"]) == (event, code, "command")
    assert words in alert["text"]
    environment["CLIFFHANGER_ALERT_COMMAND"] = "/no/such/hook --token=s3cr3tt0ken"
    again = command(root, "ingest", **environment)
    assert again.returncode == code
    assert again.stdout == ""
    assert words in again.stderr.strip().splitlines()[-1], "the failure of the run has the last word"
    assert "alert command failed" in again.stderr
    assert "s3cr3tt0ken" not in again.stderr
    if code == 3:
        _check_marked_as_told(root)


def _alerts(kept: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]


def _check_marked_as_told(root: Path) -> None:
    """Dagster's sensor passes over runs that carry this mark."""
    with dg.DagsterInstance.from_config(str(root / "warehouse" / "dagster")) as instance:
        runs = instance.get_runs()
    assert runs
    assert all(run.tags.get(STARTED_BY) == COMMAND for run in runs)
