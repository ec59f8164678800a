"""A file that was refused for its name is mended by delivering the same bytes under the right one."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from catalogue import json_lines, view

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import ingest_feed, prepare_raw
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]
TEXT = json_lines([view(f"renamed-{number}", number) for number in range(3)])


class Landing:
    """A data root; each delivery is a night of its own."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        prepare_raw(self.connection, feed_contracts())
        prepare_history(self.connection)
        self.nights = 0

    def deliver(self, **files: bytes) -> dict[str, tuple[str, int]]:
        """Status and accepted rows of each file that is told; `__` in a name stands for its dot."""
        folder = self.layout.landing / "views"
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name.replace("__", ".")).write_bytes(data)
        self.nights += 1
        now = datetime(2026, 5, 20, tzinfo=UTC) + timedelta(days=self.nights)
        result = ingest_feed(self.connection, self.layout, VIEWS, batch_id=f"night-{self.nights}", now=now)
        return {file.file_name.removeprefix("views/"): (file.status, file.accepted) for file in result.files}

    def books(self) -> list[tuple[object, ...]]:
        return self.connection.execute(
            "select file_name, status, reason_code, lines_read, accepted from raw.files order by all"
        ).fetchall()

    def mirrors(self) -> list[Path]:
        return list((self.layout.quarantine / "views").glob("*.jsonl"))


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[Landing]:
    made = Landing(tmp_path)
    yield made
    made.connection.close()


WRONG_AND_RIGHT = pytest.mark.parametrize(
    ("wrong", "right", "data"),
    [
        ("a__jsonl__gz", "a__jsonl", TEXT),
        ("a__csv", "b__jsonl", TEXT),
        ("a__parquet", "a__jsonl__gz", gzip.compress(TEXT, mtime=0)),
    ],
    ids=["text named .gz", "JSON lines named .csv", "gzip named .parquet"],
)


@WRONG_AND_RIGHT
def test_the_next_night_under_the_right_name_it_is_taken_in(
    landing: Landing, wrong: str, right: str, data: bytes
) -> None:
    assert landing.deliver(**{wrong: data}) == {wrong.replace("__", "."): ("rejected", 0)}
    assert len(landing.mirrors()) == 1
    assert landing.deliver(**{right: data}) == {right.replace("__", "."): ("loaded", 3)}
    assert landing.books() == [(f"views/{right}".replace("__", "."), "loaded", None, 3, 3)]
    assert landing.mirrors() == []
    assert landing.deliver() == {}


@WRONG_AND_RIGHT
def test_in_one_night_under_both_names_it_is_taken_in_once(
    landing: Landing, wrong: str, right: str, data: bytes
) -> None:
    found = landing.deliver(**{wrong: data, right: data})
    assert found == {wrong.replace("__", "."): ("known", 0), right.replace("__", "."): ("loaded", 3)}
    assert landing.books() == [(f"views/{right}".replace("__", "."), "loaded", None, 3, 3)]
    assert landing.mirrors() == []


def test_under_another_wrong_name_it_stays_refused(landing: Landing) -> None:
    landing.deliver(a__jsonl__gz=TEXT)
    assert landing.deliver(b__jsonl__gz=TEXT) == {"b.jsonl.gz": ("known", 0)}
    assert landing.books() == [("views/a.jsonl.gz", "rejected", "corrupt", 0, 0)]
    assert len(landing.mirrors()) == 1


def test_what_was_taken_in_under_the_right_name_is_not_refused_under_a_wrong_one(landing: Landing) -> None:
    landing.deliver(a__jsonl=TEXT)
    assert landing.deliver(a__jsonl__gz=TEXT) == {"a.jsonl.gz": ("known", 0)}
    assert landing.books() == [("views/a.jsonl", "loaded", None, 3, 3)]
