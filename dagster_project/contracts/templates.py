"""What a new data root needs, as the contracts have it: folders, header lines, a page that says what goes where."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import PurePosixPath

from dagster_project.contracts.model import TableContract

GUIDE = "README.md"


def landing_folders(contracts: Iterable[TableContract]) -> list[str]:
    """The folders of every feed below the data root, in order."""
    return sorted({str(PurePosixPath("landing", folder)) for contract in contracts for folder in contract.folders})


def reference_templates(contracts: Iterable[TableContract]) -> dict[str, str]:
    """Path below the data root to content: one CSV per reference table, holding its header line alone."""
    return {f"reference/{contract.name}.csv": header_line(contract) for contract in contracts}


def header_line(contract: TableContract) -> str:
    """The first line of a CSV file of this contract."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([column.name for column in contract.columns])
    return text.getvalue()


def data_root_guide(feeds: Iterable[TableContract], tables: Iterable[TableContract], dictionary: str) -> str:
    """The Markdown page of a new data root; `dictionary` is where the meaning of every column is told."""
    tables = list(tables)
    lines = [
        "# Data root",
        "",
        "`landing/` and `reference/` are yours: nothing here changes them. Everything else is written by the runs.",
        f"What every file must hold, column by column: `{dictionary}`.",
        "",
        "## Reference tables: fill these first",
        "",
        "Each is there with its header line. A table that may stay empty can also be deleted.",
        "",
        "| file | rows | |",
        "|---|---|---|",
    ]
    for contract in sorted(tables, key=lambda table: (not table.file_required, table.name)):
        need = "**needed**" if contract.file_required else "may stay empty"
        lines.append(f"| `reference/{contract.name}.csv` | {contract.grain} | {need} |")
    lines += [
        "",
        "## Files that land",
        "",
        "JSON lines or CSV (plain, `.gz` or `.zst`) or Parquet, at any depth below the folder. Write a file under a "
        "name that ends in `.part` and rename it when it is whole.",
        "",
        "| folder | rows |",
        "|---|---|",
    ]
    for contract in sorted(feeds, key=lambda feed: feed.landing):
        lines.append(f"| `landing/{contract.landing}/` | {contract.purpose}: {contract.grain} |")
        lines += [f"| `landing/{native.landing}/` | {native.purpose}: {native.grain} |" for native in contract.natives]
    lines += ["", "Then: `cliffhanger doctor`, `cliffhanger run`. Save `landing/`, `reference/` and `ledger/`.", ""]
    return "\n".join(lines)
