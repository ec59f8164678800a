"""Runs that Dagster starts are told by its sensor: each once, with the reason found, and not those of the command."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.core.errors import ReferenceDataError
from dagster_project.defs import alerts
from dagster_project.settings import Settings

KEEP_STDIN = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(sys.stdin.read() + chr(10))"
Told = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """The alerts that the hook was given so far."""

    def read() -> list[dict[str, Any]]:
        kept = tmp_path / "kept"
        return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []

    return read


@pytest.fixture
def sensor(tmp_path: Path) -> dg.SensorDefinition:
    command = shlex.join([sys.executable, "-c", KEEP_STDIN, str(tmp_path / "kept")])
    return alerts.build(Settings(tmp_path, datetime(2026, 5, 20, tzinfo=UTC), alert_command=command))


@dg.op
def reads_reference() -> None:
    try:
        int("x")
    except ValueError as error:
        raise ReferenceDataError("a value", where="series.csv:7", why="'x' is no number", fix="mend it") from error


@dg.op
def meets_a_bug() -> None:
    raise ZeroDivisionError("division by zero")


@dg.asset
def views() -> None:
    pass


@dg.asset_check(asset=views, blocking=True)
def delivery_profile() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.asset(deps=[views])
def facts() -> None:
    pass


@dg.job
def fails_foreseen() -> None:
    reads_reference()


@dg.job
def fails_unforeseen() -> None:
    meets_a_bug()


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    assert not result.success
    return result


def _blocked_job() -> dg.JobDefinition:
    definitions = dg.Definitions(
        assets=[views, facts], asset_checks=[delivery_profile], jobs=[dg.define_asset_job("blocked", selection="*")]
    )
    return definitions.resolve_job_def("blocked")


@pytest.mark.parametrize(
    ("job", "event", "words"),
    [
        (fails_foreseen, "run_failed", "series.csv:7: a value. 'x' is no number. mend it"),
        (fails_unforeseen, "run_failed", "division by zero"),
        (_blocked_job(), "run_blocked", "delivery_profile"),
    ],
    ids=["foreseen", "unforeseen", "blocked"],
)
def test_the_reason_is_found_behind_what_dagster_says(
    sensor: dg.SensorDefinition, told: Told, job: dg.JobDefinition, event: str, words: str
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = _run(job, instance)
        context = dg.build_run_status_sensor_context(
            sensor_name="alerts",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
        ).for_run_failure()
        sensor(context)
    (alert,) = told()
    assert (alert["event"], alert["job"], alert["run_id"]) == (event, job.name, result.run_id)
    assert (alert["started_by"], alert["exit_code"]) == ("dagster", None)
    assert words in alert["text"]


def _tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> str | None:
    repository = dg.Definitions(jobs=[fails_foreseen], sensors=[sensor]).get_repository_def()
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, sensor_name="alerts"
    ) as context:
        return sensor.evaluate_tick(context).cursor


def test_each_run_is_told_once_and_those_of_the_command_never(
    sensor: dg.SensorDefinition, told: Told, tmp_path: Path
) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        cursor = _tick(sensor, instance, None)
        by_dagster = _run(fails_foreseen, instance)
        _run(fails_foreseen, instance, **{alerts.STARTED_BY: alerts.COMMAND})
        for _ in range(4):
            cursor = _tick(sensor, instance, cursor)
    assert [alert["run_id"] for alert in told()] == [by_dagster.run_id]


def test_the_sensor_is_on_without_being_asked_for(sensor: dg.SensorDefinition) -> None:
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
