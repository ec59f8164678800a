"""What lies in `landing/`: finished regular files only, opened so that no link or pipe can lead elsewhere."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from dagster_project.contracts.model import NativeContract, TableContract
from dagster_project.core.errors import LandingFileError
from dagster_project.storage.layout import DataLayout

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNFINISHED_SUFFIXES = (".tmp", ".part")
HIDDEN_PREFIXES = (".", "_")


class FileForm(StrEnum):
    """How rows are written in a file."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


_NATIVE_SUFFIXES = {
    FileForm.JSON_LINES: (".jsonl", ".ndjson", ".json"),
    FileForm.CSV: (".csv", ".tsv", ".txt"),
}


class Packing(StrEnum):
    """How a text file is compressed."""

    PLAIN = ""
    GZIP = "gz"
    ZSTANDARD = "zst"


@dataclass(frozen=True)
class LandedFile:
    """A finished regular file of one feed.

    Attributes:
        name: Path below `landing/`, with `/`; bytes that are not UTF-8 are written as escapes.
        size_bytes, modified_ns: As listed; both tell a file that was seen before.
        native: Name of the native feed whose records it holds; empty for a file in this project's own form.
    """

    feed: str
    name: str
    path: Path
    size_bytes: int
    modified_ns: int
    form: FileForm
    packing: Packing
    native: str = ""


@dataclass(frozen=True)
class RefusedEntry:
    """Something named like a data file that is not a regular file of its own (link, pipe, device, hard link)."""

    name: str
    detail: str


@dataclass(frozen=True)
class Landing:
    """What lies below one feed's folder, by name."""

    files: tuple[LandedFile, ...]
    refused: tuple[RefusedEntry, ...]


def discover(layout: DataLayout, contract: TableContract) -> Landing:
    """List the feed's folder, those of its native feeds, and all folders below them.

    Raises:
        LandingFileError: A folder cannot be listed.
    """
    files: list[LandedFile] = []
    refused: list[RefusedEntry] = []
    _list(layout, contract, None, files, refused)
    for native in contract.natives:
        _list(layout, contract, native, files, refused)
    return Landing(tuple(sorted(files, key=lambda file: file.name)), tuple(refused))


def _list(
    layout: DataLayout,
    contract: TableContract,
    native: NativeContract | None,
    files: list[LandedFile],
    refused: list[RefusedEntry],
) -> None:
    folder = contract.landing if native is None else native.landing
    for entry in _walk(layout.landing / folder):
        kind = _form_and_packing(entry.name) if native is None else _native_form_and_packing(native, entry.name)
        if kind is None:
            continue
        name = printable(os.path.relpath(entry.path, layout.landing))
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # withdrawn since the folder was listed
        problem = _irregularity(status)
        if problem:
            refused.append(RefusedEntry(name, problem))
            continue
        form, packing = kind
        path = Path(entry.path)
        size, modified = status.st_size, status.st_mtime_ns
        origin = "" if native is None else native.name
        files.append(LandedFile(contract.name, name, path, size, modified, form, packing, origin))


class LandedStream(io.FileIO):
    """An opened landed file.

    What the disk refuses is a `LandingFileError` from wherever it is read: readers of packed and columnar files take
    any other error for damage of the content, and a sound file would be refused for good.
    """

    def __init__(self, file: LandedFile, descriptor: int) -> None:
        super().__init__(descriptor, "rb")
        self._file = file

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise read_error(self._file, error) from error

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as are asked for, unless the file ends: the system may give fewer at a time than there are."""
        if size is None or size < 0:
            return self.readall()
        pieces: list[bytes] = []
        while size:
            try:
                piece = super().read(size)
            except OSError as error:
                raise read_error(self._file, error) from error
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise read_error(self._file, error) from error


def open_landed(file: LandedFile) -> BinaryIO:
    """Open for reading: never through a link, never waiting for a pipe's writer.

    Raises:
        LandingFileError: It cannot be read, or is no longer a regular file of its own; so do reads later on.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = "it has become a link" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise _unreadable(file, why) from error
    problem = _irregularity(os.fstat(descriptor))
    if problem:
        os.close(descriptor)
        raise _unreadable(file, problem)
    return cast(BinaryIO, LandedStream(file, descriptor))


def has_changed(file: LandedFile, opened: BinaryIO) -> bool:
    """True when the opened file is not, or no longer, what was listed."""
    status = os.fstat(opened.fileno())
    return (status.st_size, status.st_mtime_ns) != (file.size_bytes, file.modified_ns)


def read_error(file: LandedFile, error: OSError) -> LandingFileError:
    """The explanation of an I/O error met while reading."""
    return _unreadable(file, error.strerror or str(error))


def _unreadable(file: LandedFile, why: str) -> LandingFileError:
    return LandingFileError(
        "the landed file cannot be read",
        where=str(file.path),
        why=why,
        fix="make it a plain file that this user may read, or move it out of the landing folder, and run again",
    )


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All entries that are not folders, in name order; folders behind links and hidden folders are not entered."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise LandingFileError(
            "the landing folder cannot be listed",
            where=str(folder),
            why=error.strerror or str(error),
            fix="make it a folder that this user may read and run again",
        ) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith(HIDDEN_PREFIXES):
                yield from _walk(Path(entry.path))
        else:
            yield entry


def _form_and_packing(name: str) -> tuple[FileForm, Packing] | None:
    lowered = name.lower()
    if name.startswith(HIDDEN_PREFIXES) or lowered.endswith(UNFINISHED_SUFFIXES):
        return None
    if lowered.endswith(".parquet"):
        return FileForm.PARQUET, Packing.PLAIN
    for packing in (Packing.GZIP, Packing.ZSTANDARD, Packing.PLAIN):
        for form in (FileForm.JSON_LINES, FileForm.CSV):
            suffix = f".{form}.{packing}" if packing else f".{form}"
            if lowered.endswith(suffix):
                return form, packing
    return None


def _native_form_and_packing(native: NativeContract, name: str) -> tuple[FileForm, Packing] | None:
    """The form is the contract's; a platform names its tables .csv, .tsv or .txt."""
    lowered = name.lower()
    if name.startswith(HIDDEN_PREFIXES) or lowered.endswith(UNFINISHED_SUFFIXES):
        return None
    form = FileForm(native.file_form)
    for packing in Packing:
        if any(lowered.endswith(f"{suffix}.{packing}".rstrip(".")) for suffix in _NATIVE_SUFFIXES[form]):
            return form, packing
    return None


def _irregularity(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link"
    if not stat.S_ISREG(status.st_mode):
        return "it is a pipe, socket or device"
    if status.st_nlink != 1:
        return f"it is one of {status.st_nlink} hard links to the same file"
    return ""


def printable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
