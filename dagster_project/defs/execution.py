"""Executes the nightly job in the calling process and turns Dagster's failures back into our own."""

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from dagster_project.alerts import tell_of
from dagster_project.core.errors import BlockedByChecks, CliffhangerError
from dagster_project.defs import build_definitions
from dagster_project.defs.alerts import COMMAND, STARTED_BY
from dagster_project.defs.automation import NIGHTLY_NAME
from dagster_project.defs.resources import listening
from dagster_project.settings import Settings
from dagster_project.storage.checks import failed_nodes
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import REFUSALS, refused_error

Progress = Callable[[str, float], None]


def execute_nightly(settings: Settings, *, first: date, last: date, groups: Sequence[str], progress: Progress) -> str:
    """Execute the nightly job for a range of ingest days: all its assets, or only those of some groups.

    `DAGSTER_HOME` must be set.

    Returns:
        The run id.

    Raises:
        BlockedByChecks: A blocking check or a dbt test failed; the released file is as it was.
        CliffhangerError: Whatever foreseen failure an asset met.
    """
    layout = DataLayout(settings.data_root)
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    warnings.filterwarnings("ignore", category=dg.PreviewWarning)
    # With nothing new the models are skipped, and so is what follows them: that their checks are silent is no news.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    definitions = build_definitions(settings)
    job = definitions.resolve_job_def(NIGHTLY_NAME)
    selection = None
    if groups:
        graph = definitions.resolve_asset_graph()
        selection = list(dg.AssetSelection.groups(*groups).resolve(graph))
    tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
        STARTED_BY: COMMAND,
    }
    # dbt's chatter is in its own log; stdout belongs to the summary.
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        dg.DagsterInstance.get() as instance,
        listening(progress),
    ):
        _end_dead_runs(instance, settings)
        try:
            result = job.execute_in_process(
                instance=instance,
                tags=tags,
                asset_selection=selection,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        except Exception as error:
            raise _explained(error, layout) from error
    return str(result.run_id)


def _end_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> None:
    """A killed run stays `STARTED` for ever; the writer lock was free a moment ago, so none of them is alive.

    It could not tell anyone itself, so that is done here; Dagster's own runs are told by the sensor.
    """
    dead = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(dead):
        instance.report_run_failed(run, message="The process of this run is gone.")
        if run.tags.get(STARTED_BY) == COMMAND:
            error = CliffhangerError(
                "an earlier run was killed",
                why="its process is gone; out of memory, or the machine was switched off",
                fix="nothing is lost: the run that tells this goes on where it stopped",
            )
            tell_of(error, settings, job=run.job_name, started_by=COMMAND, run_id=run.run_id)


def _explained(error: BaseException, layout: DataLayout) -> BaseException:
    """The failure behind Dagster's wrapping, as one of ours where it is foreseen."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CliffhangerError):
            return cause
        if isinstance(cause, REFUSALS):
            return refused_error(layout.warehouse, cause)
        if isinstance(cause, DagsterAssetCheckFailedError):
            return BlockedByChecks(
                "a delivery failed its checks; the released file is as it was",
                where=str(layout.landing),
                why=" ".join(str(cause).split()),
                fix="look at health in the asset graph (`make ui`), mend the files and run again",
            )
        if isinstance(cause, DagsterDbtCliRuntimeError):
            failed = failed_nodes(layout.dbt_target)
            return BlockedByChecks(
                "the models or their tests failed; the released file is as it was",
                where=str(layout.dbt_target / "run_results.json"),
                why="; ".join(failed[:5]) or " ".join(str(cause).split())[-500:],
                fix="look at the model or the data the test names, then run again",
            )
        cause = cause.__cause__ or cause.__context__
    return error
