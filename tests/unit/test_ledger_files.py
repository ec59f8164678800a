"""The ledger's files: written once and whole, proved from the bytes alone, any change told with its month."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dagster_project.core.errors import WarehouseError
from dagster_project.ledger.chain import GENESIS, Seal, make_seal, next_period, parse_seal
from dagster_project.ledger.lines import LedgerLine
from dagster_project.ledger.statements import decimal_text, statements_csv, statements_of
from dagster_project.ledger.verify import verify_ledger
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import (
    FILES,
    LINES,
    SEAL,
    WEIGHTS,
    closed_periods,
    lines_parquet,
    load_ledger,
    loaded_head,
    weights_parquet,
    write_period,
)
from dagster_project.storage.warehouse import open_warehouse

MONTHS = ("2026-11", "2026-12", "2027-01")
BIG = 2**53 + 1


def _line(period: str, number: int, **more: object) -> LedgerLine:
    fields: dict[str, object] = {
        "line_id": f"L-{period}-C1-{number:04d}",
        "statement_id": f"ST-C1-{period}-v1",
        "direction": "PAYABLE",
        "party_id": "P1",
        "contract_id": "C1",
        "contract_version": 1,
        "series_id": "S1",
        "activity_period": period,
        "posted_period": period,
        "stream": "iaa",
        "currency": "USD",
        "line_type": "EARNING",
        "reason": "",
        "tier_no": 1,
        "base_minor": 1_000,
        "rate_ppm": 300_000,
        "posted_before_minor": None,
        "restated_minor": None,
        "amount_minor": 300,
        "source_statement": "S",
        "source_version": "1",
        "adjusts_line_id": None,
    }
    return LedgerLine.from_record({**fields, **more})


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    """Three closed months; the second posted nothing."""
    layout = DataLayout(tmp_path)
    layout.prepare()
    previous: Seal | None = None
    for period, lines in zip(
        MONTHS, ([_line(MONTHS[0], 1), _line(MONTHS[0], 2, amount_minor=BIG)], [], [_line(MONTHS[2], 1)]), strict=True
    ):
        weights = [(period, "tiktok", "iaa", "UTC", "S1", "tiktok_minis", "US", date(2026, 11, 5), 3, BIG)]
        files = {LINES: lines_parquet([line.record() for line in lines]), WEIGHTS: weights_parquet(weights)}
        seal = make_seal(
            period, lines, previous=previous, files=files, weight_count=1, closed_at=datetime(2027, 2, 1, tzinfo=UTC)
        )
        write_period(layout, period, {**files, SEAL: seal.content()})
        previous = seal
    return layout


def test_an_untouched_ledger_is_genuine(layout: DataLayout) -> None:
    check = verify_ledger(layout)
    assert check.is_genuine
    assert [one.period for one in check.periods] == list(MONTHS)
    assert check.periods[0].seal is not None
    assert check.periods[0].seal.previous_hash == GENESIS
    assert check.periods[0].seal.totals == {"PAYABLE": {"USD": 300 + BIG}}
    assert check.last_seal is not None
    assert check.head == check.last_seal.hash
    assert len({one.seal.hash for one in check.periods if one.seal}) == 3
    assert verify_ledger(DataLayout(layout.root / "elsewhere")).head == GENESIS


def test_files_are_read_only_and_nothing_is_left_beside_them(layout: DataLayout) -> None:
    for period in MONTHS:
        folder = layout.ledger / period
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert closed_periods(layout) == list(MONTHS)
    assert [path.name for path in layout.ledger.iterdir() if path.name not in MONTHS] == []


def test_a_closed_month_is_never_written_again(layout: DataLayout) -> None:
    before = {name: (layout.ledger / MONTHS[0] / name).read_bytes() for name in FILES}
    with pytest.raises(WarehouseError, match="closed already"):
        write_period(layout, MONTHS[0], dict.fromkeys(FILES, b"other"))
    assert {name: (layout.ledger / MONTHS[0] / name).read_bytes() for name in FILES} == before


def test_a_write_that_fails_leaves_no_month(layout: DataLayout) -> None:
    with pytest.raises(KeyError):
        write_period(layout, "2027-02", {LINES: b"", WEIGHTS: b""})
    assert closed_periods(layout) == list(MONTHS)
    assert verify_ledger(layout).is_genuine


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("period", MONTHS)
def test_any_changed_byte_is_caught_and_its_month_named(layout: DataLayout, period: str, name: str) -> None:
    path = layout.ledger / period / name
    original = path.read_bytes()
    path.chmod(0o644)
    places = random.Random(f"{period}{name}")
    for _ in range(40):
        changed = bytearray(original)
        place = places.randrange(len(changed))
        changed[place] ^= 1 << places.randrange(8)
        path.write_bytes(bytes(changed))
        check = verify_ledger(layout)
        assert period in [one.period for one in check.periods if one.problems], (place, changed[place])
    path.write_bytes(original)
    assert verify_ledger(layout).is_genuine


def _rewrite(layout: DataLayout, period: str, name: str, content: bytes) -> None:
    path = layout.ledger / period / name
    path.chmod(0o644)
    path.write_bytes(content)


def test_lines_forged_together_with_their_seal_break_the_chain_after_them(layout: DataLayout) -> None:
    lines = [_line(MONTHS[0], 1, party_id="thief"), _line(MONTHS[0], 2, amount_minor=BIG)]
    files = {
        LINES: lines_parquet([line.record() for line in lines]),
        WEIGHTS: (layout.ledger / MONTHS[0] / WEIGHTS).read_bytes(),
    }
    seal = make_seal(
        MONTHS[0], lines, previous=None, files=files, weight_count=1, closed_at=datetime(2027, 2, 1, tzinfo=UTC)
    )
    for name, content in {**files, SEAL: seal.content()}.items():
        _rewrite(layout, MONTHS[0], name, content)
    check = verify_ledger(layout)
    assert not check.is_genuine
    assert [one.period for one in check.periods if one.problems] == [MONTHS[1]]


def test_weights_forged_together_with_their_seal_break_the_chain_after_them(layout: DataLayout) -> None:
    weights = weights_parquet(
        [(MONTHS[0], "tiktok", "iaa", "UTC", "S1", "tiktok_minis", "US", date(2026, 11, 5), 3, 7)]
    )
    old = parse_seal((layout.ledger / MONTHS[0] / SEAL).read_bytes())
    lines = verify_ledger(layout).periods[0].lines
    files = {LINES: (layout.ledger / MONTHS[0] / LINES).read_bytes(), WEIGHTS: weights}
    forged = make_seal(
        MONTHS[0], lines, previous=None, files=files, weight_count=1, closed_at=datetime(2027, 2, 1, tzinfo=UTC)
    )
    assert forged.hash == old.hash
    _rewrite(layout, MONTHS[0], WEIGHTS, weights)
    _rewrite(layout, MONTHS[0], SEAL, forged.content())
    assert [one.period for one in verify_ledger(layout).periods if one.problems] == [MONTHS[1]]


def test_missing_and_strange_entries_are_told(layout: DataLayout) -> None:
    (layout.ledger / MONTHS[2] / "notes.txt").write_text("x", encoding="utf-8")
    (layout.ledger / MONTHS[0] / WEIGHTS).unlink()
    found = {one.period: one.problems for one in verify_ledger(layout).periods if one.problems}
    assert found == {MONTHS[0]: [f"{WEIGHTS} is missing"], MONTHS[2]: ["notes.txt does not belong there"]}
    shutil.rmtree(layout.ledger / MONTHS[1])
    assert any("between 2026-11 and 2027-01" in problem for problem in verify_ledger(layout).periods[1].problems)


def test_a_seal_written_otherwise_is_a_changed_seal(layout: DataLayout) -> None:
    path = layout.ledger / MONTHS[0] / SEAL
    _rewrite(layout, MONTHS[0], SEAL, json.dumps(json.loads(path.read_bytes())).encode())
    assert verify_ledger(layout).periods[0].problems[0].startswith("seal.json was changed")


def test_the_warehouse_holds_what_the_files_hold(layout: DataLayout) -> None:
    connection = open_warehouse(layout)
    try:
        load_ledger(connection, layout)
        load_ledger(connection, layout)
        assert connection.execute("select sum(amount_minor)::bigint, count(*) from raw.ledger_lines").fetchall() == [
            (600 + BIG, 3)
        ]
        assert (
            connection.execute("select weight, activity_date::varchar from raw.ledger_weights").fetchall()
            == [(BIG, "2026-11-05")] * 3
        )
        assert loaded_head(connection) == verify_ledger(layout).head
        load_ledger(connection, DataLayout(layout.root / "empty"))
        assert connection.execute("select count(*) from raw.ledger_lines").fetchall() == [(0,)]
        assert loaded_head(connection) == ""
    finally:
        connection.close()


def test_an_unreadable_seal_leaves_the_tables_as_they_were(layout: DataLayout) -> None:
    connection = open_warehouse(layout)
    try:
        load_ledger(connection, layout)
        _rewrite(layout, MONTHS[2], SEAL, b"{}")
        with pytest.raises(WarehouseError, match=r"seal.json"):
            load_ledger(connection, layout)
        assert connection.execute("select count(*) from raw.ledger_lines").fetchall() == [(3,)]
    finally:
        connection.close()


def test_statements_by_contract_and_party() -> None:
    lines = [
        _line("2026-11", 1),
        _line("2026-11", 2, party_id="P2", amount_minor=-1),
        _line("2026-11", 3, line_type="ADJUSTMENT", reason="IVT_SPAM", amount_minor=-105),
    ]
    first, second = statements_of(lines)
    assert (first.party_id, first.earnings_minor, first.adjustments_minor, first.total_minor) == (
        "P1",
        300,
        {"IVT_SPAM": -105},
        195,
    )
    assert (second.party_id, second.total_minor) == ("P2", -1)
    assert [one.party_id for one in statements_of(lines, "P2")] == ["P2"]
    assert first.record()["total"] == "1.95"
    assert sum(one.total_minor for one in statements_of(lines)) == sum(line.amount_minor for line in lines)


def test_statement_csv_ties_and_cannot_run_formulas() -> None:
    text = statements_csv(
        statements_of([_line("2026-11", 1, series_id="=cmd()", currency="JPY"), _line("2026-11", 2, amount_minor=-5)])
    )
    assert text == statements_csv(
        statements_of([_line("2026-11", 2, amount_minor=-5), _line("2026-11", 1, series_id="=cmd()", currency="JPY")])
    )
    header, yen, dollars, end = text.split("\r\n")
    assert end == ""
    assert "'=cmd()" in yen
    assert ",300,300,JPY,0," in yen
    assert ",-5,-0.05,USD,2," in dollars
    assert header.split(",")[0] == "line_id"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(-5, "USD", "-0.05"), (0, "USD", "0.00"), (123456, "USD", "1234.56"), (7, "JPY", "7"), (-1, "KWD", "-0.001")],
)
def test_amounts_have_the_decimals_of_their_currency(amount: int, currency: str, text: str) -> None:
    assert decimal_text(amount, currency) == text


def test_months_follow_each_other() -> None:
    assert [next_period("2026-11"), next_period("2026-12"), next_period("2027-01")] == ["2026-12", "2027-01", "2027-02"]
