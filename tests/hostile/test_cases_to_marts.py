"""Cases that trip real systems, each from the delivered line to the fact or mart it would spoil.

One small world: Monday is 2 March 2026, the series `s` has five episodes of a minute; on the web its third one becomes
paid on Thursday, in Japan it always was. Every figure below is worked out by hand from the rows beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
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
    base |= {"playback_id": f"pb-{name}-{episode}", "viewer_id": name, "episode_id": f"s-{episode}", "duration_ms": 60_000}
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
    bought("OFFER", END, event_type="offered", unlock_method=None, token_paid=0, price_amount=None, price_currency=None),
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
    texts["statements/platform/a.csv"] = table([STATEMENT], tuple(STATEMENT)).encode()
    texts["statements/platform_lines/a.csv"] = table(LINES, tuple(LINES[0])).encode()
    contract = statement_contracts()["platform_statement_line"]
    for name, data in texts.items():
        path = layout.landing / name.replace("statements/platform_lines", contract.landing)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DbtWarehouse:
    layout = DataLayout(tmp_path_factory.mktemp("cases"))
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


def order(world: DbtWarehouse, name: str, columns: str) -> tuple[Any, ...]:
    rows = world.query(f"select {columns} from core.fct_unlock where order_id = ?", name)
    assert len(rows) == 1
    return rows[0]


def test_a_refund_above_the_original_is_kept_as_it_is(world: DbtWarehouse) -> None:
    assert order(world, "R-ABOVE", "token_paid, refund_tokens, net_token_paid, net_micros") == (10, 15, -5, -50_000)


def test_two_partial_refunds_before_their_order_net_it_to_nothing(world: DbtWarehouse) -> None:
    found = order(world, "R-BEFORE", "token_paid, refund_count, refund_tokens, net_token_paid, net_micros, unlocked_at")
    assert found == (10, 2, 10, 0, 0, MONDAY)


def test_a_batch_of_sixty_is_its_total_once_however_it_is_told(world: DbtWarehouse) -> None:
    sums = "count(*), sum(token_paid), sum(net_micros), min(episode_seq_from), max(episode_seq_to)"
    found = {
        name: world.query(f"select {sums} from core.fct_unlock where order_id = ?", name)
        for name in ("BATCH-LINES", "BATCH-RANGE")
    }
    assert found == {"BATCH-LINES": [(60, 499, 4_990_000, 21, 80)], "BATCH-RANGE": [(1, 499, 4_990_000, 21, 80)]}


def test_bonus_tokens_unlock_and_are_worth_nothing(world: DbtWarehouse) -> None:
    assert order(world, "MIXED", "token_paid, token_bonus, net_micros") == (6, 4, 60_000)
    assert order(world, "BONUS", "token_paid, token_bonus, net_micros, unlocked_at") == (0, 10, None, MONDAY)


def test_nothing_paid_is_no_unpriced_unlock(world: DbtWarehouse) -> None:
    # BONUS and PASS have no price because they cost no paid token; every other unlock has one.
    found = world.query(
        "select n_unpriced_unlocks, unlock_net_micros from marts.mrt_weekly__series_week "
        "where series_id = 's' and week_start = '2026-03-02'"
    )
    assert found == [(0, -50_000 + 2 * 4_990_000 + 60_000 + 990_000 + 100_000)]


def test_coins_are_revenue_when_they_are_spent_not_when_they_are_bought(world: DbtWarehouse) -> None:
    assert world.query("select gross_micros from core.fct_topup where store_transaction_id = 'T-100'") == [(1_000_000,)]
    # 0.99 less the fee of 30 %; the pack of 1.00 is no revenue beside it.
    found = "select side, n_lines, net_micros from {} where country = 'CA'"
    assert world.query(found.format(relation(world, "int_market_revenue"))) == [("own_app", 1, 693_000)]


def test_an_order_told_by_hook_and_by_poll_counts_once(world: DbtWarehouse) -> None:
    assert order(world, "HOOKED", "token_paid, net_micros") == (10, 100_000)
    assert world.query("select accepted, duplicate from raw.files where feed = 'unlocks'") == [(len(UNLOCKS) - 1, 1)]


def test_tax_and_fee_are_told_beside_the_gross_amount(world: DbtWarehouse) -> None:
    found = world.query(
        "select store_transaction_id, gross_micros, tax_micros, fee_micros from core.fct_topup "
        "where store_transaction_id in ('T-GROSS', 'T-NET') order by 1"
    )
    assert found == [("T-GROSS", 1_190_000, 190_000, 300_000), ("T-NET", 1_000_000, None, None)]


def test_accounts_and_devices_are_viewers_of_their_own(world: DbtWarehouse) -> None:
    found = world.query("select distinct viewer_key from core.fct_play where regexp_matches(playback_id, 'open|device')")
    assert {key for (key,) in found} == {"mini-1|open-1", "mini-2|open-2", "web-1|~a-1", "web-1|~a-2"}


def test_a_price_changed_in_mid_week_and_a_markets_own_hold_from_their_moment(world: DbtWarehouse) -> None:
    found = world.query("select viewer_key, price_tokens from core.fct_gate_opportunity order by 1")
    assert found == [("web-1|japan", 12), ("web-1|thursday", 10)]


def test_host_versions_are_kept_as_they_were_told(world: DbtWarehouse) -> None:
    found = world.query(
        "select viewer_id, host_version from raw.views where viewer_id like '%-host' and event_type = 'start' order by 1"
    )
    assert found == [("new-host", "44.2.0"), ("no-host", None), ("old-host", "43.9.1")]


def relation(world: DbtWarehouse, name: str) -> str:
    return str(
        world.scalar("select table_schema || '.' || table_name from information_schema.tables where table_name = ?", name)
    )


def weights(world: DbtWarehouse, country: str) -> list[tuple[Any, ...]]:
    return world.query(
        f"select series_id, activity_date, quantity from {relation(world, 'int_activity_weights_counted')} "
        "where country = ? order by all",
        country,
    )


def test_an_ad_closed_early_and_replayed_weighs_once_and_one_without_a_series_weighs_for_nobody(
    world: DbtWarehouse,
) -> None:
    monday = date(2026, 3, 2)
    assert weights(world, "US") == [("UNATTRIBUTED", monday, 1), ("s", monday, 1), ("s2", monday, 1)]


def test_local_days_follow_the_change_of_the_clocks(world: DbtWarehouse) -> None:
    # 07:30 on the 8th is 23:30 of the 7th (UTC-8); 08:30 is the 8th; 06:30 on the 9th is 23:30 of the 8th (UTC-7).
    assert weights(world, "BR") == [("s", date(2026, 3, 7), 1), ("s", date(2026, 3, 8), 2), ("s", date(2026, 3, 9), 1)]


def test_a_negative_statement_is_split_whole_whatever_its_counts_say(world: DbtWarehouse) -> None:
    found = world.query(
        "select series_id, amount_minor from marts.mrt_payouts__allocations where statement_no = 'ST-NEGATIVE' order by 1"
    )
    # -400 by three equal weights: the cent that is left goes to one of them.
    assert [series for series, _ in found] == ["UNATTRIBUTED", "s", "s2"]
    assert sorted(amount for _, amount in found) == [-134, -133, -133]


def test_blank_cells_are_unknown_and_zeros_are_zero(world: DbtWarehouse) -> None:
    found = world.query("select country, quantity, amount from raw.platform_statement_line order by line_no")
    assert found == [("US", 900, None), ("CA", None, None), ("MX", 0, 0)]


def test_unknown_revenue_is_unknown_and_no_revenue_is_zero(world: DbtWarehouse) -> None:
    found = world.query(
        "select series_id, ad_impressions, n_unpriced_impressions, ad_revenue_micros from marts.mrt_weekly__series_week "
        "where week_start = '2026-03-02' and ad_impressions > 0 order by 1"
    )
    assert found == [("s", 3, 1, 500_000), ("s3", 1, 1, None)]
