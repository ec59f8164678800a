"""A file past its reject threshold adds nothing, says why, and waits; other files do not wait with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from door import TOPUPS, VIEWS, Door, lines, topup, view

from dagster_project.ingest import profile_feed, reingest
from dagster_project.ingest.gate import check_profile


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "data")


def test_a_held_file_adds_nothing_and_says_why(door: Door) -> None:
    rows = [view(number) for number in range(100)]
    rows[6]["position_ms"] = "far"
    spoilt = [*rows, *(["not json"] * 18), "", lines([view(200, surface="elsewhere")]).strip()]
    door.land("views/good.jsonl", lines(view(number) for number in range(900, 905)))
    door.land("views/spoilt.jsonl", lines(spoilt))
    found = door.night()
    assert (found["views/good.jsonl"].status, found["views/good.jsonl"].accepted) == ("loaded", 5)
    held = found["views/spoilt.jsonl"]
    assert (held.status, held.reason_code, held.lines_read, held.accepted) == ("held", "held", 120, 0)
    assert held.detail is not None
    assert held.detail.startswith(
        "20 of 120 lines are rejected (bad_json 18, first in line 101: the line is not JSON; "
    )
    assert "bad_int 1, first in line 7: position_ms: not a whole number" in held.detail
    assert len(door.raw_rows()) == 5
    assert door.counted() == [
        ("views/good.jsonl", "loaded", 5, 5, 0, 0, 0, 0),
        ("views/spoilt.jsonl", "held", 120, 0, 0, 0, 119, 1),
    ]
    by_reason = door.rows("select reason_code, count(*), count(raw_text) from raw.quarantine group by 1 order by 1")
    assert by_reason == [("bad_int", 1, 1), ("bad_json", 18, 18), ("enum", 1, 1), ("held", 99, 0)]
    (mirror,) = (door.layout.quarantine / "views").glob("*.jsonl")
    mirrored = [json.loads(line) for line in mirror.read_text(encoding="utf-8").splitlines()]
    assert [row["line_no"] for row in mirrored][:2] == [None, 7]
    assert mirrored[0]["detail"] == held.detail
    assert len(mirrored) == 21


@pytest.mark.parametrize(
    ("good", "bad", "status"),
    [(0, 19, "loaded"), (0, 20, "held"), (380, 20, "loaded"), (379, 20, "held")],
    ids=["few", "enough", "at the share", "past the share"],
)
def test_what_holds_a_file_is_a_share_and_a_number(door: Door, good: int, bad: int, status: str) -> None:
    rows = [view(number) for number in range(good)]
    outcome = door.deliver("views/a.jsonl", [*rows, *(["{"] * bad)])
    assert (outcome.status, outcome.accepted) == (status, good if status == "loaded" else 0)


def test_the_contract_says_the_share(door: Door) -> None:
    lenient = replace(VIEWS, reject_threshold_ppm=500_000)
    outcome = door.deliver("views/a.jsonl", [*(view(number) for number in range(30)), *(["{"] * 30)], lenient)
    assert (outcome.status, outcome.accepted, outcome.rejected) == ("loaded", 30, 30)
    outcome = door.deliver("views/b.jsonl", [*(view(number) for number in range(40, 69)), *(["{"] * 30)], lenient)
    assert outcome.status == "held"


def test_losing_a_key_holds_nothing(door: Door) -> None:
    door.deliver("views/a.jsonl", [view(number) for number in range(50)])
    again = [view(number, position_ms=7_000, received_ts="2026-05-12T10:00:00Z") for number in range(50)]
    outcome = door.deliver("views/b.jsonl", again)
    assert (outcome.status, outcome.conflict) == ("loaded", 50)


def test_a_held_file_moves_no_watermark(door: Door) -> None:
    """Its rows claim a later day; the other file's row of that day must still count as coming from the future."""
    later = {"event_ts": "2026-05-18T09:00:00Z", "received_ts": "2026-05-18T09:00:05Z"}
    door.land("views/spoilt.jsonl", lines([*(view(number, **later) for number in range(30)), *(["{"] * 30)]))
    ahead = view(101, event_ts="2026-05-15T09:00:00Z")
    door.land("views/good.jsonl", lines([view(100), ahead]))
    found = door.night()
    assert found["views/spoilt.jsonl"].status == "held"
    assert (found["views/good.jsonl"].accepted, found["views/good.jsonl"].rejected) == (1, 1)
    assert door.rows("select max(as_of_after) from raw.watermarks") == [(datetime(2026, 5, 12, 9, 0, 5, tzinfo=UTC),)]


def test_rows_of_the_future_hold_a_file_too(door: Door) -> None:
    ahead = [view(number, event_ts="2026-05-15T09:00:00Z") for number in range(100, 125)]
    outcome = door.deliver("views/a.jsonl", [*(view(number) for number in range(50)), *ahead])
    assert outcome.status == "held"
    assert outcome.detail is not None
    assert outcome.detail.startswith("25 of 75 lines are rejected (out_of_window 25, first in line 51")


def test_the_same_bytes_again_stay_held_and_a_backfill_holds_them_again(door: Door) -> None:
    text = lines([*(view(number) for number in range(30)), *(["{"] * 30)])
    door.land("views/a.jsonl", text)
    door.night()
    door.land("views/other name.jsonl", text)
    assert door.night()["views/other name.jsonl"].status == "known"
    before = door.counted()
    reingest(
        door.connection, door.layout, {"views": VIEWS}, first=date(2026, 5, 20), last=date(2026, 5, 21),
        batch_id="again", now=datetime(2026, 6, 1, tzinfo=UTC),
    )  # fmt: skip
    assert door.counted() == before
    assert door.raw_rows() == []


def test_a_mended_delivery_under_the_same_name_replaces_a_held_one(door: Door, tmp_path: Path) -> None:
    rows = [view(number) for number in range(60)]
    spoilt = [*rows[:30], *(row | {"episode_seq": 0} for row in rows[30:])]
    assert door.deliver("views/a.jsonl", spoilt).status == "held"
    door.deliver("views/b.jsonl", [view(100)])
    assert door.rows("select count(*) from raw.files where status = 'held'") == [(1,)]
    assert door.deliver("views/a.jsonl", rows).status == "loaded"
    assert [row[:2] for row in door.counted()] == [
        ("views/a.jsonl", "replaced"), ("views/a.jsonl", "loaded"), ("views/b.jsonl", "loaded"),
    ]  # fmt: skip
    clean = Door(tmp_path / "clean")
    clean.deliver("views/a.jsonl", [*rows, view(100)])
    assert door.raw_rows() == clean.raw_rows()
    # Its bytes are gone from landing, and nothing of them is missed when the days are read again.
    reingest(
        door.connection, door.layout, {"views": VIEWS}, first=date(2026, 5, 20), last=date(2026, 5, 30),
        batch_id="again", now=datetime(2026, 6, 1, tzinfo=UTC),
    )  # fmt: skip
    assert door.raw_rows() == clean.raw_rows()


def test_a_file_of_money_that_is_held_blocks_and_one_of_views_warns(door: Door) -> None:
    door.deliver("views/a.jsonl", [*(view(number) for number in range(2_000)), *(["{"] * 200)])
    door.deliver("topups/a.jsonl", [*(topup(number) for number in range(40)), *(["{"] * 20)], TOPUPS)
    for contract, batch_id, passed in ((VIEWS, "night-1-views", True), (TOPUPS, "night-2-topups", False)):
        profile = profile_feed(door.connection, contract, batch_id)
        assert profile is not None
        assert (profile.n_held_files, profile.n_lines, profile.reject_ppm) == (1, 0, None), "what is held is not judged"
        verdict = check_profile(contract, profile)
        assert verdict.passed == passed
        (check,) = (check for check in verdict.checks if not check.passed)
        assert check.name == "n_held_files"
        assert f"{contract.name}/a.jsonl: " in check.sentence
        assert "lines are rejected (bad_json" in check.sentence


# What changes in a schema over time.


def test_unknown_columns_are_kept_by_file_whatever_the_format(door: Door) -> None:
    door.deliver("views/a.jsonl", [view(1), view(2, mood="tense", weather="wet")])
    pl.DataFrame([view(3, mood="calm")]).write_parquet(door.layout.landing / "views/b.parquet")
    pl.DataFrame([view(4, weather="dry")]).write_csv(door.layout.landing / "views/c.csv")
    found = door.night()
    assert all(outcome.accepted == 1 for outcome in found.values())
    assert door.rows(
        "select file_name, string_agg(column_name, ' ' order by column_name) "
        "from raw.unknown_columns inner join raw.files using (feed, file_sha256) group by 1 order by 1"
    ) == [("views/a.jsonl", "mood weather"), ("views/b.parquet", "mood"), ("views/c.csv", "weather")]


def test_missing_optional_columns_pass(door: Door) -> None:
    required = [view(number) for number in range(3)]
    optional = {column.name for column in VIEWS.columns if not column.is_required} - {"viewer_id"}
    assert not optional & set(required[0]), "the row holds required columns and a viewer alone"
    pl.DataFrame(required).write_parquet(door.land("views/a.parquet", ""))
    pl.DataFrame(required[:2]).write_csv(door.land("views/b.csv", ""))
    found = door.night()
    assert (found["views/a.parquet"].accepted, found["views/b.csv"].duplicate) == (3, 2)


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_missing_required_column_keeps_the_file_out(door: Door, form: str) -> None:
    frame = pl.DataFrame([view(number) for number in range(25)]).drop("series_id")
    path = door.land(f"views/a.{form}", "")
    {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}[form](path)
    outcome = door.night()[f"views/a.{form}"]
    assert door.raw_rows() == []
    assert outcome.detail is not None
    assert "series_id" in outcome.detail
    expected = ("held", "held") if form == "jsonl" else ("rejected", "missing_column")
    assert (outcome.status, outcome.reason_code) == expected


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_number_that_becomes_text_keeps_the_file_out(door: Door, form: str) -> None:
    frame = pl.DataFrame([view(number, position_ms=f"{number} ms") for number in range(25)])
    path = door.land(f"views/a.{form}", "")
    {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}[form](path)
    outcome = door.night()[f"views/a.{form}"]
    assert (outcome.status, door.raw_rows()) == ("held", [])
    assert outcome.detail is not None
    first = 2 if form == "csv" else 1
    assert f"bad_int 25, first in line {first}: position_ms: not a whole number in plain digits" in outcome.detail


def test_a_physical_type_that_cannot_hold_the_value_refuses_the_file(door: Door) -> None:
    frame = pl.DataFrame([view(number) for number in range(3)])
    frame.with_columns(pl.col("position_ms").cast(pl.Float64)).write_parquet(door.land("views/a.parquet", ""))
    outcome = door.night()["views/a.parquet"]
    assert (outcome.status, outcome.reason_code) == ("rejected", "bad_column_type")
    assert outcome.detail == "position_ms is double, which does not fit integer"


def test_digits_as_text_are_the_same_numbers(door: Door) -> None:
    outcome = door.deliver("views/a.jsonl", [view(number, position_ms=str(number)) for number in range(25)])
    assert outcome.accepted == 25
    assert door.rows("select sum(position_ms) from raw.views") == [(300,)]
