"""Landed files and reference tables without a person: written beside the original under a hidden name.

Landed files are otherwise never changed. Lines keep their number and rows their place, so that every count stays.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.contracts.model import TableContract
from dagster_project.core.errors import LandingFileError
from dagster_project.erasure.mentions import CsvMentions, Fields, Persons, without_persons
from dagster_project.ingest.adapters.native_sql import header_names
from dagster_project.ingest.unpacking import HashingReader, unpack
from dagster_project.storage.landing import FileForm, LandedFile, Packing, open_landed

PARTIAL_PREFIX = ".erasing-"
_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Rewritten:
    """One file that mentions a person, and its successor under `partial`.

    Attributes:
        name: Path below the data root.
        lines: Numbers of the changed lines (rows, for Parquet).
    """

    name: str
    partial: str
    sha256_before: str
    sha256_after: str
    size_bytes: int
    modified_ns: int
    lines: tuple[int, ...]


def fields_of(contract: TableContract, native: str = "") -> Fields:
    """The fields of a feed's own files or of a platform's."""
    if native:
        described = contract.native(native).fields
        persons = {name for field in described if field.is_personal for name in _spellings(field.source, field.name)}
        others = {name for field in described if not field.is_personal for name in _spellings(field.source, field.name)}
        return Fields(frozenset(persons), frozenset(others - persons))
    return Fields(
        frozenset(column.name for column in contract.columns if column.names_viewer),
        frozenset(column.name for column in contract.columns if not column.is_personal and not column.is_source_text),
    )


def _spellings(source: str, name: str) -> set[str]:
    return {source.rpartition(".")[2].lower(), name.lower()}


def look_through(file: LandedFile, persons: Persons) -> tuple[str, bool]:
    """sha-256 of the file, and whether it may mention one of these persons; every byte is read.

    Raises:
        UnusableFile: It cannot be unpacked.
        LandingFileError: It cannot be read.
    """
    needles = persons.needles()
    overlap = max(map(len, needles))
    with closing(open_landed(file)) as stream:
        reader = HashingReader(file, stream)
        is_mentioned = file.form is FileForm.PARQUET
        if not is_mentioned:
            before = b""
            for block in unpack(reader, file.packing):
                text = before + block
                is_mentioned = is_mentioned or any(needle in text for needle in needles)
                before = text[-overlap:]
        reader.read_rest()
        return reader.sha256, is_mentioned


def rewrite(
    file: LandedFile, contract: TableContract, persons: Persons, *, sha256: str, root: Path, mark: str
) -> Rewritten | None:
    """Write the file without these persons beside it; None when it mentions none of them after all.

    Raises:
        UnusableFile: It cannot be unpacked.
        LandingFileError: It cannot be read or written.
    """
    partial = file.path.with_name(f"{PARTIAL_PREFIX}{mark}-{file.path.name}")
    fields = fields_of(contract, file.native)
    try:
        if file.form is FileForm.PARQUET:
            lines = _rewrite_parquet(file, partial, fields, persons)
        else:
            with _packed(partial, file.packing) as out:
                lines = _rewrite_text(file, out, contract, fields, persons)
        if not lines:
            partial.unlink(missing_ok=True)
            return None
        return settled(file.path, partial, sha256, lines, root)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _unwritable(file.path, error) from error


def rewrite_reference(
    path: Path, contract: TableContract, persons: Persons, *, root: Path, mark: str
) -> Rewritten | None:
    """The same for a reference table. A row that links ids of one person is left out: it would lead back to the rest.

    Raises:
        LandingFileError: It cannot be read or written.
    """
    ids = [column for column in contract.columns if column.names_viewer]
    if not ids or not path.exists():
        return None
    partial = path.with_name(f"{PARTIAL_PREFIX}{mark}-{path.name}")
    reader = CsvMentions(fields_of(contract), persons, drops=len(ids) > 1)
    try:
        content = path.read_bytes()
        lines: list[int] = []
        with partial.open("wb") as out:
            texts = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
            _write_records(reader, iter(texts), out, lines)
        if not lines:
            partial.unlink()
            return None
        return settled(path, partial, hashlib.sha256(content).hexdigest(), lines, root)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def settled(path: Path, partial: Path, sha256: str, lines: Sequence[int], root: Path) -> Rewritten:
    """The finished successor: mode and time of the original, safe on disk."""
    status = path.stat()
    partial.chmod(status.st_mode & 0o777)
    os.utime(partial, ns=(status.st_mtime_ns, status.st_mtime_ns))
    with partial.open("rb") as stream:
        after = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    return Rewritten(
        str(path.relative_to(root)),
        str(partial.relative_to(root)),
        sha256,
        after,
        partial.stat().st_size,
        partial.stat().st_mtime_ns,
        tuple(lines),
    )


def _rewrite_text(
    file: LandedFile, out: IO[bytes], contract: TableContract, fields: Fields, persons: Persons
) -> list[int]:
    changed: list[int] = []
    if file.form is FileForm.CSV:
        headers = header_names(contract.native(file.native)) if file.native else {}
        reader = CsvMentions(fields, persons, delimiters=",;\t" if file.native else ",", headers=headers)
        _write_records(reader, (_text(line) for line in delivered_lines(file)), out, changed)
        return changed
    needles = persons.needles()
    for number, line in enumerate(delivered_lines(file), 1):
        if b"\\" in line or any(needle in line for needle in needles):
            text = _text(line)
            after = without_persons(text, fields, persons)
            if after != text:
                changed.append(number)
                line = after.encode("utf-8", "surrogateescape")
        out.write(line)
    return changed


def _write_records(reader: CsvMentions, texts: Iterator[str], out: IO[bytes], changed: list[int]) -> None:
    number = 0
    for number, text in enumerate(texts, 1):
        for before, record, is_changed in reader.take(text):
            if is_changed:
                changed.append(number - before)
            out.write(record.encode("utf-8", "surrogateescape"))
    for before, record, is_changed in reader.finish():
        if is_changed:
            changed.append(number - before)
        out.write(record.encode("utf-8", "surrogateescape"))


def _text(line: bytes) -> str:
    # Bytes that are not UTF-8 come through as they are.
    return line.decode("utf-8", "surrogateescape")


def delivered_lines(file: LandedFile) -> Iterator[bytes]:
    """The lines of a text file with their line ends, unpacked.

    Raises:
        UnusableFile: It cannot be unpacked.
        LandingFileError: It cannot be read.
    """
    with closing(open_landed(file)) as stream:
        rest: list[bytes] = []
        for block in unpack(HashingReader(file, stream), file.packing):
            lines = block.split(b"\n")
            for line in lines[:-1]:
                yield b"".join([*rest, line, b"\n"])
                rest = []
            rest.append(lines[-1])
        last = b"".join(rest)
        if last:
            yield last


def _packed(partial: Path, packing: Packing) -> IO[bytes]:
    """Without a time or name in its header, so that equal texts are equal files."""
    if packing is Packing.GZIP:
        return cast(IO[bytes], _Gzip(partial))
    if packing is Packing.ZSTANDARD:
        return pa.CompressedOutputStream(str(partial), "zstd")  # type: ignore[no-any-return]  # pyarrow ships no types
    return partial.open("wb")


class _Gzip(gzip.GzipFile):
    """A gzip file that closes what lies below it."""

    def __init__(self, path: Path) -> None:
        self._below = path.open("wb")
        super().__init__(filename="", mode="wb", fileobj=self._below, mtime=0)

    def close(self) -> None:
        super().close()
        self._below.close()


def _rewrite_parquet(file: LandedFile, partial: Path, fields: Fields, persons: Persons) -> list[int]:
    changed: list[int] = []
    with closing(open_landed(file)) as stream, pq.ParquetFile(stream) as source:
        looked_at = {
            name
            for name, kind in zip(source.schema_arrow.names, source.schema_arrow.types, strict=True)
            if name.lower() not in fields.others and _is_text(kind, name.lower() in fields.persons)
        }
        schema = pa.schema(
            [
                pa.field(field.name, pa.string(), field.nullable) if field.name in looked_at else field
                for field in source.schema_arrow
            ]
        )
        codec = source.metadata.row_group(0).column(0).compression if source.metadata.num_row_groups else "snappy"
        written = "none" if codec == "UNCOMPRESSED" else codec.lower()
        with pq.ParquetWriter(partial, schema, compression=written, write_page_checksum=True) as out:
            row_no = 1
            for batch in source.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
                after, places = _without_persons(batch, schema, looked_at, fields, persons)
                changed += [row_no + place for place in places]
                out.write_batch(after)
                row_no += batch.num_rows
    return changed


def _is_text(kind: pa.DataType, is_personal: bool) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_string = pa.types.is_string(inner) or pa.types.is_large_string(inner)
    return is_string or (is_personal and pa.types.is_integer(inner))


def _without_persons(
    batch: pa.RecordBatch, schema: pa.Schema, looked_at: set[str], fields: Fields, persons: Persons
) -> tuple[pa.RecordBatch, list[int]]:
    texts = {name: batch.column(name).cast(pa.string()) for name in looked_at}
    ids = pa.array(list(persons.tokens), pa.string())
    owners: dict[int, str] = {}
    for name in sorted(texts):
        if fields.names_viewer(name.lower()):
            for place in pc.indices_nonzero(pc.is_in(texts[name], ids)).to_pylist():
                owners.setdefault(place, persons.tokens[texts[name][place].as_py()])
    changed: set[int] = set()
    for name, column in texts.items():
        values = column.to_pylist()
        for place, text in enumerate(values):
            after = _value_without(text, name.lower(), owners.get(place), fields, persons)
            if after != text:
                values[place] = after
                changed.add(place)
        texts[name] = pa.array(values, pa.string())
    columns = [texts[field.name] if field.name in texts else batch.column(field.name) for field in schema]
    return pa.record_batch(columns, schema=schema), sorted(changed)


def _value_without(text: str | None, name: str, owner: str | None, fields: Fields, persons: Persons) -> str | None:
    if text is None:
        return None
    if text in persons.tokens:
        return persons.tokens[text]
    if owner is not None and name in fields.persons and text.strip():
        return owner
    return without_persons(text, fields, persons) if '"' in text else text


def _unwritable(path: Path, error: OSError) -> LandingFileError:
    return LandingFileError(
        "the file cannot be written without the erased person",
        where=str(path),
        why=error.strerror or str(error),
        fix="make its folder writable and free disk space, then erase again; nothing was changed",
    )
