"""`cliffhanger init`: the first day of a data root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.console import err, out, print_json
from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.templates import GUIDE, data_root_guide, landing_folders, reference_templates
from dagster_project.core.errors import NothingToDo, UsageError
from dagster_project.settings import PROJECT_ROOT, load_settings
from dagster_project.storage.data_root import RootPlan, make_root, plan_root
from dagster_project.storage.erased_persons import load_persons
from dagster_project.storage.layout import DataLayout

_NAMED = 5


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="New data root; default the one of CLIFFHANGER_DATA.")
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Add what an existing data root lacks; nothing that exists is changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Set up a data root: a folder per feed, a header line per reference table, a page that explains them."""
    settings = load_settings()
    root = settings.data_root if folder is None else folder.expanduser().absolute()
    feeds = [*feed_contracts().values(), *statement_contracts().values()]
    tables = list(reference_contracts().values())
    contents = {
        **reference_templates(tables),
        GUIDE: data_root_guide(feeds, tables, str(PROJECT_ROOT / "docs" / "dictionary")),
    }
    plan = plan_root(root, landing_folders(feeds), list(contents))
    _refuse(root, plan, missing=missing)
    make_root(root, plan, contents)
    if GUIDE in plan.existing:
        err.print(f"{root / GUIDE} was there already and is left as it is", markup=False)
    key_file = settings.pseudonym_key_file or DataLayout(root).pseudonym_key
    load_persons(DataLayout(root), settings.pseudonym_key_file)
    if as_json:
        made = {"data_root": str(root), "folders": list(plan.folders), "files": list(plan.files)}
        print_json({**made, "pseudonym_key_file": str(key_file)})
        return
    out.print(f"made {len(plan.folders)} landing folders and {len(plan.files)} files in {root}", markup=False)
    out.print(f"viewer ids are stored as pseudonyms under the key in {key_file}; keep a copy elsewhere", markup=False)
    if root.resolve() != settings.data_root:
        out.print(f"next: export CLIFFHANGER_DATA={root}", markup=False)
    needed = ", ".join(table.name for table in tables if table.file_required)
    out.print(f"next: fill reference/ (needed: {needed}); {GUIDE} says what goes where", markup=False)
    out.print("next: put log files into landing/<feed>/, then: cliffhanger doctor, cliffhanger run", markup=False)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def _refuse(root: Path, plan: RootPlan, *, missing: bool) -> None:
    """A page of explanation may stay; a table that exists is somebody's data, so nothing at all is made beside it."""
    if plan.is_complete:
        raise NothingToDo(
            "the data root is set up already",
            where=str(root),
            fix="fill reference/ and landing/, then `cliffhanger run`",
        )
    tables = [name for name in plan.existing if name != GUIDE]
    if tables and not missing:
        more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
        raise UsageError(
            "there is a data root already and nothing of it is written over",
            where=str(root),
            why=f"it holds {', '.join(tables[:_NAMED])}{more}",
            fix="name an empty folder, or add only what is missing with --missing",
        )
