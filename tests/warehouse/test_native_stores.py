"""What stores and platforms report about money becomes top-ups and statement rows, to the last digit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from native_world import FILES, NativeWorld


@pytest.fixture
def world(tmp_path: Path) -> NativeWorld:
    return NativeWorld(tmp_path)


def test_revenuecat_events_become_topups(world: NativeWorld) -> None:
    world.land("revenuecat.jsonl", "revenuecat_events")
    assert world.counts(world.run("topups")) == (7, 4, 1, 0, 2, 0)
    found = world.rows(
        "topups", "store, store_transaction_id, event_type, product_type, gross_amount, currency, viewer_id, is_test"
    )
    person = "7412345678901234567"
    assert found == [
        ("apple", "2000000000000000001", "purchase", "coin_pack", Decimal("9.99"), "USD", person, False),
        ("google", "GPA.3345-1", "purchase", "subscription", Decimal(1500), "JPY", None, True),
        ("apple", "2000000000000000001", "refund", "coin_pack", Decimal("-9.99"), "USD", person, False),
        ("google", "GPA.3345-2", "cancel", "subscription", Decimal(0), "JPY", "u-77001", False),
    ]
    assert world.rows("topups", "event_ts, received_ts")[0] == (
        datetime(2026, 5, 5, 8, 59, 30, tzinfo=UTC),
        datetime(2026, 5, 5, 8, 59, 40, tzinfo=UTC),
    )
    assert world.reasons() == {6: "not_mapped", 7: "out_of_window"}
    assert not any("secret" in text for *_, text in world.quarantined())


def test_play_charges_and_fees_are_rows_of_their_own_and_identical_rows_stay(world: NativeWorld) -> None:
    world.land("play-earnings.csv", "google_play_earnings")
    assert world.counts(world.run("store_statement_line")) == (10, 7, 0, 0, 3, 0)
    found = world.rows("store_statement_line", "line_no, event_type, line_type, country, amount, currency")
    assert found == [
        (2, "charge", "charge", "US", Decimal("9.99"), "USD"),
        (3, "google_fee", "fee", "US", Decimal("-1.50"), "USD"),
        (4, "charge", "charge", "JP", Decimal("1009.75"), "USD"),
        (5, "charge", "charge", "JP", Decimal("9.75"), "USD"),
        (6, "charge", "charge", "JP", Decimal("9.75"), "USD"),
        (7, "charge_refund", "charge", "US", Decimal("-9.99"), "USD"),
        (8, "google_fee_refund", "fee", "US", Decimal("1.50"), "USD"),
    ]
    assert set(world.rows("store_statement_line", "store, period, sku_id")) == {("google", "2026-05", "coins_100")}
    assert world.reasons() == {9: "bad_ts", 10: "not_mapped", 11: "range"}
    assert not any("94043" in text for *_, text in world.quarantined())


def test_a_report_under_another_name_is_the_same_report(world: NativeWorld) -> None:
    world.land("play-earnings.csv", "google_play_earnings")
    world.run("store_statement_line")
    (world.layout.landing / "google_play_earnings" / "copy.csv").write_bytes((FILES / "play-earnings.csv").read_bytes())
    assert [file.status for file in world.run("store_statement_line").files] == ["known"]
    assert world.rows("store_statement_line", "count(*)", "1") == [(7,)]


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_apple_rows_keep_their_fiscal_month(world: NativeWorld, delimiter: str) -> None:
    text = (FILES / "apple-2026-04.txt").read_text(encoding="utf-8").replace("\t", delimiter)
    world.write("apple_financial_report", "80012345_0726_WW.txt", text)
    assert world.counts(world.run("store_statement_line")) == (5, 4, 0, 0, 1, 0)
    period = "2026-03-29/2026-05-02"
    assert world.rows("store_statement_line", "period, line_no, event_type, line_type, quantity, amount, currency") == [
        (period, 2, "sale", "proceeds", 12, Decimal("83.88"), "USD"),
        (period, 3, "sale", "proceeds", 1, Decimal("6.99"), "USD"),
        (period, 4, "sale", "proceeds", 1, Decimal("6.99"), "USD"),
        (period, 5, "return", "proceeds", -1, Decimal("-6.99"), "USD"),
    ]
    assert world.reasons() == {6: "not_mapped"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("Total_Rows\t5", "Total_Rows\t6"), "says 6, but there are 5"),
        (lambda text: text[: text.index("Total_Rows")], "is missing"),
        (lambda text: text + text.splitlines()[1] + "\n", "below the control line"),
    ],
    ids=["other number", "cut", "records after it"],
)
def test_an_apple_report_that_is_not_whole_brings_nothing(world: NativeWorld, change: object, told: str) -> None:
    assert callable(change)
    world.write(
        "apple_financial_report", "report.txt", change((FILES / "apple-2026-04.txt").read_text(encoding="utf-8"))
    )
    (file,) = world.run("store_statement_line").files
    assert (file.status, file.reason_code) == ("rejected", "corrupt")
    assert told in (file.detail or "")
    assert world.rows("store_statement_line", "count(*)", "1") == [(0,)]


def test_a_sheet_is_read_by_the_headers_its_contract_knows(world: NativeWorld) -> None:
    world.land("sheet.csv", "platform_sheet")
    assert world.counts(world.run("platform_statement")) == (4, 2, 0, 0, 2, 0)
    columns = (
        "platform, statement_no, version, stream, region_entity, period_end, status, gross, refund, tax, settleable"
    )
    assert world.rows("platform_statement", columns) == [
        (
            "tiktok",
            "TT-2026-05-A",
            1,
            "iap_beans",
            "AMS",
            date(2026, 5, 15),
            "confirmed",
            Decimal("1234.50"),
            Decimal("34.50"),
            None,
            Decimal(1200),
        ),
        ("tiktok", "TT-2026-05-B", 1, "iaa", "EU", date(2026, 5, 15), "pending_confirmation", 100, None, None, 100),
    ]
    assert world.reasons() == {4: "enum", 5: "bad_type"}
    assert world.connection.execute("select unknown_columns from raw.files").fetchall() == [("Remark",)]


def test_a_sheet_with_headers_nobody_has_named_is_refused_as_a_whole(world: NativeWorld) -> None:
    world.write(
        "platform_sheet", "sheet.csv", (FILES / "sheet.csv").read_text(encoding="utf-8").replace("Status", "State")
    )
    (file,) = world.run("platform_statement").files
    assert (file.status, file.reason_code, file.detail) == ("rejected", "missing_column", "the header lacks status")
