"""dbt's unit tests, all of them: the nightly build leaves them out because they prove the SQL, not the night's data."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt.artifacts.schemas.run import RunExecutionResult
from payouts_world import MoneyWorld, manifest

EVERYTHING = "*"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name of each unit test to how it ended."""
    world = MoneyWorld(tmp_path_factory.mktemp("unit-tests") / "data")
    world.run(select=EVERYTHING)
    outcome = world.run(command="test", select="test_type:unit").result
    assert isinstance(outcome, RunExecutionResult)
    return {result.node.name: str(result.status) for result in outcome.results}


def test_every_unit_test_passes(results: dict[str, str]) -> None:
    assert {name: status for name, status in results.items() if status != "pass"} == {}


def test_none_is_left_out(results: dict[str, str], tmp_path: Path) -> None:
    project = manifest(MoneyWorld(tmp_path / "data").layout)
    assert set(results) == {test.name for test in project.unit_tests.values()}
    assert len(results) > 30
