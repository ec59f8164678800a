"""`cliffhanger quarantine list|show|retry`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from dagster_project.cli.console import out, print_json, printable, progress_display
from dagster_project.contracts import TableContract, feed_contracts, statement_contracts
from dagster_project.core.errors import NothingToDo, PartlyDone, UsageError
from dagster_project.ingest.mending import take_mended
from dagster_project.ingest.reingest import read_again
from dagster_project.ingest.results import FileOutcome
from dagster_project.settings import load_settings
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.erased_persons import load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.refusals import (
    RefusalQuestion,
    refusals,
    refused_contents,
    refused_rows,
)
from dagster_project.storage.warehouse import Connection, open_warehouse, writer_lock

app = typer.Typer(help="What was refused at the door, why, and taking it in once it is mended.", no_args_is_help=True)

_Feed = Annotated[str | None, typer.Option("--feed", help="Only this feed.")]
_Reason = Annotated[str | None, typer.Option("--reason", help="Only this reason code.")]
_File = Annotated[str | None, typer.Option("--file", help="Only this file: its name below landing/, or its sha-256.")]
_Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_refusals(feed: _Feed = None, reason: _Reason = None, file: _File = None, as_json: _Json = False) -> None:
    """Refused rows by feed, file and reason, and files that were refused or are held whole."""
    question = _question(feed, reason, file)
    with _warehouse() as connection:
        found = refusals(connection, question)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        out.print("Nothing was refused.", markup=False)
        return
    table = Table("feed", "file", "file is", "reason", "rows", "first line", "what is wrong", box=None, pad_edge=False)
    for one in found:
        status = f"{one.status}, rows mended" if one.is_mended else one.status
        rows = "all" if one.rows is None else f"{one.rows:,}"
        line = "" if one.first_line_no is None else str(one.first_line_no)
        table.add_row(*map(printable, (one.feed, one.file_name, status, one.reason_code, rows, line, one.detail or "")))
    out.print(table)


@app.command("show")
def show_rows(
    feed: _Feed = None,
    reason: _Reason = None,
    file: _File = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 50,
    as_json: _Json = False,
) -> None:
    """Refused rows with line, reason and text; personal values are masked."""
    question = _question(feed, reason, file)
    with _warehouse() as connection:
        rows = refused_rows(connection, question, limit)
    if not rows:
        raise _nothing(question)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        place = row.file_name if row.line_no is None else f"{row.file_name}:{row.line_no}"
        out.print(printable(f"{place}  {row.reason_code}: {row.detail or ''}"), markup=False)
        if row.raw_text:
            out.print(printable(f"    {row.raw_text}"), markup=False)


@app.command("retry")
def retry(
    feed: _Feed = None,
    reason: _Reason = None,
    file: _File = None,
    accept: Annotated[bool, typer.Option("--accept", help="Take in the good rows of a held file.")] = False,
    mended: Annotated[
        Path | None, typer.Option("--mended", help="File of the refused rows alone, each mended (with --file).")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Take refused rows in after a mend; the next run computes and releases what follows from it.

    Without `--mended` the landed files are read again, by today's contracts. `--accept` releases a held file: its good
    rows count, its bad ones stay refused. `--mended` takes in mended copies of the refused rows (and accepts the rest
    of a held file).
    """
    question = _question(feed, reason, file)
    if question == RefusalQuestion():
        raise UsageError("nothing is named to retry", fix="give --file, --feed or --reason, or several of them")
    if file is None and (accept or mended is not None):
        raise UsageError("--accept and --mended are about one file", why="no file is named", fix="name it with --file")
    settings = load_settings()
    layout = DataLayout(settings.data_root)
    batch_id, now = str(uuid4()), settings.now()
    contracts = _contracts()
    found: list[FileOutcome] = []
    with _warehouse() as connection, progress_display() as progress:
        contents = refused_contents(connection, question)
        if file is not None:
            contents = contents[:1]
        if not contents:
            raise _nothing(question)
        if accept and contents[0].status != "held":
            raise NothingToDo(
                "the file is not held",
                where=contents[0].file_name,
                why=f"it is {contents[0].status}",
                fix="retry it without --accept, or give its mended rows with --mended",
            )
        persons = load_persons(layout, settings.pseudonym_key_file)
        if mended is not None:
            content = contents[0]
            outcome = take_mended(
                connection,
                layout,
                contracts[content.feed],
                content,
                mended,
                batch_id=batch_id,
                now=now,
                persons=persons,
            )
            found.append(outcome)
            accept, contents = True, [content] if content.status == "held" else []
        for name, contract in contracts.items():
            hashes = [content.file_sha256 for content in contents if content.feed == name]
            result = read_again(
                connection,
                layout,
                contract,
                hashes,
                batch_id=batch_id,
                now=now,
                accepts=accept,
                progress=progress,
                persons=persons,
            )
            found += result.files
    _tell(found, as_json)
    _require_nothing_held(found)


def _contracts() -> dict[str, TableContract]:
    return {**feed_contracts(), **statement_contracts()}


def _question(feed: str | None, reason: str | None, file: str | None) -> RefusalQuestion:
    if feed is not None and feed not in _contracts():
        raise UsageError(
            f"{feed} is not a feed", why=f"feeds are {', '.join(_contracts())}", fix="name one of them with --feed"
        )
    return RefusalQuestion(feed, reason, file)


@contextmanager
def _warehouse() -> Iterator[Connection]:
    """The private warehouse, while nobody else writes to it."""
    layout = DataLayout(load_settings().data_root)
    if not layout.warehouse.exists():
        raise NothingToDo(
            "nothing was taken in so far", where=str(layout.warehouse), fix="run `cliffhanger ingest` or `run` first"
        )
    with writer_lock(layout, wait_seconds=60.0), closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, _contracts())
        prepare_history(connection)
        yield connection


def _nothing(question: RefusalQuestion) -> NothingToDo:
    asked = [f"{name} {value}" for name, value in asdict(question).items() if value is not None]
    return NothingToDo(
        "nothing of that was refused",
        where=", ".join(asked),
        fix="see what was with `cliffhanger quarantine list`",
    )


def _tell(found: Sequence[FileOutcome], as_json: bool) -> None:
    if as_json:
        print_json([asdict(outcome) for outcome in found])
        return
    for one in found:
        counts = (
            f"{one.lines_read:,} lines: {one.accepted:,} accepted, {one.duplicate:,} duplicate, "
            f"{one.conflict:,} conflict, {one.rejected:,} rejected, {one.blank:,} blank"
        )
        out.print(printable(f"{one.file_name} is {one.status}  {counts}"), markup=False)
    out.print("`cliffhanger run` computes and releases what follows from it.", markup=False)


def _require_nothing_held(found: Sequence[FileOutcome]) -> None:
    still = [one for one in found if one.status in ("held", "rejected")]
    if still:
        raise PartlyDone(
            f"{len(still)} of {len(found)} files are refused as before",
            where="landing",
            why="; ".join(f"{one.file_name} ({one.reason_code}: {one.detail})" for one in still),
            fix="take the good rows of a held file with --accept, or give its mended rows with --mended",
        )
