"""A price experiment written by hand, from raw rows to the released comparison."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dbt_warehouse import DbtWarehouse
from view_rows import moment, watch

from dagster_project.inference.uplift import UPLIFT_KEYS, uplift

MODELS = ("+mrt_discounts__uplift", "+mrt_discounts__arm_moments")
MONDAY = moment("2026-03-02 10:00:00")
END = moment("2026-04-01 00:00:00")
DAY = timedelta(days=1)


def row(viewer: str, event_type: str, at: datetime, arm: str | None, **columns: Any) -> dict[str, Any]:
    return {
        "source": "own",
        "order_id": f"{viewer}-{event_type}",
        "line_no": 1,
        "event_seq": 0,
        "event_type": event_type,
        "surface": "ext_web",
        "app_id": "app",
        "viewer_id": viewer,
        "series_id": "s",
        "episode_seq_from": 9,
        "episode_seq_to": 9,
        "experiment_id": "x",
        "arm": arm,
        "token_paid": 0,
        "token_bonus": 0,
        "event_ts": at,
        "received_ts": at + timedelta(seconds=1),
        "country": "US",
        **columns,
    }


def offer(viewer: str, arm: str, at: datetime = MONDAY, **columns: Any) -> dict[str, Any]:
    price = 50 if arm == "control" else 45
    return row(viewer, "offered", at, arm, list_price_tokens=50, offered_price_tokens=price, **columns)


def purchase(viewer: str, arm: str | None, at: datetime, tokens: int, **columns: Any) -> dict[str, Any]:
    value = {"token_paid": tokens, "price_amount": f"{tokens / 100:.6f}", "price_currency": "USD"}
    return row(viewer, "unlocked", at, arm, unlock_method="coin", **{**value, **columns})


def stories() -> dict[str, list[dict[str, Any]]]:
    """Four viewers in control, four in the discount arm, and some who do not count."""
    unlocks = [offer(f"c{number}", "control") for number in range(4)]
    unlocks += [offer(f"d{number}", "discount10") for number in range(4)]
    unlocks += [
        purchase("c0", "control", MONDAY + DAY, 50),
        row("c0", "refunded", MONDAY + 2 * DAY, "control", unlock_method="coin", order_id="c0-unlocked",
            event_seq=1, token_paid=-25, price_amount="-0.250000", price_currency="USD"),
        purchase("d0", "discount10", MONDAY + DAY, 45),
        # A block of three episodes, beyond a week.
        purchase("d1", "discount10", MONDAY + 10 * DAY, 135, episode_seq_to=11),
        # Bonus coins only: converted, nothing paid.
        purchase("d2", "discount10", MONDAY + DAY, 0, token_bonus=45, price_amount=None, price_currency=None),
        # Another series, without the experiment's mark: the viewer's all the same.
        purchase("c1", None, MONDAY + DAY, 40, series_id="other", experiment_id=None),
        # Out: a test, an assignment without a price, an offer that is too recent for any horizon.
        offer("t", "discount10", is_test=True),
        row("u", "offered", MONDAY, "discount10"),
        offer("late", "discount10", END - DAY),
        purchase("late", "discount10", END - DAY + timedelta(hours=1), 45),
        offer("clock", "control", END - timedelta(minutes=1), experiment_id="y"),
    ]  # fmt: skip
    return {"unlocks": unlocks, "views": watch("c0", "s", 8, MONDAY - DAY)}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    warehouse = DbtWarehouse.create(tmp_path_factory.mktemp("discounts"))
    warehouse.take_in("b1", **stories())
    warehouse.run(full_refresh=True, select=MODELS)
    warehouse.build(select=[model.removeprefix("+") for model in MODELS])
    return release(warehouse)


def release(warehouse: DbtWarehouse) -> pl.DataFrame:
    marts = {model.removeprefix("+"): warehouse.frame(f"marts.{model.removeprefix('+')}") for model in MODELS}
    mart = marts["mrt_discounts__uplift"]
    found = mart.join(uplift(marts), on=list(UPLIFT_KEYS))
    assert found.height == mart.height
    return found


def comparison(table: pl.DataFrame, metric: str, days: int) -> dict[str, Any]:
    found = table.filter(
        (pl.col("experiment_id") == "x")
        & (pl.col("metric") == metric)
        & (pl.col("horizon_days") == days)
        & (pl.col("segment") == "all")
    )
    assert found.height == 1
    return found.row(0, named=True)


def test_everyone_exposed_counts_whoever_bought(released: pl.DataFrame) -> None:
    row = comparison(released, "conversion", 7)
    assert (row["control_arm"], row["arm"]) == ("control", "discount10")
    assert (row["n_control"], row["n_treatment"]) == (4, 4)
    assert (row["n_exposed_control"], row["n_exposed_treatment"]) == (4, 5)
    assert row["status"] == "ok"
    assert (row["mean_control"], row["mean_treatment"]) == (0.5, 0.5)
    assert row["difference"] == 0


def test_the_longer_horizon_holds_the_later_purchase(released: pl.DataFrame) -> None:
    assert comparison(released, "conversion", 28)["mean_treatment"] == pytest.approx(0.75)
    assert comparison(released, "paid_units", 7)["mean_treatment"] == pytest.approx(1 / 4)
    assert comparison(released, "paid_units", 28)["mean_treatment"] == pytest.approx(4 / 4)


def test_revenue_is_net_of_refunds_in_currency_units(released: pl.DataFrame) -> None:
    row = comparison(released, "net_revenue", 7)
    assert row["currency"] == "USD"
    assert row["mean_control"] == pytest.approx((0.50 - 0.25 + 0.40) / 4)
    assert row["mean_treatment"] == pytest.approx(0.45 / 4)


def test_segments_repeat_the_whole_when_there_is_one(released: pl.DataFrame) -> None:
    own = released.filter(pl.col("segment") == "ext_web").drop("segment").sort("metric", "horizon_days")
    overall = released.filter(pl.col("segment") == "all").drop("segment").sort("metric", "horizon_days")
    assert own.equals(overall)


def test_an_experiment_of_one_arm_is_compared_with_nothing(released: pl.DataFrame) -> None:
    assert set(released["experiment_id"]) == {"x"}


def test_an_empty_warehouse_has_no_rows(tmp_path: Path) -> None:
    warehouse = DbtWarehouse.create(tmp_path)
    warehouse.run(full_refresh=True, select=MODELS)
    assert release(warehouse).height == 0
