"""One byte of a landed file has changed on its way: the file is refused, or every value of it is still right."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import FeedResult, ingest_feed, prepare_raw
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]
NOW = datetime(2026, 5, 20, tzinfo=UTC)
ROWS = 120


def rows() -> list[dict[str, object]]:
    chance = random.Random(5)
    start = datetime(2026, 5, 12, 9, tzinfo=UTC)
    found = []
    for number in range(ROWS):
        at = start + timedelta(milliseconds=chance.randrange(10**8))
        found.append(
            {
                "event_id": f"e-{chance.randrange(10**12)}-{number}",
                "playback_id": f"p-{chance.randrange(10**6)}",
                "surface": "ext_ios",
                "app_id": "ios-1",
                "viewer_id": f"u-{chance.randrange(10**6)}",
                "series_id": "S-ROOF",
                "episode_id": f"E-{number % 60}",
                "episode_seq": number % 60 + 1,
                "event_type": "progress",
                "event_ts": at.isoformat(),
                "received_ts": (at + timedelta(seconds=chance.randrange(1, 600))).isoformat(),
                "position_ms": chance.randrange(90_000),
                "access_type": "free",
                "country": chance.choice(("US", "JP", "BR")),
            }
        )
    return found


def text() -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows()).encode()


def parquet_file() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows()), out, write_page_checksum=True, compression="zstd")
    return out.getvalue()


def checked_bytes(content: bytes) -> int:
    """How many bytes stand under a checksum: in Parquet all before the footer, whose length it tells at its end."""
    if content[-4:] != b"PAR1":
        return len(content)
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def changes(content: bytes, count: int) -> list[tuple[int, int]]:
    """(position, bits to turn over): every byte of the head and the tail, and others at random."""
    chance, end = random.Random(11), checked_bytes(content)
    edges = [*range(12), *range(end - 12, end)]
    places = edges + chance.sample(range(12, end - 12), count - len(edges))
    return [(place, chance.randrange(1, 256)) for place in places]


def take_in(root: Path, content: bytes, suffix: str, changed: list[tuple[int, int]]) -> tuple[FeedResult, Counter[str]]:
    """The sound file first, then every changed one; what became of the changed ones, once the rows are as they were."""
    layout = DataLayout(root)
    layout.prepare()
    folder = layout.landing / "views"
    folder.mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    prepare_raw(connection, {"views": VIEWS})

    def raw_rows() -> list[tuple[object, ...]]:
        return connection.execute("select columns(c -> not starts_with(c, '_')) from raw.views order by all").fetchall()

    (folder / f"a-sound.{suffix}").write_bytes(content)
    ingest_feed(connection, layout, VIEWS, batch_id="sound", now=NOW)
    sound = raw_rows()
    assert len(sound) == ROWS
    for number, (place, bits) in enumerate(changed):
        spoilt = bytearray(content)
        spoilt[place] ^= bits
        (folder / f"b-{number:04}-{place}.{suffix}").write_bytes(spoilt)
    result = ingest_feed(connection, layout, VIEWS, batch_id="changed", now=NOW)
    assert len(result.files) == len(changed)
    became: Counter[str] = Counter()
    for file in result.files:
        if file.status == "rejected":
            assert file.reason_code, file
            assert file.detail, file
            became[f"refused as {file.reason_code}"] += 1
        else:
            # Every line must be the same row again: not a conflict, not a reject, not one less.
            assert (file.status, file.lines_read, file.duplicate) == ("loaded", ROWS, ROWS), file
            became["harmless"] += 1
    assert raw_rows() == sound
    return result, became


@pytest.mark.parametrize(
    ("suffix", "pack", "count"),
    [
        ("jsonl.gz", lambda: gzip.compress(text(), mtime=0), 1_000),
        ("jsonl.zst", lambda: zstandard.ZstdCompressor(write_checksum=True).compress(text()), 200),
        ("parquet", parquet_file, 200),
    ],
    ids=["gzip", "zstd", "parquet"],
)
def test_a_changed_byte_is_refused_or_changes_nothing(
    suffix: str, pack: Callable[[], bytes], count: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    content = pack()
    _, became = take_in(tmp_path, content, suffix, changes(content, count))
    assert sum(became.values()) == count
    record_property("became", dict(became))
    print(f"{suffix}: {count} changed bytes of {len(content):,}: {dict(became)}")  # noqa: T201  # the counts are the result
    assert became["refused as corrupt"] > count // 2


def test_a_changed_name_in_the_footer_of_a_parquet_file_refuses_the_file_alone(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    layout.prepare()
    folder = layout.landing / "views"
    folder.mkdir(parents=True)
    sound = parquet_file()
    (folder / "a-sound.parquet").write_bytes(sound)
    names = sound.rindex(b"received_ts")
    (folder / "b-spoilt.parquet").write_bytes(sound[:names] + b"\xff" + sound[names + 1 :])
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        prepare_raw(connection, {"views": VIEWS})
        result = ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
    assert [(file.status, file.reason_code, file.accepted) for file in result.files] == [
        ("loaded", None, ROWS),
        ("rejected", "corrupt", 0),
    ]
