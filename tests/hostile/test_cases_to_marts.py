"""Cases that trip real systems, each from the delivered line to the fact or mart it would spoil.

Every figure is worked out by hand from the rows of `case_world`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from case_world import MONDAY, UNLOCKS, take_in

from tests.warehouse.dbt_warehouse import DbtWarehouse


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DbtWarehouse:
    return take_in(tmp_path_factory.mktemp("cases"))


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
    found = world.query(
        "select distinct viewer_key from core.fct_play where regexp_matches(playback_id, 'open|device')"
    )
    assert {key for (key,) in found} == {"mini-1|open-1", "mini-2|open-2", "web-1|~a-1", "web-1|~a-2"}


def test_a_price_changed_in_mid_week_and_a_markets_own_hold_from_their_moment(world: DbtWarehouse) -> None:
    found = world.query("select viewer_key, price_tokens from core.fct_gate_opportunity order by 1")
    assert found == [("web-1|japan", 12), ("web-1|thursday", 10)]


def test_host_versions_are_kept_as_they_were_told(world: DbtWarehouse) -> None:
    found = world.query(
        "select viewer_id, host_version from raw.views "
        "where viewer_id like '%-host' and event_type = 'start' order by 1"
    )
    assert found == [("new-host", "44.2.0"), ("no-host", None), ("old-host", "43.9.1")]


def relation(world: DbtWarehouse, name: str) -> str:
    return str(
        world.scalar(
            "select table_schema || '.' || table_name from information_schema.tables where table_name = ?", name
        )
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
        "select series_id, amount_minor from marts.mrt_payouts__allocations "
        "where statement_no = 'ST-NEGATIVE' order by 1"
    )
    # -400 by three equal weights: the cent that is left goes to one of them.
    assert [series for series, _ in found] == ["UNATTRIBUTED", "s", "s2"]
    assert sorted(amount for _, amount in found) == [-134, -133, -133]


def test_advances_and_appeals_count_what_is_settled_once(world: DbtWarehouse) -> None:
    found = world.query(
        "select statement_no, component, sum(amount_minor) from marts.mrt_payouts__allocations "
        "where statement_no <> 'ST-NEGATIVE' group by all order by all"
    )
    assert found == [
        ("ST-ADVANCE", "advance", 300),
        ("ST-ADVANCE", "gross", 1_000),
        ("ST-ADVANCE", "true_up", -100),
        ("ST-NEW", "gross", 900),
        ("ST-TOLD", "gross", 1_000),
    ]


def test_blank_cells_are_unknown_and_zeros_are_zero(world: DbtWarehouse) -> None:
    found = world.query("select country, quantity, amount from raw.platform_statement_line order by line_no")
    assert found == [("US", 900, None), ("CA", None, None), ("MX", 0, 0)]


def test_unknown_revenue_is_unknown_and_no_revenue_is_zero(world: DbtWarehouse) -> None:
    found = world.query(
        "select series_id, ad_impressions, n_unpriced_impressions, ad_revenue_micros "
        "from marts.mrt_weekly__series_week where week_start = '2026-03-02' and ad_impressions > 0 order by 1"
    )
    assert found == [("s", 3, 1, 500_000), ("s3", 1, 1, None)]
