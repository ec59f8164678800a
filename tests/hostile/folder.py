"""The whole hostile folder: every entry of the catalogue in one data root, delivered in two nights."""

from __future__ import annotations

from pathlib import Path

from catalogue import FileKind, ad, json_lines, topup, unlock, view
from csv_files import CSV_FILES
from hostile_money import MONEY_COLUMNS, money_kinds
from jsonl_files import JSONL_FILES, between
from other_files import OTHER_FILES, SECRET, make_irregular
from parquet_files import PARQUET_FILES

FILE_KINDS: list[FileKind] = [*JSONL_FILES, *CSV_FILES, *PARQUET_FILES, *OTHER_FILES]
"""The 154 files of the list."""
MAKERS = {"views": view, "unlocks": unlock, "ads": ad, "topups": topup}
CASES = "views/good/cases.jsonl"
"""The file that holds the 149 rows of the list."""


def _money_file(feed: str, column: str, *, is_required: bool) -> FileKind:
    kinds = money_kinds(column, is_required=is_required)
    data, expectation = between(kinds, f"money-{column}", MAKERS[feed])
    return FileKind("load", "jsonl", f"{column} of {feed}", feed, f"{column}.jsonl", lambda: data, expectation)


MONEY_FILES = [_money_file(feed, column, is_required=is_required) for feed, column, is_required in MONEY_COLUMNS]
"""Beside the list: the spellings of numbers in the columns of money."""
ALL_FILES: list[FileKind] = [*FILE_KINDS, *MONEY_FILES]


def build(root: Path, night: int) -> None:
    """Write what is delivered that night below `root/landing`."""
    for file in ALL_FILES:
        if file.night != night or file.make is None:
            continue
        path = root / "landing" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # delivered anew, also when the name is known
        path.write_bytes(file.make())
    if night == 1:
        secret = root / "secret.jsonl"
        secret.write_bytes(json_lines([view(f"{SECRET}{number}") for number in range(3)]))
        make_irregular(root / "landing/views/other", secret)
