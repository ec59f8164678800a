"""The worlds whose planted truth the tests look for: each kind on three seeds, small enough to be built in seconds.

None has malformed lines: refusing them is ingestion's, and `simulated_warehouse` reads files without it.
"""

from __future__ import annotations

import pytest
from simulated_warehouse import SimulatedWarehouse, simulated_warehouse

from dagster_project.simulator import WorldParameters

SEEDS = (20_260_411, 20_260_412, 20_260_413)
# One world of money always, the others with the full suite.
EACH_SEED = (SEEDS[0], *(pytest.param(seed, marks=pytest.mark.full) for seed in SEEDS[1:]))
AUDIENCE = ("audience.episode_reach", "audience.episode_survival", "cliffhanger.continuation")
_MONEY = ("discounts.uplift", "cannibalization.diversion", "cannibalization.event_study")


def audience_world(seed: int) -> SimulatedWarehouse:
    """Two series, watched by viewers who often come back days later: many are still on their way when the log ends."""
    parameters = WorldParameters(
        viewers=4_000,
        days=56,
        seed=seed,
        series=2,
        studios=1,
        story_opening=0.12,
        cliff_multiplier=0.2,
        later_share_tiktok=0.16,
        later_share_own=0.2,
        later_median_hours=48.0,
        malformed_share=0.0,
    )
    return simulated_warehouse(parameters, AUDIENCE, ("views",), has_data_tests=seed == SEEDS[0])


def money_world(seed: int, *, is_null: bool = False) -> SimulatedWarehouse:
    """A discount that works and a Mini that diverts, or neither.

    Viewers who seldom leave early, pass gates often and do not watch for long make many buyers of few rows. Without
    the series that play special parts every first offer follows one law, so that the planted effects have closed forms.
    """
    parameters = WorldParameters(
        viewers=8_000 if is_null else 10_000,
        days=93,
        seed=seed,
        series=3,
        studios=3,
        journeys_per_viewer=3.0,
        gate_scale=2.2,
        exit_level=0.06,
        exit_opening=0.0,
        story_opening=0.0,
        rewatch_share=0.0,
        preload_share=0.0,
        scrub_share=0.0,
        pause_share=0.0,
        malformed_share=0.0,
        discount_effect=0.0 if is_null else 0.6,
        diversion=0.0 if is_null else 1.2,
    )
    return simulated_warehouse(parameters, _MONEY, ("unlocks", "topups"), has_data_tests=seed == SEEDS[0])


def gate_world() -> SimulatedWarehouse:
    """Series of every kind."""
    parameters = WorldParameters(viewers=4_000, days=93, seed=20_260_401, series=12, studios=4, malformed_share=0.0)
    return simulated_warehouse(parameters, ("cliffhanger.gate_decomposition",))


def broken_split_world() -> SimulatedWarehouse:
    """An experiment of three whose split is broken beyond doubt."""
    parameters = WorldParameters(
        viewers=1_500,
        days=42,
        seed=20_260_421,
        series=8,
        studios=2,
        gate_scale=2.0,
        broken_split_share=0.9,
        malformed_share=0.0,
    )
    return simulated_warehouse(parameters, ("discounts.uplift",), ("unlocks", "topups"))
