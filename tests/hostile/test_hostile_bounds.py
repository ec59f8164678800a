"""What is read of a file before it is refused is bounded, whatever its size."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from catalogue import json_lines, view

from dagster_project.ingest.unpacking import HashingReader, UnusableFile, unpack
from dagster_project.storage.landing import FileForm, LandedFile, Packing, open_landed

TEXT_BYTES = 256 * 1024**2
MOST_BYTES = 16 * 1024**2


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTANDARD])
@pytest.mark.parametrize("filling", [b"\n", json_lines([view("bomb")])], ids=["newlines", "one row"])
def test_a_large_bomb_is_stopped_as_early_as_a_small_one(tmp_path: Path, packing: Packing, filling: bytes) -> None:
    text = filling * (TEXT_BYTES // len(filling))
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(text, 6) if packing is Packing.GZIP else zstandard.compress(text))
    status = path.stat()
    file = LandedFile("views", "bomb", path, status.st_size, status.st_mtime_ns, FileForm.JSON_LINES, packing)
    blocks: list[int] = []
    with closing(open_landed(file)) as stream:
        text_blocks = unpack(HashingReader(file, stream), packing)
        with pytest.raises(UnusableFile, match="too_large"):
            blocks.extend(len(block) for block in text_blocks)
    assert sum(blocks) <= MOST_BYTES
