"""dbt's models as assets, with its tests as asset checks."""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from dbt.cli.main import dbtRunner
from packaging.version import Version

from dagster_project.core.errors import WarehouseError
from dagster_project.defs.resources import WarehouseResource, report_progress
from dagster_project.settings import DBT_DIR, PROJECT_ROOT, Settings, export_environment
from dagster_project.storage.batches import pending_batches, release_history
from dagster_project.storage.fingerprint import code_fingerprint
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import loaded_head
from dagster_project.storage.recomputed import note_recomputed
from dagster_project.storage.reference_tables import stored_fingerprint


class RoomTranslator(DagsterDbtTranslator):
    """Asset keys start with the room: `core/fct_play`, `marts/mrt_audience__episode_reach`."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([_room(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return _room(dbt_resource_props)


def _room(properties: Mapping[str, Any]) -> str:
    folders: list[str] = properties["fqn"]
    return folders[1] if len(folders) > 2 else "warehouse"


class InstalledDbt(DbtCliResource):
    """The dbt of this environment: its version is known without starting it, which takes seconds."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))


def manifest_path(layout: DataLayout) -> Path:
    """dbt's manifest for this data root."""
    return layout.dbt_target / "manifest.json"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project when its code has changed since the manifest was written.

    Raises:
        WarehouseError: dbt cannot parse the project.
    """
    layout = DataLayout(settings.data_root)
    layout.prepare()
    export_environment({"CLIFFHANGER_WAREHOUSE": str(layout.warehouse)})
    stamp = layout.dbt_target / "manifest.stamp"
    fingerprint = code_fingerprint(PROJECT_ROOT)
    manifest = manifest_path(layout)
    if manifest.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint:
        return manifest
    arguments = ["parse", "--quiet", "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)]
    result = dbtRunner().invoke(
        [*arguments, "--target-path", str(layout.dbt_target), "--log-path", str(layout.dbt_target)]
    )
    if not result.success:
        raise WarehouseError(
            "the dbt project cannot be parsed",
            where=str(DBT_DIR),
            why=str(result.exception),
            fix="mend the model it names",
        )
    stamp.write_text(fingerprint, encoding="utf-8")
    return manifest


def build(settings: Settings) -> tuple[dg.AssetsDefinition, DbtCliResource]:
    """The dbt assets and the resource that runs them."""
    manifest = json.loads(prepare_manifest(settings).read_text(encoding="utf-8"))
    layout = DataLayout(settings.data_root)

    @dbt_assets(manifest=manifest, dagster_dbt_translator=RoomTranslator(), name="warehouse_models")
    def warehouse_models(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: WarehouseResource
    ) -> Iterator[Any]:
        with warehouse.connection() as connection:
            pending = pending_batches(connection)
            history = release_history(connection)
            reference = stored_fingerprint(connection)
            ledger = loaded_head(connection)
        code = code_fingerprint(PROJECT_ROOT)
        last = history[-1] if history else None
        is_stale = last is None or last.reference_fingerprint != reference or last.code_fingerprint != code
        is_closed_since = last is not None and last.ledger_head != ledger
        if not pending and not is_stale and not is_closed_since:
            context.log.info(
                "nothing new: every batch is in the current release and neither the code nor the ledger has changed"
            )
            return
        # A change of code or of a reference table can touch any row: only then is everything computed anew.
        # Unit tests prove the SQL, not the night's data: `make test` runs them.
        arguments = ["build", "--exclude-resource-type", "unit_test", *(["--full-refresh"] if is_stale else [])]
        report_progress("models", 0.0)
        invocation = dbt.cli(arguments, context=context, target_path=layout.dbt_target)
        done, total = 0, max(1, len(context.selected_output_names))
        for event in invocation.stream():
            if isinstance(event, dg.Output | dg.MaterializeResult):
                done += 1
                report_progress("models", min(1.0, done / total))
            yield event
        with warehouse.connection() as connection:
            note_recomputed(connection, context.run_id)

    # The dbt of this environment, whether or not the environment is activated.
    executable = str(Path(sys.executable).with_name("dbt"))
    resource = InstalledDbt(project_dir=str(DBT_DIR), profiles_dir=str(DBT_DIR), dbt_executable=executable)
    return warehouse_models, resource
