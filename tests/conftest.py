"""What all layers share: the command run as a user runs it, and small simulated worlds made once."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    """One key for all data roots of a session, so that releases of two of them can be compared."""
    folder = Path(tempfile.mkdtemp(prefix="cliffhanger-key-"))
    config.add_cleanup(lambda: shutil.rmtree(folder))
    key = folder / "pseudonym.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32), encoding="ascii")
    os.environ["CLIFFHANGER_PSEUDONYM_KEY_FILE"] = str(key)


Command = Callable[..., subprocess.CompletedProcess[str]]


def run_command(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`cliffhanger <arguments>` on the data root `root`, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", *arguments],
        env={**os.environ, "CLIFFHANGER_DATA": str(root), "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def command() -> Command:
    """The command, as a function of data root, arguments and environment."""
    return run_command


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated data root of 400 persons and 40 days; copy it before writing to it."""
    root = tmp_path_factory.mktemp("worlds") / "small"
    done = run_command(root, "simulate", "--viewers", "400", "--days", "40", "--seed", "7", "--out", str(root))
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def world(small_world: Path, tmp_path: Path) -> Path:
    """A copy of the small world to run on."""
    root = tmp_path / "world"
    shutil.copytree(small_world, root)
    return root
