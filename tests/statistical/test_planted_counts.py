"""What ingestion counts of dirty simulated files is exactly what was planted, on three seeds."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from planted_worlds import SEEDS
from simulated_warehouse import build_models

from dagster_project.contracts import feed_contracts, reference_contracts
from dagster_project.contracts.loader import statement_contracts
from dagster_project.ingest import ingest_feed
from dagster_project.simulator import WorldParameters, write_world
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.reference_tables import read_reference, write_reference
from dagster_project.storage.warehouse import open_warehouse

NOW = datetime(2027, 1, 15, tzinfo=UTC)
FEEDS = ("views", "unlocks", "ads", "topups")
BOOKS = ("lines", "accepted", "duplicate", "conflict", "rejected", "blank")
Counts = dict[tuple[str, str, str], int]


@pytest.fixture(scope="module", params=SEEDS)
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short world with much dirt, taken in and measured."""
    folder = tmp_path_factory.mktemp("counts") / "data"
    parameters = WorldParameters(
        viewers=500,
        days=14,
        seed=request.param,
        series=3,
        studios=1,
        journeys_per_viewer=3.0,
        late_share=0.02,
        duplicate_share=0.03,
        conflict_share=0.01,
        malformed_share=0.02,
        blank_share=0.005,
        test_share=0.03,
        invalid_share=0.03,
        suspect_share=0.03,
    )
    write_world(folder, parameters)
    layout = DataLayout(folder)
    layout.prepare()
    contracts = feed_contracts()
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {**contracts, **statement_contracts()})
        write_reference(connection, read_reference(layout.reference, reference_contracts()), NOW)
        for feed in FEEDS:
            ingest_feed(connection, layout, contracts[feed], batch_id="first", now=NOW)
        connection.execute("insert into raw.batches values ('first', now(), 'pending')")
    build_models(layout.warehouse, ["+mrt_health__traffic_quality", "+mrt_health__freshness"])
    return folder


def query(root: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(duckdb.connect(str(DataLayout(root).warehouse), read_only=True)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def planted(root: Path) -> Counts:
    truth = pl.read_csv(root / "truth" / "counts.csv")
    return {(feed, measure, detail): count for feed, measure, detail, count, _ in truth.iter_rows()}


def test_every_line_is_counted_as_what_it_is(root: Path) -> None:
    # Not by file: days without a row are files of one content, which is taken in once.
    truth = planted(root)
    found = query(
        root,
        "select feed, sum(lines_read)::bigint, sum(accepted)::bigint, sum(duplicate)::bigint, "
        "sum(conflict)::bigint, sum(rejected)::bigint, sum(blank)::bigint from raw.files group by 1",
    )
    assert {row[0] for row in found} == set(FEEDS)
    for feed, *counts in found:
        assert counts == [truth[feed, measure, "all"] for measure in BOOKS], feed
    assert all(truth["views", measure, "all"] > 0 for measure in BOOKS)


def test_malformed_lines_are_refused_for_their_reasons(root: Path) -> None:
    truth = {key: count for key, count in planted(root).items() if key[1] == "rejected" and key[2] != "all"}
    found = query(
        root,
        "select feed, 'rejected', reason_code, count(*) from raw.quarantine "
        "where reason_code <> 'conflict' group by all",
    )
    assert {(feed, measure, reason): count for feed, measure, reason, count in found} == truth
    # Every way a line of views can be malformed has been planted.
    assert len([key for key in truth if key[0] == "views"]) == 14


def test_conflicts_are_kept_for_inspection(root: Path) -> None:
    found = dict(query(root, "select feed, count(*) from raw.quarantine where reason_code = 'conflict' group by 1"))
    truth = {feed: planted(root)[feed, "conflict", "all"] for feed in FEEDS}
    assert found == {feed: count for feed, count in truth.items() if count}


def test_test_traffic_invalid_traffic_and_late_rows_are_told_apart(root: Path) -> None:
    truth = planted(root)
    found = query(
        root, "select feed, n_rows, n_test, n_invalid, n_suspect, n_late from marts.mrt_health__traffic_quality"
    )
    assert {row[0] for row in found} == set(FEEDS)
    for feed, rows, test, invalid, suspect, late in found:
        assert rows == truth[feed, "accepted", "all"]
        assert (test, late) == (truth[feed, "test", "all"], truth[feed, "late", "all"]), feed
        if feed in ("views", "ads"):
            assert (invalid, suspect) == (truth[feed, "invalid", "all"], truth[feed, "suspect", "all"]), feed
        else:
            # These feeds carry no verdict, and none is invented.
            assert (invalid, suspect) == (None, None)
    assert min(truth["views", measure, "all"] for measure in ("test", "invalid", "suspect", "late")) > 0


def test_marks_and_late_shares_are_those_of_the_rows(root: Path) -> None:
    truth = planted(root)
    found = query(root, "select source, n_rows, n_late, epoch_ms(as_of) from marts.mrt_health__freshness")
    assert {source: tuple(values) for source, *values in found} == {
        feed: tuple(truth[feed, measure, "all"] for measure in ("accepted", "late", "as_of_ms")) for feed in FEEDS
    }
