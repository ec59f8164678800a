"""The catalogue is the list: as many rows and files of each class, and no outcome the class does not allow."""

from __future__ import annotations

from collections import Counter

import pytest
from catalogue import REASONS, Blank, FileKind, Refused, RowKind, Taken
from folder import FILE_KINDS, MONEY_FILES
from hostile_money import MONEY_COLUMNS, money_kinds
from hostile_rows import ROW_KINDS

ROWS = {
    "naive_ts": 1,
    "bad_ts": 12,
    "out_of_window": 5,
    "missing": 9,
    "bad_type": 6,
    "bad_int": 13,
    "bad_json": 18,
    "range": 7,
    "too_long": 1,
    "control_char": 4,
    "enum": 3,
    "not_object": 4,
    "duplicate_key": 2,
    "invalid_utf8": 4,
    "line_too_long": 1,
    "either": 24,
    "accept": 33,
    "ignore": 2,
}
KINDS_OF_FILES = {
    ("reject_file", "jsonl"): 10,
    ("reject_file", "csv"): 3,
    ("reject_file", "parquet"): 10,
    ("zero", "jsonl"): 10,
    ("zero", "csv"): 1,
    ("zero", "parquet"): 3,
    ("duplicate", "jsonl"): 2,
    ("ignore_file", "other"): 8,
    ("either_file", "jsonl"): 18,
    ("either_file", "csv"): 4,
    ("either_file", "parquet"): 13,
    ("load", "jsonl"): 18,
    ("load", "csv"): 11,
    ("load", "parquet"): 14,
}
SEVERAL = {
    "not a finished data file": 16,
    "one byte of a value changed, CRC no longer fits": 8,
    "one byte of a data page changed, page checksums present: reject, or every value still right": 8,
}
"""The list counts 154 files under 125 names: the other 29 are further files of these three kinds."""


def test_rows_are_149_by_class() -> None:
    assert Counter(kind.listed for kind in ROW_KINDS) == ROWS
    assert len({kind.name for kind in ROW_KINDS}) == len(ROW_KINDS) == 149


def test_files_are_154_by_class() -> None:
    assert Counter((listed, form) for listed, form, _ in {(f.listed, f.form, f.kind) for f in FILE_KINDS}) == (
        KINDS_OF_FILES
    )
    files = Counter((file.form, file.kind) for file in FILE_KINDS)
    assert {kind: count for (_, kind), count in files.items() if count > 1} == SEVERAL
    assert len({(file.night, file.name) for file in FILE_KINDS}) == len(FILE_KINDS) == 154


def test_reasons_of_the_list_are_those_of_the_quarantine() -> None:
    assert {kind.listed for kind in ROW_KINDS} - {"either", "accept", "ignore"} == REASONS.keys()


@pytest.mark.parametrize("kind", ROW_KINDS, ids=lambda kind: f"{kind.listed}-{kind.name}")
def test_a_row_ends_as_its_class_allows(kind: RowKind) -> None:
    match kind.listed, kind.outcome:
        case "accept", Taken():
            assert kind.canonical is None
        case "ignore", Blank():
            pass
        case "either", Refused():
            assert kind.canonical is not None
        case "either", Taken():
            assert kind.outcome == kind.canonical
        case listed, Refused(code):
            assert code == REASONS[listed][0] or kind.note
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("file", FILE_KINDS, ids=lambda file: f"{file.listed}-{file.form}-{file.path!r}")
def test_a_file_ends_as_its_class_allows(file: FileKind) -> None:
    expected = file.expectation
    match file.listed:
        case "reject_file":
            assert expected.status == "rejected"
            assert expected.reason
            assert not expected.taken
        case "zero":
            # Nothing counts, and whatever is not blank leaves its trace.
            assert not expected.taken
            assert expected.reason or expected.refused or expected.duplicate or expected.lines == 0
        case "duplicate":
            assert expected.status == "known"
        case "ignore_file":
            assert expected.status in ("unread", "ignored")
        case "either_file":
            assert file.canonical
            assert expected.taken == file.canonical or (not expected.taken and (expected.reason or expected.refused))
        case "load":
            assert expected.status == "loaded"
        case _:
            raise AssertionError(file)


def test_spellings_of_numbers_meet_every_kind_of_money_column() -> None:
    spelled = {kind.name.removeprefix("int ") for kind in ROW_KINDS if kind.name.startswith("int ")}
    spelled = {
        name for name in spelled if name.startswith(("as string", "fraction", "literal", "minus", "2^31", "2^6"))
    }
    assert len(spelled) == 22
    assert {feed for feed, _, _ in MONEY_COLUMNS} == {"unlocks", "ads", "topups"}
    for _, column, is_required in MONEY_COLUMNS:
        names = {kind.name.removeprefix(f"{column} ") for kind in money_kinds(column, is_required=is_required)}
        assert spelled <= names
    assert all(file.expectation.refused and file.expectation.taken for file in MONEY_FILES)
