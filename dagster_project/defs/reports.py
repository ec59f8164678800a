"""Reports drawn from the published file; they follow a release, never a clock alone."""

from typing import Any

import dagster as dg

from dagster_project.defs.publish import PUBLISHED
from dagster_project.defs.resources import report_progress
from dagster_project.settings import Settings
from dagster_project.storage.layout import DataLayout
from dashboards.deliver import build_reports
from dashboards.errors import UnknownPeriod
from dashboards.registry import REPORTS


def report_key(name: str) -> dg.AssetKey:
    """The asset of one report."""
    return dg.AssetKey(["reports", name])


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """One asset per report of the registry."""
    layout = DataLayout(settings.data_root)
    return [_report_asset(name, layout) for name in REPORTS]


def _report_asset(name: str, layout: DataLayout) -> dg.AssetsDefinition:
    @dg.asset(key=report_key(name), deps=[PUBLISHED], group_name="reports")
    def report() -> dg.MaterializeResult[Any]:
        """The packs of the last complete period, one folder per recipient."""
        try:
            built = build_reports(
                layout.published,
                layout.reports,
                report=name,
                cache_dir=layout.report_cache,
                progress=lambda done, total, one: report_progress(f"reports: {one}", done / total),
            )
        except UnknownPeriod as nothing:  # no period is over yet: there is nothing to tell, and nothing is wrong
            return dg.MaterializeResult(metadata={"packs": 0, "reason": str(nothing)})
        return dg.MaterializeResult(metadata={"packs": len(built)})

    return report
