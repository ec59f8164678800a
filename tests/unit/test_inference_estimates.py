"""Statuses, edges and intervals of the estimates on small tables worked out by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from dagster_project.inference.audience import cohort_days, episode_reach, episode_survival
from dagster_project.inference.cliffhanger import continuation
from dagster_project.inference.registry import ESTIMATES
from dagster_project.inference.results import InvalidEstimate, Status, choose_status, finish
from dagster_project.inference.survival import clopper_pearson, product_limit, wilson

CELL = {"series_id": "s", "surface": "all", "cohort_week": "all"}


def by_key(frame: pl.DataFrame, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[key] for key in keys): row for row in frame.iter_rows(named=True)}


# --- results


def test_first_rule_that_holds_decides() -> None:
    frame = pl.DataFrame({"a": [True, True, False, None], "b": [True, False, True, None]})
    status, reason = choose_status(
        (pl.col("a"), Status.NOT_APPLICABLE, "first"), (pl.col("b"), Status.IMMATURE, "second")
    )
    found = frame.select(status, reason)
    assert found["status"].to_list() == ["not_applicable", "not_applicable", "immature", "ok"]
    assert found["status_reason"].to_list() == ["first", "first", "second", None]


def row(estimate: float | None, low: float | None, high: float | None, status: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "key": ["k"],
            "estimate": [estimate],
            "ci_low": [low],
            "ci_high": [high],
            "status": [status],
            "status_reason": ["r"],
        },
        schema_overrides={"estimate": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64},
    )


def test_numbers_without_ok_are_blank() -> None:
    finished = finish(row(0.5, 0.4, float("nan"), "immature"), ["key"])
    assert finished.columns == ["key", "estimate", "ci_low", "ci_high", "status", "status_reason"]
    assert finished.row(0) == ("k", None, None, None, "immature", "r")


@pytest.mark.parametrize(
    "numbers", [(0.5, 0.6, 0.7), (0.5, 0.3, 0.4), (None, 0.3, 0.4), (0.5, float("nan"), 0.7), (0.5, 0.1, float("inf"))]
)
def test_number_outside_its_interval_is_a_defect(numbers: tuple[float | None, float | None, float | None]) -> None:
    with pytest.raises(InvalidEstimate, match="1 estimates"):
        finish(row(*numbers, "ok"), ["key"])


# --- intervals


def test_share_without_trials_has_no_interval() -> None:
    for interval in (clopper_pearson, wilson):
        low, high = interval(pl.Series([0, 5, 0]), pl.Series([0, 5, 4]))
        assert (low[0], high[0]) == (None, None)
        assert high[1] == 1.0
        assert low[2] == pytest.approx(0.0, abs=1e-12)


def test_exact_interval_of_none_in_three() -> None:
    low, high = clopper_pearson(pl.Series([0]), pl.Series([3]))
    assert (low[0], high[0]) == (0.0, pytest.approx(1 - 0.025 ** (1 / 3)))


# --- the product limit


def test_product_limit_by_hand() -> None:
    """Six at risk, one event; one leaves, two of four; then everyone left."""
    risk = pl.DataFrame({"curve": ["a", "a", "a"], "horizon": [1, 1, 2], "n_before": [6, 4, 2], "n_event": [1, 2, 2]})
    cells = pl.DataFrame({"curve": ["a", "a", "b", "b"], "horizon": [1, 2, 1, 2]})
    found = by_key(product_limit(risk, cells, ["curve"], "horizon"), "curve", "horizon")
    assert found["a", 1]["survival"] == pytest.approx(5 / 6 * 2 / 4)
    assert found["a", 1]["greenwood_sum"] == pytest.approx(1 / (6 * 5) + 2 / (4 * 2))
    assert found["a", 2]["survival"] == 0.0
    assert found["a", 2]["greenwood_sum"] == float("inf")
    assert found["b", 2] == {"curve": "b", "horizon": 2, "survival": 1.0, "greenwood_sum": 0.0}


# --- reach


def reach_mart(**columns: list[Any]) -> pl.DataFrame:
    size = len(columns["episode_seq"])
    defaults = {
        **CELL,
        "horizon_hours": 24,
        "n_entered": 10,
        "n_at_risk": 10,
        "is_published": True,
        "is_followed_up": True,
    }
    return pl.DataFrame({name: [value] * size for name, value in defaults.items()} | columns)


def test_reach_statuses_and_edges() -> None:
    mart = reach_mart(
        episode_seq=[1, 2, 3, 4, 5],
        n_event=[10, 5, 0, 5, 5],
        is_published=[True, True, True, False, False],
        is_followed_up=[True, True, True, True, False],
    )
    risk = pl.DataFrame(
        [
            {**CELL, "episode_seq": k, "horizon_hours": 24, "stretch_no": 0, "n_before": 10, "n_event": d}
            for k, d in ((1, 10), (2, 5))
        ]
    )
    found = by_key(
        episode_reach({"mrt_audience__episode_reach": mart, "mrt_audience__reach_risk": risk}), "episode_seq"
    )
    assert found[(1,)]["estimate"] == 1.0
    assert found[(1,)]["ci_high"] == 1.0
    assert found[(1,)]["ci_low"] == pytest.approx(0.025 ** (1 / 10))
    assert found[(2,)]["estimate"] == 0.5
    assert found[(3,)]["estimate"] == 0.0
    assert found[(3,)]["ci_low"] == 0.0
    assert found[(3,)]["ci_high"] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert [found[(k,)]["status"] for k in (4, 5)] == ["not_applicable", "not_applicable"]
    assert found[(4,)]["estimate"] is None


def test_everyone_left_reached_although_some_were_lost_from_sight() -> None:
    """Survival is 0, yet not everyone was seen to reach: the interval is stretched to hold the estimate."""
    mart = reach_mart(episode_seq=[2], n_event=[4])
    risk = pl.DataFrame([{**CELL, "episode_seq": 2, "horizon_hours": 24, "stretch_no": 6, "n_before": 4, "n_event": 4}])
    found = episode_reach({"mrt_audience__episode_reach": mart, "mrt_audience__reach_risk": risk}).row(0, named=True)
    assert (found["estimate"], found["ci_high"]) == (1.0, 1.0)
    assert found["ci_low"] == pytest.approx(clopper_pearson(pl.Series([4]), pl.Series([10]))[0][0])


def test_reach_past_the_longest_follow_up_is_not_identified() -> None:
    mart = reach_mart(episode_seq=[2], n_event=[4], is_followed_up=[False])
    risk = pl.DataFrame(
        [{**CELL, "episode_seq": 2, "horizon_hours": 24, "stretch_no": 0, "n_before": 10, "n_event": 4}]
    )
    found = episode_reach({"mrt_audience__episode_reach": mart, "mrt_audience__reach_risk": risk}).row(0, named=True)
    assert (found["status"], found["estimate"]) == ("not_identified", None)
    assert "followed" in found["status_reason"]


# --- survival


def survival_of(*boundaries: tuple[int, int, int], published: int | None = None) -> dict[int, dict[str, Any]]:
    """Rows of one cell from (started, at risk, dropped) per episode."""
    mart = pl.DataFrame(
        [
            {
                **CELL,
                "episode_seq": number,
                "window_days": 7,
                "n_started": started,
                "n_at_risk": at_risk,
                "n_drop": drop,
                "is_published": published is None or number <= published,
            }
            for number, (started, at_risk, drop) in enumerate(boundaries, start=1)
        ]
    ).reverse()
    estimated = episode_survival({"mrt_audience__episode_survival": mart})
    return {key[0]: value for key, value in by_key(estimated, "episode_seq").items()}


def test_survival_is_the_product_over_boundaries_before() -> None:
    found = survival_of((20, 10, 2), (15, 8, 4), (4, 4, 0))
    assert [found[e]["estimate"] for e in (1, 2, 3)] == pytest.approx([1.0, 0.8, 0.4])
    assert (found[1]["ci_low"], found[1]["ci_high"]) == (1.0, 1.0)
    assert found[2]["ci_low"] < 0.8 < found[2]["ci_high"]


def test_survival_waits_where_only_maturity_is_missing() -> None:
    found = survival_of((20, 10, 2), (15, 0, 0), (4, 0, 0))
    assert [found[e]["status"] for e in (1, 2, 3)] == ["ok", "ok", "immature"]


def test_survival_is_unknown_where_nobody_ever_was() -> None:
    found = survival_of((20, 10, 2), (0, 0, 0), (4, 4, 0), (4, 4, 1))
    assert [found[e]["status"] for e in (1, 2, 3, 4)] == ["ok", "ok", "not_identified", "not_identified"]


def test_survival_stays_0_once_everyone_dropped() -> None:
    found = survival_of((10, 10, 2), (8, 8, 8), (0, 0, 0), (0, 0, 0))
    assert [found[e]["estimate"] for e in (3, 4)] == [0.0, 0.0]
    assert found[4]["ci_low"] == 0.0
    assert found[4]["ci_high"] == pytest.approx(1 - 0.025 ** (1 / 8))


def test_survival_without_a_drop_has_an_exact_interval() -> None:
    found = survival_of((12, 10, 0), (8, 5, 0), (9, 9, 1))
    assert (found[3]["estimate"], found[3]["ci_high"]) == (1.0, 1.0)
    assert found[3]["ci_low"] == pytest.approx(0.025 ** (1 / 5))


def test_survival_to_an_unpublished_episode_does_not_apply() -> None:
    found = survival_of((10, 10, 2), (8, 0, 0), (0, 0, 0), published=2)
    assert [found[e]["status"] for e in (1, 2, 3)] == ["ok", "ok", "not_applicable"]


def test_cells_do_not_lean_on_each_other() -> None:
    rows = [
        {
            **CELL,
            "surface": surface,
            "episode_seq": e,
            "window_days": 7,
            "n_started": n,
            "n_at_risk": n,
            "n_drop": d,
            "is_published": True,
        }
        for surface, boundaries in (("ext_ios", ((4, 4), (0, 0), (0, 0))), ("ext_web", ((4, 1), (3, 0), (3, 0))))
        for e, (n, d) in enumerate(boundaries, start=1)
    ]
    found = by_key(episode_survival({"mrt_audience__episode_survival": pl.DataFrame(rows)}), "surface", "episode_seq")
    assert found["ext_ios", 3]["estimate"] == 0.0
    assert found["ext_web", 3]["estimate"] == pytest.approx(0.75)


# --- cohort days


def test_cohort_days_are_shares_of_the_eligible() -> None:
    mart = pl.DataFrame(
        {
            "scope": ["all"] * 4,
            "scope_id": ["all"] * 4,
            "surface": ["all"] * 4,
            "cohort_date": ["all"] * 4,
            "mode": ["n_day"] * 4,
            "day": [0, 1, 2, 30],
            "n_eligible": [8, 8, 8, 0],
            "n_active": [8, 2, 0, 0],
        }
    )
    found = by_key(cohort_days({"mrt_audience__cohort_days": mart}), "day")
    assert [found[(day,)]["estimate"] for day in (0, 1, 2, 30)] == [1.0, 0.25, 0.0, None]
    assert [found[(day,)]["status"] for day in (0, 1, 2, 30)] == ["ok", "ok", "ok", "immature"]
    # Wilson 1927: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), here for 2 of 8.
    p, n, z = 0.25, 8, 1.959963984540054
    middle, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n),
    )
    assert (found[(1,)]["ci_low"], found[(1,)]["ci_high"]) == pytest.approx((middle - half, middle + half), abs=1e-12)


# --- continuation


def test_continuation_statuses() -> None:
    cell = {"series_id": "s", "surface": "all", "window_seconds": 10, "mode": "all"}
    counts = {"n_at_risk": 4, "n_event": 1, "is_next_published": True, "is_followed_up": True}
    mart = pl.DataFrame(
        [
            {**cell, "episode_seq": 1, **counts},
            {**cell, "episode_seq": 2, **counts, "n_at_risk": 0, "n_event": 0, "is_followed_up": False},
            {**cell, "episode_seq": 3, **counts, "is_followed_up": False},
            {**cell, "episode_seq": 4, **counts, "is_next_published": False},
        ]
    )
    risk = pl.DataFrame([{**cell, "episode_seq": 1, "stretch_no": 0, "n_before": 4, "n_event": 1}])
    found = by_key(
        continuation({"mrt_cliffhanger__continuation": mart, "mrt_cliffhanger__continuation_risk": risk}), "episode_seq"
    )
    assert [found[(n,)]["status"] for n in (1, 2, 3, 4)] == ["ok", "not_identified", "not_identified", "not_applicable"]
    assert found[(1,)]["estimate"] == pytest.approx(0.25)
    assert found[(2,)]["status_reason"] != found[(3,)]["status_reason"]


# --- registry


def test_registry_names_and_keys_are_consistent() -> None:
    assert len({spec.released for spec in ESTIMATES}) == len(ESTIMATES)
    for spec in ESTIMATES:
        assert spec.mart == f"mrt_{spec.released.replace('.', '__')}"
        assert spec.mart in spec.sources
        assert not set(spec.keys) & set(spec.columns)
        assert all(spec.columns.values())
