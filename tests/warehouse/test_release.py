"""The released file: one swap, open readers undisturbed, content hash true to the rows, earlier releases kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dagster_project.core.errors import NothingToDo, WarehouseError
from dagster_project.storage.exports import export_models
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.manifest import Definition, ExportedModel, released_name
from dagster_project.storage.release import (
    KEPT_RELEASES,
    CheckRecord,
    Estimates,
    ReleaseRecord,
    build_release,
    current_release,
    kept_releases,
    publish,
    roll_back,
)

MODEL = ExportedModel(
    name="mrt_audience__reach",
    relation='"marts"."reach"',
    released_as="audience.reach",
    description="One row per episode.",
    columns={"episode_seq": "Episode", "n_event": "Events"},
    key=("episode_seq",),
    asset_key=("marts", "mrt_audience__reach"),
)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    layout = DataLayout(tmp_path)
    layout.prepare()
    return layout


def _release(
    layout: DataLayout, number: int, rows: str, history: list[ReleaseRecord], model: ExportedModel = MODEL
) -> ReleaseRecord:
    connection = duckdb.connect()
    connection.execute(
        f"create schema marts; create table marts.reach as select * from (values {rows}) t(episode_seq, n_event)"
    )
    folder = export_models(connection, layout, f"run{number}", [model])
    estimates = pl.DataFrame({"episode_seq": [1, 2], "estimate": [0.25, None], "status": ["ok", "immature"]})
    estimates.write_parquet(folder / "estimates.parquet")
    joined = Estimates(folder / "estimates.parquet", ("episode_seq",), {"estimate": "Share", "status": "Status"})
    release_id = f"r{number:02}"
    checks = [CheckRecord("unique", "marts/reach", "critical", True, "")]
    partial, content_hash, row_count = build_release(
        layout,
        release_id=release_id,
        exports=folder,
        models=[model],
        estimates={"audience.reach": joined},
        checks=checks,
    )
    record = ReleaseRecord(
        release_id, datetime(2026, 5, number, tzinfo=UTC), content_hash, None, "r", "c", "", row_count
    )
    publish(layout, partial, [*history, record])
    return record


def test_hash_follows_what_is_said_about_the_rows(layout: DataLayout) -> None:
    plain = _release(layout, 1, "(1, 3), (2, 4)", [])
    defined = replace(MODEL, definition=Definition("Reach", "Who gets there?", "Viewers", "Kaplan-Meier", "Greenwood"))
    other = _release(layout, 2, "(1, 3), (2, 4)", [plain], defined)
    assert other.content_hash != plain.content_hash
    with duckdb.connect(str(layout.published), read_only=True) as reader:
        assert reader.execute("select table_name, metric, interval_method from meta.definitions").fetchall() == [
            ("audience.reach", "Reach", "Greenwood")
        ]


def _rows(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute("select * from audience.reach").fetchall()


def test_marts_are_released_by_topic() -> None:
    assert released_name("mrt_audience__episode_reach", "marts") == "audience.episode_reach"
    assert released_name("fct_play", "core") == "core.fct_play"


def test_counts_and_estimates_share_a_row_and_everything_is_described(layout: DataLayout) -> None:
    _release(layout, 1, "(1, 3), (2, 4)", [])
    assert _rows(layout.published) == [(1, 3, 0.25, "ok"), (2, 4, None, "immature")]
    with duckdb.connect(str(layout.published), read_only=True) as reader:
        comments = reader.execute("select comment from duckdb_columns() where schema_name = 'audience'").fetchall()
        dictionary = reader.execute("select count(*) from meta.dictionary where meaning = ''").fetchone()
    assert comments == [("Episode",), ("Events",), ("Share",), ("Status",)]
    assert dictionary == (0,)


def test_hash_follows_the_rows_not_their_order(layout: DataLayout) -> None:
    one = _release(layout, 1, "(1, 3), (2, 4)", [])
    two = _release(layout, 2, "(2, 4), (1, 3)", [one])
    three = _release(layout, 3, "(1, 3), (2, 5)", [one, two])
    assert one.content_hash == two.content_hash != three.content_hash


def test_an_open_reader_keeps_its_release_and_a_new_one_sees_the_new(layout: DataLayout) -> None:
    one = _release(layout, 1, "(1, 3), (2, 4)", [])
    reader = duckdb.connect(str(layout.published), read_only=True)
    assert reader.execute("select sum(n_event) from audience.reach").fetchone() == (7,)
    _release(layout, 2, "(1, 30), (2, 40)", [one])
    assert reader.execute("select sum(n_event) from audience.reach").fetchone() == (7,)
    reader.close()
    assert _rows(layout.published)[0][1] == 30


def test_releases_are_kept_sealed_and_can_be_rolled_back(layout: DataLayout) -> None:
    history: list[ReleaseRecord] = []
    for number in range(1, KEPT_RELEASES + 3):
        history.append(_release(layout, number, f"(1, {number}), (2, 4)", history))
    kept = kept_releases(layout)
    assert [path.stem for path in kept] == [f"r{number:02}" for number in range(3, KEPT_RELEASES + 3)]
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in [*kept, layout.published])
    assert roll_back(layout).stem == f"r{KEPT_RELEASES + 1:02}"
    assert _rows(layout.published)[0][1] == KEPT_RELEASES + 1
    current = current_release(layout)
    assert current is not None
    assert current.stem == f"r{KEPT_RELEASES + 1:02}"
    with pytest.raises(NothingToDo, match="r99"):
        roll_back(layout, "r99")


def test_a_mart_without_all_its_estimates_is_not_released(layout: DataLayout) -> None:
    _release(layout, 1, "(1, 3), (2, 4)", [])
    before = layout.published.read_bytes()
    with pytest.raises(WarehouseError, match="3 rows but 2 estimates"):
        _release(layout, 2, "(1, 3), (2, 4), (3, 5)", [])
    assert layout.published.read_bytes() == before


def test_nothing_half_written_stays_beside_the_release(layout: DataLayout) -> None:
    _release(layout, 1, "(1, 3), (2, 4)", [])
    leftovers = [path for path in layout.published_dir.rglob("*") if "partial" in path.name or path.suffix == ".wal"]
    assert leftovers == []
