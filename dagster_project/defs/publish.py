"""What leaves the warehouse: exports of one run, then the released file."""

from datetime import UTC, timedelta
from typing import Any

import dagster as dg

from dagster_project.core.errors import WarehouseError
from dagster_project.defs.resources import WarehouseResource, report_progress
from dagster_project.defs.warehouse import manifest_path
from dagster_project.inference.registry import ESTIMATES
from dagster_project.settings import PROJECT_ROOT, Settings
from dagster_project.storage import batches
from dagster_project.storage.checks import dbt_checks
from dagster_project.storage.exports import export_models
from dagster_project.storage.fingerprint import code_fingerprint
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import loaded_head
from dagster_project.storage.manifest import ExportedModel, exported_models
from dagster_project.storage.reference_tables import stored_fingerprint
from dagster_project.storage.release import Estimates, ReleaseRecord, build_release, publish

EXPORTS = dg.AssetKey(["exports", "run"])
PUBLISHED = dg.AssetKey(["published", "warehouse"])


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """The export and release assets, downstream of every published model."""
    models = exported_models(manifest_path(DataLayout(settings.data_root)))
    return [_exports_asset(models), _published_asset()]


def estimate_key(released: str) -> dg.AssetKey:
    """The asset of one table's estimates."""
    return dg.AssetKey(["inference", released.replace(".", "__")])


def _exports_asset(models: list[ExportedModel]) -> dg.AssetsDefinition:
    @dg.asset(key=EXPORTS, deps=[dg.AssetKey(list(model.asset_key)) for model in models], group_name="exports")
    def exports(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
        """Everything published, as Parquet in the folder of this run."""
        current = exported_models(manifest_path(warehouse.layout))
        with warehouse.connection() as connection:
            folder = export_models(
                connection,
                warehouse.layout,
                context.run_id,
                current,
                lambda what, share: report_progress("exports", share),
            )
        return dg.MaterializeResult(metadata={"folder": str(folder), "tables": len(current)})

    return exports


def _published_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED, deps=[EXPORTS, *(estimate_key(spec.released) for spec in ESTIMATES)], group_name="published"
    )
    def published(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
        """The released file, swapped in as one; kept as it was when no released row has changed."""
        layout, now = warehouse.layout, warehouse.settings.now().astimezone(UTC)
        folder = layout.runs / context.run_id
        report_progress("release", 0.0)
        with warehouse.connection() as connection:
            pending = batches.pending_batches(connection)
            history = batches.release_history(connection)
            checks = [*batches.gate_checks(connection), *dbt_checks(layout.dbt_target)]
            as_of = batches.data_through(connection)
            reference = stored_fingerprint(connection)
            ledger = loaded_head(connection)
        latest = history[-1] if history else None
        # Releases are in the order of their making, whatever the clock says.
        created_at = now if latest is None else max(now, latest.created_at + timedelta(seconds=1))
        release_id = f"{created_at:%Y%m%dT%H%M%SZ}-{context.run_id[:8]}"
        partial, content_hash, row_count = build_release(
            layout,
            release_id=release_id,
            exports=folder,
            models=exported_models(manifest_path(layout)),
            estimates={
                spec.released: Estimates(folder / "estimates" / f"{spec.released}.parquet", spec.keys, spec.columns)
                for spec in ESTIMATES
            },
            checks=checks,
        )
        record = ReleaseRecord(
            release_id=release_id,
            created_at=created_at,
            content_hash=content_hash,
            as_of=as_of,
            reference_fingerprint=reference,
            code_fingerprint=code_fingerprint(PROJECT_ROOT),
            ledger_head=ledger,
            row_count=row_count,
        )
        is_unchanged = latest is not None and latest.content_hash == content_hash and layout.published.exists()
        if is_unchanged:
            partial.unlink()
        else:
            publish(layout, partial, [*history, record])
        with warehouse.connection() as connection:
            if is_unchanged and latest is not None:
                batches.note_unchanged(connection, latest, record, pending)
            else:
                batches.mark_released(connection, pending, record)
        if not layout.published.exists():
            raise WarehouseError("the release is not there after publishing", where=str(layout.published))
        report_progress("release", 1.0)
        return dg.MaterializeResult(
            metadata={"content_hash": content_hash, "rows": row_count, "unchanged": is_unchanged, "release": release_id}
        )

    return published
