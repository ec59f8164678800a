"""Compressed files: every damage is found, nothing unpacks without bound, hashes are of the delivered bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from dagster_project.core.errors import LandingFileError
from dagster_project.ingest import unpacking
from dagster_project.ingest.unpacking import HashingReader, UnusableFile, unpack
from dagster_project.storage.landing import FileForm, LandedFile, Packing, open_landed

TEXT = b"".join(b'{"event_id":"e-%d","position_ms":%d}\n' % (number, number * 7919 % 60000) for number in range(4_000))


def landed(path: Path, packing: Packing) -> LandedFile:
    status = path.stat()
    return LandedFile("views", path.name, path, status.st_size, status.st_mtime_ns, FileForm.JSON_LINES, packing)


def read(path: Path, packing: Packing) -> tuple[bytes, str]:
    file = landed(path, packing)
    with closing(open_landed(file)) as stream:
        reader = HashingReader(file, stream)
        text = b"".join(unpack(reader, packing))
        reader.read_rest()
        return text, reader.sha256


def compressed(packing: Packing, text: bytes) -> bytes:
    if packing is Packing.GZIP:
        return gzip.compress(text, mtime=0)
    return zstandard.ZstdCompressor(write_checksum=True).compress(text)


PACKINGS = pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTANDARD])


@pytest.mark.parametrize("packing", list(Packing))
def test_whole_files_give_their_text_and_the_hash_of_the_delivered_bytes(tmp_path: Path, packing: Packing) -> None:
    data = TEXT if packing is Packing.PLAIN else compressed(packing, TEXT)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read(path, packing) == (TEXT, hashlib.sha256(data).hexdigest())


@PACKINGS
def test_a_changed_byte_anywhere_is_found_or_changes_nothing(tmp_path: Path, packing: Packing) -> None:
    data = compressed(packing, TEXT)
    picks = random.Random(7).sample(range(len(data)), 120)
    refused: Counter[str] = Counter()
    for place in [*picks, 0, 1, 2, 3, 8, 9, len(data) - 1, len(data) - 4, len(data) - 8]:
        path = tmp_path / "file"
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])
        try:
            text, _ = read(path, packing)
        except UnusableFile as problem:
            refused[problem.reason_code] += 1
        else:
            assert text == TEXT, f"byte {place} changed the text unnoticed"
    assert set(refused) == {"corrupt"}
    assert refused.total() > 100


@PACKINGS
@pytest.mark.parametrize(
    ("damage", "is_refused"),
    [
        (lambda data: data[: len(data) // 2], True),
        (lambda data: data[:-3], True),
        (lambda data: data[:5], True),
        (lambda data: data + b"garbage", True),
        (lambda data: data + data, False),
    ],
    ids=["half", "footer cut", "header only", "bytes after the end", "two members"],
)
def test_cut_and_continued_streams(
    tmp_path: Path, packing: Packing, damage: Callable[[bytes], bytes], is_refused: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(damage(compressed(packing, TEXT)))
    if is_refused:
        with pytest.raises(UnusableFile, match="corrupt"):
            read(path, packing)
    else:
        assert read(path, packing)[0] == TEXT + TEXT


@PACKINGS
def test_plain_text_under_a_packed_name_is_refused(tmp_path: Path, packing: Packing) -> None:
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    with pytest.raises(UnusableFile, match="corrupt"):
        read(path, packing)


@PACKINGS
@pytest.mark.parametrize("filling", [b"\n", b"x", b'{"event_id":"e-1"}\n'], ids=["newlines", "one line", "one row"])
def test_bombs_are_stopped_early(tmp_path: Path, packing: Packing, filling: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(compressed(packing, filling * (40_000_000 // len(filling))))
    file = landed(path, packing)
    blocks: list[int] = []
    with closing(open_landed(file)) as stream:
        reader = HashingReader(file, stream)
        with pytest.raises(UnusableFile, match="too_large"):
            blocks.extend(len(block) for block in unpack(reader, packing))
    assert sum(blocks) <= max(unpacking.RATIO_FREE_BYTES, unpacking.RATIO_LIMIT * file.size_bytes)
    assert sum(blocks) < 30_000_000


def test_an_error_of_the_disk_is_no_corrupt_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FailingDisk:
        def readinto(self, _: object) -> int:
            raise OSError(5, "Input/output error")

    path = tmp_path / "file"
    path.write_bytes(compressed(Packing.GZIP, TEXT))
    reader = HashingReader(landed(path, Packing.GZIP), FailingDisk())  # type: ignore[arg-type]  # only reads
    with pytest.raises(LandingFileError, match="Input/output error"):
        list(unpack(reader, Packing.GZIP))


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    from dagster_project.storage.landing import has_changed

    path = tmp_path / "file"
    path.write_bytes(TEXT)
    file = landed(path, Packing.PLAIN)
    with closing(open_landed(file)) as stream:
        assert not has_changed(file, stream)
        with path.open("ab") as more:
            more.write(b"{}\n")
            os.fsync(more.fileno())
        assert has_changed(file, stream)
