"""Counts of a JSON line's keys and values that prove, without parsing it twice, that a parse has missed nothing.

On a line without escapes `":` stands behind every key and nowhere else, unless a text starts with a colon, which only
makes the count too high. A parse that asks for known keys has seen all of them when it found as many values as there
are keys; keys whose value is null are proved by the sum of the prints of their names.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_QUOTE, _COLON, _SPACE, _NEWLINE, _N, _U = 0x22, 0x3A, 0x20, 0x0A, 0x6E, 0x75
_WORD_BYTES = 8
_QUOTES = np.uint64(0x2222222222222222)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_LOWEST_BIT = np.uint64(0x0101010101010101)
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_PRINT_SHIFT = np.uint64(8)
"""Prints have 56 bits, so that those of a hundred keys add up without overflow."""


def key_marks(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> list[NDArray[np.integer]]:
    """Of each line the number of keys, of nulls, of values that are neither nulls nor texts, and the nulls' prints.

    Args:
        data: The lines, one after the other.
        offsets: Where each starts, and the end of the last: shape (n + 1,).

    Returns:
        Three int32 arrays and an int64 array of shape (n,). The number of keys is -1 where a colon follows a space, as
        the counts could be too low there; otherwise no count is below the true one on a line without escapes.
    """
    before, after = data[:-1], data[1:]
    is_colon = after == _COLON
    marks = np.flatnonzero((before == _QUOTE) & is_colon)
    last = len(data) - 1
    starts = np.minimum(marks + 2, last)
    starts = np.minimum(starts + (data[starts] == _SPACE), last)
    value = data[starts]
    # Not `nan`, which the lenient parse takes for a number.
    is_null = (value == _N) & (data[np.minimum(starts + 1, last)] == _U)
    borders = np.searchsorted(marks, offsets)
    keys = np.diff(borders).astype(np.int32)
    is_spaced = (before <= _SPACE) & is_colon
    if is_spaced.any():
        spaced = np.flatnonzero(is_spaced)
        keys[lines_of(spaced[before[spaced] != _NEWLINE], offsets)] = -1
    prints = np.zeros(len(marks), np.int64)
    prints[is_null] = _prints(data, marks[is_null])
    return [
        keys,
        _sums(is_null.astype(np.int32), borders),
        _sums((~is_null & (value != _QUOTE)).astype(np.int32), borders),
        _sums(prints, borders),
    ]


def key_print(name: str) -> int:
    """The print of a key: of its last sixteen bytes, the quote before it counted."""
    text = f'"{name}'.encode().rjust(2 * _WORD_BYTES, b" ")
    return int(_prints(np.frombuffer(text, np.uint8), np.array([len(text)]))[0])


def lines_of(positions: NDArray[np.int64], offsets: NDArray[np.int32]) -> NDArray[np.int64]:
    """The lines that hold these bytes, each once."""
    return np.unique(np.searchsorted(offsets, positions, side="right") - 1)


def _sums(values: NDArray[np.integer], borders: NDArray[np.int64]) -> NDArray[np.integer]:
    total = np.cumsum(values, dtype=values.dtype)
    return np.diff(np.concatenate((np.zeros(1, values.dtype), total))[borders])


def _prints(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the names that end before these bytes; int64 of shape (n,)."""
    if len(data) < 2 * _WORD_BYTES:
        return np.zeros(len(ends), np.int64)
    words = np.ndarray((len(data) - _WORD_BYTES + 1,), np.dtype("<u8"), data, strides=(1,))
    near, ends_near = _after_last_quote(words[np.maximum(ends - _WORD_BYTES, 0)])
    far, _ = _after_last_quote(words[np.maximum(ends - 2 * _WORD_BYTES, 0)])
    mixed = near * _FACTORS[0] ^ np.where(ends_near, np.uint64(0), far) * _FACTORS[1]
    prints: NDArray[np.int64] = (mixed >> _PRINT_SHIFT).astype(np.int64)
    return prints


def _after_last_quote(words: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The words without the bytes before their last quote, and which have one. The first byte is the lowest."""
    others = words ^ _QUOTES
    flags = ~(((others & _LOW_BITS) + _LOW_BITS) | others | _LOW_BITS)
    below = flags >> np.uint64(8)
    for distance in (8, 16, 32):
        below |= below >> np.uint64(distance)
    return words & ~((below >> np.uint64(7) & _LOWEST_BIT) * np.uint64(0xFF)), flags != 0
