"""What was delivered: reference tables that can be read, files that will be passed over, files that wait."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from dagster_project.contracts import TableContract, feed_contracts, reference_contracts, statement_contracts
from dagster_project.core.errors import LandingFileError, ReferenceDataError
from dagster_project.core.findings import Finding, Level, age_words, listed
from dagster_project.storage.ignored import Ignored, IgnoredEntry, ignored_entries
from dagster_project.storage.inspection import WarehouseState
from dagster_project.storage.landing import LandedFile, RefusedEntry, discover
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import ReferenceTable, read_reference

# Longer than from one night to the next: a run was missed.
WAITING_LIMIT = timedelta(hours=36)
_ADVICE = {
    Ignored.UNKNOWN_FOLDER: "put them below the folder of their feed",
    Ignored.HIDDEN: "rename them if they are data",
    Ignored.UNFINISHED: "nothing, while they are being written; rename them if nobody writes them any more",
    Ignored.UNKNOWN_SUFFIX: "name them .jsonl, .csv (either may add .gz or .zst) or .parquet",
}


def landing_contracts() -> list[TableContract]:
    """The contracts of everything that lands."""
    return [*feed_contracts().values(), *statement_contracts().values()]


def reference(layout: DataLayout) -> list[Finding]:
    """Every reference table with its first error."""
    contracts = reference_contracts()
    found = unknown_tables([path.name for path in sorted(layout.reference.glob("*"))], contracts, str(layout.reference))
    errors: list[ReferenceDataError] = []
    tables: dict[str, ReferenceTable] = {}
    try:
        tables = read_reference(layout.reference, contracts)
    except ReferenceDataError as first:
        for name, contract in contracts.items():
            try:
                read_reference(layout.reference, {name: contract})
            except ReferenceDataError as error:
                errors.append(error)
        errors = errors or [first]  # each can be read; together they contradict each other
    found += [
        Finding(Level.BROKEN, "reference", error.what, where=error.where, why=error.why, fix=error.fix)
        for error in errors
    ]
    return found + (_reference_rows(tables) if not errors else [])


def unknown_tables(names: Iterable[str], contracts: Mapping[str, TableContract], where: str) -> list[Finding]:
    """Files of `reference/` that no contract names."""
    known = {f"{name}.csv" for name in contracts}
    strangers = [name for name in names if name not in known and not name.startswith(".")]
    return [
        Finding(
            Level.ATTENTION,
            "reference",
            f"{name} is not read",
            where=where,
            why="no reference table has that name",
            fix=f"is it {near[0]}?" if (near := difflib.get_close_matches(name, known, 1)) else "take it away",
        )
        for name in strangers
    ]


def _reference_rows(tables: Mapping[str, ReferenceTable]) -> list[Finding]:
    empty = [name for name, table in tables.items() if table.contract.file_required and not table.rows.num_rows]
    if empty:
        return [
            Finding(
                Level.ATTENTION,
                "reference",
                f"{', '.join(f'{name}.csv' for name in empty)} without a row",
                why="no log can be understood without them",
                fix="fill them; docs/dictionary says what each column means",
            )
        ]
    present = [table for table in tables.values() if table.sha256]
    rows = sum(table.rows.num_rows for table in present)
    return [Finding(Level.OK, "reference", f"{len(present)} tables, {rows:,} rows")]


def ignored(layout: DataLayout) -> list[Finding]:
    """Names in `landing/` that no run will ever read, and what a run will refuse."""
    if not layout.landing.is_dir():
        return [
            Finding(
                Level.ATTENTION,
                "landing",
                "there is no landing folder",
                where=str(layout.landing),
                fix="make it with `cliffhanger init --missing`",
            )
        ]
    contracts = landing_contracts()
    try:
        entries = ignored_entries(layout, contracts)
        refused = [entry for contract in contracts for entry in discover(layout, contract).refused]
    except LandingFileError as error:
        return [Finding(Level.BROKEN, "landing", error.what, where=error.where, why=error.why, fix=error.fix)]
    return judge_landing(entries, refused)


def judge_landing(entries: Sequence[IgnoredEntry], refused: Sequence[RefusedEntry]) -> list[Finding]:
    """One finding per reason."""
    found = [
        Finding(
            Level.ATTENTION,
            "landing",
            f"{len(names):,} files will be passed over",
            where=listed(f"landing/{name}" for name in names),
            why=str(reason),
            fix=_ADVICE[reason],
        )
        for reason in Ignored
        if (names := [entry.name for entry in entries if entry.reason is reason])
    ]
    if refused:
        found.append(
            Finding(
                Level.ATTENTION,
                "landing",
                f"{len(refused):,} files will be refused",
                where=listed(f"landing/{entry.name}" for entry in refused),
                why=refused[0].detail,
                fix="deliver plain files",
            )
        )
    return found or [Finding(Level.OK, "landing", "every file has a name that is read")]


def judged(layout: DataLayout) -> list[Finding]:
    """Where every check of the latest deliveries can be read; nothing before the first."""
    if not layout.data_docs_index.is_file():
        return []
    return [Finding(Level.OK, "gate", f"what the latest deliveries were checked for: {layout.data_docs_index}")]


def waiting(layout: DataLayout, state: WarehouseState | None, now: datetime) -> list[Finding]:
    """Files that were never read; nothing is said when the warehouse could not be asked."""
    if state is None:
        return []
    try:
        files = [file for contract in landing_contracts() for file in discover(layout, contract).files]
    except LandingFileError:
        return []  # told by `ignored`
    return [
        judge_waiting(
            [file for file in files if (file.name, file.size_bytes, file.modified_ns) not in state.known_names], now
        )
    ]


def judge_waiting(files: Sequence[LandedFile], now: datetime) -> Finding:
    """Files wait for the next run; for longer than a night when runs are missed or fail."""
    if not files:
        return Finding(Level.OK, "waiting", "every landed file was read")
    oldest = min(files, key=lambda file: file.modified_ns)
    age = now - datetime.fromtimestamp(oldest.modified_ns / 1e9, UTC)
    what = f"{len(files):,} files were never read, the oldest landed {age_words(age)} ago"
    if age <= WAITING_LIMIT:
        return Finding(Level.OK, "waiting", what)
    return Finding(
        Level.ATTENTION,
        "waiting",
        what,
        where=f"landing/{oldest.name}",
        why="no run has taken them in",
        fix="run `cliffhanger run`, and see why the schedule did not",
    )
