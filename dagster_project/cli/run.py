"""`cliffhanger run`: landing files to released warehouse, in this process."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from dagster_project.cli.console import print_json
from dagster_project.cli.job import run_nightly
from dagster_project.cli.summary import check_complete, print_summary
from dagster_project.core.errors import UsageError
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.summary import summarize_run


def run(
    backfill: Annotated[
        str | None,
        typer.Option(metavar="FROM:TO", help="Take in again what was taken in on these days (UTC, inclusive)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take in new files, compute what they touch, check it and release it. With nothing new, nothing changes."""
    settings = load_settings()
    today = settings.now().date()
    first, last = _window(backfill, today) if backfill else (today, today)
    run_id = run_nightly(settings, first=first, last=last)
    summary = summarize_run(DataLayout(settings.data_root), run_id)
    if as_json:
        print_json(asdict(summary))
    else:
        print_summary(summary)
    check_complete(summary)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def _window(text: str, today: date) -> tuple[date, date]:
    try:
        first, last = (date.fromisoformat(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError(
            f"--backfill {text} is not a range of days",
            why="it reads FROM:TO",
            fix="give, for example, 2026-05-01:2026-05-07",
        ) from error
    if first > last or last > today:
        raise UsageError(
            f"--backfill {text} is not a range of past days",
            why=f"FROM comes first and TO is at most {today}",
            fix="swap or shorten it",
        )
    return first, last
