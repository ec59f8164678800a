"""Cutting what is too long leaves every other byte as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.ingest.long_values import CUT_MARK, LONG_TEXT, shortened_line

LIMITS = {"os": LONG_TEXT, "raw_payload": 3_000}
TEXT = st.text(st.sampled_from('ab"\\/\n\x00é中🎬 {}[]:,'), max_size=12)
VALUES = st.recursive(
    st.one_of(TEXT, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.booleans(), st.sampled_from([(",", ":"), (", ", " : ")]))
def test_lines_without_long_texts_stay_byte_for_byte(
    row: dict[str, Any], escapes: bool, separators: tuple[str, str]
) -> None:
    line = json.dumps(row, ensure_ascii=escapes, separators=separators).encode()
    assert shortened_line(line, LIMITS) == line
    padded = json.dumps(
        {**row, "numbers": [0] * 3_000, "os": "x"}, ensure_ascii=escapes, separators=separators
    ).encode()
    assert shortened_line(padded, LIMITS) == padded


@given(TEXT, st.integers(1, 400), st.booleans(), st.dictionaries(TEXT, VALUES, max_size=3))
def test_a_long_text_keeps_its_beginning_and_its_neighbours(
    text: str, times: int, escapes: bool, others: dict[str, Any]
) -> None:
    value = (text + "x") * times
    row = {**others, "os": value, "raw_payload": value, "last": 1}
    found = json.loads(shortened_line(json.dumps(row, ensure_ascii=escapes).encode(), LIMITS))
    for key, limit in LIMITS.items():
        assert found[key] == (value if len(value) <= limit else value[:limit] + CUT_MARK)
    assert {key: found[key] for key in others} == {key: row[key] for key in others}
    assert list(found) == list(row)


@pytest.mark.parametrize("blank", [" " * 5_000, "\t \n" * 3_000], ids=["spaces", "escapes"])
def test_a_long_blank_is_no_value(blank: str) -> None:
    assert json.loads(shortened_line(json.dumps({"os": blank, "x": 1}).encode(), LIMITS)) == {"os": "", "x": 1}


def test_a_key_written_with_escapes_may_be_any() -> None:
    line = b'{"raw_p\\u0061yload":"%s","os":"%s"}' % (b"x" * 2_500, b"y" * 2_500)
    found = json.loads(shortened_line(line, LIMITS))
    assert found == {"raw_payload": "x" * 2_500, "os": "y" * LONG_TEXT + CUT_MARK}


@pytest.mark.parametrize("broken", [b'{"os":"' + b"x" * 9_000, b'{"os" "a": ' + b"[" * 9_000, b"\xff" * 9_000])
def test_what_is_no_json_stays_no_json(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(shortened_line(broken, LIMITS))
