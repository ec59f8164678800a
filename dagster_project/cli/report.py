"""`cliffhanger report build`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.console import err, out, print_json, progress_display
from dagster_project.core.errors import BlockedByChecks, CliffhangerError, NothingToDo, UsageError
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout

if TYPE_CHECKING:
    from dashboards.deliver import BuiltReport

app = typer.Typer(help="Reports drawn from the published file.", no_args_is_help=True)


@app.callback()
def _reports() -> None:
    """Reports drawn from the published file."""


@app.command("build")
def build(
    report: Annotated[str | None, typer.Argument(help="Name of the report; default all reports.")] = None,
    period: Annotated[str | None, typer.Option(help="YYYY-Www or YYYY-MM; default the last complete one.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Id of one recipient; default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was built as JSON.")] = False,
) -> None:
    """Build one report, or all, for one period and for one or all recipients."""
    if report is None and (period or recipient):
        raise UsageError(
            "a period or a recipient belongs to one report",
            why="no report is named",
            fix="name one, for example: cliffhanger report build studio_weekly --period 2026-W20",
        )
    layout = DataLayout(load_settings().data_root)
    if not layout.published.exists():
        raise NothingToDo(
            "there is no release to report on", where=str(layout.published), fix="run `cliffhanger run` first"
        )
    layout.prepare()
    built = _build_all(layout) if report is None else _build(layout, report, period, recipient)
    if as_json:
        print_json([asdict(pack) for pack in built])
        return
    for pack in built:
        out.print(f"{pack.report}  {pack.period}  {pack.recipient}  {pack.files[0]}", markup=False)


def _build_all(layout: DataLayout) -> list[BuiltReport]:
    """Every report; one that has no period to tell of yet says so and is left out."""
    # matplotlib takes a second to import: not for other commands.
    from dashboards.registry import REPORTS

    built = []
    for name in REPORTS:
        try:
            built += _build(layout, name, None, None)
        except NothingToDo as nothing:
            err.print(nothing.paragraph(), markup=False)
    return built


def _build(layout: DataLayout, report: str, period: str | None, recipient: str | None) -> list[BuiltReport]:
    from dashboards.deliver import build_reports

    with progress_display() as progress, _explained():
        return build_reports(
            layout.published,
            layout.reports,
            report=report,
            period=period,
            recipient=recipient,
            cache_dir=layout.report_cache,
            progress=lambda done, total, one: progress(f"{report}: {one}", done / total),
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Failures of the reports as failures of the command, with the promised exit codes."""
    from dashboards import errors

    try:
        yield
    except errors.UnknownReport as error:
        raise UsageError(str(error)) from error
    except (errors.UnknownPeriod, errors.UnknownRecipient) as error:
        raise NothingToDo(str(error)) from error
    except errors.ReportBlocked as error:
        raise BlockedByChecks(str(error)) from error
    except errors.ReportError as error:
        raise CliffhangerError(str(error)) from error
