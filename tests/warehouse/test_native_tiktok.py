"""TikTok's order webhooks become unlocks: once each, sandbox apart, refunds in any order, the rest in quarantine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from native_world import CONTRACTS, NOW, REFERENCE, NativeWorld

from dagster_project.ingest import reingest

FOLDER = "tiktok_trade_orders"


@pytest.fixture
def world(tmp_path: Path) -> NativeWorld:
    made = NativeWorld(tmp_path)
    made.land("tiktok-webhooks.jsonl", FOLDER)
    return made


def test_webhooks_become_unlocks_with_books_that_add_up(world: NativeWorld) -> None:
    assert world.counts(world.run("unlocks")) == (15, 6, 1, 0, 7, 1)
    found = world.rows(
        "unlocks", "_line_no, order_id, event_type, viewer_id, series_id, episode_seq_from, episode_seq_to, token_paid"
    )
    viewer = "7412345678901234567"
    assert found == [
        (1, "O-1", "unlocked", None, "S-ROOF", 11, 11, 10),
        (2, "O-60", "unlocked", viewer, "S-ROOF", 21, 80, 499),
        (4, "O-9", "refunded", viewer, "S-ROOF", 11, 12, -8),
        (5, "O-9", "unlocked", viewer, "S-ROOF", 11, 12, 20),
        (6, "O-9", "refunded", viewer, "S-ROOF", 11, 12, -12),
        (7, "O-10", "unlocked", viewer, "S-ROOF", 11, 11, 5),
    ]
    rest = "source, surface, app_id, unlock_method, token_type, token_bonus, price_amount, line_no"
    assert set(world.rows("unlocks", rest)) == {("webhook", "tiktok_minis", "mini-1", "beans", "BEANS", 0, None, 1)}


def test_times_sandbox_and_pay_type(world: NativeWorld) -> None:
    world.run("unlocks")
    found = world.rows("unlocks", "_line_no, event_ts, received_ts, is_test, pay_type, refund_tokens")
    at = {line: rest for line, *rest in found}
    assert at[1] == [datetime(2026, 5, 5, 8, 59, 30, tzinfo=UTC)] * 2 + [None, None, None]
    assert at[5][1] == datetime(2026, 5, 6, 6, tzinfo=UTC), "the receiver's own time, with its offset"
    assert at[7][2:] == [True, "unknown", None]
    assert at[4][2:] == [False, None, 8]


def test_what_cannot_be_mapped_is_in_quarantine_as_it_came(world: NativeWorld) -> None:
    world.run("unlocks")
    assert world.reasons() == {
        9: "unmapped",
        10: "bad_ts",
        11: "not_mapped",
        12: "bad_content",
        13: "bad_type",
        14: "bad_json",
        15: "not_object",
    }
    texts = {line: text for _, line, _, text in world.quarantined()}
    assert '\\"order_id\\":\\"O-unknown\\"' in texts[9]
    assert '"user_openid": "***"' in texts[9]
    assert not any("secret-person" in text or "7412345678901234567" in text for text in texts.values())


def test_a_redelivery_days_later_and_the_operators_own_row_are_duplicates(world: NativeWorld) -> None:
    world.run("unlocks")
    before = sorted(world.content("unlocks"), key=str)
    lines = (Path(__file__).parent / "native" / "tiktok-webhooks.jsonl").read_text(encoding="utf-8").splitlines()
    world.write(FOLDER, "again.jsonl", lines[3] + "\n" + lines[4] + "\n")
    own = (
        "source,order_id,line_no,event_seq,event_type,platform_order_id,surface,app_id,viewer_id,series_id,"
        "episode_seq_from,episode_seq_to,unlock_method,token_type,token_paid,token_bonus,event_ts,received_ts\n"
        "webhook,O-1,1,1,unlocked,TOID7500000000000000001,tiktok_minis,mini-1,,S-ROOF,11,11,beans,BEANS,10,0,"
        "2026-05-05T08:59:30Z,2026-05-05T09:00:00Z\n"
        "webhook,O-60,1,1,unlocked,TOID7500000000000000060,tiktok_minis,mini-1,7412345678901234567,S-ROOF,21,80,beans,"
        "BEANS,498,0,2026-05-05T09:00:00Z,2026-05-05T09:00:01Z\n"
    )
    world.write("unlocks", "own.csv", own)
    # The amount of O-60 differs: that row waits in quarantine, the one that came first stays.
    assert world.counts(world.run("unlocks")) == (4, 0, 3, 1, 0, 0)
    assert sorted(world.content("unlocks"), key=str) == before


def test_the_other_order_of_arrival_keeps_the_same_rows(world: NativeWorld, tmp_path: Path) -> None:
    world.run("unlocks")
    other = NativeWorld(tmp_path / "other")
    lines = (Path(__file__).parent / "native" / "tiktok-webhooks.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(reversed(lines)):
        other.write(FOLDER, f"{number:02}.jsonl", line + "\n")
        other.run("unlocks")
    assert sorted(other.content("unlocks"), key=str) == sorted(world.content("unlocks"), key=str)


def test_an_order_that_becomes_known_is_taken_in_when_its_day_is_read_again(world: NativeWorld) -> None:
    world.run("unlocks")
    world.refer("trade_order", [*REFERENCE["trade_order"], ("mini-1", "O-unknown", "7400000000000000011", 1, 10)])
    contract = {"unlocks": CONTRACTS["unlocks"]}
    reingest(world.connection, world.layout, contract, first=NOW.date(), last=NOW.date(), batch_id="again", now=NOW)
    assert "O-unknown" in {order for (order,) in world.rows("unlocks", "order_id")}
    assert "unmapped" not in world.reasons().values()
