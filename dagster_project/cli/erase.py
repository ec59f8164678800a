"""`cliffhanger erase`: take a person out of everything that is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from dagster_project.cli.console import err, out, print_json, progress_display
from dagster_project.core.errors import NothingToDo, PartlyDone, UsageError
from dagster_project.settings import load_settings
from dagster_project.storage.erased_persons import load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import writer_lock


def erase(
    viewer: Annotated[
        list[str] | None,
        typer.Option("--viewer", help="Id of the viewer or device as delivered, or its pseudonym; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be changed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    finish: Annotated[bool, typer.Option("--resume", help="Finish an erasure that was interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Take viewers out of landing, reference tables, warehouse, quarantine and releases; sums and counts stay.

    What names them is replaced by a random token. The receipt in privacy/receipts/ says what was changed and nothing
    about them. `cliffhanger run` then releases anew.
    """
    # Reads Parquet and the ledger: not for `--help`.
    from dagster_project.erasure import carry_out, discard, prepare, resume

    ids = sorted({text for text in viewer or [] if text})
    if finish == bool(ids):
        raise UsageError("name a viewer with --viewer, or finish an erasure with --resume", fix="give one of the two")
    settings = load_settings()
    layout = DataLayout(settings.data_root)
    if not layout.warehouse.exists():
        raise NothingToDo("nothing was taken in so far", where=str(layout.warehouse), fix="there is nothing to erase")
    with writer_lock(layout, wait_seconds=60.0):
        if finish:
            _tell(asdict(resume(layout)), as_json)
            return
        persons = load_persons(layout, settings.pseudonym_key_file)
        with progress_display() as progress:
            plan = prepare(layout, persons, ids, now=settings.now(), progress=progress)
        planned = {
            "raw_rows": dict(plan.raw_rows),
            "landed_files": [one.content.name for one in plan.journal.landed],
            "landed_lines": sum(len(one.content.lines) for one in plan.journal.landed),
            "reference_files": [one.name for one in plan.journal.reference],
            "quarantine_rows": plan.journal.masked,
            "unreadable_files": list(plan.journal.unreadable),
        }
        try:
            if not dry_run and not yes:
                _show(planned, to_stderr=True)
                typer.confirm("This cannot be taken back. Erase?", abort=True, err=True)
        except BaseException:
            discard(layout, plan)
            raise
        if dry_run:
            discard(layout, plan)
            if as_json:
                print_json(planned)
            else:
                _show(planned, to_stderr=False)
            return
        receipt = carry_out(layout, plan)
    _tell(asdict(receipt), as_json)
    if receipt.unreadable_files:
        raise PartlyDone(
            f"{len(receipt.unreadable_files)} landed files cannot be unpacked, so nobody can say whom they mention",
            where=", ".join(receipt.unreadable_files[:5]),
            why="they were refused when they came and nothing of them was taken in",
            fix="delete them, or have them delivered anew",
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase")(erase)


def _show(planned: dict[str, Any], *, to_stderr: bool) -> None:
    console = err if to_stderr else out
    rows = ", ".join(f"{count:,} in {feed}" for feed, count in planned["raw_rows"].items() if count) or "none"
    console.print(f"rows: {rows}", markup=False)
    files = len(planned["landed_files"])
    console.print(f"landing: {planned['landed_lines']:,} lines of {files} files get a token", markup=False)
    for name in planned["reference_files"]:
        console.print(f"reference: {name}", markup=False)
    console.print(f"quarantine: {planned['quarantine_rows']:,} rows are masked", markup=False)


def _tell(receipt: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    lines = sum(one["lines"] for one in receipt["landed_files"])
    out.print(f"erased: receipt {receipt['path']}", markup=False)
    out.print(f"  {lines:,} lines of {len(receipt['landed_files'])} landed files", markup=False)
    for table, count in receipt["changed_rows"].items():
        out.print(f"  {count:,} rows of {table}", markup=False)
    out.print(f"  {len(receipt['releases'])} releases", markup=False)
    head = "as it was" if receipt["is_ledger_unchanged"] else "CHANGED: run `cliffhanger verify`"
    out.print(f"  closed months: {head}", markup=False)
    out.print("`cliffhanger run` releases anew.", markup=False)
