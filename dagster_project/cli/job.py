"""Executes the nightly job in this process and turns Dagster's failures back into our own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.cli.console import progress_display
from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.core.errors import BlockedByChecks, CliffhangerError, WarehouseError
from dagster_project.settings import Settings, export_environment
from dagster_project.storage.checks import failed_nodes
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import read_reference
from dagster_project.storage.warehouse import writer_lock

if TYPE_CHECKING:
    import dagster as dg

Progress = Callable[[str, float], None]
DAGSTER_YAML = """\
telemetry:
  enabled: false
run_monitoring:
  enabled: true
"""
INGEST_GROUPS = ("reference", "raw")


def run_nightly(settings: Settings, *, first: date, last: date, groups: Sequence[str] = ()) -> str:
    """Execute the nightly job for a range of ingest days, all assets or only some groups.

    Returns:
        The run id.

    Raises:
        BlockedByChecks: A blocking check failed; the released file is as it was.
        CliffhangerError: Whatever an asset raised.
    """
    layout = DataLayout(settings.data_root)
    _preflight(layout)
    layout.prepare()
    with writer_lock(layout, wait_seconds=300.0):
        pass  # another run may be at work: wait for it before anything is loaded
    with progress_display() as progress:
        progress("starting", 0.0)
        return _execute(settings, layout, first, last, groups, progress)


def prepare_dagster_home(layout: DataLayout) -> Path:
    """Create Dagster's home below the data root, telemetry off, and make Dagster see it."""
    layout.prepare()
    (layout.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    export_environment({"DAGSTER_HOME": str(layout.dagster_home), "GX_ANALYTICS_ENABLED": "false"})
    return layout.dagster_home


def _preflight(layout: DataLayout) -> None:
    """Find the mistakes people make before the slow part starts; nothing is written."""
    feed_contracts(), statement_contracts()
    if not layout.root.is_dir():
        raise WarehouseError(
            "the data root is missing",
            where=str(layout.root),
            why="CLIFFHANGER_DATA names a folder that does not exist",
            fix="create it with landing/ and reference/ inside, or run `cliffhanger simulate --out` to make one",
        )
    read_reference(layout.reference, reference_contracts())


def _execute(
    settings: Settings, layout: DataLayout, first: date, last: date, groups: Sequence[str], progress: Progress
) -> str:
    prepare_dagster_home(layout)
    # Dagster, dbt and what they need take seconds to import: not for `--help`.
    import dagster as dg

    from dagster_project.defs import build_definitions
    from dagster_project.defs.automation import NIGHTLY_NAME
    from dagster_project.defs.resources import listening

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    warnings.filterwarnings("ignore", category=dg.PreviewWarning)
    definitions = build_definitions(settings)
    job = definitions.resolve_job_def(NIGHTLY_NAME)
    selection = None
    if groups:
        graph = definitions.resolve_asset_graph()
        selection = list(dg.AssetSelection.groups(*groups).resolve(graph))
    tags = {"dagster/asset_partition_range_start": first.isoformat(), "dagster/asset_partition_range_end": last.isoformat()}
    with dg.DagsterInstance.get() as instance, listening(progress):
        _end_dead_runs(instance)
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


def _end_dead_runs(instance: dg.DagsterInstance) -> None:
    """A killed run stays `STARTED` for ever; the writer lock was free a moment ago, so none of them is alive."""
    import dagster as dg

    dead = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(dead):
        instance.report_run_failed(run, message="The process of this run is gone.")


def _explained(error: BaseException, layout: DataLayout) -> BaseException:
    """The failure behind Dagster's wrapping, as one of ours where it is foreseen."""
    from dagster._core.errors import DagsterAssetCheckFailedError
    from dagster_dbt.errors import DagsterDbtCliRuntimeError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CliffhangerError):
            return cause
        if isinstance(cause, DagsterAssetCheckFailedError):
            return BlockedByChecks(
                "a delivery failed its checks; the released file is as it was",
                where=str(layout.landing),
                why=" ".join(str(cause).split()),
                fix="see `cliffhanger run --json` or health in the asset graph (`make ui`), mend the files and run again",
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
