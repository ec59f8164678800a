"""When things run: every night, every Monday, and when files have landed and stand still."""

from __future__ import annotations

import hashlib
import json

import dagster as dg

from dagster_project.contracts import feed_contracts, statement_contracts
from dagster_project.defs.partitions import ingest_days
from dagster_project.settings import Settings
from dagster_project.storage.landing import landed_names
from dagster_project.storage.layout import DataLayout

NIGHTLY_NAME = "nightly"


def build(
    settings: Settings,
) -> tuple[list[dg.UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition], list[dg.SensorDefinition]]:
    """Jobs, schedules and sensors of one data root."""
    partitions = ingest_days(settings)
    reports = dg.AssetSelection.groups("reports")
    nightly = dg.define_asset_job(
        NIGHTLY_NAME,
        selection=dg.AssetSelection.all() - reports,
        partitions_def=partitions,
        description="Landing files to released warehouse",
    )
    weekly = dg.define_asset_job("weekly_reports", selection=reports, description="The packs of the last complete week")
    schedules = [
        dg.build_schedule_from_partitioned_job(nightly, name="every_night", hour_of_day=2, minute_of_hour=30),
        dg.ScheduleDefinition(name="every_monday", job=weekly, cron_schedule="0 6 * * 1", execution_timezone="UTC"),
    ]
    return [nightly, weekly], schedules, [_landing_sensor(settings, nightly)]


def _landing_sensor(settings: Settings, nightly: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    layout = DataLayout(settings.data_root)
    contracts = [*feed_contracts().values(), *statement_contracts().values()]

    @dg.sensor(name="landing", job=nightly, minimum_interval_seconds=60)
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Ask for a run once the landing folder has changed and then stood still for one tick.

        It looks at names, sizes and times only: the warehouse may be locked by a run.
        """
        seen = hashlib.sha256()
        for name, size, modified in landed_names(layout, contracts):
            seen.update(f"{name}\0{size}\0{modified}\n".encode())
        digest = seen.hexdigest()
        cursor = json.loads(context.cursor) if context.cursor else {"seen": "", "asked": ""}
        if digest == cursor["asked"]:
            return dg.SkipReason("nothing has landed since the last run was asked for")
        if digest != cursor["seen"]:
            return dg.SensorResult(
                skip_reason="the landing folder is changing; waiting until it stands still",
                cursor=json.dumps({"seen": digest, "asked": cursor["asked"]}),
            )
        day = settings.now().date().isoformat()
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=f"{day}:{digest}", partition_key=day)],
            cursor=json.dumps({"seen": digest, "asked": digest}),
        )

    return landing
