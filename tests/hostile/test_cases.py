"""Every case that is known to trip real systems, with the tests that show it and how far they follow it.

A case that no test follows to the figure it would spoil says so in `open`, in one sentence.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        name: What happens.
        reach: How far the tests follow it: `mart` (a fact, mart or payout), `estimate`, `raw` (the canonical row) or
            `none`.
        shown_by: `folder/file::test`, below `tests/` and without `.py`.
        open: What is not shown or not done, one sentence; empty when nothing is.
    """

    name: str
    reach: str
    shown_by: tuple[str, ...] = ()
    open: str = ""


TIKTOK, ADS, STORES = (f"warehouse/test_native_{name}::" for name in ("tiktok", "ads", "stores"))
HERE = "hostile/test_cases_to_marts::"
WORLD = "golden/test_handwritten_world::test_released_table_equals_hand_worked_rows"
PLAYS, GATE = "warehouse/test_dbt_plays::", "warehouse/test_dbt_gate::"
CLOSE, EXAMPLES, MONEY = (
    "warehouse/test_payouts_close::",
    "warehouse/test_payouts_examples::",
    "golden/test_money::",
)
PROPERTIES = "warehouse/test_payouts_properties::"
WEBHOOKS = f"{TIKTOK}test_webhooks_become_unlocks_with_books_that_add_up"
CASES = [
    Case(
        "duplicated webhook, also webhook and poll of the same order",
        "mart",
        (
            f"{TIKTOK}test_a_redelivery_days_later_and_the_operators_own_row_are_duplicates",
            f"{HERE}test_an_order_told_by_hook_and_by_poll_counts_once",
            WORLD,
        ),
        "the two must name one source: an order told under two sources is two orders",
    ),
    Case(
        "refund before its order",
        "mart",
        (f"{HERE}test_two_partial_refunds_before_their_order_net_it_to_nothing", WEBHOOKS),
    ),
    Case(
        "two partial refunds",
        "mart",
        (f"{HERE}test_two_partial_refunds_before_their_order_net_it_to_nothing", WEBHOOKS),
    ),
    Case("refund above the original", "mart", (f"{HERE}test_a_refund_above_the_original_is_kept_as_it_is",)),
    Case("doubly encoded content", "raw", (WEBHOOKS,)),
    Case("unknown and misspelt keys", "raw", (WEBHOOKS, f"{ADS}test_levelplay_revenue_keeps_its_digits")),
    Case("empty user_openid", "raw", (WEBHOOKS,)),
    Case("sandbox orders", "mart", (f"{TIKTOK}test_times_sandbox_and_pay_type", WORLD)),
    Case("missing is_sandbox", "raw", (f"{TIKTOK}test_times_sandbox_and_pay_type",)),
    Case(
        "epoch seconds against milliseconds",
        "raw",
        (
            f"{TIKTOK}test_what_cannot_be_mapped_is_in_quarantine_as_it_came",
            f"{ADS}test_levelplay_revenue_keeps_its_digits",
            f"{STORES}test_revenuecat_events_become_topups",
        ),
    ),
    Case("int64 ids", "mart", (WORLD, "hostile/test_hostile_folder::test_each_row_is_in_exactly_one_place")),
    Case(
        "batch unlock of 60 lines; 499 tokens by 60",
        "mart",
        (f"{HERE}test_a_batch_of_sixty_is_its_total_once_however_it_is_told", WEBHOOKS),
        "lines that each carry the order's total are taken at their word: nothing in the feed tells the total",
    ),
    Case("mixed paid and bonus coins", "mart", (f"{HERE}test_bonus_tokens_unlock_and_are_worth_nothing", WORLD)),
    Case(
        "all-bonus unlock: an unlock, zero cash, no payer",
        "mart",
        (
            f"{HERE}test_bonus_tokens_unlock_and_are_worth_nothing",
            f"{HERE}test_nothing_paid_is_no_unpriced_unlock",
            WORLD,
        ),
        "no mart counts payers",
    ),
    Case(
        "recharge 100, spend 99",
        "mart",
        (f"{HERE}test_coins_are_revenue_when_they_are_spent_not_when_they_are_bought",),
    ),
    Case(
        "one person with two open_ids; reinstall",
        "mart",
        (f"{HERE}test_accounts_and_devices_are_viewers_of_their_own", WORLD),
        "identity_link is loaded and not used: viewers are counted by app, which the definitions say",
    ),
    Case(
        "account switch",
        "mart",
        (
            f"{PLAYS}test_playback_that_changes_hands_belongs_to_its_first_viewer",
            "warehouse/test_dbt_affected::test_playback_gets_its_true_owner_from_a_later_delivery",
        ),
    ),
    Case("rewatch", "mart", (f"{PLAYS}test_each_content_second_counts_once", WORLD)),
    Case("autoplay preload", "mart", (f"{PLAYS}test_preload_is_a_playback_but_no_start", WORLD)),
    Case("scrub to the end is not completion", "mart", (f"{PLAYS}test_each_content_second_counts_once", WORLD)),
    Case("last episode has no next", "mart", (WORLD,)),
    Case("paywall exit is not boredom exit", "estimate", (f"{GATE}test_each_viewer_ends_in_one_state_after_a_day",)),
    Case(
        "free count or price changed mid-week, per market",
        "mart",
        (f"{HERE}test_a_price_changed_in_mid_week_and_a_markets_own_hold_from_their_moment",),
    ),
    Case("whole series delisted for days", "mart", (WORLD,)),
    Case("day cuts", "mart", (WORLD, f"{HERE}test_local_days_follow_the_change_of_the_clocks")),
    Case(
        "half-months",
        "mart",
        (
            f"{PROPERTIES}test_every_live_statement_is_allocated_whole",
            f"{HERE}test_advances_and_appeals_count_what_is_settled_once",
        ),
    ),
    Case(
        "fiscal months",
        "raw",
        (f"{STORES}test_apple_rows_keep_their_fiscal_month",),
        "store statements are taken in and reconciled with nothing",
    ),
    Case("change of the clocks", "mart", (f"{HERE}test_local_days_follow_the_change_of_the_clocks",)),
    Case(
        "a week across two contract versions",
        "mart",
        (
            f"{EXAMPLES}test_g11_an_amendment_in_mid_month",
            f"{PROPERTIES}test_every_cell_belongs_to_the_version_that_holds_on_its_day",
        ),
    ),
    Case("licence fee once per series", "none", open="licence fees are in the contracts and not paid out"),
    Case(
        "cap reached mid-period",
        "none",
        (f"{EXAMPLES}test_g2_tiers",),
        "there are no caps; a tier's limit that is reached in mid-period is shown",
    ),
    Case(
        "statement replaced after appeal",
        "mart",
        (
            f"{HERE}test_advances_and_appeals_count_what_is_settled_once",
            "unit/test_ledger_plan::test_a_replaced_statement_is_told_as_such_only_once",
        ),
    ),
    Case("advance and true-up", "mart", (f"{HERE}test_advances_and_appeals_count_what_is_settled_once",)),
    Case(
        "negative statement",
        "mart",
        (
            f"{HERE}test_a_negative_statement_is_split_whole_whatever_its_counts_say",
            "reports/test_statement::test_a_month_below_zero_pays_nothing_and_is_carried",
        ),
    ),
    Case(
        "paid is invoice less bank fee less withholding; exchange at payment date",
        "none",
        open="bank reconciliation, withholding and currency conversion are not supported yet",
    ),
    Case(
        "7 times a seventh of 100.00",
        "mart",
        (
            f"{EXAMPLES}test_g4_three_parties_a_third_each",
            f"{MONEY}test_three_equal_parts_of_a_hundred_lose_nothing",
            f"{MONEY}test_parts_add_up_and_stay_within_a_unit",
        ),
        "the worked examples have thirds; any number of parts is shown by property",
    ),
    Case("JPY has no decimals", "mart", (f"{MONEY}test_yen_have_no_decimals_and_dinars_three", WORLD)),
    Case(
        "ads without a series",
        "mart",
        (
            f"{HERE}test_an_ad_closed_early_and_replayed_weighs_once_and_one_without_a_series_weighs_for_nobody",
            WORLD,
        ),
    ),
    Case(
        "statement with more or fewer impressions than the log",
        "mart",
        (
            f"{HERE}test_a_negative_statement_is_split_whole_whatever_its_counts_say",
            f"{PROPERTIES}test_every_live_statement_is_allocated_whole",
        ),
        "the difference itself is reported nowhere",
    ),
    Case(
        "invalid-traffic deduction after the studio was paid",
        "mart",
        (
            f"{EXAMPLES}test_g3_a_deduction_after_close",
            f"{CLOSE}test_what_is_learned_after_a_close_is_posted_by_the_next",
        ),
    ),
    Case(
        "rewarded ad closed early, then replayed as complete",
        "mart",
        (f"{HERE}test_an_ad_closed_early_and_replayed_weighs_once_and_one_without_a_series_weighs_for_nobody",),
    ),
    Case(
        "US rows blank under 1,000 users are null, not 0",
        "raw",
        (f"{HERE}test_blank_cells_are_unknown_and_zeros_are_zero",),
        "no mart shows the counts of statement lines",
    ),
    Case(
        "version mix",
        "raw",
        (f"{HERE}test_host_versions_are_kept_as_they_were_told",),
        "no metric is cut by host version yet: hosts below 44.2.0 are not left out of ad rates",
    ),
    Case(
        "list prices that differ in tax or fee inclusion",
        "mart",
        (f"{HERE}test_tax_and_fee_are_told_beside_the_gross_amount",),
        "told side by side and not made equal; price_schedule is loaded and not used",
    ),
    Case(
        "discount takers self-select",
        "estimate",
        (
            "warehouse/test_dbt_discounts::test_everyone_exposed_counts_whoever_bought",
            "statistical/test_planted_money::test_no_lift_is_found_where_none_is_planted",
        ),
    ),
    Case(
        "a launch that coincides with a campaign",
        "none",
        ("statistical/test_planted_money::test_no_diversion_is_found_where_none_is_planted",),
        "no estimate leaves out or adjusts for campaigns; they are annotations beside the curves",
    ),
    Case(
        "subscription unlocks without a price",
        "estimate",
        (
            f"{HERE}test_nothing_paid_is_no_unpriced_unlock",
            f"{GATE}test_each_viewer_ends_in_one_state_after_a_day",
        ),
    ),
    Case(
        "erasure of a viewer: aggregates survive",
        "mart",
        ("warehouse/test_erasure::test_the_person_is_gone_and_every_figure_stays",),
    ),
    Case(
        "unknown and zero ad revenue differ",
        "mart",
        (f"{HERE}test_unknown_revenue_is_unknown_and_no_revenue_is_zero", WORLD),
    ),
]


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    """Names of the test functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_is_shown_by_tests_that_exist(case: Case) -> None:
    assert case.reach in ("mart", "estimate", "raw", "none")
    assert case.shown_by or case.open
    assert case.reach != "none" or case.open
    for shown in case.shown_by:
        module, _, test = shown.partition("::")
        assert test in names_of_tests(TESTS / f"{module}.py"), shown


def test_every_test_of_the_case_world_belongs_to_a_case() -> None:
    told = {shown.removeprefix(HERE) for case in CASES for shown in case.shown_by if shown.startswith(HERE)}
    assert told == names_of_tests(TESTS / "hostile/test_cases_to_marts.py")


def test_names_are_told_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
