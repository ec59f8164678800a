"""Reading a range of ingest days again: the same rows and counts, whatever competes for a key across the range."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import feed_contracts
from dagster_project.contracts.model import TableContract
from dagster_project.core.errors import LandingFileError
from dagster_project.ingest import ingest_feed, pending_files, prepare_raw, reingest
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]
FIRST_DAY = date(2026, 5, 20)


class World:
    """A data root and a database in memory."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        (self.layout.landing / "views").mkdir(parents=True)
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        prepare_raw(self.connection, {"views": VIEWS})

    def path(self, name: str) -> Path:
        return self.layout.landing / "views" / name

    def day(self, number: int, *lines: str) -> None:
        """Deliver and take in one file on the given day (0 = first)."""
        self.path(f"{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        now = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + timedelta(days=number, hours=3)
        ingest_feed(self.connection, self.layout, VIEWS, batch_id=f"day-{number}", now=now)

    def again(self, first: int, last: int, contract: TableContract = VIEWS) -> set[str]:
        """Read the days again; return the names of the files read."""
        found = reingest(
            self.connection,
            self.layout,
            {"views": contract},
            first=FIRST_DAY + timedelta(days=first),
            last=FIRST_DAY + timedelta(days=last),
            batch_id="again",
            now=datetime(2026, 6, 1, tzinfo=UTC),
        )
        return {file.file_name.removeprefix("views/") for file in found["views"].files}

    def content(self) -> tuple[Any, ...]:
        """Everything raw promises to hold the same: rows with lineage, counts, refusals, lost rows."""
        queries = (
            "select * from raw.views order by event_id",
            "select * exclude (batch_id) from raw.files order by file_name",
            "select * exclude (batch_id, ingest_date, ingested_at) from raw.quarantine order by all",
            "select * from raw.lost_rows order by all",
            "select distinct file_name, file_sha256 from raw.file_names order by all",
        )
        return tuple(self.connection.execute(query).fetchall() for query in queries)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path)
    yield opened
    opened.connection.close()


def view(event_id: str, received: int = 0, position: int = 0, **changes: Any) -> str:
    row = {
        "event_id": event_id,
        "playback_id": "p",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"u-{event_id}",
        "series_id": "S-1",
        "episode_id": "E-1",
        "episode_seq": 1,
        "event_type": "progress",
        "event_ts": "2026-05-12T09:00:00Z",
        "received_ts": f"2026-05-12T09:00:{received:02}Z",
        "position_ms": position,
        "access_type": "free",
        **changes,
    }
    return json.dumps(row)


@pytest.fixture
def tangled(world: World) -> World:
    """Three days whose rows compete for keys in both directions."""
    world.day(0, view("a", 9, 1), view("b", 1), view("c", 5, 7), "not json", "")
    world.day(1, view("a", 3, 2), view("b", 2), view("c", 5, 7), view("d"), view("d", 1, 4))
    world.day(2, view("a", 8, 2), view("c", 1, 8), view("e"))
    return world


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)])
def test_reading_a_range_again_changes_nothing(tangled: World, first: int, last: int) -> None:
    before = tangled.content()
    for _ in range(2):
        assert tangled.again(first, last) == {f"{day}.jsonl" for day in range(first, last + 1)}
        assert tangled.content() == before
    assert pending_files(tangled.connection, tangled.layout, VIEWS) == []
    touched = tangled.connection.execute("select count(*) from raw.touched where batch_id = 'again'").fetchone()
    assert touched is not None
    assert touched[0] > 0


def test_a_range_without_files_is_no_work(tangled: World) -> None:
    before = tangled.content()
    assert tangled.again(7, 9) == set()
    assert tangled.content() == before


def test_a_content_is_found_under_another_name(tangled: World) -> None:
    tangled.path("1.jsonl").rename(tangled.path("moved.jsonl"))
    ingest_feed(tangled.connection, tangled.layout, VIEWS, batch_id="later", now=datetime(2026, 5, 25, tzinfo=UTC))
    before = tangled.content()
    assert len(tangled.again(1, 1)) == 1
    assert tangled.content() == before


def test_a_missing_or_changed_file_stops_before_anything_is_lost(tangled: World) -> None:
    before = tangled.content()
    tangled.path("1.jsonl").write_text(view("x") + "\n", encoding="utf-8")
    with pytest.raises(LandingFileError, match=r"views/1\.jsonl: the file cannot be read again"):
        tangled.again(0, 2)
    tangled.path("1.jsonl").unlink()
    with pytest.raises(LandingFileError, match="no longer holds the content"):
        tangled.again(0, 2)
    assert tangled.content() == before


def test_a_stricter_contract_lets_the_next_best_row_win(tangled: World) -> None:
    """Day 2 holds the winner of c (position 8); once that is out of range, the rows of other days compete again."""
    columns = tuple(replace(column, maximum=7) if column.name == "position_ms" else column for column in VIEWS.columns)
    strict = replace(VIEWS, columns=columns)
    assert tangled.again(2, 2, strict) == {"0.jsonl", "1.jsonl", "2.jsonl"}
    rows = tangled.connection.execute("select event_id, position_ms, _file_name from raw.views order by 1").fetchall()
    assert rows == [
        ("a", 2, "views/1.jsonl"),
        ("b", 0, "views/0.jsonl"),
        ("c", 7, "views/0.jsonl"),
        ("d", 0, "views/1.jsonl"),
        ("e", 0, "views/2.jsonl"),
    ]
    fresh = World(tangled.layout.root / "fresh")
    for day in range(3):
        fresh.path(f"{day}.jsonl").write_bytes(tangled.path(f"{day}.jsonl").read_bytes())
    ingest_feed(fresh.connection, fresh.layout, strict, batch_id="x", now=datetime(2026, 5, 25, tzinfo=UTC))
    found = fresh.connection.execute("select event_id, position_ms, _file_name from raw.views order by 1").fetchall()
    assert found == rows


def test_rows_of_no_natural_key_are_all_kept(world: World) -> None:
    """Identical statement lines are legitimate: only a whole file can be a repetition."""
    keyless = replace(VIEWS, columns=tuple(replace(column, key_position=None) for column in VIEWS.columns))
    for name in ("a.jsonl", "b.jsonl"):
        world.path(name).write_text("\n".join([view("x"), view("x"), f'"{name}"']), encoding="utf-8")
    now = datetime(2026, 5, 20, tzinfo=UTC)
    ingest_feed(world.connection, world.layout, keyless, batch_id="1", now=now)
    assert world.connection.execute("select count(*) from raw.views").fetchone() == (4,)
    world.again(0, 0, keyless)
    assert world.connection.execute("select count(*) from raw.views").fetchone() == (4,)
