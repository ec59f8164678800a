"""The counts of keys, nulls and bare values are those of a plain reading of each line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.contracts import feed_contracts, statement_contracts
from dagster_project.ingest.key_marks import key_marks, key_print

NAMES = st.text("abcdefgh_", min_size=1, max_size=24)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text("abc xyz{}[],.-", max_size=6))
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=6), min_size=1, max_size=8)


def marks_of(lines: list[bytes]) -> list[list[int]]:
    ends = np.cumsum([0, *map(len, lines)]).astype(np.int32)
    found = key_marks(np.frombuffer(b"".join(lines), np.uint8), ends)
    return [[int(values[row]) for values in found] for row in range(len(lines))]


@given(ROWS, st.sampled_from([(",", ":"), (", ", ": ")]))
@settings(max_examples=200, deadline=None)
def test_counts_are_those_of_the_rows(rows: list[dict[str, Any]], separators: tuple[str, str]) -> None:
    padding = b'{"padding":"so that no word reaches over the start of the text"}\n'
    lines = [json.dumps(row, separators=separators).encode() + b"\n" for row in rows]
    for row, found in zip(rows, marks_of([padding, *lines])[1:], strict=True):
        nulls = [name for name, value in row.items() if value is None]
        bare = [value for value in row.values() if value is not None and not isinstance(value, str)]
        assert found == [len(row), len(nulls), len(bare), sum(map(key_print, nulls))]


def test_other_spellings_are_never_counted_too_low() -> None:
    lines = [
        b'{"first line":"long enough for two words"}\n',
        b'{"a" :1}\n',  # a colon after a space hides its key
        b'{"a":  null}\n',  # two spaces: neither a null nor a text for sure
        b'{"a":nan}\n',  # the lenient parse takes it for a number
        b'{"a":":b"}\n',  # a text that starts with a colon counts as one key more
        b'{"a":n',
        b'{"a":',
    ]
    assert [found[:3] for found in marks_of(lines)[1:]] == [
        [-1, 0, 0],
        [1, 0, 1],
        [1, 0, 1],
        [2, 0, 1],
        [1, 0, 1],
        [1, 0, 1],
    ]


def test_a_text_shorter_than_two_words_is_read_safely() -> None:
    assert marks_of([b'{"a":null}']) == [[1, 1, 0, 0]]


def test_no_two_columns_of_a_contract_have_one_print() -> None:
    for contract in (feed_contracts() | statement_contracts()).values():
        prints = {key_print(column.name) for column in contract.columns}
        assert len(prints) == len(contract.columns) <= 127, contract.name


def test_names_that_end_alike_have_different_prints() -> None:
    names = ["a", "aa", "order_id", "unlock_order_id", "x_order_id", "event_id", "ad_event_id", "abcdefg", "abcdefgh"]
    assert len({key_print(name) for name in names}) == len(names)
    assert key_print("x" + "a" * 16) == key_print("y" + "a" * 16)
