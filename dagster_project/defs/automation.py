"""When things run: every night, every Monday, when files have landed and stand still, and when a run has failed."""

import hashlib
import json

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.contracts import feed_contracts, statement_contracts
from dagster_project.defs import alerts
from dagster_project.settings import Settings
from dagster_project.storage.landing import discover
from dagster_project.storage.layout import DataLayout

NIGHTLY_NAME = "nightly"


def build(
    settings: Settings,
) -> tuple[list[UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition], list[dg.SensorDefinition]]:
    """Jobs, schedules and sensors of one data root."""
    reports = dg.AssetSelection.groups("reports")
    nightly = dg.define_asset_job(
        NIGHTLY_NAME,
        selection=dg.AssetSelection.all() - reports,
        description="Landing files to released warehouse",
    )
    weekly = dg.define_asset_job("weekly_reports", selection=reports, description="The packs of the last complete week")
    schedules = [
        _nightly_schedule(nightly),
        dg.ScheduleDefinition(name="every_monday", job=weekly, cron_schedule="0 6 * * 1", execution_timezone="UTC"),
    ]
    return [nightly, weekly], schedules, [_landing_sensor(settings, nightly), alerts.build(settings)]


def _nightly_schedule(nightly: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(name="every_night", job=nightly, cron_schedule="30 2 * * *", execution_timezone="UTC")
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """What has landed by then belongs to the partition of that UTC day."""
        return dg.RunRequest(partition_key=context.scheduled_execution_time.date().isoformat())

    return every_night


def _landing_sensor(settings: Settings, nightly: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    layout = DataLayout(settings.data_root)
    contracts = [*feed_contracts().values(), *statement_contracts().values()]

    @dg.sensor(name="landing", job=nightly, minimum_interval_seconds=60)
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Ask for a run once the landing folder has changed and then stood still for one tick.

        It looks at names, sizes and times only: the warehouse may be locked by a run.
        """
        seen = hashlib.sha256()
        for file in sorted(
            (file for contract in contracts for file in discover(layout, contract).files), key=lambda file: file.name
        ):
            seen.update(f"{file.name}\0{file.size_bytes}\0{file.modified_ns}\n".encode())
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
