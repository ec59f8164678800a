"""How the command speaks: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dagster_project.core.errors import CliffhangerError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def explain_error(error: CliffhangerError) -> None:
    """One paragraph on stderr."""
    err.print(error.paragraph(), markup=False, style="red" if err.is_terminal else None)


def print_json(value: Any) -> None:
    """Machine-readable result on stdout; times as ISO-8601 text."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def printable(text: str) -> str:
    """Delivered text without the control characters that a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


@contextmanager
def progress_display() -> Iterator[Callable[[str, float], None]]:
    """A progress bar on a terminal, one line per finished step elsewhere; yields `report(what, share)`."""
    if not err.is_terminal:
        said: set[str] = set()

        def say(what: str, share: float) -> None:
            stage = what.partition(":")[0]
            if stage not in said:
                said.add(stage)
                err.print(f"  {stage}", markup=False)

        yield say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as display:
        task = display.add_task("starting", total=1.0)

        def show(what: str, share: float) -> None:
            display.update(task, description=what, completed=share)

        yield show
