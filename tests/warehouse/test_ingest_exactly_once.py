"""However rows are cut into files, named, repeated and ordered over runs: raw holds each once, the same ones."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.contracts import feed_contracts
from dagster_project.core.errors import WarehouseError
from dagster_project.ingest import FeedResult, ingest_feed, pending_files, prepare_raw
from dagster_project.ingest import feed as feed_module
from dagster_project.ingest.merge_sql import MergeStatements
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection, open_warehouse

CONTRACTS = feed_contracts()
VIEWS = CONTRACTS["views"]
NOW = datetime(2026, 5, 20, tzinfo=UTC)
LINEAGE = "_file_sha256, _file_name, _line_no, _ingest_date, _ingested_at"


class World:
    """A data root with one feed, opened for writing."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        self.folder = self.layout.landing / "views"
        self.folder.mkdir(parents=True)
        self.connection: Connection = open_warehouse(self.layout)
        self.runs = 0
        prepare_raw(self.connection, CONTRACTS)

    def deliver(self, name: str, lines: list[str]) -> None:
        data = "".join(text + "\n" for text in lines).encode()
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)

    def run(self, **options: Any) -> FeedResult:
        self.runs += 1
        now = NOW + timedelta(hours=self.runs)
        return ingest_feed(self.connection, self.layout, VIEWS, batch_id=f"run-{self.runs}", now=now, **options)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(f"select * exclude ({LINEAGE}) from raw.views order by event_id").fetchall()

    def totals(self) -> tuple[int, ...]:
        """Of all files: lines, accepted, duplicate, conflict, rejected, blank."""
        row = self.connection.execute(
            "select sum(lines_read), sum(accepted), sum(duplicate), sum(conflict), sum(rejected), sum(blank) "
            "from raw.files"
        ).fetchone()
        assert row is not None
        return tuple(int(value or 0) for value in row)

    def files(self) -> dict[str, tuple[int, ...]]:
        """Counts by file name, accepted first."""
        found = self.connection.execute(
            "select file_name, accepted, duplicate, conflict, rejected from raw.files"
        ).fetchall()
        return {name.removeprefix("views/"): tuple(counts) for name, *counts in found}

    def quarantined(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "select file_name, line_no, reason_code from raw.quarantine order by all"
        ).fetchall()

    def check_books(self) -> None:
        """Every line of every file is in exactly one place, in the books and in the tables."""
        found = self.connection.execute(
            """select file_name from raw.files
            where lines_read <> accepted + duplicate + conflict + rejected + blank
                or accepted <> (select count(*) from raw.views where _file_sha256 = file_sha256)
                or conflict + rejected <> (
                    select count(*) from raw.quarantine where quarantine.file_sha256 = files.file_sha256
                )"""
        ).fetchall()
        assert found == []
        keys = self.connection.execute("select count(*), count(distinct event_id) from raw.views").fetchone()
        assert keys is not None
        assert keys[0] == keys[1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path)
    yield opened
    opened.connection.close()


def view(event_id: str, *, received: int = 0, position: int = 0, **changes: Any) -> str:
    """One view event; `received` is the second of its arrival."""
    happened = datetime(2026, 5, 12, 9, tzinfo=UTC)
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
        "event_ts": happened.isoformat(),
        "received_ts": (happened + timedelta(seconds=received)).isoformat(),
        "position_ms": position,
        "access_type": "free",
        **changes,
    }
    return json.dumps(row)


def test_the_same_content_again_adds_nothing(world: World) -> None:
    lines = [view("a"), view("b"), "not json", ""]
    world.deliver("first.jsonl", lines)
    world.run()
    before = world.rows(), world.totals(), world.quarantined()
    assert pending_files(world.connection, world.layout, VIEWS) == []
    world.deliver("renamed.jsonl", lines)
    world.deliver("deep/again.jsonl", lines)
    result = world.run()
    assert [file.status for file in result.files] == ["known", "known"]
    assert (world.rows(), world.totals(), world.quarantined()) == before
    names = world.connection.execute("select count(*), count(distinct file_sha256) from raw.file_names").fetchone()
    assert names == (3, 1)
    assert world.run().files == ()


def test_equal_files_in_one_delivery_count_once(world: World) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        world.deliver(name, [view("a"), view("b")])
    assert [file.status for file in world.run().files] == ["loaded", "known"]
    assert world.totals() == (2, 2, 0, 0, 0, 0)


def test_the_same_rows_packed_otherwise_are_duplicates(world: World) -> None:
    lines = [view(f"e-{number}") for number in range(50)]
    world.deliver("plain.jsonl", lines)
    world.run()
    world.deliver("packed.jsonl.gz", lines)
    world.run()
    assert world.files() == {"plain.jsonl": (50, 0, 0, 0), "packed.jsonl.gz": (0, 50, 0, 0)}
    world.check_books()


def test_a_name_that_grows_brings_only_its_new_rows(world: World) -> None:
    world.deliver("day.jsonl", [view("a"), view("b")])
    world.run()
    world.deliver("day.jsonl", [view("a"), view("b"), view("c")])
    world.run()
    assert [row[0] for row in world.rows()] == ["a", "b", "c"]
    assert world.totals() == (5, 3, 2, 0, 0, 0)
    world.check_books()


def test_an_earlier_row_that_arrives_later_displaces_the_winner(world: World) -> None:
    """The displaced row becomes a conflict, its duplicate turns into one too, and a former conflict is redeemed."""
    world.deliver("1.jsonl", [view("a", received=50, position=1), view("z")])
    world.run()
    world.deliver("2.jsonl", [view("a", received=60, position=1), view("a", received=70, position=2)])
    world.run()
    assert world.files() == {"1.jsonl": (2, 0, 0, 0), "2.jsonl": (0, 1, 1, 0)}
    world.deliver("3.jsonl", [view("a", received=10, position=2)])
    world.run()
    assert world.files() == {"1.jsonl": (1, 0, 1, 0), "2.jsonl": (0, 1, 1, 0), "3.jsonl": (1, 0, 0, 0)}
    assert world.quarantined() == [("views/1.jsonl", 1, "conflict"), ("views/2.jsonl", 1, "conflict")]
    world.check_books()
    texts = world.connection.execute("select raw_text from raw.quarantine order by file_name").fetchall()
    shown = [json.loads(text) for (text,) in texts]
    assert [(row["position_ms"], row["received_ts"][17:19], row["viewer_id"]) for row in shown] == [
        (1, "50", "***"),
        (1, "00", "***"),
    ]
    mirror = {path.stem: len(path.read_text().splitlines()) for path in (world.layout.quarantine / "views").iterdir()}
    assert sorted(mirror.values()) == [1, 1]
    touched = world.connection.execute("select viewer_key from raw.touched where batch_id = 'run-3'").fetchall()
    assert touched == [("ios-1|u-a",)]


def test_delivery_metadata_makes_no_conflict(world: World) -> None:
    world.deliver("1.jsonl", [view("a", received=5), view("a", received=3), view("a", received=9)])
    world.run()
    assert world.files() == {"1.jsonl": (1, 2, 0, 0)}
    assert world.rows()[0][12] == datetime(2026, 5, 12, 9, 0, 3, tzinfo=UTC)


ROWS = st.lists(
    st.one_of(
        st.builds(view, st.sampled_from("abcdef"), received=st.integers(0, 4), position=st.integers(0, 2)),
        st.sampled_from(["", "not json", "[1]"]),
    ),
    min_size=1,
    max_size=24,
)


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_any_cut_into_files_and_runs_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], chance: random.Random, parts: int
) -> None:
    """One file in one run, against a shuffle over several files and runs: same rows, same sums of counts."""
    whole = World(tmp_path_factory.mktemp("whole"))
    whole.deliver("all.jsonl", lines)
    whole.run()
    split = World(tmp_path_factory.mktemp("split"))
    shuffled = chance.sample(lines, len(lines))
    for part in range(parts):
        # The name tells equal contents apart; without it equal files would count once, as they should.
        split.deliver(f"{chance.random()}.jsonl.gz", [*shuffled[part::parts], f'"{part}"'])
        if chance.random() < 0.6:
            split.run()
    split.run()
    for world in (whole, split):
        world.check_books()
    assert split.rows() == whole.rows()
    lines_read, accepted, duplicate, conflict, rejected, blank = whole.totals()
    assert split.totals() == (lines_read + parts, accepted, duplicate, conflict, rejected + parts, blank)
    for world in (whole, split):
        world.connection.close()


def test_many_groups_give_what_one_group_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, many = World(tmp_path / "one"), World(tmp_path / "many")
    for world in (one, many):
        for number in range(12):
            ids = range(number * 3, number * 3 + 5)
            world.deliver(f"{number:02}.jsonl", [view(f"e-{i}", received=i % 3, position=number % 2) for i in ids])
    one.run()
    monkeypatch.setattr(feed_module, "GROUP_FILES", 5)
    many.run()
    assert one.rows() == many.rows()
    assert one.files() == many.files()
    assert one.quarantined() == many.quarantined()
    marks = many.connection.execute("select as_of_before, as_of_after from raw.watermarks").fetchall()
    assert marks == [(None, datetime(2026, 5, 12, 9, 0, 2, tzinfo=UTC))]


def test_books_that_do_not_add_up_keep_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deliver("1.jsonl", [view("a"), view("b")])
    insert = MergeStatements.insert_winners

    with monkeypatch.context() as broken:
        broken.setattr(MergeStatements, "insert_winners", lambda self, **k: insert(self, **k) + " and event_id <> 'a'")
        with pytest.raises(WarehouseError, match="2 lines were read, but accepted 1"):
            world.run()
    assert world.rows() == []
    assert world.totals() == (0, 0, 0, 0, 0, 0)
    world.run()
    assert world.totals() == (2, 2, 0, 0, 0, 0)


def test_a_rehearsal_tells_and_keeps_nothing(world: World) -> None:
    world.deliver("1.jsonl", [view("a"), "bad"])
    result = world.run(dry_run=True)
    assert [(file.accepted, file.rejected) for file in result.files] == [(1, 1)]
    assert result.rejected_by_reason == {"bad_json": 1}
    assert world.rows() == []
    assert world.quarantined() == []
    assert not (world.layout.quarantine / "views").exists()
    assert len(pending_files(world.connection, world.layout, VIEWS)) == 1


def test_times_are_judged_by_the_watermark_and_the_runs_clock(world: World) -> None:
    late, future = "2026-05-14T09:00:00Z", "2026-05-13T09:00:30Z"
    world.deliver(
        "1.jsonl",
        [
            view("as of", received=60),
            view("waits", event_ts=future),
            view("too far", event_ts=late),
            view("from the future", event_ts="2099-01-01T00:00:00Z", received_ts="2099-01-01T00:00:00Z"),
        ],
    )
    world.run()
    assert [row[0] for row in world.rows()] == ["as of", "waits"]
    assert world.quarantined() == [("views/1.jsonl", 3, "out_of_window"), ("views/1.jsonl", 4, "out_of_window")]
    marks = world.connection.execute("select as_of_before, as_of_after from raw.watermarks").fetchall()
    assert marks == [(None, datetime(2026, 5, 12, 9, 1, tzinfo=UTC))]


def test_a_run_whose_clock_is_behind_its_data_still_reads_it(world: World) -> None:
    rows = [
        view(f"e-{day}", event_ts=f"2027-06-{day:02}T00:00:00Z", received_ts=f"2027-06-{day:02}T00:00:05Z")
        for day in range(1, 9)
    ]
    world.deliver("1.jsonl", [*rows, view("stray", received_ts="2031-01-01T00:00:00Z")])
    world.run()
    assert len(world.rows()) == 8
    assert world.quarantined() == [("views/1.jsonl", 9, "out_of_window")]


def test_unknown_columns_are_noted_and_progress_is_told(world: World) -> None:
    told: list[tuple[str, float]] = []
    world.deliver("1.jsonl", [view("a", player="9.9"), view("b", player=None, speed=2)])
    world.deliver("2.jsonl", [view("c")])
    world.run(progress=lambda what, share: told.append((what, share)))
    noted = world.connection.execute("select unknown_columns from raw.files order by file_name").fetchall()
    assert noted == [("player, speed",), (None,)]
    assert told[-1] == ("reading views", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_touched_holds_day_and_viewer_of_what_came_in(world: World) -> None:
    world.deliver(
        "1.jsonl",
        [
            view("a", viewer_id=None, anon_id="x", event_ts="2026-05-11T23:30:00-02:00"),
            view("b", viewer_id="y", anon_id="x"),
            view("c", viewer_id="y"),
        ],
    )
    world.run()
    found = world.connection.execute("select event_date::varchar, viewer_key from raw.touched order by all").fetchall()
    assert found == [("2026-05-12", "ios-1|y"), ("2026-05-12", "ios-1|~x")]
