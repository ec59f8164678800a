"""The restore drill: what the runbook saves is enough to have every figure and every posted cent again.

The commands are read from the runbook, so a runbook that forgets a folder fails here.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from nights import FIRST_NIGHT, SECOND_NIGHT, Command, content_hash, succeed

pytestmark = pytest.mark.full  # several whole runs
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbooks" / "backup-and-restore.md"


@dataclass(frozen=True)
class Drill:
    """A data root with a closed month, what was saved of it, and what was made from that elsewhere.

    Attributes:
        hash_before_close: Content hash before the month was closed.
    """

    original: Path
    saved: Path
    restored: Path
    hash_before_close: str


def commands_of(block: str) -> str:
    """The shell commands of the runbook's fenced block of that name."""
    found = re.search(rf"^```sh {block}\n(.*?)^```$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, f"the runbook has no block {block}"
    return found[1]


def follow(block: str, root: Path, backup: Path, night: str, tools: Path) -> None:
    """Do what the runbook says."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands_of(block)],
        env={
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "CLIFFHANGER_DATA": str(root),
            "BACKUP": str(backup),
            "CLIFFHANGER_NOW": night,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ledger_files(root: Path) -> dict[str, str]:
    """sha-256 of every file of the ledger."""
    ledger = root / "ledger"
    return {
        str(path.relative_to(ledger)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(ledger.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def drill(whole: Path, tmp_path_factory: pytest.TempPathFactory, command: Command) -> Drill:
    """`whole` is of this module alone, so the month is closed in it."""
    folder = tmp_path_factory.mktemp("drill")
    tools = folder / "bin"
    tools.mkdir()
    (tools / "cliffhanger").write_text(f'#!/bin/sh\nexec {sys.executable} -m dagster_project.cli "$@"\n')
    (tools / "cliffhanger").chmod(0o755)
    before = content_hash(whole)
    succeed(command(whole, "close", "--complete", CLIFFHANGER_NOW=FIRST_NIGHT))
    succeed(command(whole, "run", CLIFFHANGER_NOW=FIRST_NIGHT))
    saved, restored = folder / "saved", folder / "elsewhere"
    follow("save", whole, saved, FIRST_NIGHT, tools)
    follow("restore", restored, saved, SECOND_NIGHT, tools)
    return Drill(whole, saved, restored, before)


def test_every_released_figure_is_there_again(drill: Drill) -> None:
    assert content_hash(drill.restored) == content_hash(drill.original)
    assert content_hash(drill.restored) != drill.hash_before_close, "the closed month must be part of what is compared"


def test_the_ledger_is_the_same_byte_for_byte_and_genuine(drill: Drill, command: Command) -> None:
    assert ledger_files(drill.restored) == ledger_files(drill.original) != {}
    verdict = succeed(command(drill.original, "verify"))
    assert "genuine" in verdict
    assert succeed(command(drill.restored, "verify")) == verdict


def test_only_what_cannot_be_made_again_was_saved(drill: Drill) -> None:
    assert {path.name for path in drill.saved.iterdir()} == {"landing", "reference", "ledger"}


def test_what_was_restored_is_closed_to_others(drill: Drill) -> None:
    for folder in ("warehouse", "ledger", "quarantine"):
        assert (drill.restored / folder).stat().st_mode & 0o077 == 0, folder


def test_a_closed_month_that_was_changed_on_the_way_is_found(drill: Drill, command: Command, tmp_path: Path) -> None:
    (month,) = [path for path in (drill.saved / "ledger").iterdir() if path.is_dir()]
    for source in month.iterdir():
        content = source.read_bytes()
        target = tmp_path / "ledger" / month.name / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        changed = content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]
        target.write_bytes(changed if source.name == "lines.parquet" else content)
    assert command(tmp_path, "verify").returncode == 1
