"""Persons: the key for their pseudonyms, whether the warehouse was filled with it, erasures that are not finished."""

from __future__ import annotations

from dagster_project.core.errors import PrivacyError
from dagster_project.core.findings import Finding, Level
from dagster_project.core.pseudonyms import Pseudonymizer
from dagster_project.settings import Settings
from dagster_project.storage.erased_persons import read_erasures
from dagster_project.storage.inspection import WarehouseState
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.pseudonym_key import read_key


def persons(layout: DataLayout, settings: Settings, state: WarehouseState | None) -> list[Finding]:
    """The first thing that is wrong; no key is made and none is told."""
    if layout.erasure_journal.exists():
        return [
            Finding(
                Level.BROKEN,
                "persons",
                "an erasure is not finished",
                where=str(layout.erasure_journal),
                why="its process was ended half way, and no run starts before it is finished",
                fix="finish it with `cliffhanger erase --resume`",
            )
        ]
    path = settings.pseudonym_key_file or layout.pseudonym_key
    fingerprint = None
    try:
        if settings.pseudonym_key_file is not None or path.exists():
            fingerprint = Pseudonymizer(read_key(path)).fingerprint
        count = sum(map(len, read_erasures(layout).values()))
    except PrivacyError as error:
        return [Finding(Level.BROKEN, "persons", error.what, where=error.where, why=error.why, fix=error.fix)]
    if state is not None:
        found = judge_key(fingerprint, state.key_fingerprint, is_filled=state.is_filled, where=str(path))
        if found is not None:
            return [found]
    erased = f"; {count:,} ids were erased" if count else ""
    told = (
        "are stored under pseudonyms" if fingerprint else "will be stored under pseudonyms; the first run makes the key"
    )
    return [Finding(Level.OK, "persons", f"viewers {told}{erased}")]


def judge_key(fingerprint: str | None, filled_with: str | None, *, is_filled: bool, where: str) -> Finding | None:
    """The key at hand against the one the warehouse was filled with; None when they fit."""
    if filled_with is None and is_filled:
        return Finding(
            Level.BROKEN,
            "persons",
            "the warehouse holds persons by the ids they were delivered with",
            where=where,
            why="it was filled before ids were replaced by pseudonyms, so no run starts",
            fix="move warehouse.duckdb away and run: everything is read anew from landing",
        )
    if filled_with is not None and fingerprint != filled_with:
        return Finding(
            Level.BROKEN,
            "persons",
            "the key for pseudonyms is not the one the warehouse was filled with",
            where=where,
            why=f"its fingerprint is {fingerprint}, the warehouse has {filled_with}"
            if fingerprint
            else "it is missing",
            fix="put the key back from your copy, or name its file with CLIFFHANGER_PSEUDONYM_KEY_FILE",
        )
    return None
