"""Cases in which a changed row changes facts of other viewers, dates and orders than its own, one by one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dbt_warehouse import FACTS, DbtWarehouse
from view_rows import moment, playback, watch

AT = moment("2026-03-02 10:00:00")
END = moment("2026-03-20 00:00:00")
Change = tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, Any]]]]

# A device that is signed in half way: whoever has the first row owns the playback.
BY_DEVICE = playback("~d", "s", 1, AT, [(0, "start", 0, 0), (20, "progress", 20_000, 20_000)], playback_id="half")
BY_VIEWER = playback("half", "s", 1, AT, [(60, "stop", 60_000, 60_000)], playback_id="half")
OWNED_LATER = playback("late", "s", 1, AT, [(5, "progress", 5_000, 5_000)], playback_id="owner")
OWNER = playback("true", "s", 1, AT, [(0, "start", 0, 0)], playback_id="owner")
LEAVING = playback("leaves", "s", 1, AT, [(0, "start", 0, 0)], playback_id="left")
STAYING = playback("stays", "s", 1, AT, [(30, "stop", 30_000, 30_000)], playback_id="left")
WAITING = watch("waits", "s", 1, END + timedelta(hours=2), delay_seconds=-10_000)
MARK = watch("mark", "s", 1, END - timedelta(minutes=2), seconds=60)
LATER_MARK = watch("mark", "s", 2, END + timedelta(hours=5), seconds=60)


def impression(number: int, at_hours: float, received_hours: float) -> dict[str, Any]:
    return {
        "ad_event_id": f"a{number}",
        "impression_id": "i1" if number < 10 else "i2",
        "network": "n",
        "surface": "ext_web",
        "app_id": "app",
        "placement_id": "gate",
        "ad_format": "rewarded",
        "event_type": "impression",
        "verification": "client_only",
        "event_ts": AT + timedelta(hours=at_hours),
        "received_ts": AT + timedelta(hours=received_hours),
    }


# Two copies of one impression a day apart: the one received first counts.
EARLIER_COPY, LATER_COPY = impression(1, 0, 1), impression(2, 24, 25)
FIRST_OF_TWO, SECOND_OF_TWO = impression(11, 72, 73), impression(12, 120, 121)


def topup(number: int, hours: float, received_hours: float) -> dict[str, Any]:
    return {
        "store": "apple",
        "store_transaction_id": f"t{number}",
        "event_type": "purchase",
        "gross_amount": 1,
        "currency": "USD",
        "event_ts": AT + timedelta(hours=hours),
        "received_ts": AT + timedelta(hours=received_hours),
    }


def order_step(
    order: str, event_type: str, sequence: int, days: float, tokens: int, viewer: str = "buyer"
) -> dict[str, Any]:
    return {
        "source": "app",
        "order_id": order,
        "line_no": 1,
        "event_seq": sequence,
        "event_type": event_type,
        "surface": "ext_web",
        "app_id": "app",
        "viewer_id": viewer,
        "series_id": "s",
        "episode_seq_from": 2,
        "episode_seq_to": 2,
        "unlock_method": "coin",
        "token_paid": tokens,
        "token_bonus": 0,
        "event_ts": AT + timedelta(days=days),
        "received_ts": AT + timedelta(days=days, seconds=5),
    }


UNLOCKED, FIRST_REFUND, LAST_REFUND = (
    order_step("o", "unlocked", 0, 0, 100),
    order_step("o", "refunded", 1, 2, -10),
    order_step("o", "refunded", 2, 4, -20),
)
EARLY_REFUND, ITS_ORDER = order_step("early", "refunded", 1, 3, -30), order_step("early", "unlocked", 0, 1, 30)
UNLOCK_MARK = order_step("mark", "offered", 0, 10, 0)
AT_THE_GATE = watch("gate", "s", 1, AT + timedelta(days=1))
UNLOCKED_LATER = order_step("gate", "unlocked", 0, 2, 50, viewer="gate")

# In each feed a row that happens after the mark (a wrong clock), and a later one that moves the mark past it.
WAITING_AD, MOVING_AD = (
    {**impression(21, 240, 122), "impression_id": "i3"},
    {**impression(22, 480, 481), "impression_id": "i4"},
)
WAITING_TOPUP, MARK_TOPUP, MOVING_TOPUP = topup(1, 48, 1), topup(2, 24, 24), topup(3, 96, 96)
WAITING_UNLOCK = {**order_step("waits", "unlocked", 0, 11, 60), "received_ts": AT + timedelta(days=9)}
MOVING_UNLOCK = order_step("moves", "unlocked", 0, 12, 70)

BEFORE = {
    "views": [
        *BY_DEVICE,
        *BY_VIEWER,
        *OWNED_LATER,
        *LEAVING,
        *STAYING,
        *WAITING,
        *MARK,
        *AT_THE_GATE,
        *watch("length", "s", 2, AT, seconds=45),
    ],
    "ads": [LATER_COPY, FIRST_OF_TWO, SECOND_OF_TWO, WAITING_AD],
    "unlocks": [UNLOCKED, FIRST_REFUND, LAST_REFUND, EARLY_REFUND, UNLOCK_MARK, WAITING_UNLOCK],
    "topups": [WAITING_TOPUP, MARK_TOPUP],
}
ADDED = {
    "views": [*OWNER, *LATER_MARK],
    "ads": [EARLIER_COPY, MOVING_AD],
    "unlocks": [ITS_ORDER, UNLOCKED_LATER, MOVING_UNLOCK],
    "topups": [MOVING_TOPUP],
}
REMOVED = {"views": [*BY_VIEWER, *LEAVING], "ads": [FIRST_OF_TWO], "unlocks": [FIRST_REFUND], "topups": []}


def prepared(folder: Path, second_length_ms: int) -> DbtWarehouse:
    warehouse = DbtWarehouse.create(folder)
    warehouse.load_reference("studios", [{"studio_id": "st", "name": "Studio"}])
    warehouse.load_reference("series", [{"series_id": "s", "studio_id": "st", "title": "S", "total_episodes": 2}])
    lock = {"series_id": "s", "episode_seq": 2, "surface": "ext_web", "country": "*", "is_free": False}
    warehouse.load_reference("episode_access", [{**lock, "valid_from": AT - timedelta(days=9)}])
    set_lengths(warehouse, second_length_ms)
    return warehouse


def set_lengths(warehouse: DbtWarehouse, second_length_ms: int) -> None:
    warehouse.load_reference(
        "episodes",
        [
            {"series_id": "s", "episode_seq": 1, "duration_ms": 60_000},
            {"series_id": "s", "episode_seq": 2, "duration_ms": second_length_ms},
        ],
    )


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> DbtWarehouse:
    """One batch, released; then a second that adds and removes rows, and a catalogue with another length.

    The second is built in two attempts: the first stops after the plays, so that the next one no longer finds there
    what the facts behind them still say.
    """
    warehouse = prepared(tmp_path_factory.mktemp("changed"), 60_000)
    warehouse.take_in("b1", **BEFORE)
    warehouse.run(select=FACTS)
    warehouse.release()
    for waiting in ("fct_unlock where order_id = 'waits'", "fct_topup where store_transaction_id = 't1'"):
        assert warehouse.scalar(f"select count(*) from core.{waiting}") == 0
    assert warehouse.query("select ad_event_id from core.fct_ad_impression order by 1") == [("a11",), ("a2",)]
    assert warehouse.scalar("select viewer_key from core.fct_play where playback_id = 'left'") == "app|leaves"
    warehouse.change("b2", added=ADDED, removed=REMOVED)
    set_lengths(warehouse, 50_000)
    warehouse.run(select=["+fct_play"])
    warehouse.run(select=FACTS)
    return warehouse


def transition_viewers(warehouse: DbtWarehouse) -> set[str]:
    return {row[0] for row in warehouse.query("select viewer_key from core.fct_episode_transition")}


def test_playback_forgets_the_row_of_its_other_viewer(changed: DbtWarehouse) -> None:
    assert changed.query("select viewer_key, play_ms, is_shared from core.fct_play where playback_id = 'half'") == [
        ("app|~d", 20_000, False)
    ]


def test_playback_gets_its_true_owner_from_a_later_delivery(changed: DbtWarehouse) -> None:
    assert changed.query("select viewer_key, is_shared from core.fct_play where playback_id = 'owner'") == [
        ("app|true", True)
    ]
    assert "app|true" in transition_viewers(changed)
    assert "app|late" not in transition_viewers(changed)


def test_playback_passes_to_whoever_is_left(changed: DbtWarehouse) -> None:
    assert changed.query("select viewer_key, is_shared from core.fct_play where playback_id = 'left'") == [
        ("app|stays", False)
    ]
    assert "app|leaves" not in transition_viewers(changed)
    assert "app|stays" in transition_viewers(changed)


def test_waiting_row_gets_its_turn_with_the_row_that_moves_the_mark(changed: DbtWarehouse) -> None:
    assert "app|waits" in transition_viewers(changed)
    assert changed.scalar("select count(*) from core.fct_unlock where order_id = 'waits'") == 1
    assert changed.scalar("select count(*) from core.fct_ad_impression where ad_event_id = 'a21'") == 1
    assert changed.scalar("select count(*) from core.fct_topup where store_transaction_id = 't1'") == 1


def test_copy_received_first_replaces_the_one_of_another_day(changed: DbtWarehouse) -> None:
    """And when the copy that counted is taken away, the other one counts."""
    assert changed.query("select ad_event_id from core.fct_ad_impression order by 1") == [
        ("a1",),
        ("a12",),
        ("a21",),
        ("a22",),
    ]


def test_order_without_a_refund_between_two_other_events(changed: DbtWarehouse) -> None:
    found = changed.query(
        "select order_id, net_token_paid, refund_count, unlocked_at is null from core.fct_unlock order by 1"
    )
    assert found == [
        ("early", 0, 1, False),
        ("gate", 50, 0, False),
        ("moves", 70, 0, False),
        ("o", 80, 1, False),
        ("waits", 60, 0, False),
    ]


def test_unlock_without_a_new_view_answers_the_lock_its_viewer_met(changed: DbtWarehouse) -> None:
    assert changed.query(
        "select first_unlock_order_id from core.fct_gate_opportunity where viewer_key = 'app|gate'"
    ) == [("gate",)]


def test_new_length_of_an_episode_changes_completions(changed: DbtWarehouse) -> None:
    assert changed.query(
        "select duration_ms, completed_at from core.fct_episode_transition where viewer_key = 'app|length'"
    ) == [(50_000, AT + timedelta(seconds=45))]


def test_result_is_that_of_a_full_build(changed: DbtWarehouse, tmp_path: Path) -> None:
    whole = prepared(tmp_path, 50_000)
    gone = {feed: {id(row) for row in rows} for feed, rows in REMOVED.items()}
    left = {feed: [row for row in rows if id(row) not in gone[feed]] for feed, rows in BEFORE.items()}
    whole.take_in("all", **{feed: [*left[feed], *ADDED[feed]] for feed in left})
    whole.run(select=FACTS, full_refresh=True)
    assert changed.tables() == whole.tables()
