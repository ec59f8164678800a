"""The worlds that the tests of gate, discounts and diversion share."""

from __future__ import annotations

from simulated_warehouse import SimulatedWarehouse, simulated_warehouse

from dagster_project.simulator import WorldParameters

_MONEY = ("discounts.uplift", "cannibalization.diversion", "cannibalization.event_study")


def planted_world() -> SimulatedWarehouse:
    """A discount that works, a Mini that diverts, and an experiment whose split is broken beyond doubt."""
    parameters = WorldParameters(viewers=4_000, days=93, seed=20_260_401, series=12, studios=4, broken_split_share=0.85)
    return simulated_warehouse(parameters, ("cliffhanger.gate_decomposition", *_MONEY))


def null_world() -> SimulatedWarehouse:
    """Nothing planted: the discount moves nobody and the Mini takes nothing. Views hardly matter here."""
    parameters = WorldParameters(
        viewers=4_000, days=93, seed=20_260_402, series=12, studios=4, discount_effect=0.0, diversion=0.0
    )
    return simulated_warehouse(parameters, _MONEY, ("unlocks", "topups"))
