"""CPU time, wall time and peak memory of one process."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.settings import PROJECT_ROOT, subprocess_environment

_SHOWN_LINES = 30


class StepFailed(Exception):
    """A measured process ended with an error; the message shows the end of what it wrote."""


@dataclass(frozen=True)
class Usage:
    """What one process and its children took.

    Attributes:
        cpu_seconds: User and system time.
        peak_bytes: Largest resident set. Linux starts it at what the starting process held, so that one stays small.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Usage:
    """Run a command from the project's folder to its end; its output goes to `log`.

    Raises:
        StepFailed: It did not end with 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=subprocess_environment(environment or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        # getrusage would give the largest memory of all children so far; wait4 gives this one's.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        ending = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:])
        raise StepFailed(f"{' '.join(command)}\nended with {process.returncode}; the end of {log}:\n{ending}")
    return Usage(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024)
