"""`cliffhanger ingest`: only the door."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from dagster_project.cli.console import out, print_json
from dagster_project.cli.job import INGEST_GROUPS, run_nightly
from dagster_project.cli.summary import check_complete, print_files
from dagster_project.contracts import feed_contracts, statement_contracts
from dagster_project.ingest import pending_files
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.summary import summarize_run
from dagster_project.storage.warehouse import open_warehouse, writer_lock


def ingest(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files a run would read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take in new files and check them; compute and release nothing."""
    settings = load_settings()
    layout = DataLayout(settings.data_root)
    if dry_run:
        _list_pending(layout, as_json)
        return
    today = settings.now().date()
    run_id = run_nightly(settings, first=today, last=today, groups=INGEST_GROUPS)
    summary = summarize_run(layout, run_id)
    if as_json:
        print_json(asdict(summary)["files"])
    else:
        print_files(summary)
    check_complete(summary)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)


def _list_pending(layout: DataLayout, as_json: bool) -> None:
    contracts = {**feed_contracts(), **statement_contracts()}
    layout.prepare()
    with writer_lock(layout, wait_seconds=5.0), closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, contracts)
        files = {
            name: [file.name for file in pending_files(connection, layout, contract)]
            for name, contract in contracts.items()
        }
    if as_json:
        print_json(files)
        return
    for feed, names in files.items():
        out.print(f"{feed}: {len(names)} files to read", markup=False)
        for name in names:
            out.print(f"  {name}", markup=False)
