"""Estimates with their intervals, one asset per released table that has them."""

from typing import Any

import dagster as dg

from dagster_project.defs.publish import EXPORTS, estimate_key
from dagster_project.defs.resources import WarehouseResource, report_progress
from dagster_project.inference.registry import ESTIMATES, EstimateSpec
from dagster_project.storage.exports import read_export, write_estimates


def _estimate_asset(spec: EstimateSpec) -> dg.AssetsDefinition:
    @dg.asset(
        key=estimate_key(spec.released),
        deps=[EXPORTS],
        group_name="inference",
        description=f"Estimates, intervals and status of {spec.released}",
    )
    def estimate(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
        folder = warehouse.layout.runs / context.run_id
        report_progress(f"inference {spec.released}", 0.0)
        frame = spec.compute({name: read_export(folder, name) for name in spec.sources})
        write_estimates(folder, spec.released, frame)
        report_progress(f"inference {spec.released}", 1.0)
        return dg.MaterializeResult(metadata={"rows": frame.height})

    return estimate


def build() -> list[dg.AssetsDefinition]:
    """One asset per row of the registry."""
    return [_estimate_asset(spec) for spec in ESTIMATES]
