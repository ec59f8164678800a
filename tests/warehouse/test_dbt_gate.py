"""How viewers end at a lock, on logs written by hand, from raw rows to the released estimate."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dbt_warehouse import DbtWarehouse
from view_rows import moment, watch

from dagster_project.inference.gate import EXITS, GATE_KEYS, PASSES, gate_decomposition

MODELS = ("+mrt_cliffhanger__gate_decomposition", "+mrt_cliffhanger__gate_risk")
MONDAY = moment("2026-03-02 10:00:00")
END = moment("2026-04-01 00:00:00")
MINUTE = timedelta(minutes=1)
OUTCOMES = (*PASSES, *EXITS)


def unlock_row(viewer: str, event_type: str, at: datetime, first: int, last: int, **columns: Any) -> dict[str, Any]:
    """A row of the unlocks feed; the order is the viewer's, so one of a kind per viewer and episode."""
    return {
        "source": "own",
        "order_id": f"{viewer}-{event_type}-{first}",
        "line_no": 1,
        "event_seq": 0,
        "event_type": event_type,
        "surface": "ext_web",
        "app_id": "app",
        "viewer_id": viewer,
        "series_id": "s",
        "episode_seq_from": first,
        "episode_seq_to": last,
        "token_paid": 0,
        "token_bonus": 0,
        "event_ts": at,
        "received_ts": at + timedelta(seconds=1),
        "country": "US",
        **columns,
    }


def unlocked(viewer: str, at: datetime, first: int, last: int, method: str, **columns: Any) -> dict[str, Any]:
    return unlock_row(viewer, "unlocked", at, first, last, unlock_method=method, **columns)


def offered(viewer: str, at: datetime, episode: int = 3, **columns: Any) -> dict[str, Any]:
    return unlock_row(viewer, "offered", at, episode, episode, **columns)


def ad_row(viewer: str, at: datetime, event_type: str, **columns: Any) -> dict[str, Any]:
    return {
        "ad_event_id": f"{viewer}-{event_type}",
        "surface": "ext_web",
        "app_id": "app",
        "viewer_id": viewer,
        "series_id": "s",
        "episode_seq": 3,
        "placement_id": "gate",
        "ad_format": "rewarded",
        "event_type": event_type,
        "verification": "client_only",
        "event_ts": at,
        "received_ts": at + timedelta(seconds=1),
        **columns,
    }


def reference(warehouse: DbtWarehouse) -> None:
    """Series `s` of five episodes of a minute, on the web locked from the third on, in Japan from the fourth."""
    warehouse.load_reference("studios", [{"studio_id": "st", "name": "Studio"}])
    warehouse.load_reference("series", [{"series_id": "s", "studio_id": "st", "title": "s", "total_episodes": 5}])
    published = moment("2026-01-01 00:00:00")
    warehouse.load_reference(
        "episodes",
        [
            {"series_id": "s", "episode_seq": seq, "duration_ms": 60_000, "published_ts": published}
            for seq in range(1, 6)
        ],
    )
    terms = {"series_id": "s", "surface": "ext_web", "valid_from": published}
    warehouse.load_reference(
        "episode_access",
        [
            *({**terms, "episode_seq": seq, "country": "*", "is_free": seq < 3} for seq in range(1, 6)),
            {**terms, "episode_seq": 3, "country": "JP", "is_free": True},
        ],
    )


def stories() -> dict[str, list[dict[str, Any]]]:
    """One viewer per case, named for it; all start episode 2 on Monday at 10 unless said."""
    seen = MONDAY + 2 * MINUTE
    views = [
        *(row for name in ("bounced", "asked_nothing", "refused_by_ad", "slow") for row in watch(name, "s", 2, MONDAY)),
        *watch("left", "s", 2, MONDAY, seconds=20),
        *(row for name in ("paid", "subscribed", "gift", "by_ad") for row in watch(name, "s", 2, MONDAY)),
        *watch("paid", "s", 3, MONDAY + 4 * MINUTE, access_type="coin"),
        *watch("by_ad", "s", 3, MONDAY + 4 * MINUTE, access_type="ad"),
        # The block that was paid for holds episode 4, too, and not 5.
        *watch("paid", "s", 4, MONDAY + 6 * MINUTE, access_type="coin", seconds=20),
        # Nothing was locked for these: a pass held before, the market's own terms, a test account's own flag.
        *watch("holder", "s", 2, MONDAY),
        *watch("japan", "s", 2, MONDAY, country="JP"),
        *watch("tester", "s", 2, MONDAY, is_test=True),
        # Too recent for 24 hours: that one has paid is known, how the other ends is not.
        *watch("recent_payer", "s", 2, END - timedelta(hours=2)),
        *watch("recent", "s", 2, END - timedelta(hours=2)),
        *watch("clock", "s", 1, END - MINUTE, seconds=10),
    ]
    unlocks = [
        *(offered(name, seen) for name in ("bounced", "refused_by_ad", "paid", "subscribed", "gift", "by_ad", "slow")),
        unlocked("paid", seen + MINUTE, 3, 4, "coin", token_paid=60, price_amount="0.600000", price_currency="USD"),
        unlocked("by_ad", seen + MINUTE, 3, 3, "ad_reward"),
        unlocked("subscribed", seen + MINUTE, 3, 5, "subscription"),
        unlocked("gift", seen + MINUTE, 3, 3, "promo"),
        unlocked("holder", MONDAY - MINUTE, 1, 5, "vip_pass"),
        # Came back on the second day.
        unlocked("slow", MONDAY + timedelta(hours=30), 3, 3, "coin", token_paid=30),
        unlocked("recent_payer", END - timedelta(hours=1), 3, 3, "coin", token_paid=30),
        offered("recent", END - timedelta(hours=1)),
        offered("clock", END - MINUTE),
    ]
    ads = [
        ad_row("refused_by_ad", seen + MINUTE, "request"),
        ad_row("refused_by_ad", seen + 2 * MINUTE, "reward_denied"),
        ad_row("by_ad", seen + MINUTE, "reward_granted"),
        ad_row("clock", END - MINUTE, "request"),
    ]
    return {"views": views, "unlocks": unlocks, "ads": ads}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    warehouse = DbtWarehouse.create(tmp_path_factory.mktemp("gate"))
    reference(warehouse)
    warehouse.take_in("b1", **stories())
    warehouse.run(full_refresh=True, select=MODELS)
    warehouse.build(select=[model.removeprefix("+") for model in MODELS])
    return release(warehouse)


def release(warehouse: DbtWarehouse) -> pl.DataFrame:
    names = [model.removeprefix("+") for model in MODELS]
    marts = {name: warehouse.frame(f"marts.{name}") for name in names}
    mart = marts[names[0]]
    found = mart.join(gate_decomposition(marts), on=list(GATE_KEYS))
    assert found.height == mart.height
    return found


def cell(table: pl.DataFrame, hours: int, episode: int = 3, week: str = "all", surface: str = "all") -> dict[str, Any]:
    """Rows of one cell by outcome."""
    rows = table.filter(
        (pl.col("window_hours") == hours)
        & (pl.col("gate_episode_seq") == episode)
        & (pl.col("cohort_week") == week)
        & (pl.col("surface") == surface)
    )
    return {row["outcome"]: row for row in rows.iter_rows(named=True)}


def counts(rows: dict[str, Any]) -> dict[str, int]:
    return {outcome: row["n_outcome"] for outcome, row in rows.items() if row["n_outcome"]}


def test_each_viewer_ends_in_one_state_after_a_day(released: pl.DataFrame) -> None:
    rows = cell(released, 24)
    assert set(rows) == set(OUTCOMES)
    assert counts(rows) == {
        "gate_bounce": 2,  # bounced, slow
        "story_exit": 1,
        "ad_failed": 1,
        "in_episode_exit": 1,
        "coin_unlock": 2,  # paid, recent_payer
        "ad_unlock": 1,
        "subscription_pass": 1,
        "promo_pass": 1,
    }
    one = rows["coin_unlock"]
    assert (one["n_opportunities"], one["n_followed"], one["n_censored"]) == (11, 9, 1)
    assert sum(counts(rows).values()) + one["n_censored"] == one["n_opportunities"]


def test_a_window_of_three_days_sees_who_came_back(released: pl.DataFrame) -> None:
    after_a_day, after_three = counts(cell(released, 24)), counts(cell(released, 72))
    assert after_three["coin_unlock"] == after_a_day["coin_unlock"] + 1
    assert after_three["gate_bounce"] == after_a_day["gate_bounce"] - 1


def test_estimates_follow_the_counts(released: pl.DataFrame) -> None:
    rows = cell(released, 24)
    assert {row["status"] for row in rows.values()} == {"ok"}
    # Exits are shares of the nine who were followed for the whole day.
    assert rows["gate_bounce"]["estimate"] == pytest.approx(2 / 9)
    # Two of eleven passed by coin, both before the first follow-up ended, so nothing is censored before them.
    assert rows["coin_unlock"]["estimate"] == pytest.approx(1 - (10 / 11) * (9 / 10))
    assert all(row["ci_low"] <= row["estimate"] <= row["ci_high"] for row in rows.values())


def test_an_unlock_opens_what_it_covers_and_no_more(released: pl.DataFrame) -> None:
    # The block that `paid` bought reached episode 4; the ad that `by_ad` watched did not.
    assert counts(cell(released, 24, episode=4)) == {"story_exit": 1}
    assert counts(cell(released, 24, episode=5)) == {"in_episode_exit": 1}


def test_weeks_are_told_apart_at_the_first_lock_only(released: pl.DataFrame) -> None:
    assert cell(released, 24, week="2026-03-02")["coin_unlock"]["n_opportunities"] == 9
    assert cell(released, 24, week="2026-03-30")["coin_unlock"]["n_opportunities"] == 2
    assert not cell(released, 24, episode=5, week="2026-03-02")


def test_a_young_cohort_is_not_identified(released: pl.DataFrame) -> None:
    rows = cell(released, 24, week="2026-03-30")
    assert {row["status"] for row in rows.values()} == {"not_identified"}
    assert all(row["estimate"] is None for row in rows.values())
    assert counts(rows) == {"coin_unlock": 1}


def test_a_surface_is_that_of_the_start(released: pl.DataFrame) -> None:
    web, everywhere = cell(released, 168, surface="ext_web"), cell(released, 168)
    assert counts(web) == counts(everywhere)


def test_an_empty_warehouse_has_no_rows(tmp_path: Path) -> None:
    warehouse = DbtWarehouse.create(tmp_path)
    warehouse.run(full_refresh=True, select=MODELS)
    assert release(warehouse).height == 0
