"""A simulated world against the truth written beside it, its last statements learned after two closes."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from payouts_world import NOW, MoneyWorld

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.ingest import ingest_feed
from dagster_project.ledger.verify import verify_ledger
from dagster_project.simulator import WorldParameters, write_world
from dagster_project.storage.reference_tables import read_reference, write_reference

SEEDS = (3, *(pytest.param(seed, marks=pytest.mark.full) for seed in (4, 5)))
MONTHS = ("2026-03", "2026-04", "2026-05")
# Everything but plays: money stands on these.
FEEDS = ("ads", "unlocks", "platform_statement", "platform_statement_line")


def _take_in(world: MoneyWorld) -> None:
    contracts = {**feed_contracts(), **statement_contracts()}
    with world.connection() as connection:
        tables = read_reference(world.layout.reference, reference_contracts())
        write_reference(connection, tables, NOW)
        for name in FEEDS:
            ingest_feed(
                connection, world.layout, contracts[name], batch_id="b", now=NOW, progress=lambda what, share: None
            )
        refused = connection.execute("select * from raw.quarantine where feed like 'platform%'").fetchall()
        connection.execute("update raw.batches set state = 'released'")
    assert refused == []
    world.run()
    world.release(datetime(2026, 6, 2, tzinfo=UTC))


def _truth(root: Path, table: str) -> list[dict[str, str]]:
    with (root / "truth" / "payouts.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["table"] == table]


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MoneyWorld:
    root = tmp_path_factory.mktemp("truth") / "data"
    write_world(root, WorldParameters(viewers=700, days=92, seed=request.param, series=18, studios=6))
    statements = root / "landing" / "statements"
    late = [
        path for path in sorted(statements.rglob("tiktok-2026-0[56].csv")) if path.parent.name.startswith("platform")
    ]
    assert len(late) == 2
    aside = root.parent / "aside"
    for path in late:
        (aside / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside / path.parent.name / path.name)
    world = MoneyWorld(root)
    _take_in(world)
    for month in MONTHS[:2]:
        world.close(month)
    for path in late:
        shutil.move(aside / path.parent.name / path.name, path)
    _take_in(world)
    world.close(MONTHS[2])
    return world


def test_allocations_are_the_truth(world: MoneyWorld) -> None:
    found: dict[tuple[str, str, str], int] = {}
    for number, series, component, amount in world.query(
        "select statement_no, series_id, component, sum(amount_minor) from marts.mrt_payouts__allocations group by all"
    ):
        found[number, series, component] = int(amount)
    truth = {
        (row["statement_no"], row["series_id"], row["component"]): int(row["truth"])
        for row in _truth(world.layout.root, "allocations")
    }
    assert len(truth) > 50
    assert {row[0] for row in truth} == {key[0] for key in found}
    assert any(component == "deduction" for *_, component in truth)
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount for key, amount in truth.items() if amount
    }


def test_posted_to_date_is_the_truth_though_much_was_learned_late(world: MoneyWorld) -> None:
    found: dict[tuple[str, ...], int] = defaultdict(int)
    for line in verify_ledger(world.layout).lines:
        if line.activity_period in MONTHS[:2]:
            found[line.contract_id, line.series_id, line.activity_period, line.party_id] += line.amount_minor
    truth = {
        (row["contract_id"], row["series_id"], row["activity_period"], row["party_id"]): int(row["truth"])
        for row in _truth(world.layout.root, "lines")
        if row["party_id"] != "house"
    }
    # The truth of a month is told once all its statements are out.
    assert {key[2] for key in truth} == set(MONTHS[:2])
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount for key, amount in truth.items() if amount
    }


def test_what_came_late_is_told_with_its_reason(world: MoneyWorld) -> None:
    reasons = {line.reason for line in verify_ledger(world.layout).lines if line.line_type == "ADJUSTMENT"}
    assert {"IVT_SPAM", "RESTATEMENT"} <= reasons
    assert world.query("select count(*) from marts.mrt_payouts__blockers") == [(0,)]
