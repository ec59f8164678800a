"""One night with platforms' own files beside this project's: what TikTok and AdMob wrote is in the release, once."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from nights import FIRST_NIGHT, Command, succeed

ORDER, IMPRESSION, UNIT = "O-native-1", "CIjm-native-1", "ca-app-pub-3940256099942544/5224354917"


pytestmark = pytest.mark.full  # several whole runs


def _append(path: Path, header: str, row: str) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else header + "\n"
    path.write_text(text + row + "\n", encoding="utf-8")


def _webhook(event: str, at: datetime, app: str, viewer: str, **content: Any) -> str:
    body = {"trade_order_id": "TOID-native-1", "order_id": ORDER, **content}
    return json.dumps(
        {
            "client_key": app,
            "event": f"minis.trade_order.redeem.{event}",
            "create_time": int(at.timestamp()),
            "user_openid": viewer,
            "content": json.dumps(body),
        }
    )


def _one(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    (row,) = rows
    return row


def test_platforms_own_files_end_in_the_release(world: Path, command: Command) -> None:
    reference = world / "reference"
    with (reference / "episode_id_map.csv").open(encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    with (reference / "series_listing.csv").open(encoding="utf-8") as stream:
        minis = {row["app_id"] for row in csv.DictReader(stream) if row["surface"] == "tiktok_minis"}
    episode = next(row for row in listed if row["app_id"] in minis and int(row["episode_seq"]) > 12)
    app = episode["app_id"]
    _append(
        reference / "trade_order.csv",
        "app_id,order_id,product_id,quantity,token_amount",
        f"{app},{ORDER},{episode['platform_episode_id']},2,20",
    )
    _append(reference / "ad_unit_map.csv", "mediation,ad_unit_id,surface,app_id", f"admob,{UNIT},ext_android,android-9")
    at = datetime.fromisoformat(FIRST_NIGHT.replace("Z", "+00:00")).astimezone(UTC) - timedelta(days=10)
    paid = _webhook("success", at, app, "")
    back = _webhook("refund_traceback", at + timedelta(hours=1), app, "", refund_amount=8)
    orders = world / "landing" / "tiktok_trade_orders"
    orders.mkdir(parents=True)
    # The refund is delivered first, the order twice.
    (orders / "webhooks.jsonl").write_text(f"{back}\n{paid}\n{paid}\n", encoding="utf-8")
    shown = {
        "responseId": IMPRESSION,
        "adUnitId": UNIT,
        "adFormat": "interstitial",
        "valueMicros": 12345,
        "currencyCode": "USD",
        "precisionType": "PRECISE",
        "eventTimeMillis": int(at.timestamp() * 1000),
    }
    ads = world / "landing" / "admob_paid_events"
    ads.mkdir(parents=True)
    (ads / "events.jsonl").write_text(json.dumps(shown) + "\n", encoding="utf-8")

    told = json.loads(succeed(command(world, "run", "--json", CLIFFHANGER_NOW=FIRST_NIGHT)))

    assert told["state"] == "released"
    with duckdb.connect(str(world / "published" / "cliffhanger.duckdb"), read_only=True) as release:
        unlock = release.execute(
            "select source, series_id, episode_seq_from, episode_seq_to, token_paid, refund_tokens, net_token_paid "
            "from core.fct_unlock where order_id = ?",
            [ORDER],
        ).fetchall()
        impression = release.execute(
            "select app_id, series_id, revenue_micros, currency from core.fct_ad_impression where impression_id = ?",
            [IMPRESSION],
        ).fetchall()
    first = int(episode["episode_seq"])
    assert _one(unlock) == ("webhook", episode["series_id"], first, first + 1, 20, 8, 12)
    assert _one(impression) == ("android-9", None, 12345, "USD")
    with duckdb.connect(str(world / "warehouse" / "warehouse.duckdb"), read_only=True) as warehouse:
        books = warehouse.execute(
            "select file_name, lines_read, accepted, duplicate from raw.files where file_name like 'tiktok%'"
        ).fetchall()
        revenue = warehouse.execute(
            "select revenue_amount from raw.ads where impression_id = ?", [IMPRESSION]
        ).fetchall()
    assert _one(books) == ("tiktok_trade_orders/webhooks.jsonl", 3, 2, 1)
    assert _one(revenue) == (Decimal("0.012345"),)
