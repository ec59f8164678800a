"""Marts and estimates of random worlds against the definitions written out in plain Python (`oracle`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dbt_warehouse import MODELS, DbtWarehouse
from oracle import World, log_log_interval
from random_logs import random_world, reference_tables

from dagster_project.inference.registry import ESTIMATES

SEEDS = (3, 4)
TOLERANCE = 1e-9


class Built:
    """A built random world beside its oracle."""

    def __init__(self, folder: Path, seed: int) -> None:
        rows, reference = random_world(seed, viewers=90), reference_tables()
        self.warehouse = DbtWarehouse.create(folder)
        for table, values in reference.items():
            self.warehouse.load_reference(table, values)
        self.warehouse.take_in("b1", **rows)
        self.warehouse.run(select=MODELS)
        self.oracle = World(rows["views"], reference)

    def released(self, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Counts and estimates of a released table by key."""
        spec = next(spec for spec in ESTIMATES if spec.released == name)
        frames = {model: self.warehouse.frame(f"marts.{model}") for model in spec.sources}
        joined = frames[spec.mart].join(spec.compute(frames), on=spec.keys, how="left", validate="1:1")
        assert joined["status"].null_count() == 0
        return {tuple(row[key] for key in spec.keys): row for row in joined.iter_rows(named=True)}


@pytest.fixture(scope="module", params=SEEDS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("definitions"), request.param)


def test_content_and_completion_of_every_transition(built: Built) -> None:
    rows = built.warehouse.frame("core.fct_episode_transition").to_dicts()
    assert {(row["viewer_key"], row["series_id"], row["episode_seq"]) for row in rows} == {
        (viewer, series, episode) for (viewer, series), visit in built.oracle.visits.items() for episode in visit.first
    }
    for row in rows:
        key = row["viewer_key"], row["series_id"], row["episode_seq"]
        found = row["content_ms"], row["completed_at"], row["completed_surface"]
        assert found == built.oracle.completion(*key), key
    assert sum(row["completed_at"] is not None for row in rows) > 50


def test_first_passes_and_entries(built: Built) -> None:
    for row in built.warehouse.frame("core.fct_episode_transition").to_dicts():
        visit = built.oracle.visits[row["viewer_key"], row["series_id"]]
        assert row["started_at"] == visit.first[row["episode_seq"]].start_at
        assert row["is_first_pass"] == visit.is_first_pass(row["episode_seq"])
        assert (row["entry_episode_seq"], row["entry_surface"]) == (visit.entry.episode, visit.entry.surface)


def test_episode_reach(built: Built) -> None:
    released = built.released("audience.episode_reach")
    expected = built.oracle.reach((24, 72, 168, 672))
    assert released.keys() == expected.keys()
    for key, counts in expected.items():
        row = released[key]
        assert [row[name] for name in ("n_entered", "n_at_risk", "n_event", "n_censored")] == [
            counts[name] for name in ("n", "n_at_risk", "n_event", "n_censored")
        ], key
        published = built.oracle.published(key[0], key[3])
        if published is None or published > built.oracle.as_of:
            assert row["status"] == "not_applicable"
        elif counts["longest_us"] < key[4] * 3_600_000_000:
            assert row["status"] == "not_identified"
        else:
            assert row["status"] == "ok"
            assert_estimate(row, counts)


def assert_estimate(row: dict[str, Any], counts: dict[str, Any]) -> None:
    """The row's estimate and interval are those of the full risk table."""
    assert row["estimate"] == pytest.approx(float(counts["estimate"]), abs=TOLERANCE), row
    interval = log_log_interval(counts)
    if interval is not None:
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(interval, abs=TOLERANCE), row


def test_episode_survival(built: Built) -> None:
    released = built.released("audience.episode_survival")
    expected = built.oracle.survival((3, 7, 14))
    assert released.keys() == expected.keys()
    for key, counts in expected.items():
        row = released[key]
        assert (row["n_at_risk"], row["n_drop"]) == (counts["n_at_risk"], counts["n_drop"]), key
        if row["status"] == "ok":
            assert row["estimate"] == pytest.approx(float(counts["estimate"]), abs=TOLERANCE), key
    assert {row["status"] for row in released.values()} >= {"ok", "immature", "not_applicable"}


def test_continuation(built: Built) -> None:
    released = built.released("cliffhanger.continuation")
    expected = built.oracle.continuation((5, 10, 60, 1800, 86400, 259200, 604800))
    for key, row in released.items():
        counts = expected.get(key)
        if counts is None:
            assert (row["n_completed"], row["n_event"], row["n_censored"]) == (0, 0, 0), key
            assert row["status"] in {"not_identified", "not_applicable"}
            continue
        assert [row[name] for name in ("n_completed", "n_at_risk", "n_event", "n_censored")] == [
            counts[name] for name in ("n", "n_at_risk", "n_event", "n_censored")
        ], key
        if row["status"] == "ok":
            assert_estimate(row, counts)
    assert expected.keys() <= released.keys()
    assert sum(row["n_event"] for row in released.values()) > 100


def test_cohort_days(built: Built) -> None:
    released = built.released("audience.cohort_days")
    eligible = {key: (row["n_eligible"], row["n_active"]) for key, row in released.items() if row["n_eligible"]}
    assert eligible == built.oracle.cohort_days()
    for row in released.values():
        assert (row["status"] == "ok") == (row["n_eligible"] > 0)
