"""What lies in `landing/` and will never be read, and why: the mistakes that otherwise nobody is told of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from dagster_project.contracts.model import TableContract
from dagster_project.storage.landing import HIDDEN_PREFIXES, UNFINISHED_SUFFIXES, discover, printable
from dagster_project.storage.layout import DataLayout


class Ignored(StrEnum):
    """Why a name is passed over."""

    UNKNOWN_FOLDER = "no feed has that folder"
    HIDDEN = "names that start with . or _ are hidden"
    UNFINISHED = "names that end in .tmp or .part are unfinished"
    UNKNOWN_SUFFIX = "the name ends in no known suffix"


@dataclass(frozen=True)
class IgnoredEntry:
    """A file that is passed over; `name` is its path below `landing/`."""

    name: str
    reason: Ignored


def ignored_entries(layout: DataLayout, contracts: Sequence[TableContract]) -> list[IgnoredEntry]:
    """Every file below `landing/` that no feed would take or refuse, by name.

    Raises:
        LandingFileError: A folder of a feed cannot be listed.
    """
    taken: set[str] = set()
    for contract in contracts:
        found = discover(layout, contract)
        taken |= {file.name for file in found.files} | {entry.name for entry in found.refused}
    folders = [PurePosixPath(folder) for contract in contracts for folder in contract.folders]
    names = (name for name in _names(layout.landing) if name not in taken)
    return [IgnoredEntry(name, why_ignored(PurePosixPath(name), folders)) for name in sorted(names)]


def why_ignored(name: PurePosixPath, folders: Sequence[PurePosixPath]) -> Ignored:
    """Why a path below `landing/`, which no feed takes, is passed over."""
    if name.name.startswith(HIDDEN_PREFIXES):
        return Ignored.HIDDEN
    if not any(name.is_relative_to(folder) for folder in folders):
        return Ignored.UNKNOWN_FOLDER
    if any(part.startswith(HIDDEN_PREFIXES) for part in name.parts):
        return Ignored.HIDDEN
    if name.name.lower().endswith(UNFINISHED_SUFFIXES):
        return Ignored.UNFINISHED
    return Ignored.UNKNOWN_SUFFIX


def _names(landing: Path) -> Iterator[str]:
    for folder, _, files in os.walk(landing):
        for file in files:
            yield PurePosixPath(printable(os.path.relpath(Path(folder, file), landing))).as_posix()
