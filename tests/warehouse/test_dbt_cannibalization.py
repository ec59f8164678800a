"""Markets and weeks from raw rows to the released comparison, with a diversion written in."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dbt_warehouse import DbtWarehouse
from view_rows import moment

from dagster_project.inference.cannibalization import DIVERSION_KEYS, EVENT_KEYS, diversion, event_study

MODELS = (
    "+mrt_cannibalization__diversion",
    "+mrt_cannibalization__event_study",
    "+mrt_cannibalization__market_panel",
)
FIRST = date(2026, 3, 2)
WEEKS = 12
CONTROLS = ("KR", "IN", "SE")
LAUNCHED = tuple(f"{letter}{number}" for letter in "AB" for number in "CDEFGH")
LAUNCH = {country: 5 + index % 4 for index, country in enumerate(LAUNCHED)}
STORE_FEE, PLATFORM_FEE = 300_000, 80_000


def line(country: str, day: date, surface: str, amount: Decimal, **columns: Any) -> dict[str, Any]:
    at = moment(f"{day} 12:00:00")
    is_own = surface.startswith("ext_")
    return {
        "source": "own" if is_own else "minis",
        "order_id": f"{country}-{day}-{surface}",
        "line_no": 1,
        "event_seq": 0,
        "event_type": "unlocked",
        "surface": surface,
        "app_id": "app" if is_own else "mini",
        "viewer_id": f"v-{country}",
        "series_id": "s",
        "episode_seq_from": 9,
        "episode_seq_to": 9,
        "unlock_method": "coin" if is_own else "beans",
        "token_paid": 100,
        "token_bonus": 0,
        "price_amount": f"{amount:.6f}",
        "price_currency": "USD",
        "event_ts": at,
        "received_ts": at + timedelta(seconds=1),
        "country": country,
        **columns,
    }


def unlocks() -> list[dict[str, Any]]:
    """Own-app revenue by market and week, a quarter less after launch; the platform earns half of the usual."""
    rows = []
    for index, country in enumerate((*LAUNCHED, *CONTROLS)):
        for week in range(WEEKS):
            day = FIRST + timedelta(weeks=week, days=index % 7)
            usual = Decimal(4 * (index + 2)) * (100 + 3 * week) / 100
            is_live = week >= LAUNCH.get(country, WEEKS)
            rows.append(line(country, day, "ext_ios", usual * Decimal("0.75") if is_live else usual))
            if is_live:
                rows.append(line(country, day, "tiktok_minis", usual / 2))
    # Not over yet, a test, an ad.
    last = FIRST + timedelta(weeks=WEEKS)
    rows.append(line("KR", last, "ext_ios", Decimal(999)))
    rows.append(line("KR", FIRST, "ext_web", Decimal(999), is_test=True))
    rows.append(line("KR", FIRST, "ext_android", Decimal(999), unlock_method="ad_reward"))
    return rows


def reference(warehouse: DbtWarehouse) -> None:
    plan = [
        {"surface": "tiktok_minis", "country": country, "app_id": "mini", "stage_from": "2025-01-01", "stage": "none"}
        for country in (*LAUNCHED, *CONTROLS)
    ]
    plan += [
        {**plan[0], "country": country, "stage_from": str(FIRST + timedelta(weeks=week)), "stage": "full"}
        for country, week in LAUNCH.items()
    ]
    warehouse.load_reference("market_rollout", plan)
    warehouse.load_reference(
        "fee_schedule",
        [
            {"surface": "ext_ios", "stream": "own_app", "fee_ppm": STORE_FEE, "valid_from": "2025-01-01"},
            {"surface": "tiktok_minis", "stream": "iap_beans", "fee_ppm": PLATFORM_FEE, "valid_from": "2025-01-01"},
        ],
    )


def release(warehouse: DbtWarehouse) -> dict[str, pl.DataFrame]:
    marts = {model.removeprefix("+"): warehouse.frame(f"marts.{model.removeprefix('+')}") for model in MODELS}
    shares, weeks = marts["mrt_cannibalization__diversion"], marts["mrt_cannibalization__event_study"]
    released = {
        "panel": marts["mrt_cannibalization__market_panel"],
        "diversion": shares.join(diversion(marts), on=list(DIVERSION_KEYS)),
        "event_study": weeks.join(event_study(marts), on=list(EVENT_KEYS)),
    }
    assert released["diversion"].height == shares.height
    assert released["event_study"].height == weeks.height
    return released


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    warehouse = DbtWarehouse.create(tmp_path_factory.mktemp("cannibalization"))
    reference(warehouse)
    warehouse.take_in("b1", unlocks=unlocks())
    warehouse.run(full_refresh=True, select=MODELS)
    warehouse.build(select=[model.removeprefix("+") for model in MODELS])
    return release(warehouse)


def test_the_panel_holds_full_weeks_net_of_fees(released: dict[str, pl.DataFrame]) -> None:
    panel = released["panel"]
    assert panel.height == (len(LAUNCHED) + len(CONTROLS)) * WEEKS
    first = panel.filter((pl.col("country") == "AC") & (pl.col("week_start") == FIRST)).row(0, named=True)
    assert first["own_app_net_micros"] == 8_000_000 * (1_000_000 - STORE_FEE) // 1_000_000
    assert first["in_platform_net_micros"] == 0
    assert first["launch_week"] == FIRST + timedelta(weeks=5)
    last = panel.filter((pl.col("country") == "AC") & (pl.col("week_start") == FIRST + timedelta(weeks=11)))
    usual = 8_000_000 * 133 // 100
    assert last["own_app_net_micros"].item() == usual * 3 // 4 * (1_000_000 - STORE_FEE) // 1_000_000
    assert last["in_platform_net_micros"].item() == usual // 2 * (1_000_000 - PLATFORM_FEE) // 1_000_000
    korea = panel.filter(pl.col("country") == "KR")
    assert korea["launch_week"].is_null().all()
    assert korea["own_app_net_micros"].max() < 100_000_000


def test_the_written_diversion_is_found(released: dict[str, pl.DataFrame]) -> None:
    kappa = (0.25 * (1 - STORE_FEE / 1e6)) / (0.5 * (1 - PLATFORM_FEE / 1e6))
    for row in released["diversion"].iter_rows(named=True):
        assert row["status"] == "ok"
        assert row["kappa"] == pytest.approx(kappa, rel=1e-4)
        assert row["n_clusters"] == len(LAUNCHED) + len(CONTROLS)
        assert row["displaced_minor"] == pytest.approx(kappa * row["in_platform_minor"], abs=2)
        assert row["ci_low"] <= row["kappa"] <= row["ci_high"]
    panel = released["panel"].filter(pl.col("week_start") >= pl.col("launch_week"))
    platform = panel["in_platform_net_micros"].sum() / 10_000
    assert released["diversion"]["in_platform_minor"].to_list() == [pytest.approx(platform, abs=1)] * 2


def test_the_event_study_steps_at_launch(released: dict[str, pl.DataFrame]) -> None:
    table = released["event_study"].filter((pl.col("method") == "staggered_did") & (pl.col("status") == "ok"))
    effects = dict(zip(table["event_week"], table["att"], strict=True))
    assert min(effects) < 0 < max(effects)
    for week, effect in effects.items():
        assert effect == pytest.approx(-0.2876821 if week >= 0 else 0.0, abs=1e-4)


def test_without_fees_nothing_is_claimed(tmp_path: Path) -> None:
    warehouse = DbtWarehouse.create(tmp_path)
    reference(warehouse)
    warehouse.load_reference("fee_schedule", [])
    warehouse.take_in("b1", unlocks=unlocks())
    warehouse.run(full_refresh=True, select=MODELS)
    found = release(warehouse)["diversion"]
    assert found["status"].to_list() == ["not_identified"] * 2
    assert found["kappa"].is_null().all()
    assert "fee" in found["status_reason"][0]


def test_an_empty_warehouse_says_so(tmp_path: Path) -> None:
    warehouse = DbtWarehouse.create(tmp_path)
    warehouse.run(full_refresh=True, select=MODELS)
    found = release(warehouse)
    assert found["panel"].height == found["event_study"].height == 0
    assert found["diversion"]["status"].to_list() == ["not_identified"] * 2
