"""Lines are the same whatever the blocks are cut at, and what is noted of them is true."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.ingest.framing import Framer, Lines, OverlongLine
from dagster_project.ingest.json_lines import FileCounts, first_pairs, json_batches

ALPHABET = [
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b'"',
    b":",
    b"{",
    b"}",
    b"a",
    b"xyz",
    b"\\",
    b"\xc3\xa9",
    b"\xff",
]
texts = st.lists(st.sampled_from(ALPHABET), max_size=60).map(b"".join)
LIMIT = 12


def cut(text: bytes, places: list[int]) -> list[bytes]:
    """The text in blocks, cut at the given places."""
    marks = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:stop] for start, stop in pairwise(marks)]


def framed(blocks: list[bytes], limit: int) -> list[tuple[int, bytes]]:
    """(line number, line without its end; None for a line above the limit) of all lines."""
    framer = Framer(limit)
    found: list[Lines | OverlongLine] = []
    for block in blocks:
        found.extend(framer.feed(block))
    found.extend(framer.finish())
    lines: list[tuple[int, bytes]] = []
    for item in found:
        if isinstance(item, OverlongLine):
            lines.append((item.line_no, b"<overlong>" + item.beginning))
        else:
            lines.extend((item.first_line_no + i, item.line(i).removesuffix(b"\n")) for i in range(item.count))
    assert framer.lines_read == len(lines)
    return lines


def expected_lines(text: bytes, limit: int) -> list[tuple[int, bytes]]:
    """The same by splitting the whole text."""
    parts = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    shown = [part if len(part) <= limit else b"<overlong>" + part[:limit] for part in parts]
    return list(enumerate(shown, start=1))


@given(texts, st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_chunking_gives_the_same_lines(text: bytes, places: list[int], has_mark: bool) -> None:
    whole = b"\xef\xbb\xbf" + text if has_mark else text
    assert framed(cut(whole, places), LIMIT) == expected_lines(whole, LIMIT)


def test_a_line_that_never_ends_is_reported_once_and_does_not_pile_up() -> None:
    framer = Framer(limit=100)
    for _ in range(1_000):
        assert list(framer.feed(b"x" * 64)) == []
    assert len(framer._rest) == 0
    assert [item.line_no for item in framer.finish() if isinstance(item, OverlongLine)] == [1]


@given(texts, st.lists(st.integers(0, 10_000), max_size=6))
@settings(max_examples=400, deadline=None)
def test_every_line_is_blank_or_passed_on_with_true_notes(text: bytes, places: list[int]) -> None:
    counts = FileCounts()
    batches = list(json_batches(iter(cut(text, places)), 7, counts))
    rows = [row for batch in batches for row in batch.to_pylist()]
    lines = expected_lines(text, 1 << 20)
    inked = {number: line for number, line in lines if line.strip(b" \t\r\n\v\f")}
    assert counts.lines_read == len(lines)
    assert counts.blank == len(lines) - len(inked)
    assert sorted(row["_line_no"] for row in rows) == sorted(inked)
    for row in rows:
        line = inked[row["_line_no"]]
        assert row["_file_index"] == 7
        try:
            decoded = line.decode()
        except UnicodeDecodeError:
            assert row["_fault"] == "invalid_utf8"
            continue
        assert row["_fault"] is None
        assert row["_line"].removesuffix("\n") == decoded
        if row["_is_plain"]:
            assert decoded.isascii()
            assert "\\" not in decoded
            assert '""' not in decoded
        is_spaced = any(f"{white}:" in decoded for white in " \t\r")
        assert row["_key_marks"] == (-1 if is_spaced else decoded.count('":'))


@given(
    st.dictionaries(st.text('ab :"\\é', max_size=4), st.sampled_from(["", " ", "x", 'q"', None, 1, True]), max_size=5)
)
@settings(max_examples=300, deadline=None)
def test_key_marks_never_undercount_and_plain_lines_hide_nothing(row: dict[str, object]) -> None:
    for separators in ((",", ":"), (", ", ": "), (" , ", " : ")):
        line = json.dumps(row, separators=separators, ensure_ascii=False).encode()
        (batch,) = json_batches(iter([line]), 0, FileCounts())
        marks, is_plain = batch["_key_marks"][0].as_py(), batch["_is_plain"][0].as_py()
        assert marks == -1 or marks >= len(row)
        if is_plain:
            texts = [value for value in row.values() if isinstance(value, str)]
            assert all(value.strip() and value.isascii() and "\\" not in value for value in texts)


def test_first_pairs_are_taken_from_whole_objects_only() -> None:
    assert first_pairs(b'{"a":1,"b":null,"c":{"d":2}}\n') == {"a": 1, "b": None, "c": [("d", 2)]}
    for line in (b'{"a":1,"a":2}', b"[1]", b'"x"', b"{", b"null", b'[["a",1]]'):
        assert first_pairs(line) is None


def test_offsets_are_zero_copy_views_of_the_block() -> None:
    (lines,) = Framer().feed(b"one\ntwo\n")
    assert isinstance(lines, Lines)
    assert np.array_equal(lines.offsets, [0, 4, 8])
    assert lines.text == b"one\ntwo\n"
