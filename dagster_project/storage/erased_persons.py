"""Who a person is at the door: a pseudonym, and whether this person was erased.

`privacy/erased.jsonl` has one line per erasure: the tombstone of an id (a keyed hash that leads to none of its
pseudonyms), the time through which its rows are gone, and the number of the receipt.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from dagster_project.core.errors import PrivacyError
from dagster_project.core.pseudonyms import Pseudonymizer
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.pseudonym_key import load_pseudonymizer


@dataclass(frozen=True)
class Erasure:
    """One erased id.

    Attributes:
        through: Rows up to this time (UTC, ISO-8601) are gone; later ones are another person's.
    """

    tombstone: str
    through: str
    receipt: str


@dataclass(frozen=True)
class Persons:
    """Pseudonyms under one key, and the erasures so far by tombstone, oldest first."""

    pseudonymizer: Pseudonymizer
    erasures: Mapping[str, tuple[Erasure, ...]] = field(default_factory=dict)

    def pseudonym(self, text: str) -> str:
        """Today's pseudonym of an id: whoever comes back after an erasure is another person than before."""
        return self.pseudonymizer.pseudonym(text, len(self._erasures_of(text)))

    def erased_through(self, text: str) -> datetime | None:
        """Through when the rows of this id are gone; None when it was never erased."""
        found = self._erasures_of(text)
        return max(datetime.fromisoformat(erasure.through) for erasure in found) if found else None

    def _erasures_of(self, text: str) -> tuple[Erasure, ...]:
        if not self.erasures:
            return ()
        return self.erasures.get(self.pseudonymizer.tombstone(text), ())


def load_persons(layout: DataLayout, key_file: Path | None) -> Persons:
    """Key and erasures of this data root.

    Raises:
        PrivacyError: The key cannot be used, the list of erasures is damaged, or an erasure was interrupted.
    """
    if layout.erasure_journal.exists():
        raise PrivacyError(
            "an erasure is not finished",
            where=str(layout.erasure_journal),
            why="its process was ended half way",
            fix="finish it with `cliffhanger erase --resume`, then do this again",
        )
    return Persons(load_pseudonymizer(layout, key_file), read_erasures(layout))


def read_erasures(layout: DataLayout) -> dict[str, tuple[Erasure, ...]]:
    """All erasures by tombstone, oldest first.

    Raises:
        PrivacyError: The file cannot be read.
    """
    path = layout.erased_persons
    if not path.exists():
        return {}
    found: dict[str, tuple[Erasure, ...]] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            erasure = Erasure(**json.loads(line))
            datetime.fromisoformat(erasure.through)
            found[erasure.tombstone] = (*found.get(erasure.tombstone, ()), erasure)
    except (OSError, ValueError, TypeError) as error:
        raise PrivacyError(
            "the list of erased persons cannot be read",
            where=str(path),
            why=str(error),
            fix="put it back from the copy you keep of privacy/; without it erased persons may come back",
        ) from error
    return found


def note_erasures(layout: DataLayout, erasures: Iterable[Erasure]) -> None:
    """Add to the list, in one step; what a receipt has noted already is not noted again.

    Raises:
        PrivacyError: The file cannot be read or written.
    """
    known = read_erasures(layout)
    lines = [erasure for of_one in known.values() for erasure in of_one]
    lines += [erasure for erasure in erasures if erasure not in lines]
    text = "".join(json.dumps(asdict(erasure)) + "\n" for erasure in lines)
    write_private(layout.erased_persons, text)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: it appears whole or not at all, and survives a power cut.

    Raises:
        PrivacyError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise PrivacyError(
            "a private file cannot be written",
            where=str(path),
            why=error.strerror or str(error),
            fix="make the folder writable and free disk space, then do this again",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
