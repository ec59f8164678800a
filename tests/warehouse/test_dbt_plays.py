"""What counts as a start, a completion, a pass and a continuation, on a few rows written by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from dbt_warehouse import DbtWarehouse
from view_rows import moment, playback, watch

MONDAY = moment("2026-03-02 10:00:00")
END = moment("2026-05-30 00:00:00")
EPISODE_MS = 60_000


def catalogue(warehouse: DbtWarehouse) -> None:
    """Series `s` of 4 episodes of 60 s (the 4th unpublished), `gone` delisted in March, `bare` without durations."""
    published = moment("2026-01-01 00:00:00")
    warehouse.load_reference("studios", [{"studio_id": "st", "name": "Studio"}])
    warehouse.load_reference(
        "series",
        [{"series_id": name, "studio_id": "st", "title": name, "total_episodes": 4} for name in ("s", "gone", "bare")],
    )
    episodes = [
        {
            "series_id": series,
            "episode_seq": seq,
            "duration_ms": None if series == "bare" else EPISODE_MS,
            "published_ts": None if (series, seq) == ("s", 4) else published,
        }
        for series in ("s", "gone", "bare")
        for seq in (1, 2, 3, 4)
    ]
    warehouse.load_reference("episodes", episodes)
    warehouse.load_reference("test_account", [{"app_id": "app", "viewer_id": "tester"}])
    listing = {"series_id": "gone", "surface": "ext_web", "app_id": "app"}
    warehouse.load_reference(
        "series_listing",
        [
            {**listing, "valid_from": published, "valid_to": moment("2026-03-01 00:00:00"), "listing_status": "active"},
            {**listing, "valid_from": moment("2026-03-01 00:00:00"), "listing_status": "delisted"},
        ],
    )


def stories() -> list[dict[str, Any]]:
    """One viewer per case, named for it."""
    at = MONDAY
    later = timedelta(minutes=5)
    return [
        # Plain: episode 1 through, 2 by autoplay, 3 by hand.
        *watch("plain", "s", 1, at),
        *watch("plain", "s", 2, at + timedelta(seconds=62), is_autoplay_next=True),
        *watch("plain", "s", 3, at + timedelta(seconds=150)),
        # A preload of episode 2 is no start.
        *watch("preload", "s", 1, at),
        *playback("preload", "s", 2, at + later, [(0, "start", 0, 0), (1, "stop", 999, 999)]),
        # A seek to the end and its complete event are no completion.
        *playback(
            "seeker", "s", 1, at, [(0, "start", 0, 0), (4, "seek", 58_000, 4_000), (6, "complete", 60_000, 6_000)]
        ),
        # Two halves in two playbacks complete together; the same half twice does not.
        *watch("halves", "s", 1, at, seconds=30),
        *playback("halves", "s", 1, at + later, [(0, "start", 30_000, 0), (30, "stop", 60_000, 30_000)]),
        *watch("again", "s", 1, at, seconds=30),
        *watch("again", "s", 1, at + later, seconds=30),
        # Play jumps ahead, comes back into the gap and closes it: 54 of 60 seconds are reached on the last row.
        *playback(
            "gap",
            "s",
            1,
            at,
            [
                (0, "start", 0, 0),
                (20, "seek", 40_000, 20_000),
                (40, "seek", 20_000, 40_000),
                (50, "progress", 30_000, 50_000),
                (54, "stop", 34_000, 54_000),
            ],
        ),
        # The player never says how long it played: positions alone count, seeks do not.
        *playback("silent", "s", 1, at, [(0, "start", 0, None), (57, "progress", 57_000, None)]),
        *playback("mute", "s", 1, at, [(0, "start", 0, None), (5, "seek", 57_000, None), (6, "stop", 58_000, None)]),
        # Mid-series entry, then backwards: episode 2 after 3 is no first pass.
        *watch("middle", "s", 3, at),
        *watch("middle", "s", 2, at + later),
        # Test and invalid traffic.
        *watch("tester", "s", 1, at),
        *watch("marked", "s", 1, at, is_test=True),
        *watch("bot", "s", 1, at, ivt_flag="invalid"),
        *watch("suspect", "s", 1, at, ivt_flag="suspect"),
        # A row that happens after the data-through mark waits.
        *watch("early", "s", 1, at),
        *watch("early", "s", 2, END + timedelta(hours=1), delay_seconds=-7200),
        # The device signs in half way: the playback stays whose it was.
        *playback("~device", "s", 1, at, [(0, "start", 0, 0), (30, "progress", 30_000, 30_000)], playback_id="shared"),
        *playback("signed", "s", 1, at, [(60, "stop", 60_000, 60_000)], playback_id="shared"),
        # Completed where the series was not listed any more, and before the episode's own next one exists.
        *watch("gone", "gone", 1, at),
        *watch("last", "s", 3, at),
        # The catalogue has no length: the longest that players report counts.
        *watch("unknown", "bare", 1, at, seconds=45, duration_ms=50_000),
        *watch("other", "bare", 1, at, seconds=10, duration_ms=49_000),
        # One late row at the very end sets the mark.
        *watch("mark", "s", 1, END - timedelta(days=2), delay_seconds=2 * 86_400 - 60),
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> DbtWarehouse:
    """The stories, built."""
    warehouse = DbtWarehouse.create(tmp_path_factory.mktemp("plays"))
    catalogue(warehouse)
    warehouse.take_in("b1", views=stories())
    warehouse.build()
    return warehouse


@pytest.fixture(scope="module")
def transition(warehouse: DbtWarehouse) -> Callable[..., dict[str, Any] | None]:
    """The transition row of a viewer's episode as a mapping, or None."""
    rows = warehouse.frame("core.fct_episode_transition").to_dicts()
    found = {(row["viewer_key"], row["series_id"], row["episode_seq"]): row for row in rows}

    def look_up(viewer: str, episode: int = 1, series: str = "s") -> dict[str, Any] | None:
        return found.get((f"app|{viewer}", series, episode))

    return look_up


def seconds_after(row: dict[str, Any] | None, column: str, start: datetime = MONDAY) -> float | None:
    assert row is not None
    return None if row[column] is None else (row[column] - start).total_seconds()


def test_mark_is_the_greatest_received_time(warehouse: DbtWarehouse) -> None:
    assert warehouse.scalar("select as_of from marts.mrt_health__freshness where source = 'views'") == END


def test_preload_is_a_playback_but_no_start(warehouse: DbtWarehouse, transition: Callable[..., Any]) -> None:
    plays = warehouse.query(
        "select episode_seq, is_start, play_ms from core.fct_play where viewer_key = 'app|preload' order by 1"
    )
    assert plays == [(1, True, 60_000), (2, False, 999)]
    assert transition("preload", 2) is None
    assert transition("preload", 1)["next_started_at"] is None


@pytest.mark.parametrize(
    ("viewer", "content_ms", "completed_after"),
    [
        ("plain", 60_000, 60),
        ("seeker", 6_000, None),
        ("halves", 60_000, 330),
        ("again", 30_000, None),
        ("gap", 54_000, 54),
        ("silent", 57_000, 57),
        ("mute", 1_000, None),
        ("~device", 60_000, 60),
    ],
)
def test_each_content_second_counts_once(
    transition: Callable[..., Any], viewer: str, content_ms: int, completed_after: float | None
) -> None:
    row = transition(viewer)
    assert row["content_ms"] == content_ms
    assert seconds_after(row, "completed_at") == completed_after


def test_thresholds_beside_completion(transition: Callable[..., Any]) -> None:
    row = transition("gap")
    assert (row["completed_80_at"], row["completed_99_at"]) == (MONDAY + timedelta(seconds=50), None)
    assert seconds_after(transition("silent"), "completed_80_at") == 57


def test_longest_reported_length_stands_in_for_a_missing_one(transition: Callable[..., Any]) -> None:
    assert transition("unknown", series="bare")["duration_ms"] == 50_000
    assert seconds_after(transition("unknown", series="bare"), "completed_at") == 45
    assert transition("other", series="bare")["duration_ms"] == 50_000


def test_mid_series_entry_and_first_pass(warehouse: DbtWarehouse, transition: Callable[..., Any]) -> None:
    entry, back = transition("middle", 3), transition("middle", 2)
    assert (entry["is_entry"], entry["is_first_pass"], entry["entry_episode_seq"]) == (True, True, 3)
    assert (back["is_entry"], back["is_first_pass"], back["next_started_at"]) == (False, False, None)
    at_risk = (
        "select n_at_risk from marts.mrt_audience__episode_survival where series_id = 's' and surface = 'all' "
        "and cohort_week = 'all' and window_days = 14 and episode_seq = ?"
    )
    # At episode 3: plain, last and the one who entered there; nobody but plain at 2, for the return does not count.
    assert [warehouse.scalar(at_risk, seq) for seq in (2, 3)] == [1, 3]


def test_entrants_are_counted_without_test_and_invalid_traffic(warehouse: DbtWarehouse) -> None:
    entered = warehouse.scalar(
        "select n_entered from marts.mrt_audience__episode_reach where series_id = 's' and surface = 'all' "
        "and cohort_week = 'all' and episode_seq = 1 and horizon_hours = 24"
    )
    counted = [
        "plain",
        "preload",
        "seeker",
        "halves",
        "again",
        "gap",
        "silent",
        "mute",
        "suspect",
        "early",
        "~device",
        "mark",
    ]
    assert entered == len(counted)
    kept = {
        row[0]
        for row in warehouse.query(
            "select distinct viewer_key from core.fct_episode_transition "
            "where series_id = 's' and is_entry and episode_seq = 1"
        )
    }
    assert kept == {f"app|{viewer}" for viewer in counted}
    assert warehouse.query(
        "select n_rows, n_test, n_invalid, n_suspect, n_waiting from marts.mrt_health__traffic_quality "
        "where feed = 'views'"
    ) == [(len(stories()), 6, 3, 3, 3)]


def test_rows_after_the_mark_wait(warehouse: DbtWarehouse, transition: Callable[..., Any]) -> None:
    assert transition("early", 2) is None
    assert warehouse.scalar("select count(*) from core.fct_play where viewer_key = 'app|early'") == 1


def test_playback_that_changes_hands_belongs_to_its_first_viewer(warehouse: DbtWarehouse) -> None:
    assert warehouse.query("select viewer_key, is_shared from core.fct_play where playback_id = 'shared'") == [
        ("app|~device", True)
    ]
    assert warehouse.scalar("select count(*) from core.fct_play where viewer_key = 'app|signed'") == 0


def test_continuation_by_mode(warehouse: DbtWarehouse) -> None:
    rows = warehouse.query(
        "select episode_seq, mode, n_at_risk, n_event from marts.mrt_cliffhanger__continuation "
        "where series_id = 's' and surface = 'all' and window_seconds = 60 order by all"
    )
    # Nine completed episode 1: plain, preload, halves, gap, silent, suspect, early, the device and mark. Plain went on
    # after 2 s by autoplay, and from episode 2 after 28 s by hand; who came to 2 from 3 cannot continue to 3. Episode 4
    # is not published, so 3 has nobody.
    assert rows == [
        (1, "active", 9, 0), (1, "all", 9, 1), (1, "autoplay", 9, 1),
        (2, "active", 1, 1), (2, "all", 1, 1), (2, "autoplay", 1, 0),
        (3, "active", 0, 0), (3, "all", 0, 0), (3, "autoplay", 0, 0),
    ]  # fmt: skip


def test_completion_off_the_listing_is_no_continuation_unit(
    warehouse: DbtWarehouse, transition: Callable[..., Any]
) -> None:
    assert transition("gone", series="gone")["completed_at"] is not None
    assert transition("gone", series="gone")["is_listed"] is False
    assert transition("plain")["is_listed"] is True
    assert (
        warehouse.scalar("select sum(n_completed) from marts.mrt_cliffhanger__continuation where series_id = 'gone'")
        == 0
    )


def test_completion_before_the_next_is_published_is_no_continuation_unit(transition: Callable[..., Any]) -> None:
    assert transition("last", 3)["is_next_published"] is False
    assert transition("plain", 2)["is_next_published"] is True


def test_late_row_is_counted_as_late(warehouse: DbtWarehouse) -> None:
    assert warehouse.query("select n_late from marts.mrt_health__freshness where source = 'views'") == [(3,)]
