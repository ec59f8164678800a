"""The profile says what was delivered; the gate blocks what cannot be trusted and only that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import FeedProfile, ingest_feed, prepare_raw, profile_feed
from dagster_project.ingest.gate import GateResult, check_profile
from dagster_project.ingest.gate_rules import RULES
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]
NOW = datetime(2026, 5, 20, tzinfo=UTC)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute("set TimeZone = 'UTC'")
    prepare_raw(opened, {"views": VIEWS})
    yield opened
    opened.close()


def deliver(connection: duckdb.DuckDBPyConnection, root: Path, batch_id: str, rows: list[dict[str, Any]]) -> None:
    folder = root / "landing/views"
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, infer_schema_length=None).write_ndjson(folder / f"{batch_id}.jsonl")
    ingest_feed(connection, DataLayout(root), VIEWS, batch_id=batch_id, now=NOW)


def view(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "playback_id": "p",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": "u",
        "series_id": "S-1",
        "episode_id": "E-1",
        "episode_seq": 1,
        "event_type": "progress",
        "event_ts": "2026-05-12T09:00:00Z",
        "received_ts": "2026-05-12T09:00:05Z",
        "position_ms": 0,
        "access_type": "free",
        "country": None,
        **changes,
    }


def test_profile_of_a_delivery(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    conflict = view(1, position_ms=5, received_ts="2026-05-12T09:00:06Z")
    connection.execute("create schema reference; create table reference.series as select 'S-1' as series_id")
    rows = [view(number) for number in range(8)]
    rows[0]["country"] = "US"
    rows[1]["series_id"] = "S-unknown"
    rows[2]["event_ts"] = "2026-05-10T09:00:00Z"
    rows[3]["event_ts"] = "2026-05-12T10:00:00Z"
    deliver(connection, tmp_path, "one", [*rows, view(0, country="US"), conflict, view(9, position_ms=-1)])
    profile = profile_feed(connection, VIEWS, "one")
    assert profile is not None
    counts = (
        profile.n_files,
        profile.n_lines,
        profile.n_accepted,
        profile.n_duplicate,
        profile.n_conflict,
        profile.n_rejected,
    )
    assert counts == (1, 11, 8, 1, 1, 1)
    assert (profile.reject_ppm, profile.duplicate_ppm, profile.conflict_ppm) == (90_909, 90_909, 90_909)
    assert profile.null_ppm["country"] == 875_000
    assert profile.null_ppm["viewer_id"] == 0
    assert (profile.unknown_series_ppm, profile.late_ppm, profile.future_ppm) == (125_000, 125_000, 125_000)
    assert profile.received_before_event_ppm == 0
    assert profile.max_event_at == datetime(2026, 5, 12, 10, tzinfo=UTC)
    assert profile.n_viewers == 1
    assert profile.median_accepted_before is None
    assert profile_feed(connection, VIEWS, "one") == profile
    assert connection.execute("select batch_id, n_lines from raw.profiles").fetchall() == [("one", 11)]
    deliver(connection, tmp_path, "two", [view(100)])
    later = profile_feed(connection, VIEWS, "two")
    assert later is not None
    assert (later.n_accepted, later.median_accepted_before) == (1, None), "one delivery before says nothing about usual"
    for number, name in enumerate(("three", "four"), start=200):
        deliver(connection, tmp_path, name, [view(number), view(number + 50)])
        last = profile_feed(connection, VIEWS, name)
    assert last is not None
    assert (last.n_accepted, last.median_accepted_before) == (2, 2.0), "the median of 8, 1 and 2"


def test_no_delivery_has_no_profile(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    ingest_feed(connection, DataLayout(tmp_path), VIEWS, batch_id="none", now=NOW)
    assert profile_feed(connection, VIEWS, "none") is None


def test_a_delivery_of_nothing_but_refusals_has_no_shares_of_rows(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliver(connection, tmp_path, "bad", [view(1, position_ms=-1)])
    profile = profile_feed(connection, VIEWS, "bad")
    assert profile is not None
    assert (profile.reject_ppm, profile.late_ppm, profile.null_ppm["country"]) == (1_000_000, None, None)


GOOD = FeedProfile(
    batch_id="b",
    feed="views",
    profiled_at=NOW,
    n_files=2,
    n_rejected_files=0,
    n_lines=10_000,
    n_accepted=9_990,
    n_duplicate=5,
    n_conflict=0,
    n_rejected=5,
    n_blank=0,
    reject_ppm=500,
    duplicate_ppm=500,
    conflict_ppm=0,
    min_event_at=NOW,
    max_event_at=NOW,
    min_received_at=NOW,
    max_received_at=NOW,
    received_before_event_ppm=0,
    future_ppm=0,
    late_ppm=0,
    unknown_series_ppm=0,
    null_ppm={},
    median_accepted_before=9_000.0,
)


def failed(result: GateResult) -> dict[str, str]:
    return {check.name: check.severity for check in result.checks if not check.passed}


def test_a_good_delivery_passes_every_check() -> None:
    result = check_profile(VIEWS, GOOD)
    assert result.passed
    assert failed(result) == {}
    names = {check.name for check in result.checks}
    assert {"n_readable", "reject_ppm", "unknown_series_ppm", "received_before_event_ppm", "n_accepted"} <= names


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"reject_ppm": 50_001}, "critical"),
        ({"unknown_series_ppm": 50_001}, "critical"),
        ({"received_before_event_ppm": 50_001}, "critical"),
        ({"n_rejected_files": 1}, "warning"),
        ({"conflict_ppm": 10_001}, "warning"),
        ({"duplicate_ppm": 500_001}, "warning"),
        ({"late_ppm": 200_001}, "warning"),
        ({"future_ppm": 10_001}, "warning"),
        ({"n_accepted": 1_799}, "warning"),
        ({"n_accepted": 45_001}, "warning"),
    ],
    ids=str,
)
def test_one_bad_figure_fails_its_check_alone(changes: dict[str, int], severity: str) -> None:
    result = check_profile(VIEWS, replace(GOOD, **changes))  # type: ignore[arg-type]  # all are counts
    assert failed(result) == {next(iter(changes)): severity}
    assert result.passed == (severity == "warning")
    (check,) = (check for check in result.checks if not check.passed)
    assert f"{next(iter(changes.values())):,}" in check.sentence
    at_limit = {name: value - 1 if value != 1_799 else value + 1 for name, value in changes.items()}
    assert failed(check_profile(VIEWS, replace(GOOD, **at_limit))) == {}  # type: ignore[arg-type]  # as above


def test_a_delivery_nothing_of_which_can_be_read_is_blocked() -> None:
    nothing = replace(GOOD, n_accepted=0, n_duplicate=0, n_rejected=1_000, n_lines=1_000, reject_ppm=1_000_000)
    assert failed(check_profile(VIEWS, nothing)) == {
        "n_readable": "critical", "reject_ppm": "critical", "n_accepted": "warning",
    }  # fmt: skip
    repeated = replace(GOOD, n_accepted=0, n_duplicate=9_995, median_accepted_before=None)
    assert check_profile(VIEWS, repeated).passed


def test_small_deliveries_warn_and_never_block() -> None:
    small = replace(GOOD, n_lines=999, reject_ppm=900_000, unknown_series_ppm=900_000, median_accepted_before=None)
    result = check_profile(VIEWS, small)
    assert result.passed
    assert failed(result) == {"reject_ppm": "warning", "unknown_series_ppm": "warning"}


def test_a_figure_that_is_not_defined_is_not_judged() -> None:
    result = check_profile(VIEWS, replace(GOOD, unknown_series_ppm=None, late_ppm=None))
    assert result.passed
    unjudged = {check.name: check.sentence for check in result.checks if not check.judged}
    assert unjudged["unknown_series_ppm"] == (
        "rows per million of an unknown series: not defined, expected at most 50,000"
    )
    assert unjudged["late_ppm"] == "late rows per million: not defined, expected at most 200,000"
    assert "conflict_ppm" not in unjudged


def test_the_runbook_tells_of_every_rule_and_of_no_other() -> None:
    runbook = Path(__file__).parents[2] / "docs" / "runbooks" / "gate.md"
    told = re.findall(r"^\| `([a-z_]+)`( \*)? \|", runbook.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert dict(told) == {rule.name: " *" if rule.least_lines else "" for rule in RULES}
    assert len(told) == len(RULES)


def test_money_blocks_and_views_warn() -> None:
    held = {"n_held_files": 1, "without_studio_ppm": 10_001}
    assert failed(check_profile(VIEWS, replace(GOOD, **held))) == dict.fromkeys(held, "warning")  # type: ignore[arg-type]  # all are counts
    blocked = check_profile(feed_contracts()["unlocks"], replace(GOOD, feed="unlocks", **held))  # type: ignore[arg-type]  # as above
    assert failed(blocked) == dict.fromkeys(held, "critical")
    assert not blocked.passed


def test_one_slip_in_a_handful_of_lines_is_not_judged() -> None:
    few = replace(GOOD, n_lines=99, reject_ppm=101_010, median_accepted_before=None)
    (check,) = (check for check in check_profile(VIEWS, few).checks if check.name == "reject_ppm")
    assert (check.passed, check.judged) == (True, False)
    assert check.sentence == "rejected rows per million lines: not judged (99 lines, fewer than 100)"
