"""A small world of cases that trip real systems, as it is delivered.

Monday is 2 March 2026, the series `s` has five episodes of a minute; on the web its third one becomes
paid on Thursday, in Japan it always was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from catalogue import ad, json_lines, topup, unlock, view
from csv_files import table

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.render import reference_table_ddl
from dagster_project.ingest import ingest_feed, prepare_raw
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import load_ledger
from dagster_project.storage.warehouse import open_warehouse
from tests.warehouse.dbt_warehouse import DbtWarehouse

Row = dict[str, Any]
MODELS = (
    "+fct_unlock",
    "+fct_topup",
    "+fct_ad_impression",
    "+fct_gate_opportunity",
    "+mrt_weekly__series_week",
    "+int_market_revenue",
    "+mrt_payouts__allocations",
)
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
THURSDAY = datetime(2026, 3, 5, tzinfo=UTC)
END = datetime(2026, 3, 20, tzinfo=UTC)
DAY = timedelta(days=1)
PRICED = {"price_currency": "USD", "country": "US"}


def at(moment: datetime) -> Row:
    return {"event_ts": moment, "received_ts": moment + timedelta(seconds=1)}


def bought(order: str, moment: datetime = MONDAY, **columns: Any) -> Row:
    """An unlock of episode 3 of `s` on the web."""
    row = unlock(order, surface="ext_web", app_id="web-1", series_id="s", episode_seq_from=3, episode_seq_to=3)
    return {**row, "viewer_id": f"v-{order}", **PRICED, **at(moment), **columns}


def played(name: str, moment: datetime, episode: int = 2, **columns: Any) -> list[Row]:
    """A start and a stop after a minute."""
    base = {"surface": "ext_web", "app_id": "web-1", "series_id": "s", "episode_seq": episode, "country": "US"}
    base |= {
        "playback_id": f"pb-{name}-{episode}",
        "viewer_id": name,
        "episode_id": f"s-{episode}",
        "duration_ms": 60_000,
    }
    marks = (("start", 0), ("stop", 60_000))
    return [
        view(f"{name}-{episode}-{mark}", event_type=mark, position_ms=ms, watched_ms=ms)
        | base
        | at(moment + timedelta(milliseconds=ms))
        | columns
        for mark, ms in marks
    ]


def shown(name: str, moment: datetime, event_type: str = "complete", **columns: Any) -> Row:
    """A rewarded ad in the Mini; the platform reports no revenue for it."""
    row = ad(name, surface="tiktok_minis", app_id="mini-1", ad_format="rewarded", event_type=event_type)
    row |= {"impression_id": f"im-{name}", "series_id": "s", "country": "US", "network": "pangle", "is_ended": True}
    return {**row, "revenue_amount": None, "currency": None, **at(moment), **columns}


def batch_lines() -> list[Row]:
    """499 tokens for 60 episodes: 19 lines of 9 and 41 of 8."""
    tokens = [9] * 19 + [8] * 41
    return [
        bought("BATCH-LINES", line_no=line, episode_seq_from=20 + line, episode_seq_to=20 + line, token_paid=paid)
        | {"price_amount": f"0.{paid:02}"}
        for line, paid in enumerate(tokens, start=1)
    ]


VIEWS = [
    # One person twice: two accounts in two apps, and a device id that is new after the app was installed again.
    *played("open-1", MONDAY, 1, app_id="mini-1"),
    *played("open-2", MONDAY, 1, app_id="mini-2"),
    *played("device-1", MONDAY, 1, viewer_id=None, anon_id="a-1"),
    *played("device-2", MONDAY + DAY, 1, viewer_id=None, anon_id="a-2"),
    # Episode 2 before and after the third became paid.
    *played("wednesday", THURSDAY - timedelta(seconds=1)),
    *played("thursday", THURSDAY),
    *played("japan", THURSDAY - DAY, country="JP"),
    # Hosts that cannot show ads yet, and one that does not say.
    *played("old-host", MONDAY, 1, host_version="43.9.1"),
    *played("new-host", MONDAY, 1, host_version="44.2.0"),
    *played("no-host", MONDAY, 1, host_version=None),
    *played("last", END, 1),
]
UNLOCKS = [
    bought("R-ABOVE", token_paid=10, price_amount="0.10"),
    bought("R-ABOVE", MONDAY + DAY, event_type="refunded", token_paid=-15, price_amount="-0.15", refund_tokens=15),
    bought("R-BEFORE", MONDAY - DAY, event_type="refunded", token_paid=-4, price_amount="-0.04"),
    bought("R-BEFORE", MONDAY - DAY / 2, event_type="refunded", event_seq=2, token_paid=-6, price_amount="-0.06"),
    bought("R-BEFORE", MONDAY, token_paid=10, price_amount="0.10"),
    *batch_lines(),
    bought("BATCH-RANGE", episode_seq_from=21, episode_seq_to=80, token_paid=499, price_amount="4.99"),
    bought("MIXED", token_paid=6, token_bonus=4, price_amount="0.06"),
    bought("BONUS", token_paid=0, token_bonus=10, price_amount=None, price_currency=None),
    bought("PASS", unlock_method="subscription", token_type=None, token_paid=0, price_amount=None, price_currency=None),
    # Bought 100 coins, spent 99 of them.
    bought("SPENT", token_paid=99, price_amount="0.99", country="CA"),
    # The platform's hook and the operator's own poll of the same order.
    bought("HOOKED", source="webhook", token_paid=10, price_amount="0.10", country="MX"),
    bought("HOOKED", source="webhook", token_paid=10, price_amount="0.10", country="MX")
    | {"received_ts": MONDAY + DAY, "raw_payload": "polled"},
    bought(
        "OFFER", END, event_type="offered", unlock_method=None, token_paid=0, price_amount=None, price_currency=None
    ),
]
TOPUPS = [
    {**topup("T-100"), "gross_amount": "1.00", "tokens_paid": 100, "country": "CA", **at(MONDAY)},
    # The same pack, told with and without tax and fee.
    {**topup("T-GROSS"), "gross_amount": "1.19", "tax_amount": "0.19", "fee_amount": "0.30", **at(MONDAY)},
    {**topup("T-NET"), "gross_amount": "1.00", **at(MONDAY)},
    {**topup("T-LAST"), **at(END)},
]
PACIFIC_MIDNIGHT = datetime(2026, 3, 9, 7, tzinfo=UTC)
"""Of the night after the clocks went forward; the night before, midnight was at 8."""
ADS = [
    # Closed early, then replayed to its end; the early one is no reward and no weight.
    shown("early", MONDAY, is_ended=False),
    shown("replayed", MONDAY + timedelta(minutes=1), impression_id="im-early", is_ended=True),
    shown("other", MONDAY, series_id="s2", country="US"),
    shown("home", MONDAY, series_id=None),
    # Two on each side of the two midnights, in a country of their own.
    *(
        shown(f"dst-{hours}", PACIFIC_MIDNIGHT + timedelta(hours=hours), country="BR")
        for hours in (-23.5, -22.5, -0.5, 0.5)
    ),
    # Unknown revenue, no revenue, some revenue.
    shown("unknown", MONDAY, "impression", series_id="s3"),
    shown("unknown-2", MONDAY, "impression", surface="ext_web"),
    shown("nothing", MONDAY, "impression", surface="ext_web", revenue_amount="0", currency="USD"),
    shown("something", MONDAY, "impression", surface="ext_web", revenue_amount="0.5", currency="USD"),
    shown("clock", END, "request"),
]
STATEMENT: Row = {
    "platform": "tiktok",
    "statement_no": "ST-NEGATIVE",
    "version": 1,
    "stream": "iaa",
    "region_entity": "AMS",
    "period_start": "2026-03-01",
    "period_end": "2026-03-15",
    "statement_tz": "America/Los_Angeles",
    "issued_on": "2026-03-18",
    "status": "confirmed",
    "gross": "-4.00",
    "settleable": "-4.00",
    "currency": "USD",
}
STATEMENTS: list[Row] = [
    {**STATEMENT, "replaces_statement_no": None, "advance": None, "true_up": None},
    # An advance and what it is trued up by, both in what is settled; then an advance that is only told.
    {**STATEMENT, "statement_no": "ST-ADVANCE", "gross": "10.00", "advance": "3.00", "true_up": "-1.00"}
    | {"settleable": "12.00"},
    {**STATEMENT, "statement_no": "ST-TOLD", "gross": "10.00", "advance": "3.00", "settleable": "10.00"},
    # Replaced after an appeal: only the second one counts.
    {**STATEMENT, "statement_no": "ST-OLD", "gross": "7.00", "settleable": "7.00", "status": "appeal_review"},
    {**STATEMENT, "statement_no": "ST-NEW", "gross": "9.00", "settleable": "9.00", "replaces_statement_no": "ST-OLD"},
]
LINES: list[Row] = [
    # The platform counts another number of impressions than the log, and leaves small cells blank.
    {"platform": "tiktok", "statement_no": "ST-NEGATIVE", "version": 1, "line_no": 1, "country": "US"}
    | {"metric": "impressions", "quantity": 900, "amount": None},
    {"platform": "tiktok", "statement_no": "ST-NEGATIVE", "version": 1, "line_no": 2, "country": "CA"}
    | {"metric": "impressions", "quantity": None, "amount": None},
    {"platform": "tiktok", "statement_no": "ST-NEGATIVE", "version": 1, "line_no": 3, "country": "MX"}
    | {"metric": "impressions", "quantity": 0, "amount": "0"},
]
PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = {"series_id": "s", "episode_seq": 3, "surface": "ext_web"}
REFERENCE: Mapping[str, Sequence[Row]] = {
    "studios": [{"studio_id": "st", "name": "Studio"}],
    "series": [
        {"series_id": name, "studio_id": "st", "title": name, "total_episodes": 5} for name in ("s", "s2", "s3")
    ],
    "episodes": [
        {"series_id": "s", "episode_seq": seq, "duration_ms": 60_000, "published_ts": PUBLISHED} for seq in range(1, 6)
    ],
    "episode_access": [
        {**TERMS, "country": "*", "is_free": True, "valid_from": PUBLISHED, "valid_to": THURSDAY},
        {**TERMS, "country": "*", "is_free": False, "price_tokens": 10, "valid_from": THURSDAY},
        {**TERMS, "country": "JP", "is_free": False, "price_tokens": 12, "valid_from": PUBLISHED},
    ],
    "fee_schedule": [
        {"surface": "ext_web", "stream": "own_app", "fee_ppm": 300_000, "valid_from": "2025-01-01"},
    ],
    "periods": [
        {"platform": "tiktok", "stream": "iaa", "period": "2026-03-H1", "starts_on": "2026-03-01"}
        | {"ends_on": "2026-03-15", "tz": "America/Los_Angeles"},
    ],
    "region_map": [{"region_entity": "AMS", "country": "US"}],
    "reference_value": [
        {"kind": "ecpm", "surface": "*", "country": "*", "valid_from": "2026-01-01", "micros_usd": 1_000_000},
    ],
}


def land(layout: DataLayout) -> None:
    """Deliver everything: the logs as JSON lines, the statement and its lines as CSV."""
    logs = {"views": VIEWS, "unlocks": UNLOCKS, "topups": TOPUPS, "ads": ADS}
    texts = {f"{feed}/a.jsonl": json_lines(rows) for feed, rows in logs.items()}
    texts["statements/platform/a.csv"] = table(STATEMENTS, tuple(STATEMENTS[0])).encode()
    texts["statements/platform_lines/a.csv"] = table(LINES, tuple(LINES[0])).encode()
    contract = statement_contracts()["platform_statement_line"]
    for name, data in texts.items():
        path = layout.landing / name.replace("statements/platform_lines", contract.landing)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)


def take_in(root: Path) -> DbtWarehouse:
    """Deliver, take in, compute every fact and mart the cases are about."""
    layout = DataLayout(root)
    layout.prepare()
    land(layout)
    contracts = {**feed_contracts(), **statement_contracts()}
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, contracts)
        prepare_history(connection)
        load_ledger(connection, layout)
        connection.execute("create schema if not exists reference")
        for contract in reference_contracts().values():
            connection.execute(reference_table_ddl(contract))
        for contract in contracts.values():
            result = ingest_feed(connection, layout, contract, batch_id=f"night-{contract.name}", now=END + DAY)
            assert all(file.status == "loaded" and not file.rejected for file in result.files), result
    warehouse = DbtWarehouse(layout.warehouse_dir)
    for name, rows in REFERENCE.items():
        warehouse.load_reference(name, rows)
    warehouse.run(full_refresh=True, select=MODELS)
    return warehouse
