"""Money in a written world adds up to the cent, from coins to statements, invoices and bank entries."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dagster_project.simulator import WorldParameters, write_world

Row = dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("worlds") / "money"
    parameters = WorldParameters(
        viewers=900, days=105, seed=11, series=9, studios=4, malformed_share=0.0, blank_share=0.0, refund_share=0.2,
        duplicate_share=0.0, conflict_share=0.0, gate_scale=1.8,
    )  # fmt: skip
    write_world(out, parameters)
    return out


def _table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _kind(world: Path, kind: str) -> list[Row]:
    return [row for path in sorted((world / "landing/statements" / kind).glob("*.csv")) for row in _table(path)]


def _feed(world: Path, feed: str) -> Iterator[dict[str, Any]]:
    for path in sorted((world / "landing" / feed).iterdir()):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from map(json.loads, stream)


def test_settleable_follows_from_its_parts_and_lines(world: Path) -> None:
    lines: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in _kind(world, "platform_lines"):
        lines[row["statement_no"], row["version"]] += Decimal(row["amount"])
    statements = _kind(world, "platform")
    assert {row["stream"] for row in statements} == {"iaa", "iap_beans"}
    for row in statements:
        less = sum(Decimal(row[name]) for name in ("refund", "test", "channel_fee", "tax", "platform_fee"))
        assert Decimal(row["settleable"]) == Decimal(row["gross"]) - less + Decimal(row["adjustment"])
        assert lines[row["statement_no"], row["version"]] == Decimal(row["settleable"])


def test_one_statement_is_replaced_and_summing_all_versions_would_double_count(world: Path) -> None:
    statements = _kind(world, "platform")
    second = [row for row in statements if row["replaces_statement_no"]]
    assert len(second) == 1
    first = next(row for row in statements if row["statement_no"] == second[0]["replaces_statement_no"])
    assert (first["status"], first["version"], second[0]["version"]) == ("replaced", "1", "2")
    assert first["period_start"] == second[0]["period_start"]
    assert Decimal(first["gross"]) < Decimal(second[0]["gross"])


def test_a_deduction_for_an_earlier_month_names_its_series(world: Path) -> None:
    late = [row for row in _kind(world, "platform_lines") if row["series_id"]]
    assert len(late) == 1
    assert late[0]["activity_period"] == "2026-03"
    assert late[0]["statement_no"].split("-")[-2] == "05"
    assert Decimal(late[0]["amount"]) < 0


def test_allocations_sum_to_the_live_statement_and_lines_to_their_base(world: Path) -> None:
    live = {row["statement_no"]: row for row in _kind(world, "platform") if row["status"] != "replaced"}
    allocated: dict[str, int] = defaultdict(int)
    base: dict[tuple[str, str, str], int] = defaultdict(int)
    paid: dict[tuple[str, str, str], int] = defaultdict(int)
    closed = {row["activity_period"] for row in _table(world / "truth/payouts.csv") if row["table"] == "lines"}
    assert closed == {"2026-03", "2026-04", "2026-05"}
    contracted = {(row["series_id"], row["stream"]) for row in _table(world / "reference/contracts.csv")}
    for row in _table(world / "truth/payouts.csv"):
        key = (row["series_id"], row["stream"], row["activity_period"])
        if row["table"] == "lines":
            paid[key] += int(row["truth"])
            continue
        allocated[row["statement_no"]] += int(row["truth"])
        period = "2026-03" if row["component"] == "deduction" else row["activity_period"]
        if period in closed and (row["series_id"], row["stream"]) in contracted:
            base[row["series_id"], row["stream"], period] += int(row["truth"])
    assert allocated == {number: int(Decimal(row["settleable"]) * 100) for number, row in live.items()}
    assert {key: value for key, value in paid.items() if value} == {key: value for key, value in base.items() if value}
    assert sum(paid.values()) > 10_000


def test_invoices_are_their_live_statements_and_cash_is_the_invoice_less_fees(world: Path) -> None:
    live = {row["statement_no"]: row for row in _kind(world, "platform") if row["status"] != "replaced"}
    invoices = {row["invoice_no"]: row for row in _table(world / "reference/invoice.csv")}
    for row in invoices.values():
        parts = [live[number] for number in row["statement_nos"].split(";")]
        assert Decimal(row["amount"]) == sum(Decimal(part["settleable"]) for part in parts)
    bank = {row["end_to_end_id"]: Decimal(row["amount"]) for row in _kind(world, "bank")}
    remittances = _kind(world, "remittance")
    assert set(bank) == {row["invoice_no"] for row in remittances}
    for row in remittances:
        assert Decimal(row["amount"]) == Decimal(invoices[row["invoice_no"]]["amount"])
        received = Decimal(row["amount"]) - Decimal(row["bank_fee"]) - Decimal(row["withholding_tax"])
        assert bank[row["invoice_no"]] == Decimal(row["received_amount"]) == received
    assert len(remittances) < len(invoices)


def test_lines_of_a_batch_sum_to_its_order(world: Path) -> None:
    orders: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _feed(world, "unlocks"):
        if row["event_type"] == "unlocked" and row["token_type"]:
            orders[row["order_id"]].append(row)
    batches = [lines for lines in orders.values() if len(lines) > 1]
    assert batches
    for lines in orders.values():
        paid, bonus, offered = (
            sum(line[name] for line in lines) for name in ("token_paid", "token_bonus", "offered_price_tokens")
        )
        assert paid + bonus == offered
        if lines[0]["token_type"] == "BEANS":
            assert sum(Decimal(line["price_amount"]) for line in lines) == Decimal(paid) / 100
    covered = [sorted((line["episode_seq_from"], line["episode_seq_to"]) for line in lines) for lines in batches]
    assert all(spans == [(seq, seq) for seq in range(spans[0][0], spans[-1][1] + 1)] for spans in covered)


def test_no_wallet_spends_what_it_does_not_hold(world: Path) -> None:
    moves: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in _feed(world, "topups"):
        if row["event_type"] == "purchase" and row["product_type"] == "coin_pack":
            moves[row["viewer_id"]].append((row["event_ts"], row["tokens_paid"], row["tokens_bonus"]))
    for row in _feed(world, "unlocks"):
        if row["event_type"] == "unlocked" and row["unlock_method"] == "coin" and row["viewer_id"] in moves:
            moves[row["viewer_id"]].append((row["event_ts"], -row["token_paid"], -row["token_bonus"]))
    assert len(moves) > 20
    for steps in moves.values():
        paid = bonus = 0
        for _, more_paid, more_bonus in sorted(steps, key=lambda step: step[0]):
            paid, bonus = paid + more_paid, bonus + more_bonus
            assert paid >= 0
            assert bonus >= 0


def test_refunds_are_negative_rows_some_partial_some_before_their_order(world: Path) -> None:
    received: dict[str, str] = {}
    refunds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _feed(world, "unlocks"):
        if row["event_type"] == "unlocked":
            received.setdefault(row["order_id"], row["received_ts"])
        elif row["event_type"] in {"refunded", "chargeback"}:
            refunds[row["order_id"]].append(row)
    assert any(len({row["event_seq"] for row in rows}) == 2 for rows in refunds.values())
    assert any(rows[0]["received_ts"] < received.get(order, "9") for order, rows in refunds.items())
    for rows in refunds.values():
        for row in rows:
            assert row["token_paid"] + row["token_bonus"] == -row["refund_tokens"]
            assert Decimal(row["price_amount"]) <= 0
