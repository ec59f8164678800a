"""`cliffhanger report build`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from dagster_project.cli.console import out, print_json, progress_display
from dagster_project.core.errors import BlockedByChecks, CliffhangerError, NothingToDo, UsageError
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout

app = typer.Typer(help="Reports drawn from the published file.", no_args_is_help=True)


@app.callback()
def _reports() -> None:
    """Reports drawn from the published file."""


@app.command("build")
def build(
    report: Annotated[str, typer.Argument(help="Name of the report, for example studio_weekly.")] = "studio_weekly",
    period: Annotated[str | None, typer.Option(help="YYYY-Www or YYYY-MM; default the last complete one.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Id of one recipient; default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was built as JSON.")] = False,
) -> None:
    """Build a report for one period, for one or all recipients."""
    # matplotlib takes a second to import: not for other commands.
    from dashboards.deliver import build_reports

    layout = DataLayout(load_settings().data_root)
    if not layout.published.exists():
        raise NothingToDo(
            "there is no release to report on", where=str(layout.published), fix="run `cliffhanger run` first"
        )
    layout.prepare()
    with progress_display() as progress, _explained():
        built = build_reports(
            layout.published,
            layout.reports,
            report=report,
            period=period,
            recipient=recipient,
            cache_dir=layout.report_cache,
            progress=lambda done, total, one: progress(f"reports: {one}", done / total),
        )
    if as_json:
        print_json([asdict(pack) for pack in built])
        return
    for pack in built:
        out.print(f"{pack.recipient}  {pack.period}  {pack.pages} pages  {pack.folder / 'report.pdf'}", markup=False)


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
