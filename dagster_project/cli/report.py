"""`cliffhanger report build`."""

from __future__ import annotations

from typing import Annotated

import typer
from dashboards.deliver import build_reports
from dashboards.registry import REPORTS

from dagster_project.cli.console import out, print_json, progress_display
from dagster_project.core.errors import NothingToDo, UsageError
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout

app = typer.Typer(help="Reports drawn from the published file.", no_args_is_help=True)


@app.callback()
def _reports() -> None:
    """Reports drawn from the published file."""


@app.command("build")
def build(
    report: Annotated[str, typer.Argument(help=f"One of: {', '.join(REPORTS)}.")] = "studio_weekly",
    period: Annotated[str | None, typer.Option(help="YYYY-Www or YYYY-MM; default the last complete one.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Id of one recipient; default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was built as JSON.")] = False,
) -> None:
    """Build a report for one period, for one or all recipients."""
    layout = DataLayout(load_settings().data_root)
    if report not in REPORTS:
        raise UsageError(f"there is no report {report}", fix=f"choose one of {', '.join(REPORTS)}")
    if not layout.published.exists():
        raise NothingToDo(
            "there is no release to report on", where=str(layout.published), fix="run `cliffhanger run` first"
        )
    layout.prepare()
    with progress_display() as progress:
        built = build_reports(
            layout.published,
            layout.reports,
            report=report,
            period=period,
            recipient=recipient,
            cache_dir=layout.report_cache,
            progress=progress,
        )
    if as_json:
        print_json([vars(item) if hasattr(item, "__dict__") else item for item in built])
        return
    out.print(f"built {len(built)} packs of {report} in {layout.reports / report}", markup=False)
