"""What an erasure has to do, written down before anything is changed: no ids, only pseudonyms, tokens and files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dagster_project.core.errors import PrivacyError
from dagster_project.erasure.landed_files import Rewritten
from dagster_project.storage.erased_persons import Erasure, write_private
from dagster_project.storage.layout import DataLayout


@dataclass(frozen=True)
class LandedSuccessor:
    """A rewritten landed file of a feed; `content` is its successor."""

    feed: str
    content: Rewritten


@dataclass(frozen=True)
class Journal:
    """One erasure.

    Attributes:
        renamed: Pseudonym before and after, of each person.
        erasures: Tombstones to be kept.
        landed, reference: Files whose successors lie ready.
        unreadable: Landed files that cannot be unpacked, so that nobody can say whom they mention.
        masked: Quarantine rows of which a text was masked.
        ledger_head: Hash of the last closed month before anything was changed.
        reference_fingerprint: Of the reference tables before anything was changed.
        current_release: The one that is published.
    """

    receipt: str
    erased_at: str
    renamed: Mapping[str, str]
    erasures: tuple[Erasure, ...]
    landed: tuple[LandedSuccessor, ...]
    reference: tuple[Rewritten, ...]
    unreadable: tuple[str, ...]
    masked: int
    ledger_head: str
    reference_fingerprint: str
    current_release: str | None


def save_journal(layout: DataLayout, journal: Journal) -> None:
    """Write it in one step; from then on the erasure is to be carried out.

    Raises:
        PrivacyError: It cannot be written.
    """
    write_private(layout.erasure_journal, json.dumps(asdict(journal), indent=1) + "\n")


def load_journal(layout: DataLayout) -> Journal | None:
    """The erasure that is not finished, or None.

    Raises:
        PrivacyError: The journal cannot be read.
    """
    try:
        text = layout.erasure_journal.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(layout, str(error)) from error
    try:
        return _journal(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable(layout, str(error)) from error


def _journal(found: dict[str, Any]) -> Journal:
    return Journal(
        **{
            **found,
            "erasures": tuple(Erasure(**item) for item in found["erasures"]),
            "landed": tuple(LandedSuccessor(item["feed"], _rewritten(item["content"])) for item in found["landed"]),
            "reference": tuple(_rewritten(item) for item in found["reference"]),
            "unreadable": tuple(found["unreadable"]),
        }
    )


def _rewritten(found: dict[str, Any]) -> Rewritten:
    return Rewritten(**{**found, "lines": tuple(found["lines"])})


def _unreadable(layout: DataLayout, why: str) -> PrivacyError:
    return PrivacyError(
        "the journal of an erasure cannot be read",
        where=str(layout.erasure_journal),
        why=why,
        fix="make it readable; if it is damaged, put landing/ and privacy/ back from your copies and erase again",
    )
