"""Text blocks to numbered lines, whatever the blocks are cut at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LINE_LIMIT_BYTES = 1024**2
PREVIEW_BYTES = 512
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEWLINE = 0x0A


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a file.

    Attributes:
        text: The lines one after the other, each with its line end; the last may have none.
        offsets: Where each line starts, and the end of the last: int32 of shape (n + 1,).
        first_line_no: Number of the first line, from 1.
    """

    text: bytes
    offsets: NDArray[np.int32]
    first_line_no: int

    @property
    def count(self) -> int:
        return len(self.offsets) - 1

    def line(self, index: int) -> bytes:
        """One line with its line end."""
        return self.text[self.offsets[index] : self.offsets[index + 1]]


@dataclass(frozen=True)
class OverlongLine:
    """A line above the limit; only its beginning is kept."""

    line_no: int
    beginning: bytes


class Framer:
    """Cuts text into lines at `\\n`. A line above the limit is skipped in linear time and reported.

    A byte order mark at the very start is dropped. `\\r` alone ends no line.
    """

    def __init__(self, limit: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit
        self._preview = min(PREVIEW_BYTES, limit)
        self._rest = bytearray()
        self._skipped: bytes | None = None
        self._next_line_no = 1
        self._is_at_start = True

    @property
    def lines_read(self) -> int:
        """Lines that have ended so far."""
        return self._next_line_no - 1

    def feed(self, block: bytes) -> Iterator[Lines | OverlongLine]:
        """Take the next block; yield the lines it ends."""
        if self._skipped is not None:
            end = block.find(b"\n")
            if end < 0:
                return
            yield self._overlong(self._skipped)
            self._skipped = None
            block = block[end + 1 :]
        end = block.rfind(b"\n")
        if end >= 0:
            text = bytes(self._rest) + block[: end + 1] if self._rest else block[: end + 1]
            self._rest = bytearray(block[end + 1 :])
            yield from self._frame(text)
        else:
            self._rest += block
        if len(self._rest) > self._limit + len(_BYTE_ORDER_MARK):
            beginning = bytes(self._rest[: self._preview + len(_BYTE_ORDER_MARK)])
            if self._is_at_start:
                beginning = beginning.removeprefix(_BYTE_ORDER_MARK)
            self._skipped = beginning[: self._preview]
            self._rest.clear()
            self._is_at_start = False

    def finish(self) -> Iterator[Lines | OverlongLine]:
        """Yield the last line when it has no line end."""
        if self._skipped is not None:
            yield self._overlong(self._skipped)
            self._skipped = None
        elif self._rest:
            text = bytes(self._rest)
            self._rest.clear()
            yield from self._frame(text)

    def _frame(self, text: bytes) -> Iterator[Lines | OverlongLine]:
        if self._is_at_start:
            text = text.removeprefix(_BYTE_ORDER_MARK)
            self._is_at_start = False
            if not text:
                return
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE) + 1
        if not len(ends) or ends[-1] != len(text):
            ends = np.append(ends, len(text))
        offsets = np.concatenate(([0], ends)).astype(np.int32)
        has_line_end = text.endswith(b"\n")
        lengths = np.diff(offsets) - 1
        if not has_line_end:
            lengths[-1] += 1
        start = 0
        for index in np.flatnonzero(lengths > self._limit).tolist():
            yield from self._slice(text, offsets, start, index)
            yield self._overlong(text[offsets[index] : offsets[index] + self._preview])
            start = index + 1
        yield from self._slice(text, offsets, start, len(offsets) - 1)

    def _slice(self, text: bytes, offsets: NDArray[np.int32], start: int, stop: int) -> Iterator[Lines]:
        if stop <= start:
            return
        if start > 0 or stop < len(offsets) - 1:
            text = text[offsets[start] : offsets[stop]]
            offsets = offsets[start : stop + 1] - offsets[start]
        lines = Lines(text, offsets, self._next_line_no)
        self._next_line_no += lines.count
        yield lines

    def _overlong(self, beginning: bytes) -> OverlongLine:
        line = OverlongLine(self._next_line_no, beginning)
        self._next_line_no += 1
        return line
