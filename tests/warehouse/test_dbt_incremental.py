"""Only the affected is recomputed, and the result is that of computing everything: row for row, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dbt_warehouse import FACTS, MODELS, DbtFailure, DbtWarehouse
from random_logs import FEEDS, Rows, arrival_order, by_feed, random_world, reference_tables

SEED = 11
BOOKS = tuple(f"marts.mrt_health__{name}" for name in ("files", "quarantine", "unknown_columns"))
Tables = dict[str, list[tuple[Any, ...]]]


def prepared(folder: Path) -> DbtWarehouse:
    warehouse = DbtWarehouse.create(folder)
    for table, rows in reference_tables().items():
        warehouse.load_reference(table, rows)
    return warehouse


def assert_same(found: Tables, expected: Tables) -> None:
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        surplus = [row for row in found[table] if row not in rows]
        missing = [row for row in rows if row not in found[table]]
        assert not surplus, f"{table}: {len(surplus)} rows are not in the full build, first {surplus[0]}"
        assert not missing, f"{table}: {len(missing)} rows of the full build are missing, first {missing[0]}"
        assert found[table] == rows, f"{table}: rows stand more than once"


@pytest.fixture(scope="module")
def world() -> Rows:
    return random_world(SEED)


@pytest.fixture(scope="module")
def rebuilt(world: Rows, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Everything at once, from nothing."""
    warehouse = prepared(tmp_path_factory.mktemp("rebuilt"))
    warehouse.take_in("all", **world)
    warehouse.build(full_refresh=True)
    return warehouse.tables()


def slices(rows: Sequence[tuple[str, dict[str, Any]]], parts: int) -> list[Rows]:
    size = -(-len(rows) // parts)
    return [by_feed(rows[start : start + size]) for start in range(0, len(rows), size)]


def test_world_has_what_trips_a_pipeline(rebuilt: Tables, world: Rows) -> None:
    """The comparison below means something only while these tables are not empty."""
    for table, rows in rebuilt.items():
        assert rows or table.startswith(BOOKS), f"{table} is empty"
    assert {feed: len(world[feed]) > 30 for feed in FEEDS} == dict.fromkeys(FEEDS, True)


def test_rows_in_the_order_they_came(world: Rows, rebuilt: Tables, tmp_path: Path) -> None:
    """Late rows change days long past, waiting rows get their turn, refunds find their orders."""
    warehouse = prepared(tmp_path)
    for number, part in enumerate(slices(arrival_order(world), 3)):
        warehouse.take_in(f"b{number}", **part)
        warehouse.run(select=FACTS)
        warehouse.release()
    # Once more with nothing new: nothing is recomputed, nothing changes.
    warehouse.run()
    assert warehouse.scalar("select count(*) from intermediate.int_affected_orders") == 0
    assert_same(warehouse.tables(), rebuilt)


def test_rows_in_any_order_and_batches_that_share_a_release(world: Rows, rebuilt: Tables, tmp_path: Path) -> None:
    rows = arrival_order(world)
    random.Random(SEED).shuffle(rows)
    warehouse = prepared(tmp_path)
    for number, part in enumerate(slices(rows, 5)):
        warehouse.take_in(f"b{number}", **part)
        if number % 2 == 0:  # the batches between are released with the next one
            warehouse.run(select=FACTS if number < 4 else MODELS)
            warehouse.release()
    assert_same(warehouse.tables(), rebuilt)


def test_replaced_winners_and_removed_rows(world: Rows, rebuilt: Tables, tmp_path: Path) -> None:
    """The first batch holds wrong copies and rows of viewers who are erased later; the second puts all right."""
    generator = random.Random(SEED)
    wrong: dict[str, list[dict[str, Any]]] = {feed: [] for feed in FEEDS}
    untouched: Rows = {feed: [] for feed in FEEDS}
    right: Rows = {feed: [] for feed in FEEDS}
    for feed, row in arrival_order(world):
        if generator.random() < 0.85:
            untouched[feed].append(row)
            continue
        right[feed].append(row)
        other = generator.choice(world[feed])
        # A copy under the same key that tells of another viewer, place and time.
        changed = {
            name: other.get(name) for name in ("viewer_id", "anon_id", "app_id", "surface", "event_ts", "country")
        }
        if feed in ("unlocks", "topups"):
            changed.pop("anon_id")
        if feed == "topups":
            changed.pop("surface")
        wrong[feed].append({**row, **changed})
    stranger = random_world(SEED + 1, viewers=12)
    erased = {feed: [_strange(feed, row) for row in stranger[feed]] for feed in FEEDS}

    warehouse = prepared(tmp_path)
    warehouse.take_in("b0", **{feed: [*untouched[feed], *wrong[feed], *erased[feed]] for feed in FEEDS})
    warehouse.run(select=FACTS)
    warehouse.release()
    assert warehouse.scalar("select count(*) from core.fct_play where viewer_key like '%|x%'") > 0
    warehouse.change("b1", added=right, removed={feed: [*right[feed], *erased[feed]] for feed in FEEDS})
    warehouse.run()
    assert_same(warehouse.tables(), rebuilt)


def _strange(feed: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row under keys and a viewer of its own, but in playbacks, orders and impressions that others share."""
    keys = {"views": ["event_id"], "unlocks": ["source"], "ads": ["ad_event_id"], "topups": ["store_transaction_id"]}
    renamed = {name: f"x-{row[name]}" for name in [*keys[feed], "viewer_id"] if row.get(name) is not None}
    return {**row, **renamed}


def test_run_that_failed_half_way_is_made_good(world: Rows, rebuilt: Tables, tmp_path: Path) -> None:
    first, second = slices(arrival_order(world), 2)
    warehouse = prepared(tmp_path)
    warehouse.take_in("b0", **first)
    warehouse.run(select=FACTS)
    warehouse.release()
    warehouse.take_in("b1", **second)
    # The run stops after the plays: the facts behind them still tell of the first batch.
    warehouse.run(select=["+fct_play"])
    warehouse.run()
    assert_same(warehouse.tables(), rebuilt)


def test_emptied_warehouse_leaves_no_fact(world: Rows, tmp_path: Path) -> None:
    """When the recomputed set is empty the old rows must go all the same."""
    some = {feed: rows[:200] for feed, rows in world.items()}
    warehouse = prepared(tmp_path)
    warehouse.take_in("b0", **some)
    warehouse.run(select=FACTS)
    warehouse.release()
    warehouse.change("b1", removed=some)
    warehouse.run(select=FACTS)
    left = {name: len(rows) for name, rows in warehouse.tables().items() if name.startswith("core.fct_")}
    assert left == dict.fromkeys(left, 0)


def test_incremental_comparison_can_fail(rebuilt: Tables) -> None:
    broken = {**rebuilt, "core.fct_play": rebuilt["core.fct_play"][1:]}
    with pytest.raises(AssertionError, match="fct_play: 1 rows of the full build are missing"):
        assert_same(broken, rebuilt)


def test_missing_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(DbtFailure, match="stg_raw__views"):
        DbtWarehouse(tmp_path).run(select=["stg_raw__views"])
