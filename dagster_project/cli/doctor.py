"""`cliffhanger doctor`: what is wrong here, or soon will be."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from dagster_project.cli.console import out, print_json
from dagster_project.core.findings import Level, has_broken
from dagster_project.settings import load_settings

_MARKS = {Level.OK: "✓", Level.ATTENTION: "!", Level.BROKEN: "✕"}
_PLAIN_MARKS = {Level.OK: "ok", Level.ATTENTION: "!", Level.BROKEN: "x"}
_COLORS = {Level.OK: "green", Level.ATTENTION: "yellow", Level.BROKEN: "red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Look at the surroundings and the data root, change nothing, say what to mend; ends with 1 if anything is ✕."""
    # The doctor reads Parquet and databases: not for `--help`.
    from dagster_project.doctor import examine

    findings = examine(load_settings())
    if as_json:
        counts = {level.value: sum(finding.level is level for finding in findings) for level in Level}
        print_json({"counts": counts, "findings": [asdict(finding) for finding in findings]})
    else:
        marks = _MARKS if (sys.stdout.encoding or "").lower().startswith("utf") else _PLAIN_MARKS
        for finding in findings:
            out.print(
                f"{marks[finding.level]} {finding.sentence()}",
                markup=False,
                style=_COLORS[finding.level] if out.is_terminal else None,
            )
    if has_broken(findings):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
