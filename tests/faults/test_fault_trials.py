"""Some of what `make faults` does at length, and proof that its checks see a door that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from broken_doors import BROKEN
from fault_trials import shim

HERE = Path(__file__).parent
HAS_COMPILER = shim.compiler() is not None
FEEDS = "views,unlocks"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the trials of this module share, so that the clean run is measured once."""
    return tmp_path_factory.mktemp("faults")


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(HERE), **environment},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


def trials(scratch: Path, *arguments: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What the program writes as its result, and what it prints."""
    done = python("-m", "fault_trials", "--scratch", str(scratch), *arguments, **environment)
    results = scratch / "seed-1" / "results.json"
    assert results.exists(), done.stderr
    found = json.loads(results.read_text(encoding="utf-8"))
    assert done.returncode == (1 if found["wrong"] else 0), done.stdout + done.stderr
    return found, done.stdout


def test_twenty_kills_and_sixty_failing_calls_lose_nothing(scratch: Path) -> None:
    """Without a C compiler only the kills at random times and at statements can be done."""
    ways = ("--faults", "60", "--feeds", FEEDS) if HAS_COMPILER else ("--without-shim",)
    found, printed = trials(scratch, "--kills", "20", *ways)
    assert found["wrong"] == []
    assert found["kills"] >= 20
    assert found["counts"].get("opens_failed", 0) == 0
    assert "could not be opened: 0" in printed
    assert "differences and broken promises: 0" in printed
    if HAS_COMPILER:
        assert found["faults"] >= 60
        assert found["counts"]["kill_call"] > 0
        assert found["counts"]["told"] > 0
    # Started again, nothing is done twice; with higher numbers it goes on.
    lines = (scratch / "seed-1" / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    again, _ = trials(scratch, "--kills", "20", *ways)
    assert again["counts"] == found["counts"]
    assert (scratch / "seed-1" / "progress.jsonl").read_text(encoding="utf-8").splitlines() == lines


def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    done = python("-m", "fault_trials", "--scratch", str(tmp_path), PATH="")
    assert done.returncode == 2
    assert "need a C compiler" in " ".join(done.stderr.split())


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_door_is_seen(name: str, scratch: Path) -> None:
    done = python(str(HERE / "broken_doors.py"), name, str(scratch / "broken"))
    assert done.returncode == 0, done.stderr
    wrong = " | ".join(json.loads(done.stdout))
    expected = {
        "no_transaction": "instead of",
        "forgetful": "was acknowledged and is not there",
        "loses_a_row": "is missing",
        "doubles_a_row": "is there twice",
        "no_mirrors": "quarantine: ",
    }
    assert expected[name] in wrong, wrong
