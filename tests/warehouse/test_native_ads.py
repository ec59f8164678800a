"""Revenue per impression as networks report it becomes ad events: exact, once each, unattributed where no map tells."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from native_world import FILES, NativeWorld


@pytest.fixture
def world(tmp_path: Path) -> NativeWorld:
    return NativeWorld(tmp_path)


def test_max_rows_carry_what_the_report_says_and_the_maps_add(world: NativeWorld) -> None:
    world.land("max-2026-05-05.csv", "applovin_max")
    assert world.counts(world.run("ads")) == (10, 5, 0, 0, 5, 0)
    found = world.rows(
        "ads", "_line_no, app_id, viewer_id, series_id, episode_seq, placement_id, ad_format, revenue_amount, currency"
    )
    assert found == [
        (2, "android-1", "u-77001", "S-ROOF", 3, "roof_end_3", "rewarded", Decimal("0.012346"), "USD"),
        (3, "android-1", None, None, None, "home", "rewarded", Decimal("0.010000"), "USD"),
        (4, "android-1", None, None, None, "home", "rewarded", Decimal("0.010000"), "USD"),
        (5, "android-1", "u-77002", None, None, "a1b2c3d4e5f60718", "interstitial", Decimal(0), "USD"),
        (6, "android-1", "u-77003", None, None, "a1b2c3d4e5f60718", "interstitial", None, None),
    ]
    assert world.rows("ads", "event_ts, received_ts, anon_id, country, surface")[:2] == [
        (
            datetime(2026, 5, 5, 8, 59, 30, 250_000, tzinfo=UTC),
            datetime(2026, 5, 6, 8, tzinfo=UTC),
            None,
            "US",
            "ext_android",
        ),
        (
            datetime(2026, 5, 5, 9, tzinfo=UTC),
            datetime(2026, 5, 6, 8, tzinfo=UTC),
            "5E1F0C9A-0000-4C1B-9B1D-000000000002",
            "US",
            "ext_android",
        ),
    ]
    assert world.reasons() == {7: "unmapped", 8: "enum", 9: "bad_ts", 10: "bad_type", 11: "not_object"}
    assert not any("u-7700" in text for *_, text in world.quarantined())


def test_a_max_report_downloaded_again_later_adds_only_what_is_new(world: NativeWorld) -> None:
    world.land("max-2026-05-05.csv", "applovin_max")
    world.run("ads")
    header, *records = (FILES / "max-2026-05-05.csv").read_text(encoding="utf-8").splitlines()
    changed = records[3].replace('"0"', '"0.35"')
    new = records[0].replace("u-77001", "u-77009")
    # Both versions of a row are received at one time, so the hash of their content decides, here for the first.
    # Other order, one revenue corrected afterwards, one more impression, and a third one just like two others.
    again = [header, records[2], new, changed, records[1], records[0], records[1]]
    world.write("applovin_max", "again.csv", "\n".join(again) + "\n")
    assert world.counts(world.run("ads")) == (6, 2, 3, 1, 0, 0)
    assert world.rows("ads", "sum(revenue_amount)", "1") == [(Decimal("0.054692"),)]


def test_levelplay_revenue_keeps_its_digits(world: NativeWorld) -> None:
    world.land("levelplay.jsonl", "levelplay_impressions")
    assert world.counts(world.run("ads")) == (9, 3, 1, 0, 5, 0)
    found = world.rows(
        "ads", "ad_event_id, viewer_id, anon_id, series_id, ad_format, revenue_amount, currency, revenue_precision"
    )
    assert found == [
        (
            "levelplay-f4d6d1b0-aaaa-11ef-0001",
            "7412345678901234567",
            None,
            "S-ROOF",
            "rewarded",
            Decimal("0.012346"),
            "USD",
            "BID",
        ),
        (
            "levelplay-f4d6d1b0-aaaa-11ef-0002",
            None,
            "device-5",
            None,
            "interstitial",
            Decimal("0.000150"),
            "USD",
            "RATE",
        ),
        ("levelplay-f4d6d1b0-aaaa-11ef-0003", None, None, "S-ROOF", "banner", None, None, "BID"),
    ]
    assert world.rows("ads", "event_ts")[0] == (datetime(2026, 5, 5, 8, 59, 30, 123_000, tzinfo=UTC),)
    # Line 7 gives seconds where the contract says milliseconds.
    assert world.reasons() == {5: "unmapped", 6: "bad_type", 7: "out_of_window", 8: "bad_type", 9: "missing"}
    unknown = world.connection.execute("select unknown_columns from raw.files").fetchall()
    assert unknown == [("abTest",)]


def test_admob_micros_are_exact(world: NativeWorld) -> None:
    world.land("admob.jsonl", "admob_paid_events")
    assert world.counts(world.run("ads")) == (7, 3, 1, 0, 3, 0)
    found = world.rows("ads", "impression_id, episode_seq, revenue_amount, currency, revenue_precision, viewer_id")
    assert found == [
        ("CIjm-1", 3, Decimal("0.012345"), "USD", "PRECISE", "u-77001"),
        ("CIjm-2", None, Decimal("9007199254.740993"), "JPY", "ESTIMATED", "u-77001"),
        ("CIjm-3", None, Decimal(0), "USD", "UNKNOWN", None),
    ]
    assert world.reasons() == {4: "bad_type", 5: "bad_type", 7: "unmapped"}


def test_douyin_costs_are_hundred_thousandths_of_a_yuan(world: NativeWorld) -> None:
    world.land("douyin.jsonl", "douyin_impression_cost")
    assert world.counts(world.run("ads")) == (5, 2, 1, 0, 2, 0)
    assert world.rows("ads", "ad_event_id, app_id, viewer_id, revenue_amount, currency") == [
        ("douyin-7400000000000000901", "android-1", "_000abc", Decimal("0.012340"), "CNY"),
        ("douyin-7400000000000000902", "android-1", None, Decimal(0), "CNY"),
    ]
    assert world.reasons() == {4: "unmapped", 5: "bad_type"}


def test_the_apps_own_row_of_the_same_impression_is_a_duplicate(world: NativeWorld) -> None:
    own = {
        "ad_event_id": "admob-CIjm-1",
        "impression_id": "CIjm-1",
        "surface": "ext_android",
        "app_id": "android-1",
        "viewer_id": "u-77001",
        "series_id": "S-ROOF",
        "episode_seq": 3,
        "placement_id": "roof_end_3",
        "ad_format": "rewarded",
        "event_type": "impression",
        "verification": "client_only",
        "revenue_amount": "0.012345",
        "currency": "USD",
        "revenue_precision": "PRECISE",
        "network": "AdMob Network",
        "mediation": "admob",
        "country": "US",
        "event_ts": "2026-05-05T08:59:30.123Z",
        "received_ts": "2026-05-05T09:00:00Z",
    }
    world.write("ads", "own.jsonl", json.dumps(own) + "\n")
    world.land("admob.jsonl", "admob_paid_events")
    # One run takes both in; the row that was received first is kept, whichever file it is in.
    assert world.counts(world.run("ads")) == (8, 3, 2, 0, 3, 0)
    assert world.rows("ads", "_file_name")[0] == ("admob_paid_events/admob.jsonl",)


def test_packed_files_are_read_and_other_files_are_left_alone(world: NativeWorld) -> None:
    folder = world.layout.landing / "admob_paid_events" / "2026" / "05"
    folder.mkdir(parents=True)
    (folder / "events.jsonl.gz").write_bytes(gzip.compress((FILES / "admob.jsonl").read_bytes(), mtime=0))
    (folder / "events.csv").write_text("responseId\n1\n", encoding="utf-8")
    (folder / "_SUCCESS.jsonl").write_text("", encoding="utf-8")
    result = world.run("ads")
    assert [file.file_name for file in result.files] == ["admob_paid_events/2026/05/events.jsonl.gz"]
    assert world.counts(result) == (7, 3, 1, 0, 3, 0)
