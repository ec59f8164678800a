"""Landing files to raw rows: one asset per feed, gated by Great Expectations; reference tables beside them."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.contracts import TableContract, feed_contracts, reference_contracts, statement_contracts
from dagster_project.core.errors import BlockedByChecks
from dagster_project.defs.partitions import ingest_days
from dagster_project.defs.resources import WarehouseResource, report_progress
from dagster_project.ingest import ingest_feed, prepare_raw, profile_feed, reingest
from dagster_project.ingest.data_docs import write_data_docs
from dagster_project.ingest.gate import check_profile
from dagster_project.ingest.history import feed_history
from dagster_project.ledger.closing import genuine_ledger
from dagster_project.settings import Settings
from dagster_project.storage.batches import pending_batches, prepare_history, record_gate
from dagster_project.storage.ledger_files import load_ledger
from dagster_project.storage.reference_tables import read_reference, write_reference
from dagster_project.storage.release import CheckRecord

GATE = "delivery_profile"
LEDGER_TABLES = ("ledger_lines", "ledger_weights", "ledger_periods")


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """The reference asset and one raw asset per feed."""
    contracts = {**feed_contracts(), **statement_contracts()}
    partitions = ingest_days(settings)
    return [_reference_asset(), _ledger_asset(), *(_raw_asset(contract, partitions) for contract in contracts.values())]


def _reference_asset() -> dg.AssetsDefinition:
    contracts = reference_contracts()

    @dg.multi_asset(
        name="reference",
        specs=[
            dg.AssetSpec(
                ["reference", contract.name],
                description=f"{contract.purpose}: {contract.grain}.",
                group_name="reference",
            )
            for contract in contracts.values()
        ],
    )
    def reference(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
        tables = read_reference(warehouse.layout.reference, contracts)
        with warehouse.connection() as connection:
            prepare_history(connection)
            write_reference(connection, tables, warehouse.settings.now(), warehouse.persons())
        for name, table in tables.items():
            yield dg.MaterializeResult(asset_key=["reference", name], metadata={"rows": table.rows.num_rows})

    return reference


def _ledger_asset() -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="ledger",
        specs=[
            dg.AssetSpec(["ledger", name], description="What the closes have posted", group_name="ledger")
            for name in LEDGER_TABLES
        ],
    )
    def ledger(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
        """The closed months as they lie in the ledger's files, readable for the models."""
        genuine_ledger(warehouse.layout)
        with warehouse.connection() as connection:
            load_ledger(connection, warehouse.layout)
        for name in LEDGER_TABLES:
            yield dg.MaterializeResult(asset_key=["ledger", name])

    return ledger


def _raw_asset(contract: TableContract, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    key = dg.AssetKey(["raw", contract.name])

    @dg.multi_asset(
        name=f"raw_{contract.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[["reference", "series"]],
                description=f"{contract.purpose}: {contract.grain}.",
                group_name="raw",
                partitions_def=partitions,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                GATE, asset=key, blocking=True, description="Great Expectations on the profile of what was delivered"
            )
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
        now = warehouse.settings.now()
        persons = warehouse.persons()
        window = context.partition_key_range
        first, last = date.fromisoformat(window.start), date.fromisoformat(window.end)
        with warehouse.connection() as connection:
            prepare_raw(connection, {contract.name: contract})
            if last < now.date() or first < last:
                reingest(
                    connection,
                    warehouse.layout,
                    {contract.name: contract},
                    first=first,
                    last=last,
                    batch_id=context.run_id,
                    now=now,
                    progress=report_progress,
                    persons=persons,
                )
            result = ingest_feed(
                connection,
                warehouse.layout,
                contract,
                batch_id=context.run_id,
                now=now,
                progress=report_progress,
                persons=persons,
            )
            records = []
            for batch_id in pending_batches(connection):
                profile = profile_feed(connection, contract, batch_id)
                if profile is None:
                    record_gate(connection, batch_id, contract.name, [])
                    continue
                verdict = check_profile(contract, profile, feed_history(connection, contract, profile))
                judged = [
                    CheckRecord(check.name, f"raw/{contract.name}", check.severity, check.passed, check.sentence)
                    for check in verdict.checks
                    if check.judged
                ]
                record_gate(connection, batch_id, contract.name, judged)
                write_data_docs(warehouse.layout, profile, verdict)
                records += judged
        failed = [record for record in records if not record.passed]
        blocking = [record for record in failed if record.severity == "critical"]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={"files": len(result.files), "accepted": sum(file.accepted for file in result.files)},
            check_results=[
                dg.AssetCheckResult(
                    check_name=GATE,
                    asset_key=key,
                    passed=not blocking,
                    metadata={"failed": [record.detail for record in failed], "checks": len(records)},
                )
            ],
        )
        if blocking:
            raise _blocked(contract, blocking, warehouse.layout.data_docs_index)

    return raw


def _blocked(contract: TableContract, failed: Sequence[CheckRecord], pages: Path) -> BlockedByChecks:
    fix = "mend what was delivered and run again; `cliffhanger quarantine list` names rows and reasons"
    if any(record.check_name == "n_held_files" for record in failed):
        fix = (
            "deliver a held file anew under its name, give its mended rows with `cliffhanger quarantine retry --file "
            "NAME --mended PATH`, or take in its good rows alone with `--accept`; then run again"
        )
    return BlockedByChecks(
        "a delivery failed its checks; the released file is as it was",
        where=f"raw/{contract.name}",
        why="; ".join(record.detail for record in failed),
        fix=f"{fix}; every check of the delivery: {pages}",
    )
