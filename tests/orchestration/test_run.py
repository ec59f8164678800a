"""The whole run as its user sees it: nothing new, one more day, readers beside it, failures that change nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
FEEDS = ("views", "unlocks", "ads", "topups")


def _succeed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _content_hash(root: Path) -> str:
    with duckdb.connect(str(root / "published" / "cliffhanger.duckdb"), read_only=True) as reader:
        row = reader.execute("select content_hash from meta.releases where is_current").fetchone()
    assert row is not None
    return str(row[0])


def _hold_back_last_day(root: Path, aside: Path) -> list[Path]:
    """Move the newest file of every feed away; returns where each belongs."""
    held = []
    for feed in FEEDS:
        newest = max((root / "landing" / feed).glob("*.jsonl.gz"))
        (aside / feed).mkdir(parents=True)
        shutil.move(newest, aside / feed / newest.name)
        held.append(newest)
    return held


def test_one_more_day_equals_a_full_rebuild_and_nothing_new_changes_nothing(
    world: Path, tmp_path: Path, command: Command
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(world, whole)
    _succeed(command(whole, "run"))

    held = _hold_back_last_day(world, tmp_path / "aside")
    _succeed(command(world, "run"))
    shorter = _content_hash(world)
    for place in held:
        shutil.move(tmp_path / "aside" / place.parent.name / place.name, place)
    _succeed(command(world, "run"))
    assert _content_hash(world) == _content_hash(whole) != shorter

    before = _sha256(world / "published" / "cliffhanger.duckdb")
    summary = json.loads(_succeed(command(world, "run", "--json")))
    assert summary["files"] == []
    assert summary["state"] == "unchanged"
    assert _sha256(world / "published" / "cliffhanger.duckdb") == before


def test_readers_and_runs_leave_each_other_alone(world: Path, tmp_path: Path, command: Command) -> None:
    held = _hold_back_last_day(world, tmp_path / "aside")
    _succeed(command(world, "run"))
    published = world / "published" / "cliffhanger.duckdb"
    reader = duckdb.connect(str(published), read_only=True)
    before = reader.execute("select count(*), max(start_at) from core.fct_play").fetchone()
    for place in held:
        shutil.move(tmp_path / "aside" / place.parent.name / place.name, place)

    answers = []
    finished = threading.Event()

    def keep_asking() -> None:
        cursor = reader.cursor()
        while not finished.is_set():
            answers.append(cursor.execute("select count(*), max(start_at) from core.fct_play").fetchone())

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        _succeed(command(world, "run"))
    finally:
        finished.set()
        asking.join()
    assert set(answers) == {before}
    reader.close()
    with duckdb.connect(str(published), read_only=True) as newcomer:
        after = newcomer.execute("select count(*), max(start_at) from core.fct_play").fetchone()
    assert after is not None
    assert before is not None
    assert after > before


def test_a_delivery_with_too_many_bad_rows_blocks_the_release(world: Path, command: Command) -> None:
    _succeed(command(world, "run"))
    before = _sha256(world / "published" / "cliffhanger.duckdb")
    bad = "\n".join(["not json"] * 2_000) + "\n"
    (world / "landing" / "views" / "broken.jsonl").write_text(bad, encoding="utf-8")
    done = command(world, "run")
    assert done.returncode == 3, done.stderr
    assert "raw/views" in done.stderr or "delivery" in done.stderr
    assert _sha256(world / "published" / "cliffhanger.duckdb") == before
    again = command(world, "run")
    assert again.returncode == 3, "a blocked delivery stays blocked until it is mended"


def test_a_backfill_takes_in_the_files_of_those_days_again(world: Path, command: Command) -> None:
    _succeed(command(world, "run", CLIFFHANGER_NOW="2026-11-01T03:00:00Z"))
    before = _content_hash(world)
    _succeed(command(world, "run", "--backfill", "2026-10-30:2026-11-01", CLIFFHANGER_NOW="2026-11-02T03:00:00Z"))
    assert _content_hash(world) == before
    with duckdb.connect(str(world / "warehouse" / "warehouse.duckdb"), read_only=True) as private:
        dates = private.execute("select distinct _ingest_date::varchar from raw.views").fetchall()
    assert dates == [("2026-11-01",)]


def test_release_list_and_rollback(world: Path, tmp_path: Path, command: Command) -> None:
    held = _hold_back_last_day(world, tmp_path / "aside")
    _succeed(command(world, "run"))
    first = _content_hash(world)
    for place in held:
        shutil.move(tmp_path / "aside" / place.parent.name / place.name, place)
    _succeed(command(world, "run"))
    listed = json.loads(_succeed(command(world, "release", "list", "--json")))
    assert [entry["is_published"] for entry in listed] == [False, True]
    _succeed(command(world, "release", "rollback"))
    assert _content_hash(world) == first
    assert command(world, "release", "rollback", "no-such-release").returncode == 4


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda root: (root / "reference" / "series.csv").unlink(), 1, ("series.csv", "missing")),
        (lambda root: _append(root / "reference" / "series.csv", "x,y\n"), 1, ("series.csv:", "fields")),
        (lambda root: shutil.rmtree(root), 1, ("data root", "missing")),
    ],
    ids=["no series.csv", "bad reference line", "no data root"],
)
def test_failures_are_one_paragraph_and_leave_nothing_behind(
    world: Path, command: Command, spoil: Callable[[Path], object], code: int, words: tuple[str, ...]
) -> None:
    spoil(world)
    done = command(world, "run")
    assert done.returncode == code, done.stderr
    paragraph = done.stderr.strip().splitlines()[-1]
    assert all(word in paragraph for word in words), paragraph
    assert "Traceback" not in done.stderr
    assert not (world / "published" / "cliffhanger.duckdb").exists()


def test_a_backfill_that_is_no_range_is_a_usage_error(world: Path, command: Command) -> None:
    done = command(world, "run", "--backfill", "yesterday")
    assert done.returncode == 2
    assert "FROM:TO" in done.stderr


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write(text)
