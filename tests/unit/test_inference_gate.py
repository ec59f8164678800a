"""The gate decomposition against a slow Aalen-Johansen, and its behaviour at the edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.inference.gate import EXITS, PASSES, gate_decomposition
from dagster_project.inference.results import ESTIMATE_COLUMNS

WINDOW = 24
Viewer = tuple[float, float | None, str]
"""Follow-up in hours, hours to the pass or None, and the outcome: how the viewer passed or else left."""


def released(viewers: Sequence[Viewer]) -> dict[str, float | None]:
    """Estimates by outcome, from the counts and stretches that SQL would deliver."""
    followed = [one for one in viewers if one[0] >= WINDOW]

    def passed(viewer: Viewer) -> bool:
        return viewer[1] is not None and viewer[1] <= min(WINDOW, viewer[0])

    def known(viewer: Viewer) -> bool:
        return passed(viewer) or viewer[0] >= WINDOW

    counts = pl.DataFrame(
        [
            {
                **_cell(outcome),
                "n_opportunities": len(viewers),
                "n_outcome": sum(known(one) and one[2] == outcome for one in viewers),
                "n_followed": len(followed),
            }
            for outcome in (*PASSES, *EXITS)
        ]
    )
    # A full risk table, one row per pass: the longest form of the stretches.
    stretches = []
    for outcome in PASSES:
        mine = [one for one in viewers if passed(one) and one[2] == outcome]
        others = [one for one in viewers if not (passed(one) and one[2] == outcome)]
        for number, moment in enumerate(sorted({one[1] for one in mine if one[1] is not None})):
            waiting = [one for one in mine if one[1] is not None and one[1] >= moment]
            stretches.append(
                {
                    **_cell(outcome),
                    "stretch_no": number,
                    "n_before": len(waiting) + sum(one[0] >= moment for one in others),
                    "n_event": sum(one[1] == moment for one in mine),
                }
            )
    risk = pl.DataFrame(
        stretches, schema={**_SCHEMA, "stretch_no": pl.Int64, "n_before": pl.Int64, "n_event": pl.Int64}
    )
    found = gate_decomposition({"mrt_cliffhanger__gate_decomposition": counts, "mrt_cliffhanger__gate_risk": risk})
    assert found.columns[-len(ESTIMATE_COLUMNS) :] == list(ESTIMATE_COLUMNS)
    return dict(zip(found["outcome"], found["estimate"], strict=True))


_SCHEMA = {
    "series_id": pl.String,
    "surface": pl.String,
    "gate_episode_seq": pl.Int64,
    "cohort_week": pl.String,
    "window_hours": pl.Int64,
    "outcome": pl.String,
}


def _cell(outcome: str) -> dict[str, object]:
    return dict(zip(_SCHEMA, ("s", "all", 9, "all", WINDOW, outcome), strict=True))


def aalen_johansen(viewers: Sequence[Viewer]) -> dict[str, float]:
    """The textbook estimator, event time by event time: passes when they happen, exits when the window closes."""
    steps = [
        (one[1], one[2])
        if one[1] is not None and one[1] <= min(WINDOW, one[0])
        else ((float(WINDOW), one[2]) if one[0] >= WINDOW else (one[0], None))
        for one in viewers
    ]
    surviving, incidence = 1.0, dict.fromkeys((*PASSES, *EXITS), 0.0)
    for moment in sorted({at for at, _ in steps}):
        at_risk = sum(at >= moment for at, _ in steps)
        here = [outcome for at, outcome in steps if at == moment and outcome is not None]
        for outcome in here:
            incidence[outcome] += surviving / at_risk
        surviving *= 1 - len(here) / at_risk
    return incidence


def test_complete_follow_up_gives_plain_shares() -> None:
    viewers = [
        (100.0, 1.0, "coin_unlock"),
        (100.0, 2.0, "ad_unlock"),
        (100.0, None, "gate_bounce"),
        (24.0, None, "story_exit"),
    ]
    found = released(viewers)
    assert found == pytest.approx(
        {
            "coin_unlock": 0.25,
            "ad_unlock": 0.25,
            "gate_bounce": 0.25,
            "story_exit": 0.25,
            "in_episode_exit": 0,
            "ad_failed": 0,
            "subscription_pass": 0,
            "promo_pass": 0,
        }
    )
    assert sum(value for value in found.values() if value is not None) == pytest.approx(1)


def test_complete_follow_up_equals_aalen_johansen() -> None:
    generator = np.random.default_rng(1)
    viewers = _drawn(generator, 400, censoring=1000.0)
    assert released(viewers) == pytest.approx(aalen_johansen(viewers))


def test_censored_follow_up_agrees_with_aalen_johansen() -> None:
    """With known ends of follow-up both are consistent; they differ by less than the noise of either."""
    generator = np.random.default_rng(2)
    viewers = _drawn(generator, 1_500, censoring=60.0)
    found, reference = released(viewers), aalen_johansen(viewers)
    assert sum(one[0] < WINDOW for one in viewers) > 400
    for outcome, share in reference.items():
        assert found[outcome] == pytest.approx(share, abs=0.03)


def _drawn(generator: np.random.Generator, size: int, censoring: float) -> list[Viewer]:
    outcome = generator.choice([*PASSES, *EXITS], size, p=[0.2, 0.3, 0.03, 0.02, 0.05, 0.1, 0.25, 0.05])
    wait = np.round(generator.exponential(6.0, size), 3)
    follow_up = np.round(generator.uniform(1.0, censoring, size), 3) if censoring < 500 else np.full(size, censoring)
    return [
        (
            float(end),
            float(at) if name in PASSES and at <= WINDOW else None,
            str(name) if name in EXITS or at <= WINDOW else "gate_bounce",
        )
        for name, at, end in zip(outcome, wait, follow_up, strict=True)
    ]


def test_nobody_followed_is_not_identified() -> None:
    counts = pl.DataFrame([{**_cell("coin_unlock"), "n_opportunities": 5, "n_outcome": 2, "n_followed": 0}])
    risk = pl.DataFrame([{**_cell("coin_unlock"), "stretch_no": 0, "n_before": 5, "n_event": 2}])
    row = gate_decomposition({"mrt_cliffhanger__gate_decomposition": counts, "mrt_cliffhanger__gate_risk": risk}).row(
        0, named=True
    )
    assert row["status"] == "not_identified"
    assert row["status_reason"]
    assert row["estimate"] is None
    assert row["ci_low"] is None


@given(
    st.lists(
        st.tuples(
            st.floats(0.5, 60.0).map(lambda hours: round(hours, 2)),
            st.floats(0.01, 23.9).map(lambda hours: round(hours, 2)),
            st.sampled_from([*PASSES, *EXITS]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_estimates_are_shares_within_their_intervals(drawn: list[tuple[float, float, str]]) -> None:
    viewers = [
        (end + index * 1e-6, at + index * 1e-6 if outcome in PASSES else None, outcome)
        for index, (end, at, outcome) in enumerate(drawn)
    ]
    found = released(viewers)
    if any(end >= WINDOW for end, _, _ in viewers):
        assert all(value is not None and 0 <= value <= 1 for value in found.values())
        exits = sum(found[name] or 0.0 for name in EXITS)
        assert exits <= 1 + 1e-9
    else:
        assert all(value is None for value in found.values())
