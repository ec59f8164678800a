"""Closing months on a warehouse: in order, once, only what is proved; what is learned later is posted later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from payouts_world import MoneyWorld, ad, contract, parties, platform_statement, price, tiers
from typer.testing import CliRunner, Result

from dagster_project.cli import money
from dagster_project.core.errors import BlockedByChecks, CliffhangerError, NothingToDo, UsageError
from dagster_project.ledger.verify import verify_ledger
from dagster_project.storage.ledger_files import FILES, SEAL, WEIGHTS, closed_periods

# S1 three parts, S2 one part, home-page ads without a series one part.
PLAYED = [("S1", 3), ("S2", 1), (None, 1)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> MoneyWorld:
    """Two months of statements and logs, computed and released up to mid-November; nothing is closed."""
    world = MoneyWorld(tmp_path_factory.mktemp("close") / "data")
    number = 0
    for month in ("2026-09", "2026-10", "2026-11"):
        for series, count in PLAYED:
            for _ in range(count):
                number += 1
                world.write("raw.ads", [ad(number, series, "US", f"{month}-05")])
    world.write("reference.reference_value", [price("US", 10_000_000)])
    world.write("reference.region_map", [{"region_entity": "AMS", "country": "US"}])
    world.write("reference.contracts", [contract("C1", "S1"), contract("C2", "S2")])
    world.write("reference.contract_tiers", [*tiers("C1", [(None, 300_000)]), *tiers("C2", [(None, 500_000)])])
    world.write("reference.contract_parties", parties("C1", {"A": 1, "B": 2}))
    world.write(
        "raw.platform_statement",
        [
            platform_statement("SEP", "2026-09-01", "2026-09-30", "100.00", status="pending_confirmation"),
            platform_statement("SEP", "2026-09-01", "2026-09-30", "100.00", status="confirmed"),
            platform_statement("OCT", "2026-10-01", "2026-10-31", "50.00"),
            platform_statement("OCT-2", "2026-10-01", "2026-10-31", "7.00", status="appeal_review"),
        ],
    )
    world.run()
    world.release(datetime(2026, 11, 15, tzinfo=UTC))
    return world


@pytest.fixture
def world(base: MoneyWorld, tmp_path: Path) -> MoneyWorld:
    return base.copy_to(tmp_path / "data")


@pytest.fixture(scope="module")
def closed_base(base: MoneyWorld, tmp_path_factory: pytest.TempPathFactory) -> MoneyWorld:
    """As `base`, with September closed."""
    world = base.copy_to(tmp_path_factory.mktemp("closed") / "data")
    world.close("2026-09")
    return world


@pytest.fixture
def closed(closed_base: MoneyWorld, tmp_path: Path) -> MoneyWorld:
    return closed_base.copy_to(tmp_path / "data")


def _bytes(world: MoneyWorld, period: str) -> Mapping[str, bytes]:
    return {name: (world.layout.ledger / period / name).read_bytes() for name in FILES}


def _should_be(world: MoneyWorld, name: str) -> list[tuple[Any, ...]]:
    return world.query(f"select * from marts.mrt_payouts__should_be where contract_id = '{name}' order by all")


def test_a_month_posts_its_own_activity(world: MoneyWorld) -> None:
    done = world.close("2026-09")
    assert [(line.party_id, line.base_minor, line.amount_minor) for line in done.lines] == [
        ("A", 6_000, 600),
        ("B", 6_000, 1_200),
        ("C2-studio", 2_000, 1_000),
    ]
    assert {line.line_type for line in done.lines} == {"EARNING"}
    assert done.seal.totals == {"PAYABLE": {"USD": 2_800}}
    assert verify_ledger(world.layout).is_genuine
    assert done.open_statements == ()


def test_statements_not_confirmed_are_named_and_wait(closed: MoneyWorld) -> None:
    done = closed.close("2026-10")
    assert done.open_statements == ("OCT-2",)
    assert sum(line.amount_minor for line in done.lines) == 1_400


def test_closing_again_posts_nothing_and_changes_nothing(closed: MoneyWorld) -> None:
    before = _bytes(closed, "2026-09")
    again = closed.close("2026-09")
    assert not again.is_new
    assert again.lines == []
    assert _bytes(closed, "2026-09") == before


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("2026-10", "close 2026-09 first"),
        ("2026-11", "close 2026-09 first"),
        ("2026-08", "the ledger begins with 2026-09"),
    ],
)
def test_months_close_in_order(world: MoneyWorld, period: str, words: str) -> None:
    with pytest.raises(NothingToDo, match=words) as caught:
        world.close(period)
    assert caught.value.exit_code == 4
    assert closed_periods(world.layout) == []


def test_a_month_that_is_not_over_stays_open(closed: MoneyWorld) -> None:
    closed.close("2026-10")
    with pytest.raises(NothingToDo, match="before the month is over"):
        closed.close("2026-11")


def test_files_that_no_release_holds_block_a_close(world: MoneyWorld) -> None:
    world.execute("insert into raw.batches values ('b1', now(), 'pending')")
    with pytest.raises(BlockedByChecks, match="1 batches are pending") as caught:
        world.close("2026-09")
    assert caught.value.exit_code == 3
    assert closed_periods(world.layout) == []


def test_terms_that_no_release_holds_block_a_close(world: MoneyWorld) -> None:
    world.execute("insert into reference.fingerprint values ('changed')")
    with pytest.raises(BlockedByChecks, match="reference tables have changed"):
        world.close("2026-09")
    assert closed_periods(world.layout) == []


def test_an_amount_the_control_does_not_find_blocks_a_close(world: MoneyWorld) -> None:
    world.execute("update marts.mrt_payouts__should_be set amount_minor = amount_minor + 1 where party_id = 'A'")
    with pytest.raises(BlockedByChecks, match="control does not agree") as caught:
        world.close("2026-09")
    assert caught.value.exit_code == 3
    assert closed_periods(world.layout) == []


def test_a_matter_to_mend_blocks_a_close(world: MoneyWorld) -> None:
    world.write(
        "raw.platform_statement", [platform_statement("ODD", "2026-09-01", "2026-09-30", "1.00", settleable="2.00")]
    )
    world.run()
    with pytest.raises(BlockedByChecks, match="ODD version 1: does_not_add_up"):
        world.close("2026-09")
    assert closed_periods(world.layout) == []


def test_late_logs_move_nothing_of_a_closed_month(closed: MoneyWorld) -> None:
    before, should_be = _bytes(closed, "2026-09"), _should_be(closed, "C1")
    closed.write("raw.ads", [ad(number, "S2", "US", "2026-09-20") for number in range(900, 950)])
    closed.run(full_refresh=True)
    counted = (
        "select sum(weight) from intermediate.int_activity_weights_{} "
        "where activity_period = '2026-09' and series_id = 'S2'"
    )
    assert closed.query(counted.format("counted")) == [(51 * 10_000_000,)]
    assert closed.query(counted.format("frozen")) == [(10_000_000,)]
    assert _should_be(closed, "C1") == should_be
    pending = closed.query("select distinct activity_period, line_type from marts.mrt_payouts__pending")
    assert pending == [("2026-10", "EARNING")]
    assert _bytes(closed, "2026-09") == before
    assert [line.activity_period for line in closed.close("2026-10").lines if line.line_type == "ADJUSTMENT"] == []


def test_a_close_on_weights_that_are_not_the_frozen_ones_is_refused(closed: MoneyWorld) -> None:
    closed.execute(
        "update intermediate.int_activity_weights_frozen set weight = weight + 1 where activity_period = '2026-09'"
    )
    with pytest.raises(BlockedByChecks, match="the weights of 2026-09 are not those"):
        closed.close("2026-10")
    closed.execute("insert into raw.ledger_periods values ('2026-09', 2, '', 'another ledger', 1, now())")
    with pytest.raises(BlockedByChecks, match="another ledger"):
        closed.close("2026-10")


def test_what_is_learned_after_a_close_is_posted_by_the_next(closed: MoneyWorld) -> None:
    before, untouched = _bytes(closed, "2026-09"), _should_be(closed, "C2")
    closed.write(
        "raw.platform_statement",
        [platform_statement("SEP-B", "2026-09-01", "2026-09-30", "110.00", version=2, replaces_statement_no="SEP")],
    )
    closed.run()
    done = closed.close("2026-10")
    adjustments = [line for line in done.lines if line.line_type == "ADJUSTMENT"]
    # 110.00 falls 66.00 and 22.00 to the series: 19.80 and 11.00 in place of 18.00 and 10.00.
    assert [(line.party_id, line.reason, line.base_minor, line.amount_minor) for line in adjustments] == [
        ("A", "STATEMENT_REPLACED", 600, 60),
        ("B", "STATEMENT_REPLACED", 600, 120),
        ("C2-studio", "STATEMENT_REPLACED", 200, 100),
    ]
    assert [(line.posted_before_minor, line.restated_minor) for line in adjustments] == [
        (600, 660),
        (1_200, 1_320),
        (1_000, 1_100),
    ]
    assert [line.adjusts_line_id for line in adjustments] == [
        "L-2026-09-C1-0001",
        "L-2026-09-C1-0002",
        "L-2026-09-C2-0001",
    ]
    assert {(line.source_statement, line.source_version) for line in adjustments} == {("SEP-B", "2")}
    assert _bytes(closed, "2026-09") == before
    closed.run(full_refresh=True)
    assert closed.query("select * from marts.mrt_payouts__pending") == []

    # An amendment of C1 that reaches back, and a further contract on S2: S1 and S2 keep to themselves.
    both = closed.query("select sum(amount_minor) from marts.mrt_payouts__should_be where contract_id = 'C2'")
    closed.write(
        "reference.contracts",
        [contract("C1", "S1", version=2, valid_from="2026-09-01"), contract("R2", "S2", direction="RECEIVABLE")],
    )
    closed.write(
        "reference.contract_tiers", [*tiers("C1", [(None, 400_000)], version=2), *tiers("R2", [(None, 1_000_000)])]
    )
    closed.write("reference.contract_parties", parties("C1", {"A": 1, "B": 2}, version=2))
    closed.run()
    assert closed.query("select sum(amount_minor) from marts.mrt_payouts__should_be where contract_id = 'C2'") == both
    assert [row for row in _should_be(closed, "C2") if row[6] == "2026-10"] == [
        row for row in untouched if row[6] == "2026-10"
    ]
    closed.release(datetime(2026, 12, 2, tzinfo=UTC))
    done = closed.close("2026-11")
    amended = [line for line in done.lines if line.contract_id == "C1"]
    assert {line.reason for line in amended} == {"CONTRACT_AMENDMENT"}
    assert {line.contract_version for line in amended} == {1, 2}
    assert sum(line.base_minor for line in amended) == 0
    # Ten percent more on 66.00 and 30.00.
    assert sum(line.amount_minor for line in amended) == 960
    assert verify_ledger(closed.layout).is_genuine


def test_lines_that_come_again_in_another_file_count_once(world: MoneyWorld) -> None:
    line = {
        "platform": "tiktok",
        "statement_no": "OCT",
        "version": 1,
        "amount": "-1.00",
        "series_id": "S1",
        "metric": "adjustment",
    }
    world.write("raw.platform_statement_line", [line, line], file="first")
    world.write("raw.platform_statement_line", [line, line], file="again")
    world.run(select="+mrt_payouts__allocations")
    assert world.query(
        "select sum(amount_minor) from marts.mrt_payouts__allocations "
        "where statement_no = 'OCT' and component = 'deduction'"
    ) == [(-200,)]
    assert world.query("select sum(amount_minor) from marts.mrt_payouts__allocations where statement_no = 'OCT'") == [
        (5_000,)
    ]


# --- the commands


def _invoke(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("CLIFFHANGER_DATA", str(world.layout.root))
    monkeypatch.setenv("CLIFFHANGER_NOW", "2027-01-15T00:00:00Z")
    app = typer.Typer()
    money.register(app)
    return CliRunner().invoke(app, list(arguments))


def _failure(result: Result) -> CliffhangerError:
    assert isinstance(result.exception, CliffhangerError), result.output
    return result.exception


def test_close_verify_and_statement_as_commands(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(_invoke(world, monkeypatch, "verify", "--json").stdout) == {
        "genuine": True,
        "head": "0" * 64,
        "periods": [],
    }
    done = json.loads(_invoke(world, monkeypatch, "close", "2026-09", "--json").stdout)
    assert (done["state"], done["lines_posted"], done["totals_minor"]) == ("closed", 3, {"PAYABLE": {"USD": 2_800}})
    assert done["closed_at"] == "2027-01-15T00:00:00+00:00"
    again = _invoke(world, monkeypatch, "close", "2026-09")
    assert again.exit_code == 0
    assert "nothing was posted" in again.stdout
    verified = json.loads(_invoke(world, monkeypatch, "verify", "--json").stdout)
    assert verified["head"] == done["hash"]

    told = json.loads(_invoke(world, monkeypatch, "statement", "--json").stdout)
    assert told["head"] == done["hash"]
    assert [(one["statement_id"], one["party_id"], one["total"]) for one in told["statements"]] == [
        ("ST-C1-2026-09-v1", "A", "6.00"),
        ("ST-C1-2026-09-v1", "B", "12.00"),
        ("ST-C2-2026-09-v1", "C2-studio", "10.00"),
    ]
    one = _invoke(world, monkeypatch, "statement", "2026-09", "--party", "B", "--csv")
    assert [row.split(",")[3] for row in one.stdout.splitlines()[1:]] == ["B"]
    shown = _invoke(world, monkeypatch, "statement", "2026-09")
    assert "ST-C2-2026-09-v1" in shown.stdout
    assert done["hash"] in shown.stdout


def test_a_changed_ledger_fails_verify_and_stops_everything_else(
    closed: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed.layout.ledger / "2026-09" / WEIGHTS
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = _invoke(closed, monkeypatch, "verify", "--json")
    assert result.exit_code == 1
    assert [one["period"] for one in json.loads(result.stdout)["periods"] if not one["genuine"]] == ["2026-09"]
    assert _invoke(closed, monkeypatch, "verify").exit_code == 1
    for arguments in (("close", "2026-10"), ("statement",)):
        error = _failure(_invoke(closed, monkeypatch, *arguments))
        assert error.exit_code == 3
        assert "2026-09" in error.paragraph()


def test_asking_for_what_is_not_there(closed: MoneyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _failure(_invoke(closed, monkeypatch, "statement", "2026-10")).exit_code == 4
    assert _failure(_invoke(closed, monkeypatch, "statement", "--party", "nobody")).exit_code == 4
    assert _failure(_invoke(closed, monkeypatch, "close", "2026-12")).exit_code == 4
    for text in ("2026-13", "2026", "september", "2026-9"):
        error = _failure(_invoke(closed, monkeypatch, "close", text))
        assert isinstance(error, UsageError), text
    closed.layout = type(closed.layout)(tmp_path / "empty")
    assert _failure(_invoke(closed, monkeypatch, "close", "2026-09")).exit_code == 4


def test_a_close_interrupted_before_the_rename_never_happened(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CliffhangerError, match="No space left"):
        world.close("2026-09")
    monkeypatch.undo()
    assert list(world.layout.ledger.iterdir()) == []
    partial = world.layout.ledger / ".2026-09.partial"
    partial.mkdir()
    (partial / SEAL).write_bytes(b"left by a killed process")
    assert world.close("2026-09").is_new
    assert [path.name for path in world.layout.ledger.iterdir()] == ["2026-09"]
