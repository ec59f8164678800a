"""`cliffhanger release list|rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_project.cli.console import out, print_json
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.release import current_release, kept_releases, roll_back
from dagster_project.storage.summary import describe_release
from dagster_project.storage.warehouse import writer_lock

app = typer.Typer(help="The releases that are kept, and going back to one.", no_args_is_help=True)


@app.command("list")
def list_releases(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """The kept releases, oldest first; the published one is marked."""
    layout = DataLayout(load_settings().data_root)
    current = current_release(layout)
    releases = [
        {**describe_release(path), "is_published": current is not None and path.name == current.name}
        for path in kept_releases(layout)
    ]
    if as_json:
        print_json(releases)
        return
    for entry in releases:
        mark = "*" if entry["is_published"] else " "
        out.print(f"{mark} {entry['release_id']}  data to {entry['as_of']}  {entry['content_hash'][:12]}", markup=False)


@app.command("rollback")
def rollback(
    release_id: Annotated[str | None, typer.Argument(help="Release to publish again; default the one before.")] = None,
) -> None:
    """Publish an earlier release again, in one step."""
    layout = DataLayout(load_settings().data_root)
    with writer_lock(layout, wait_seconds=60.0):
        path = roll_back(layout, release_id)
    out.print(f"published {path.stem}", markup=False)
