"""The asset graph: loads, reads left to right, and its sensor, schedules and partitions do what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.defs import build_definitions
from dagster_project.settings import Settings

NOW = datetime(2026, 5, 20, tzinfo=UTC)
ROOMS = [
    "reference",
    "ledger",
    "control",
    "raw",
    "staging",
    "intermediate",
    "core",
    "measures",
    "marts",
    "exports",
    "inference",
    "published",
    "reports",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graph")


@pytest.fixture(scope="module")
def definitions(root: Path) -> dg.Definitions:
    return build_definitions(Settings(data_root=root, fixed_now=NOW))


@pytest.fixture
def sensor(definitions: dg.Definitions) -> dg.SensorDefinition:
    return definitions.resolve_sensor_def("landing")


def test_every_asset_starts_with_its_room(definitions: dg.Definitions) -> None:
    rooms = {key.path[0] for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert rooms <= set(ROOMS)
    assert {"raw", "core", "measures", "marts", "inference", "published", "reports"} <= rooms


def test_the_way_of_the_data_reads_left_to_right(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        for parent in graph.get(key).parent_keys:
            assert ROOMS.index(parent.path[0]) <= ROOMS.index(key.path[0]), f"{parent} flows back into {key}"


def test_only_raw_is_partitioned_and_by_ingest_day(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    partitioned = {key.path[0] for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None}
    assert partitioned == {"raw"}
    days = graph.get(dg.AssetKey(["raw", "views"])).partitions_def
    assert days is not None
    assert days.has_partition_key(datetime.now(UTC).date().isoformat())


def test_every_feed_is_gated_by_a_blocking_check(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    gates = {key for key in graph.asset_check_keys if key.name == "delivery_profile"}
    assert {key.asset_key.path[-1] for key in gates} >= {"views", "unlocks", "ads", "topups"}
    assert all(graph.get_check_spec(key).blocking for key in gates)


def test_dbt_tests_are_asset_checks(definitions: dg.Definitions) -> None:
    checked = {key.asset_key.path[0] for key in definitions.resolve_asset_graph().asset_check_keys}
    assert {"core", "marts"} <= checked


def _tick(sensor: dg.SensorDefinition, cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    with dg.build_sensor_context(cursor=cursor) as context:
        result = sensor(context)
        if isinstance(result, dg.SkipReason):
            return [], cursor
        assert isinstance(result, dg.SensorResult)
        return list(result.run_requests or []), result.cursor


def _land(root: Path, name: str) -> None:
    folder = root / "landing" / "views"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("{}\n", encoding="utf-8")


def test_the_sensor_waits_until_landing_stands_still_and_asks_once(root: Path, sensor: dg.SensorDefinition) -> None:
    _land(root, "one.jsonl")
    requests, cursor = _tick(sensor, None)
    assert requests == [], "a file that has just appeared may still grow"
    requests, cursor = _tick(sensor, cursor)
    assert len(requests) == 1
    assert requests[0].partition_key == "2026-05-20"
    assert _tick(sensor, cursor)[0] == []
    _land(root, "unfinished.jsonl.part")
    assert _tick(sensor, cursor)[0] == [], "unfinished files are not landed"
    _land(root, "two.jsonl")
    again, cursor = _tick(sensor, cursor)
    assert again == []
    assert len(_tick(sensor, cursor)[0]) == 1
    assert len(json.loads(cursor or "{}")["seen"]) == 64, "the cursor does not grow with the number of files"


def test_schedules_run_nightly_and_on_mondays(definitions: dg.Definitions) -> None:
    crons = {
        schedule.name: schedule.cron_schedule
        for schedule in (definitions.schedules or [])
        if isinstance(schedule, dg.ScheduleDefinition)
    }
    assert crons.get("every_monday") == "0 6 * * 1"
    assert definitions.resolve_schedule_def("every_night").cron_schedule == "30 2 * * *"
