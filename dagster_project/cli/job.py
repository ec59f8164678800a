"""What happens before the nightly job is executed in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dagster_project.alerts import tell_of
from dagster_project.cli.console import progress_display
from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.core.errors import UsageError, WarehouseError
from dagster_project.settings import Settings, export_environment
from dagster_project.storage.erased_persons import load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import read_reference
from dagster_project.storage.warehouse import writer_lock

DAGSTER_YAML = """\
telemetry:
  enabled: false
run_monitoring:
  enabled: true
"""
INGEST_GROUPS = ("reference", "ledger", "raw")


def run_nightly(settings: Settings, *, first: date, last: date, groups: Sequence[str] = ()) -> str:
    """Execute the nightly job for a range of ingest days, all assets or only some groups.

    Returns:
        The run id.

    Raises:
        BlockedByChecks: A blocking check failed; the released file is as it was.
        CliffhangerError: Whatever an asset raised.
    """
    layout = DataLayout(settings.data_root)
    with _alerting(settings):
        return _run(settings, layout, first=first, last=last, groups=groups)


def _run(settings: Settings, layout: DataLayout, *, first: date, last: date, groups: Sequence[str]) -> str:
    _preflight(settings, layout)
    layout.prepare()
    with writer_lock(layout, wait_seconds=300.0):
        pass  # another run may be at work: wait for it before anything is loaded
    prepare_dagster_home(layout)
    with progress_display() as progress:
        progress("starting", 0.0)
        # Dagster, dbt and what they need take seconds to import: not for `--help`.
        from dagster_project.defs.execution import execute_nightly

        return execute_nightly(settings, first=first, last=last, groups=groups, progress=progress)


@contextmanager
def _alerting(settings: Settings) -> Iterator[None]:
    """Whatever ends the run is told to the operator's hook, then goes on as it is."""
    try:
        yield
    except UsageError:
        raise  # told to the person at the keyboard: no run was begun
    except Exception as error:
        tell_of(error, settings, job="nightly", started_by="command")
        raise


def prepare_dagster_home(layout: DataLayout) -> Path:
    """Create Dagster's home below the data root, telemetry off, and make Dagster see it."""
    layout.prepare()
    (layout.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    export_environment({"DAGSTER_HOME": str(layout.dagster_home), "GX_ANALYTICS_ENABLED": "false"})
    return layout.dagster_home


def _preflight(settings: Settings, layout: DataLayout) -> None:
    """Find the mistakes people make before the slow part starts; nothing but a missing key is written."""
    feed_contracts(), statement_contracts()
    if not layout.root.is_dir():
        raise WarehouseError(
            "the data root is missing",
            where=str(layout.root),
            why="CLIFFHANGER_DATA names a folder that does not exist",
            fix="create it with landing/ and reference/ inside, or run `cliffhanger simulate --out` to make one",
        )
    read_reference(layout.reference, reference_contracts())
    load_persons(layout, settings.pseudonym_key_file)
