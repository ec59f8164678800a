"""Plans an erasure, writes it down, carries it out; whatever moment it is killed at, it can be finished.

Before the journal is written nothing that is read has changed but texts in quarantine. After it every step may be done
twice: rows first (one transaction), then files, then what was made from them.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_project.contracts import TableContract, feed_contracts, reference_contracts, statement_contracts
from dagster_project.core.errors import NothingToDo, PrivacyError
from dagster_project.erasure.delivered_ids import delivered_id
from dagster_project.erasure.journal import Journal, LandedSuccessor, load_journal, save_journal
from dagster_project.erasure.landed_files import (
    PARTIAL_PREFIX,
    Rewritten,
    look_through,
    rewrite,
    rewrite_reference,
)
from dagster_project.erasure.mentions import Persons as Mentioned
from dagster_project.ingest.merge_sql import MergeStatements
from dagster_project.ingest.results import Progress
from dagster_project.ingest.unpacking import UnusableFile
from dagster_project.ledger.verify import verify_ledger
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.erased_persons import Erasure, Persons, note_erasures, sync_folder, write_private
from dagster_project.storage.landing import discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.quarantine_files import write_mirrors
from dagster_project.storage.raw_tables import note_batch, prepare_raw
from dagster_project.storage.reference_tables import (
    create_missing_references,
    folder_fingerprint,
    follow_fingerprint,
)
from dagster_project.storage.release import current_release, kept_releases, roll_back
from dagster_project.storage.renamed_persons import (
    follow_content,
    forget_devices,
    forget_links,
    last_event,
    mask_in_quarantine,
    rename_in_file,
    rename_persons,
    rows_of,
    write_anew,
)
from dagster_project.storage.warehouse import Connection, checkpoint, open_warehouse, transaction

_TOKEN_PREFIX = "gone-"


@dataclass(frozen=True)
class Plan:
    """What an erasure will do; its files lie ready under hidden names.

    Attributes:
        ids: As they were delivered; never written anywhere.
        raw_rows: Rows of these persons by feed.
    """

    ids: tuple[str, ...]
    journal: Journal
    raw_rows: Mapping[str, int]


@dataclass(frozen=True)
class Receipt:
    """What was done, without a word about the person.

    Attributes:
        changed_rows: Rows of the warehouse that have another name in them, by table; of this process alone where the
            erasure was resumed.
        releases: Release, sha-256 before and after.
        is_ledger_unchanged: The chain hash of the last closed month is what it was.
    """

    receipt: str
    erased_at: str
    persons: int
    landed_files: tuple[dict[str, Any], ...]
    reference_files: tuple[dict[str, Any], ...]
    unreadable_files: tuple[str, ...]
    quarantine_rows: int
    changed_rows: Mapping[str, int]
    releases: tuple[dict[str, str], ...]
    ledger_head_before: str
    ledger_head_after: str
    is_ledger_unchanged: bool
    is_resumed: bool = False
    path: str = field(default="", compare=False)


def prepare(
    layout: DataLayout, persons: Persons, ids: Sequence[str], *, now: datetime, progress: Progress | None = None
) -> Plan:
    """Look for these persons everywhere and write the successors of all files that mention them.

    Call it with the writer lock held; `discard` takes it back, `carry_out` goes on.

    Args:
        ids: Ids of viewers or devices as they were delivered, or their pseudonyms.
        now: The run's clock (UTC).

    Raises:
        NothingToDo: No row, file or table mentions any of them.
        PrivacyError: A row's person cannot be found in its line.
        LandingFileError: A file cannot be read or written.
    """
    _remove_partials(layout)
    with closing(open_warehouse(layout)) as connection:
        _prepare_tables(connection)
        ids = sorted({delivered_id(connection, layout, persons, text) for text in ids})
    mark = secrets.token_hex(4)
    receipt = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{mark}"
    mentioned = Mentioned({text: _TOKEN_PREFIX + secrets.token_hex(16) for text in ids})
    names = {text: persons.pseudonym(text) for text in ids}
    with closing(open_warehouse(layout)) as connection:
        ledger_head = verify_ledger(layout).head
        rows: dict[str, int] = {}
        through = now
        landed: list[LandedSuccessor] = []
        unreadable: list[str] = []
        for contract in feed_contracts().values():
            found: dict[str, set[int]] = {}
            columns = _id_columns(contract)
            for name in names.values():
                for sha256, line_no in rows_of(connection, contract.relation, columns, name):
                    found.setdefault(sha256, set()).add(line_no)
                last = last_event(connection, contract.relation, contract.event_time or "", columns, name)
                through = max(through, last or through)
            rows[contract.name] = sum(map(len, found.values()))
            successors, skipped = _rewrite_landed(layout, contract, mentioned, found, mark, progress)
            landed += [LandedSuccessor(contract.name, one) for one in successors]
            unreadable += skipped
        reference = [
            one
            for name, contract in reference_contracts().items()
            if (
                one := rewrite_reference(
                    layout.reference / f"{name}.csv", contract, mentioned, root=layout.root, mark=mark
                )
            )
        ]
        masked = mask_in_quarantine(connection, list(ids), changes=False)
    current = current_release(layout)
    journal = Journal(
        receipt,
        now.isoformat(),
        {names[text]: persons.pseudonymizer.pseudonym(token) for text, token in mentioned.tokens.items()},
        tuple(Erasure(persons.pseudonymizer.tombstone(text), through.isoformat(), receipt) for text in ids),
        tuple(landed),
        tuple(reference),
        tuple(unreadable),
        masked,
        ledger_head,
        folder_fingerprint(layout.reference, reference_contracts()),
        current.stem if current else None,
    )
    if not landed and not reference and not masked and not any(rows.values()):
        raise NothingToDo(
            "nobody of that name is known",
            where=str(layout.root),
            why="no row, landed file, reference table or refused row mentions it",
            fix="give the id exactly as it was delivered; what was erased before is gone",
        )
    return Plan(tuple(ids), journal, rows)


def discard(layout: DataLayout, plan: Plan) -> None:
    """Take the prepared files away; nothing else was changed."""
    for one in (*(item.content for item in plan.journal.landed), *plan.journal.reference):
        (layout.root / one.partial).unlink(missing_ok=True)


def carry_out(layout: DataLayout, plan: Plan) -> Receipt:
    """Do what was planned, with the writer lock held.

    Raises:
        PrivacyError: The journal or the list of erasures cannot be written.
        WarehouseError: The disk refuses; `resume` goes on.
    """
    with closing(open_warehouse(layout)) as connection, transaction(connection):
        mask_in_quarantine(connection, list(plan.ids), changes=True)
    save_journal(layout, plan.journal)
    return _finish(layout, plan.journal, is_resumed=False)


def resume(layout: DataLayout) -> Receipt:
    """Finish an erasure that was interrupted, with the writer lock held.

    Raises:
        NothingToDo: Every erasure is finished.
    """
    journal = load_journal(layout)
    if journal is None:
        raise NothingToDo("every erasure is finished", where=str(layout.privacy), fix="nothing needs to be done")
    return _finish(layout, journal, is_resumed=True)


def _finish(layout: DataLayout, journal: Journal, *, is_resumed: bool) -> Receipt:
    """Every step may be done twice."""
    with closing(open_warehouse(layout)) as connection:
        _prepare_tables(connection)
        with transaction(connection):
            changed = _change_rows(connection, journal)
        for one in (*(item.content for item in journal.landed), *journal.reference):
            partial = layout.root / one.partial
            if partial.exists():
                partial.replace(layout.root / one.name)
                sync_folder(partial.parent)
        note_erasures(layout, journal.erasures)
        if journal.reference:
            after = folder_fingerprint(layout.reference, reference_contracts())
            follow_fingerprint(connection, before=journal.reference_fingerprint, after=after)
        for item in journal.landed:
            (layout.quarantine / item.feed / f"{item.content.sha256_before}.jsonl").unlink(missing_ok=True)
        for feed in feed_contracts():
            write_mirrors(connection, layout, feed)
        checkpoint(connection)
    releases = _change_releases(layout, journal)
    # Working copies of what is released, and logs that a damaged close has left.
    for folder in layout.runs.iterdir():
        shutil.rmtree(folder)
    for log in layout.warehouse_dir.glob(f"{layout.warehouse.name}.wal.set-aside-*"):
        log.unlink()
    write_anew(layout.warehouse)
    head = verify_ledger(layout).head
    receipt = Receipt(
        journal.receipt,
        journal.erased_at,
        len(journal.renamed),
        tuple(_told(item.content) for item in journal.landed),
        tuple(_told(one) for one in journal.reference),
        journal.unreadable,
        journal.masked,
        changed,
        tuple(releases),
        journal.ledger_head,
        head,
        head == journal.ledger_head,
        is_resumed,
        str(layout.receipts / f"{journal.receipt}.json"),
    )
    write_private(Path(receipt.path), json.dumps(_without_path(receipt), indent=2) + "\n")
    layout.erasure_journal.unlink()
    sync_folder(layout.privacy)
    return receipt


def _change_rows(connection: Connection, journal: Journal) -> dict[str, int]:
    changed: dict[str, int] = {}
    for contract in feed_contracts().values():
        columns = _id_columns(contract)
        forget_devices(connection, contract.relation, columns, journal.renamed)
    for contract in reference_contracts().values():
        columns = _id_columns(contract)
        if len(columns) > 1:
            create_missing_references(connection, [contract.name])
            count = forget_links(connection, contract.relation, columns, journal.renamed)
            changed |= {contract.relation: count} if count else {}
    changed |= rename_persons(connection, journal.renamed)
    relations = {contract.name: contract.relation for contract in feed_contracts().values()}
    for item in journal.landed:
        one = item.content
        follow_content(
            connection,
            item.feed,
            relations[item.feed],
            before=one.sha256_before,
            after=one.sha256_after,
            name=one.name.removeprefix("landing/"),
            size=one.size_bytes,
            modified_ns=one.modified_ns,
        )
    for contract in feed_contracts().values():
        connection.execute(MergeStatements(contract).renew_duplicates(), {"names": list(journal.renamed.values())})
    # The next run releases what stands in the warehouse now.
    note_batch(connection, f"erasure-{journal.receipt}", datetime.fromisoformat(journal.erased_at))
    return changed


def _change_releases(layout: DataLayout, journal: Journal) -> list[dict[str, str]]:
    found = []
    for path in kept_releases(layout):
        hashes = rename_in_file(path, journal.renamed)
        if hashes is not None:
            found.append({"release": path.stem, "sha256_before": hashes[0], "sha256_after": hashes[1]})
    if journal.current_release is not None:
        roll_back(layout, journal.current_release)
    for leftover in (*layout.published_dir.glob(".*.partial"), *layout.releases.glob("*.partial*")):
        leftover.unlink()
    return found


def _rewrite_landed(
    layout: DataLayout,
    contract: TableContract,
    mentioned: Mentioned,
    known: Mapping[str, set[int]],
    mark: str,
    progress: Progress | None,
) -> tuple[list[Rewritten], list[str]]:
    successors: list[Rewritten] = []
    unreadable: list[str] = []
    files = discover(layout, contract).files
    for number, file in enumerate(files):
        if progress is not None:
            progress(f"looking through {contract.name}", number / len(files))
        try:
            sha256, is_mentioned = look_through(file, mentioned)
            expected = known.get(sha256, set())
            if not is_mentioned and not expected:
                continue
            one = rewrite(file, contract, mentioned, sha256=sha256, root=layout.root, mark=mark)
        except UnusableFile:
            unreadable.append(file.name)
            continue
        missed = expected - set(one.lines if one else ())
        if missed:
            raise PrivacyError(
                "a person's row was not found in its landed file, so nothing was erased",
                where=f"{file.path}:{min(missed)}",
                why=f"{len(missed)} lines spell the id in a way that is not recognised",
                fix="report this; until it is mended, take these lines out by hand and rebuild the warehouse",
            )
        if one is not None:
            successors.append(one)
    return successors, unreadable


def _prepare_tables(connection: Connection) -> None:
    prepare_raw(connection, {**feed_contracts(), **statement_contracts()})
    prepare_history(connection)


def _id_columns(contract: TableContract) -> list[str]:
    return [column.name for column in contract.columns if column.names_viewer]


def _remove_partials(layout: DataLayout) -> None:
    for folder in (layout.landing, layout.reference):
        for path in folder.rglob(f"{PARTIAL_PREFIX}*"):
            path.unlink()


def _told(one: Rewritten) -> dict[str, Any]:
    return {
        "file": one.name,
        "lines": len(one.lines),
        "sha256_before": one.sha256_before,
        "sha256_after": one.sha256_after,
    }


def _without_path(receipt: Receipt) -> dict[str, Any]:
    return {name: value for name, value in asdict(receipt).items() if name != "path"}
