"""Delivered bytes to text blocks: hashed as delivered, checksums verified, bombs stopped."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
from isal import igzip, isal_zlib

from dagster_project.storage.landing import LandedFile, Packing, read_error

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1024**2
RATIO_LIMIT = 200
"""Real logs shrink 5 to 30 times; a bomb shrinks a thousand times."""
RATIO_FREE_BYTES = 4 * 1024**2
_PIECE_BYTES = 64 * 1024
"""So much is handed to an unpacker at once: what it was given and has not unpacked yet counts against the ratio."""
_UNPACKING_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    zlib.error,
    isal_zlib.error,
    pa.ArrowException,
)  # type: ignore[assignment]  # isal and pyarrow ship no types
TEXT_LIMIT_BYTES = 64 * 1024**3


class UnusableFile(Exception):
    """The file as a whole is refused; nothing of it is loaded.

    Attributes:
        reason_code: A file reason: corrupt, too_large, missing_column, duplicate_column or bad_column_type.
        detail: One sentence for people.
    """

    def __init__(self, reason_code: str, detail: str) -> None:
        super().__init__(f"{reason_code}: {detail}")
        self.reason_code = reason_code
        self.detail = detail


class HashingReader(io.RawIOBase):
    """Reads the delivered bytes and takes their sha-256 on the way.

    Raises:
        LandingFileError: The disk could not give a byte.
    """

    def __init__(self, file: LandedFile, stream: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._stream = stream
        self._digest = hashlib.sha256()
        self._is_rewound = False
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._is_rewound:
            return 0
        view = memoryview(buffer)
        try:
            count = int(self._stream.readinto(view) or 0)  # type: ignore[attr-defined]  # raw files have it
        except OSError as error:
            raise read_error(self._file, error) from error
        self._digest.update(view[:count])
        self.bytes_read += count
        return count

    def read_rest(self) -> None:
        """Take what an unpacker left unread into the hash."""
        while self.read(BLOCK_BYTES):
            pass

    def rewound(self) -> BinaryIO:
        """The same opened file from its start, for a reader that seeks; what it reads is not hashed again."""
        self._is_rewound = True
        self._stream.seek(0)
        return self._stream

    @property
    def sha256(self) -> str:
        """Of all bytes read so far, hexadecimal."""
        return self._digest.hexdigest()


def unpack(reader: HashingReader, packing: Packing) -> Iterator[bytes]:
    """Yield the text in blocks of about `BLOCK_BYTES`.

    gzip: CRC-32 and length of every member are verified (DuckDB's own reader verifies neither), bytes after the last
    member are refused. zstd: frame checksums are verified, a cut frame is refused.

    Raises:
        UnusableFile: corrupt or too_large.
    """
    stream = _open(reader, packing)
    unpacked = 0
    while True:
        try:
            block = bytes(stream.read(BLOCK_BYTES))
        except _UNPACKING_ERRORS as error:
            raise UnusableFile("corrupt", f"{packing.name.lower()} stream: {error}") from error
        if not block:
            return
        unpacked += len(block)
        if unpacked > RATIO_FREE_BYTES and unpacked > RATIO_LIMIT * reader.bytes_read:
            detail = f"{reader.bytes_read} bytes unpack to more than {RATIO_LIMIT} times as many"
            raise UnusableFile("too_large", detail)
        if unpacked > TEXT_LIMIT_BYTES:
            raise UnusableFile("too_large", f"more than {TEXT_LIMIT_BYTES} bytes of text; deliver it in parts")
        yield block


class _Pieces(io.RawIOBase):
    """Gives `_PIECE_BYTES` at most, however much is asked for."""

    def __init__(self, reader: HashingReader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._reader.readinto(memoryview(buffer)[:_PIECE_BYTES])


def _open(reader: HashingReader, packing: Packing) -> BinaryIO:
    if packing is Packing.GZIP:
        return igzip.IGzipFile(fileobj=_Pieces(reader), mode="rb")  # type: ignore[no-any-return]  # isal ships no types
    if packing is Packing.ZSTANDARD:
        return pa.CompressedInputStream(pa.PythonFile(reader, mode="r"), "zstd")  # type: ignore[no-any-return]  # nor does pyarrow
    return io.BufferedReader(reader, BLOCK_BYTES)
