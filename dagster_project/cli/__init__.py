"""The `cliffhanger` command: data on stdout, progress and errors on stderr, exit codes as promised."""

from __future__ import annotations

import sys

import typer

from dagster_project.cli import doctor, erase, ingest, init, money, pages, quarantine, release, report, run, simulate
from dagster_project.cli.console import explain_error
from dagster_project.core.errors import CliffhangerError

app = typer.Typer(
    name="cliffhanger",
    help="Analytics warehouse and reports for vertical micro-dramas.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (init, doctor, simulate, ingest, run, money, pages, erase):
    module.register(app)
app.add_typer(release.app, name="release")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(report.app, name="report")


def main() -> None:
    """Run the command; every foreseen failure ends in one paragraph and its exit code."""
    try:
        app()
    except CliffhangerError as error:
        explain_error(error)
        sys.exit(error.exit_code)
