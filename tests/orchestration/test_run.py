"""The whole run as its user sees it: nothing new, one more day, readers beside it, failures that change nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from nights import A_DAY_BACK, SECOND_NIGHT, Command, TwoNights, content_hash, succeed

FAMILIES = ["retention", "cliffhangers", "discounts", "cannibalization", "payouts"]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copy(root: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "data"
    shutil.copytree(root, copied)
    return copied


def test_one_more_day_equals_a_full_rebuild(two_nights: TwoNights, whole: Path) -> None:
    assert content_hash(two_nights.root) == content_hash(whole) != two_nights.first_hash


def test_one_more_day_recomputes_only_what_it_touches(two_nights: TwoNights) -> None:
    recomputed = {one["scope"]: (one["affected"], one["total"]) for one in two_nights.summary["recomputed"]}
    assert set(recomputed) == {"viewers", "orders", "days of ads", "days of top-ups"}
    assert recomputed["days of top-ups"][0] == 0, "no top-up happened on the last day"
    del recomputed["days of top-ups"]
    assert all(0 < affected < total / 2 for affected, total in recomputed.values()), recomputed


def test_the_first_run_computes_everything_once(whole: Path) -> None:
    with duckdb.connect(str(whole / "warehouse" / "warehouse.duckdb"), read_only=True) as private:
        counts = private.execute("select scope, affected, total from raw.recomputed order by position").fetchall()
    assert len(counts) == 4
    assert all(affected == total > 0 for _, affected, total in counts), counts


def test_the_summary_tells_what_came_in_and_what_came_out(two_nights: TwoNights) -> None:
    summary = two_nights.summary
    assert {feed["feed"]: feed["files"] for feed in summary["files"]} == {"views": 1, "unlocks": 1, "ads": 1}
    assert all(
        feed["lines_read"] == feed["accepted"] + feed["duplicate"] + feed["conflict"] + feed["rejected"] + feed["blank"]
        for feed in summary["files"]
    )
    assert summary["state"] == "released"
    assert summary["checks_passed"] > 100
    assert summary["checks_failed"] == []
    assert list(dict.fromkeys(headline["family"] for headline in summary["headlines"])) == FAMILIES
    for headline in summary["headlines"]:
        assert (headline["estimate"] is not None) == (headline["status"] == "ok"), headline
        assert (headline["reason"] is None) == (headline["status"] == "ok"), headline


def test_with_nothing_new_nothing_changes(two_nights: TwoNights, tmp_path: Path, command: Command) -> None:
    root = _copy(two_nights.root, tmp_path)
    before = _sha256(root / "published" / "cliffhanger.duckdb")
    done = command(root, "run", "--json")
    summary = json.loads(succeed(done))
    assert summary["files"] == []
    assert summary["recomputed"] == []
    assert summary["state"] == "unchanged"
    assert _sha256(root / "published" / "cliffhanger.duckdb") == before
    assert "asset check" not in done.stderr, "silence is not news"


def test_readers_and_runs_leave_each_other_alone(two_nights: TwoNights) -> None:
    assert two_nights.answers == {two_nights.before}
    assert two_nights.newcomer > two_nights.before


def test_release_list_and_rollback(two_nights: TwoNights, tmp_path: Path, command: Command) -> None:
    root = _copy(two_nights.root, tmp_path)
    listed = json.loads(succeed(command(root, "release", "list", "--json")))
    assert [entry["is_published"] for entry in listed] == [False, True]
    succeed(command(root, "release", "rollback"))
    assert content_hash(root) == two_nights.first_hash
    assert command(root, "release", "rollback", "no-such-release").returncode == 4


def test_the_release_says_what_its_metrics_are(whole: Path) -> None:
    with duckdb.connect(str(whole / "published" / "cliffhanger.duckdb"), read_only=True) as reader:
        defined = {row[0] for row in reader.execute("select table_name from meta.definitions").fetchall()}
        estimated = reader.execute(
            "select table_name from meta.dictionary group by 1 "
            "having bool_or(column_name = 'status') and bool_or(column_name = 'ci_low')"
        ).fetchall()
        marks = reader.execute("select count(*) from meta.annotations").fetchall()
        undescribed = reader.execute("select * from meta.definitions where length(method) < 5").fetchall()
    assert len(estimated) >= 8
    assert {row[0] for row in estimated} <= defined
    lines = (whole / "reference" / "annotation.csv").read_text(encoding="utf-8").splitlines()
    assert marks == [(len(set(lines[1:])),)]
    assert undescribed == []


def _spoil(root: Path, feed: str) -> str:
    """Deliver a file of that feed with 2,000 bad lines before a few good ones; returns its name."""
    some = min((root / "landing" / feed).glob("*.jsonl.gz"))
    good = gzip.decompress(some.read_bytes()).decode().splitlines()[:10]
    assert len(good) == 10
    name = f"{feed}/broken.jsonl"
    (root / "landing" / name).write_text("\n".join([*(["not json"] * 2_000), *good]) + "\n", encoding="utf-8")
    return name


def test_views_with_too_many_bad_rows_are_held_and_everything_else_is_released(
    whole: Path, tmp_path: Path, command: Command
) -> None:
    root = _copy(whole, tmp_path)
    name = _spoil(root, "views")
    done = command(root, "run", "--json", CLIFFHANGER_NOW=SECOND_NIGHT)
    assert done.returncode == 5, done.stderr
    assert f"{name} (held: 2,000 of 2,010 lines are rejected (bad_json 2,000, first in line 1: " in done.stderr
    summary = json.loads(done.stdout)
    assert [file["file_name"] for file in summary["held"]] == [name]
    assert summary["state"] == "released"
    assert any("n_held_files" in check for check in summary["checks_failed"])
    question = "select count(*), max(start_at) from core.fct_play"
    with duckdb.connect(str(root / "published" / "cliffhanger.duckdb"), read_only=True) as after:
        assert after.execute(
            "select lines_read, accepted, rejected, status, reason_code from health.files where file_name = ?", [name]
        ).fetchall() == [(2_010, 0, 2_010, "held", "held")]
        plays = after.execute(question).fetchall()
    with duckdb.connect(str(whole / "published" / "cliffhanger.duckdb"), read_only=True) as before:
        assert before.execute(question).fetchall() == plays


@pytest.mark.full
def test_a_held_file_of_money_blocks_the_release_until_it_is_decided_on(
    whole: Path, tmp_path: Path, command: Command
) -> None:
    root = _copy(whole, tmp_path)
    before = _sha256(root / "published" / "cliffhanger.duckdb")
    name = _spoil(root, "ads")
    for _ in range(2):
        done = command(root, "run", CLIFFHANGER_NOW=SECOND_NIGHT)
        assert done.returncode == 3, done.stderr
        paragraph = done.stderr.strip().splitlines()[-1]
        assert f"files held back: 1, expected at most 0 ({name}: 2,000 of 2,010 lines are rejected" in paragraph
        assert "quarantine retry" in paragraph
        assert _sha256(root / "published" / "cliffhanger.duckdb") == before, "blocked until it is decided on"
    succeed(command(root, "quarantine", "retry", "--file", name, "--accept", CLIFFHANGER_NOW=SECOND_NIGHT))
    summary = json.loads(succeed(command(root, "run", "--json", CLIFFHANGER_NOW=SECOND_NIGHT)))
    assert (summary["held"], summary["checks_failed"]) == ([], [])
    assert summary["tables"]["health.quarantine"] >= 2_000


def test_a_backfill_takes_in_the_files_of_those_days_again(whole: Path, tmp_path: Path, command: Command) -> None:
    root = _copy(whole, tmp_path)
    succeed(command(root, "run", "--backfill", "2026-10-30:2026-11-01", CLIFFHANGER_NOW=SECOND_NIGHT))
    assert content_hash(root) == content_hash(whole)
    with duckdb.connect(str(root / "warehouse" / "warehouse.duckdb"), read_only=True) as private:
        dates = private.execute("select distinct _ingest_date::varchar from raw.views").fetchall()
    assert dates == [("2026-11-01",)]


def test_every_complete_month_is_closed_and_the_next_release_holds_it(
    whole: Path, tmp_path: Path, command: Command
) -> None:
    root = _copy(whole, tmp_path)
    closed = json.loads(succeed(command(root, "close", "--complete", "--json")))
    assert [month["period"] for month in closed] == ["2026-03"]
    assert json.loads(succeed(command(root, "close", "--complete", "--json"))) == []
    # The clock was set back meanwhile: the newest release is the newest all the same.
    summary = json.loads(succeed(command(root, "run", "--json", CLIFFHANGER_NOW=A_DAY_BACK)))
    assert summary["state"] == "released"
    listed = json.loads(succeed(command(root, "release", "list", "--json")))
    assert [entry["is_published"] for entry in listed] == [False, True]
    assert summary["tables"]["payouts.lines"] == closed[0]["lines_posted"] > 0
    assert command(root, "close").returncode == 2, "neither a month nor --complete"
    assert command(root, "close", "2026-03", "--complete").returncode == 2


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


def test_landing_files_that_cannot_be_read_are_named_and_the_others_are_taken_in(
    whole: Path, tmp_path: Path, command: Command
) -> None:
    root = _copy(whole, tmp_path)
    views = root / "landing" / "views"
    (views / "loop.jsonl").symlink_to("loop.jsonl")
    some = min(views.glob("*.jsonl.gz"))
    (views / "cut.jsonl.gz").write_bytes(some.read_bytes()[:1000])
    done = command(root, "ingest", "--json")
    assert done.returncode == 5, done.stderr
    paragraph = done.stderr.strip().splitlines()[-1]
    assert "2 of the landed files" in paragraph
    assert "views/cut.jsonl.gz (corrupt: gzip stream" in paragraph
    assert "views/loop.jsonl (not_a_regular_file" in paragraph
    assert "Traceback" not in done.stderr
    assert [(feed["feed"], feed["lines_read"], feed["accepted"]) for feed in json.loads(done.stdout)] == [
        ("views", 0, 0)
    ]


def test_a_backfill_that_is_no_range_is_a_usage_error(world: Path, command: Command) -> None:
    done = command(world, "run", "--backfill", "yesterday")
    assert done.returncode == 2
    assert "FROM:TO" in done.stderr


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write(text)
