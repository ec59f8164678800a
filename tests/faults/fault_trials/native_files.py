"""Files as platforms write them, each record beside the canonical row it must become."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fault_trials.world import FIRST_DAY, Delivery, Meaning, Row, packed, read_feed

REFERENCE: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
    "episode_id_map": (
        ("app_id", "platform_episode_id", "series_id", "episode_seq"),
        [("mini-1", "7400000000000000011", "S-ROOF", 11)],
    ),
    "trade_order": (
        ("app_id", "order_id", "product_id", "quantity", "token_amount"),
        [("mini-1", "O-1", "7400000000000000011", 1, 10)],
    ),
    "ad_unit_map": (
        ("mediation", "ad_unit_id", "surface", "app_id"),
        [
            ("max", "max-unit", "ext_android", "android-1"),
            ("levelplay", "lp-unit", "ext_ios", "ios-1"),
            ("admob", "ca-app-pub-1/2", "ext_android", "android-1"),
            ("douyin", "ad-unit-9", "ext_android", "android-1"),
        ],
    ),
    "ad_placement_map": (
        ("app_id", "placement_id", "series_id", "episode_seq"),
        [("android-1", "roof_end_3", "S-ROOF", 3), ("ios-1", "roof", "S-ROOF", "")],
    ),
}
"""The reference rows that records are looked up in: columns and rows by table."""

UNKNOWN_ID = "*"
"""Stands for a key that the project makes itself out of what a record says."""
_RECORDS = 12


def native_deliveries(feed: str, chance: random.Random) -> list[Delivery]:
    """Two files of each platform whose records become rows of this feed."""
    writers: dict[str, tuple[Callable[[str, random.Random], Delivery], ...]] = {
        "unlocks": (_tiktok,),
        "ads": (_max, _levelplay, _admob, _douyin),
        "topups": (_revenuecat,),
        "platform_statement": (_sheet,),
        "store_statement_line": (_play, _apple),
    }
    return [write(part, chance) for write in writers.get(feed, ()) for part in ("a", "b")]


def _row(feed: str, **values: Any) -> Row:
    row: Row = dict.fromkeys(read_feed(feed).columns)
    row.update(values)
    assert len(row) == len(read_feed(feed).columns), "a value for a column that the feed does not have"
    return row


def _moment(chance: random.Random) -> datetime:
    return FIRST_DAY + timedelta(seconds=chance.randrange(86_400 * 8), milliseconds=chance.randrange(1000))


def _millis(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _json_file(feed: str, name: str, records: Sequence[tuple[dict[str, Any] | str, Meaning]]) -> Delivery:
    text = "".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record, _ in records)
    lines = tuple(enumerate((meaning for _, meaning in records), start=1))
    return Delivery(feed, name, packed(name, text.encode()), lines)


def _table_file(
    feed: str,
    name: str,
    header: Sequence[str],
    records: Sequence[tuple[Sequence[Any], Meaning]],
    delimiter: str = ",",
    trailer: Sequence[Sequence[Any]] = (),
) -> Delivery:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *(record for record, _ in records), *trailer])
    lines = tuple(enumerate((meaning for _, meaning in records), start=2))
    return Delivery(feed, name, packed(name, out.getvalue().encode()), lines)


def _tiktok(part: str, chance: random.Random) -> Delivery:
    records: list[tuple[dict[str, Any] | str, Meaning]] = []
    for number in range(_RECORDS):
        at = _moment(chance).replace(microsecond=0)
        received = at + timedelta(seconds=1 + number)
        tokens, quantity = chance.randrange(1, 500), chance.randrange(1, 4)
        content = {"trade_order_id": f"TO-{part}-{number}", "order_id": f"O-{part}-{number}", "is_sandbox": False}
        order = {"token_amount": tokens, "order_info": {"product_id": "7400000000000000011", "quantity": quantity}}
        record = {
            "client_key": "mini-1",
            "event": "minis.trade_order.redeem.success",
            "create_time": _millis(at) // 1000,
            "user_openid": f"open-{number}",
            "content": json.dumps(content),
            "order": order,
            "received_ts": received.isoformat(),
        }
        meaning = _row(
            "unlocks",
            source="webhook",
            order_id=f"O-{part}-{number}",
            line_no=1,
            event_seq=1,
            event_type="unlocked",
            platform_order_id=f"TO-{part}-{number}",
            surface="tiktok_minis",
            app_id="mini-1",
            viewer_id=f"open-{number}",
            series_id="S-ROOF",
            episode_seq_from=11,
            episode_seq_to=10 + quantity,
            unlock_method="beans",
            token_type="BEANS",
            token_paid=tokens,
            token_bonus=0,
            event_ts=at,
            received_ts=received,
            is_test=False,
        )
        records.append((record, meaning))
    records.append(records[0])  # told twice
    records.append(("not json", "bad_json"))
    return _json_file("unlocks", f"tiktok_trade_orders/{part}.jsonl", records)


def _impression(**values: Any) -> Row:
    return _row("ads", event_type="impression", verification="client_only", **values)


def _max(part: str, chance: random.Random) -> Delivery:
    header = (
        *("Date", "Ad Unit ID", "Ad Unit Name", "Waterfall", "Ad Format", "Placement", "Country", "Device Type"),
        *("IDFA", "IDFV", "User ID", "Revenue", "Ad Placement"),
    )
    records: list[tuple[Sequence[Any], Meaning]] = []
    for number in range(_RECORDS):
        at = _moment(chance)
        revenue = Decimal(chance.randrange(10**6)).scaleb(-6)
        spelt = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
        user = f"u-{part}-{number}"
        fields = ("Name, of it", "Default", "REWARD", "net-1", "us", "PHONE", "", "", user, revenue, "roof_end_3")
        meaning = _impression(
            ad_event_id=UNKNOWN_ID,
            surface="ext_android",
            app_id="android-1",
            viewer_id=user,
            series_id="S-ROOF",
            episode_seq=3,
            placement_id="roof_end_3",
            ad_format="rewarded",
            revenue_amount=revenue,
            currency="USD",
            mediation="max",
            country="US",
            event_ts=at,
            received_ts=at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=32),
        )
        records.append(((spelt, "max-unit", *fields), meaning))
    spoilt = [*records[0][0]]
    spoilt[1] = "unknown"
    records.append((spoilt, "unmapped"))
    return _table_file("ads", f"applovin_max/{part}.csv", header, records)


def _levelplay(part: str, chance: random.Random) -> Delivery:
    records: list[tuple[dict[str, Any] | str, Meaning]] = []
    for number in range(_RECORDS):
        at, delay = _moment(chance), timedelta(milliseconds=1 + number)
        micros = chance.randrange(10**6)
        record = {
            "auctionId": f"auction-{part}-{number}",
            "adFormat": "rewarded_video",
            "mediationAdUnitId": "lp-unit",
            "country": "JP",
            "placement": "roof",
            "adNetwork": "ironsource",
            "revenue": micros / 10**6,
            "precision": "BID",
            "eventTimestamp": _millis(at),
            "receivedTimestamp": _millis(at + delay),
            "userId": f"u-{number}",
        }
        meaning = _impression(
            ad_event_id=f"levelplay-auction-{part}-{number}",
            impression_id=f"auction-{part}-{number}",
            surface="ext_ios",
            app_id="ios-1",
            viewer_id=f"u-{number}",
            series_id="S-ROOF",
            placement_id="roof",
            ad_format="rewarded",
            revenue_amount=Decimal(micros).scaleb(-6),
            currency="USD",
            revenue_precision="BID",
            network="ironsource",
            mediation="levelplay",
            country="JP",
            event_ts=at,
            received_ts=at + delay,
        )
        records.append((record, meaning))
    records.append(("[]", "not_object"))
    return _json_file("ads", f"levelplay_impressions/{part}.jsonl.gz", records)


def _admob(part: str, chance: random.Random) -> Delivery:
    records: list[tuple[dict[str, Any] | str, Meaning]] = []
    for number in range(_RECORDS):
        at, micros = _moment(chance), chance.randrange(10**15)
        record = {
            "responseId": f"response-{part}-{number}",
            "adUnitId": "ca-app-pub-1/2",
            "adFormat": "interstitial",
            "valueMicros": micros,
            "currencyCode": "JPY",
            "precisionType": 3,
            "placement": "roof_end_3",
            "eventTimeMillis": _millis(at),
            "deviceId": f"device-{number}",
        }
        meaning = _impression(
            ad_event_id=f"admob-response-{part}-{number}",
            impression_id=f"response-{part}-{number}",
            surface="ext_android",
            app_id="android-1",
            anon_id=f"device-{number}",
            series_id="S-ROOF",
            episode_seq=3,
            placement_id="roof_end_3",
            ad_format="interstitial",
            revenue_amount=Decimal(micros).scaleb(-6),
            currency="JPY",
            revenue_precision="PRECISE",
            mediation="admob",
            event_ts=at,
            received_ts=at,
        )
        records.append((record, meaning))
    records.append(records[3])
    records.append(({**_object(records[0][0]), "adUnitId": "unknown"}, "unmapped"))
    return _json_file("ads", f"admob_paid_events/{part}.jsonl", records)


def _object(record: dict[str, Any] | str) -> dict[str, Any]:
    assert isinstance(record, dict)
    return record


def _douyin(part: str, chance: random.Random) -> Delivery:
    records: list[tuple[dict[str, Any] | str, Meaning]] = []
    for number in range(_RECORDS):
        at, cost = _moment(chance).replace(microsecond=0), chance.randrange(10**6)
        record = {
            "id": f"74{part}{number}",
            "ad_unit_id": "ad-unit-9",
            "ad_type": "rewarded",
            "open_id": f"open-{number}",
            "cost": cost,
            "event_time": _millis(at) // 1000,
            "receive_time": _millis(at) // 1000 + 30,
        }
        meaning = _impression(
            ad_event_id=f"douyin-74{part}{number}",
            impression_id=f"74{part}{number}",
            surface="ext_android",
            app_id="android-1",
            viewer_id=f"open-{number}",
            placement_id="ad-unit-9",
            ad_format="rewarded",
            revenue_amount=Decimal(cost).scaleb(-5),
            currency="CNY",
            network="douyin",
            event_ts=at,
            received_ts=at + timedelta(seconds=30),
        )
        records.append((record, meaning))
    records.append(("", "blank"))
    return _json_file("ads", f"douyin_impression_cost/{part}.jsonl", records)


def _revenuecat(part: str, chance: random.Random) -> Delivery:
    records: list[tuple[dict[str, Any] | str, Meaning]] = []
    for number in range(_RECORDS):
        bought = _moment(chance)
        told = bought + timedelta(seconds=7)
        price = Decimal(chance.randrange(1, 10**5)).scaleb(-2)
        event = {
            "type": "NON_RENEWING_PURCHASE",
            "event_timestamp_ms": _millis(told),
            "app_id": "ios-1",
            "app_user_id": f"u-{number}",
            "product_id": "coins_100",
            "purchased_at_ms": _millis(bought),
            "expiration_at_ms": None,
            "environment": "PRODUCTION",
            "transaction_id": f"2000-{part}-{number}",
            "original_transaction_id": f"2000-{part}-{number}",
            "country_code": "US",
            "currency": "USD",
            "price_in_purchased_currency": float(price),
            "store": "APP_STORE",
        }
        meaning = _row(
            "topups",
            store="apple",
            store_transaction_id=f"2000-{part}-{number}",
            original_transaction_id=f"2000-{part}-{number}",
            event_type="purchase",
            product_type="coin_pack",
            sku_id="coins_100",
            gross_amount=price,
            currency="USD",
            app_id="ios-1",
            viewer_id=f"u-{number}",
            country="US",
            event_ts=bought,
            received_ts=told,
            is_test=False,
        )
        records.append(({"api_version": "1.0", "event": event}, meaning))
    records.append(records[1])
    records.append(({"api_version": "1.0", "event": {"type": "TRANSFER"}}, "not_mapped"))
    return _json_file("topups", f"revenuecat_events/{part}.jsonl", records)


def _sheet(part: str, chance: random.Random) -> Delivery:
    header = (
        *("Statement No.", "Revenue Stream", "Region", "Period Start", "Period End", "Issued On", "Status"),
        *("Gross Revenue", "Refunds", "Settlement Amount", "Currency"),
    )
    records: list[tuple[Sequence[Any], Meaning]] = []
    for number in range(_RECORDS):
        gross = Decimal(chance.randrange(10**9)).scaleb(-2)
        issued = date(2026, 5, 20)
        start, end = date(2026, 5, 1), date(2026, 5, 15)
        fields = ("Beans", "ams", start, end, issued, "Confirmed", f"{gross:,}", "0", gross, "usd")
        meaning = _row(
            "platform_statement",
            platform="tiktok",
            statement_no=f"TT-{part}-{number}",
            version=1,
            stream="iap_beans",
            region_entity="AMS",
            period_start=start,
            period_end=end,
            issued_on=issued,
            status="confirmed",
            gross=gross,
            refund=Decimal(0),
            settleable=gross,
            currency="USD",
        )
        records.append(((f"TT-{part}-{number}", *fields), meaning))
    lottery = [*records[0][0]]
    lottery[1] = "Lottery"
    records.append((lottery, "enum"))
    return _table_file("platform_statement", f"platform_sheet/{part}.csv", header, records, delimiter=";")


def _play(part: str, chance: random.Random) -> Delivery:
    header = (
        *("Description", "Transaction Date", "Transaction Time", "Tax Type", "Transaction Type", "Refund Type"),
        *("Product Title", "Product id", "Product Type", "Sku Id", "Hardware", "Buyer Country", "Buyer State"),
        *("Buyer Postal Code", "Buyer Currency", "Amount (Buyer Currency)", "Currency Conversion Rate"),
        *("Merchant Currency", "Amount (Merchant Currency)"),
    )
    records: list[tuple[Sequence[Any], Meaning]] = []
    for number in range(_RECORDS):
        amount = Decimal(chance.randrange(1, 10**6)).scaleb(-2)
        order = (f"GPA.{part}-{number}", f"May {1 + number}, 2026", "1:02:03 AM PDT", "", "Charge", "")
        bought = ("100 coins", "com.roof.drama", 1, "coins_100", "", "US", "CA", "94043")
        meaning = _row(
            "store_statement_line",
            store="google",
            period="2026-05",
            line_no=2 + number,
            event_type="charge",
            line_type="charge",
            sku_id="coins_100",
            country="US",
            amount=amount,
            currency="USD",
        )
        records.append(((*order, *bought, "USD", amount, "1.000000", "USD", amount), meaning))
    mystery = [*records[0][0]]
    mystery[4] = "Mystery"
    records.append((mystery, "not_mapped"))
    return _table_file("store_statement_line", f"google_play_earnings/{part}.csv", header, records)


def _apple(part: str, chance: random.Random) -> Delivery:
    header = (
        *("Start Date", "End Date", "UPC", "Vendor Identifier", "Quantity", "Partner Share"),
        *("Extended Partner Share", "Partner Share Currency", "Sales or Return", "Apple Identifier", "Country Of Sale"),
    )
    records: list[tuple[Sequence[Any], Meaning]] = []
    for number in range(_RECORDS):
        quantity = chance.randrange(1, 20)
        share = Decimal(chance.randrange(1, 10**4)).scaleb(-2)
        month = ("03/29/2026", "05/02/2026", "", f"coins_{number}", quantity, share, share * quantity)
        meaning = _row(
            "store_statement_line",
            store="apple",
            period="2026-03-29/2026-05-02",
            line_no=2 + number,
            event_type="sale",
            line_type="proceeds",
            sku_id=f"coins_{number}",
            country="US",
            quantity=quantity,
            amount=share * quantity,
            currency="USD",
        )
        records.append(((*month, "USD", "S", "1234567890123456789", "US"), meaning))
    trailer = [("Total_Rows", len(records)), ("Total_Amount", "0")]
    return _table_file(
        "store_statement_line", f"apple_financial_report/{part}.txt", header, records, delimiter="\t", trailer=trailer
    )
