"""Values far too long for their column, cut before they are typed: one such row would take the memory of thousands.

What is cut is refused for its length as it would be whole; a text the contract allows is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from dagster_project.contracts.model import Column, TableContract
from dagster_project.ingest.framing import Lines

LONG_TEXT = 1_024
CUT_MARK = "…"
"""Ends a text that was cut, so that what is left is never blank, a number or a time."""
_LONG_LINE_BYTES = 64 * 1024
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?', re.DOTALL)
# A character, in UTF-8 or escaped; a pair of surrogates is one.
_CHARACTER = (
    rb"(?>[^\\\x80-\xff]|[\x80-\xff][\x80-\xbf]*+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\.)"
)
_BLANK = re.compile(rb"(?: |\\[tnrf]|\\u00(?:09|0[aAbBcCdD]|20))*+")


def kept_length(column: Column) -> int:
    """Characters of a value that are passed on: beyond them it is refused whatever it holds."""
    return max(LONG_TEXT, column.max_length or 0)


def kept_lengths(contract: TableContract) -> dict[str, int]:
    """The same by name of the column."""
    return {column.name: kept_length(column) for column in contract.columns}


def shortened_lines(lines: Lines, limits: Mapping[str, int]) -> Lines:
    """The lines, in long ones every text value that is longer than its key allows (others: `LONG_TEXT`) cut."""
    if not lines.count or int(np.diff(lines.offsets).max()) <= _LONG_LINE_BYTES:
        return lines
    texts = [lines.line(index) for index in range(lines.count)]
    texts = [text if len(text) <= _LONG_LINE_BYTES else shortened_line(text, limits) for text in texts]
    offsets = np.concatenate(([0], np.cumsum([len(text) for text in texts]))).astype(np.int32)
    return Lines(b"".join(texts), offsets, lines.first_line_no)


def shortened_line(line: bytes, limits: Mapping[str, int]) -> bytes:
    """One line; its texts are told apart from its structure as JSON does, whatever else may be wrong with it."""
    longest = max(limits.values(), default=LONG_TEXT)
    limit = LONG_TEXT

    def cut(match: re.Match[bytes]) -> bytes:
        nonlocal limit
        content = match[1]
        if match[2] is not None:
            # A key that is written with escapes may be any.
            limit = longest if b"\\" in content else limits.get(content.decode("utf-8", "replace"), LONG_TEXT)
            return match[0]
        if len(content) <= limit:
            return match[0]
        if _BLANK.fullmatch(content):
            return b'""'
        beginning = re.match(_CHARACTER + b"{0,%d}+" % limit, content, re.DOTALL)
        if beginning is None or beginning.end() == len(content):
            return match[0]
        return b'"' + beginning[0] + CUT_MARK.encode() + b'"'

    return _STRING.sub(cut, line)
