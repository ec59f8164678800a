"""Every estimate the warehouse publishes: which mart it joins, what it reads and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from dagster_project.inference import audience, cannibalization, cliffhanger, gate, uplift
from dagster_project.inference.results import ESTIMATE_COLUMNS

Compute = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]


@dataclass(frozen=True)
class EstimateSpec:
    """One estimate.

    Attributes:
        released: Name of the released table, `topic.name`.
        mart: The dbt model it is joined to, row by row.
        sources: The dbt models that `compute` reads, the mart among them.
        keys: The columns that identify a row in mart and result.
        columns: The columns it adds and what they mean.
        compute: From the sources by name to one row (keys, columns) per row of the mart. Pure.
    """

    released: str
    mart: str
    sources: tuple[str, ...]
    keys: tuple[str, ...]
    columns: Mapping[str, str]
    compute: Compute


ESTIMATES: tuple[EstimateSpec, ...] = (
    EstimateSpec(
        released="audience.episode_reach",
        mart="mrt_audience__episode_reach",
        sources=("mrt_audience__episode_reach", "mrt_audience__reach_risk"),
        keys=audience.REACH_KEYS,
        columns=ESTIMATE_COLUMNS,
        compute=audience.episode_reach,
    ),
    EstimateSpec(
        released="audience.episode_survival",
        mart="mrt_audience__episode_survival",
        sources=("mrt_audience__episode_survival",),
        keys=audience.SURVIVAL_KEYS,
        columns=ESTIMATE_COLUMNS,
        compute=audience.episode_survival,
    ),
    EstimateSpec(
        released="audience.cohort_days",
        mart="mrt_audience__cohort_days",
        sources=("mrt_audience__cohort_days",),
        keys=audience.COHORT_KEYS,
        columns=ESTIMATE_COLUMNS,
        compute=audience.cohort_days,
    ),
    EstimateSpec(
        released="cliffhanger.continuation",
        mart="mrt_cliffhanger__continuation",
        sources=("mrt_cliffhanger__continuation", "mrt_cliffhanger__continuation_risk"),
        keys=cliffhanger.CONTINUATION_KEYS,
        columns=ESTIMATE_COLUMNS,
        compute=cliffhanger.continuation,
    ),
    EstimateSpec(
        released="cliffhanger.gate_decomposition",
        mart="mrt_cliffhanger__gate_decomposition",
        sources=("mrt_cliffhanger__gate_decomposition", "mrt_cliffhanger__gate_risk"),
        keys=gate.GATE_KEYS,
        columns=ESTIMATE_COLUMNS,
        compute=gate.gate_decomposition,
    ),
    EstimateSpec(
        released="discounts.uplift",
        mart="mrt_discounts__uplift",
        sources=("mrt_discounts__uplift", "mrt_discounts__arm_moments"),
        keys=uplift.UPLIFT_KEYS,
        columns=uplift.UPLIFT_COLUMNS,
        compute=uplift.uplift,
    ),
    EstimateSpec(
        released="cannibalization.diversion",
        mart="mrt_cannibalization__diversion",
        sources=("mrt_cannibalization__diversion", "mrt_cannibalization__market_panel"),
        keys=cannibalization.DIVERSION_KEYS,
        columns=cannibalization.DIVERSION_COLUMNS,
        compute=cannibalization.diversion,
    ),
    EstimateSpec(
        released="cannibalization.event_study",
        mart="mrt_cannibalization__event_study",
        sources=("mrt_cannibalization__event_study", "mrt_cannibalization__market_panel"),
        keys=cannibalization.EVENT_KEYS,
        columns=cannibalization.EVENT_COLUMNS,
        compute=cannibalization.event_study,
    ),
)
