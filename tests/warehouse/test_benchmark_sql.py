"""The hand-written SQL that the build is measured against gives every number of the marts, so neither can go astray."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from dbt_warehouse import DbtWarehouse

from benchmarks.measured_steps import complete_raw, ingest
from benchmarks.peers import COMPARED_MARTS, ComparedMart, compare_marts, write_peers
from benchmarks.scratch import BUILT_MARTS
from dagster_project.simulator import WorldParameters, write_world
from dagster_project.storage.layout import DataLayout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world through the door and dbt: the warehouse file, with raw, reference and marts."""
    folder = tmp_path_factory.mktemp("benchmark")
    world, root = folder / "world", folder / "root"
    # Journeys that go back, skip and rewatch, so that the union of content and the order of episodes matter.
    write_world(
        world,
        WorldParameters(viewers=400, days=45, seed=11, series=5, rewatch_share=0.15, scrub_share=0.15, test_share=0.05),
    )
    ingest(root, world)
    complete_raw(root, world)
    warehouse = DbtWarehouse(DataLayout(root).warehouse_dir)
    warehouse.run(full_refresh=True, select=[f"+{mart}" for mart in BUILT_MARTS])
    return warehouse.path


@pytest.fixture(scope="module")
def written(built: Path) -> Path:
    """A copy of the warehouse with the hand-written tables."""
    copy = built.with_name("written.duckdb")
    shutil.copy(built, copy)
    write_peers(copy)
    return copy


def test_every_number_of_the_marts_is_the_hand_written_one(built: Path, written: Path) -> None:
    comparisons = compare_marts(built, written)
    assert [one.mart for one in comparisons] == [one.mart for one in COMPARED_MARTS]
    for one in comparisons:
        assert one.is_equal, one
        assert one.n_mart == one.n_peer


def test_the_world_is_one_in_which_it_matters(written: Path) -> None:
    with closing(duckdb.connect(str(written), read_only=True)) as connection:
        shares = connection.execute(
            "select (select count(*) from direct.episode_reach where n_censored > 0), "
            "(select count(*) from direct.episode_survival where n_drop > 0), "
            "(select count(*) from direct.cohort_days where n_active between 1 and n_eligible - 1), "
            "(select count(*) from direct.continuation where n_event > 0 and n_censored > 0 and mode = 'active'), "
            "(select count(*) from core.fct_play where not is_counted)"
        ).fetchall()[0]
    assert min(shares) > 20, shares


@pytest.mark.parametrize("compared", COMPARED_MARTS, ids=lambda compared: compared.mart)
def test_one_number_or_row_that_differs_is_found(
    compared: ComparedMart, built: Path, written: Path, tmp_path: Path
) -> None:
    spoiled = Path(shutil.copy(written, tmp_path / "spoiled.duckdb"))
    peer = f"direct.{compared.peer}"
    with closing(duckdb.connect(str(spoiled))) as connection:
        last = f"(select max(rowid) from {peer})"
        connection.execute(
            f"update {peer} set {compared.numbers[-1]} = {compared.numbers[-1]} + 1 where rowid = {last}"
        )
        connection.execute(f"delete from {peer} where rowid = 0")
    found = {one.mart: one for one in compare_marts(built, spoiled)}
    assert (found[compared.mart].n_only_mart, found[compared.mart].n_only_peer) == (2, 1)
    assert all(one.is_equal for name, one in found.items() if name != compared.mart)
