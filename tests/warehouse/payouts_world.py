"""A small warehouse for the money line: raw rows written directly, dbt run on them, months closed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from dagster_project.contracts import feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.render import reference_table_ddl
from dagster_project.ledger.closing import Closed, close_period
from dagster_project.settings import DBT_DIR
from dagster_project.storage.batches import mark_released, prepare_history
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import load_ledger, loaded_head
from dagster_project.storage.raw_tables import prepare_raw
from dagster_project.storage.reference_tables import stored_fingerprint
from dagster_project.storage.release import ReleaseRecord
from dagster_project.storage.warehouse import Connection, open_warehouse

Row = Mapping[str, Any]
NOW = datetime(2027, 1, 15, tzinfo=UTC)
MARTS = "+path:models/marts/payouts"
LINEAGE = {"_file_name": "written by a test", "_ingest_date": "2027-01-01", "_ingested_at": "2027-01-01T00:00:00Z"}


class MoneyWorld:
    """One data root whose warehouse holds what a test writes into it."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        self._lines = 0
        with self.connection() as connection:
            prepare_raw(connection, {**feed_contracts(), **statement_contracts()})
            connection.execute("create schema if not exists reference")
            for contract in reference_contracts().values():
                connection.execute(reference_table_ddl(contract))
            prepare_history(connection)
            load_ledger(connection, self.layout)

    def copy_to(self, root: Path) -> MoneyWorld:
        """The same world in a data root of its own."""
        shutil.copytree(self.layout.root, root)
        copy = object.__new__(MoneyWorld)
        copy.layout, copy._lines = DataLayout(root), self._lines
        return copy

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with closing(open_warehouse(self.layout)) as connection:
            yield connection

    def write(self, relation: str, rows: Sequence[Row], file: str = "a") -> None:
        """Insert rows (missing columns are null); rows of `raw` get their lineage, `file` as the delivered file."""
        with self.connection() as connection:
            for row in rows:
                self._lines += 1
                lineage = (
                    {**LINEAGE, "_file_sha256": file, "_line_no": self._lines} if relation.startswith("raw.") else {}
                )
                values = {**row, **lineage}
                names = ", ".join(f'"{name}"' for name in values)
                marks = ", ".join("?" for _ in values)
                connection.execute(f"insert into {relation} ({names}) values ({marks})", list(values.values()))

    def execute(self, statement: str) -> None:
        with self.connection() as connection:
            connection.execute(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(statement).fetchall()

    def run(self, *, command: str = "run", full_refresh: bool = False, select: str = MARTS) -> dbtRunnerResult:
        """Load the ledger and let dbt compute everything up to the payout marts."""
        with self.connection() as connection:
            load_ledger(connection, self.layout)
        os.environ["CLIFFHANGER_WAREHOUSE"] = str(self.layout.warehouse)
        target = str(self.layout.dbt_target)
        arguments = [
            command,
            "--quiet",
            "--project-dir",
            str(DBT_DIR),
            "--profiles-dir",
            str(DBT_DIR),
            "--select",
            select,
        ]
        arguments += ["--target-path", target, "--log-path", target, *(["--full-refresh"] if full_refresh else [])]
        result = dbtRunner(manifest=manifest(self.layout)).invoke(arguments)
        assert result.success, [
            (node.node.name, node.message)
            for node in getattr(result.result, "results", [])
            if node.status not in ("success", "pass")
        ] or result.exception
        return result

    def release(self, as_of: datetime = NOW) -> None:
        """Note a release that holds everything, so that months up to `as_of` may be closed."""
        with self.connection() as connection:
            record = ReleaseRecord(
                release_id=f"r{as_of:%Y%m%d%H%M}",
                created_at=as_of,
                content_hash="content",
                as_of=as_of,
                reference_fingerprint=stored_fingerprint(connection),
                code_fingerprint="code",
                ledger_head=loaded_head(connection),
                row_count=1,
            )
            mark_released(connection, [], record)

    def close(self, period: str) -> Closed:
        with self.connection() as connection:
            return close_period(self.layout, connection, period, NOW)


@cache
def _manifest(warehouse: str, target: str) -> Manifest:
    os.environ["CLIFFHANGER_WAREHOUSE"] = warehouse
    arguments = ["parse", "--quiet", "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)]
    result = dbtRunner().invoke([*arguments, "--target-path", target, "--log-path", target])
    assert result.success, result.exception
    assert isinstance(result.result, Manifest)
    return result.result


_parsed: list[Manifest] = []


def manifest(layout: DataLayout) -> Manifest:
    """The parsed project, once per session: it does not depend on the warehouse."""
    if not _parsed:
        _parsed.append(_manifest(str(layout.warehouse), str(layout.dbt_target)))
    return _parsed[0]


# --- rows in the shapes the contracts ask for


def ad(number: int, series: str | None, country: str, day: str, **more: Any) -> Row:
    """One completed rewarded ad in a Mini."""
    return {
        "ad_event_id": f"ad-{number}",
        "impression_id": f"im-{number}",
        "surface": "tiktok_minis",
        "app_id": "mini",
        "series_id": series,
        "placement_id": "gate",
        "ad_format": "rewarded",
        "event_type": "complete",
        "is_ended": True,
        "verification": "client_only",
        "network": "pangle",
        "country": country,
        "event_ts": f"{day}T12:00:00Z",
        "received_ts": f"{day}T12:00:05Z",
        **more,
    }


def price(country: str, micros: int) -> Row:
    """The reference price of a thousand impressions in a country."""
    return {
        "kind": "ecpm",
        "surface": "tiktok_minis",
        "country": country,
        "valid_from": "2026-01-01",
        "micros_usd": micros,
    }


def platform_statement(number: str, first: str, last: str, gross: str, **more: Any) -> Row:
    """A confirmed statement of advertising revenue; `settleable` is gross plus adjustment unless given."""
    from decimal import Decimal

    adjustment = Decimal(more.get("adjustment", "0"))
    return {
        "platform": "tiktok",
        "statement_no": number,
        "version": 1,
        "stream": "iaa",
        "region_entity": "AMS",
        "period_start": first,
        "period_end": last,
        "statement_tz": "UTC",
        "issued_on": last,
        "status": "confirmed",
        "gross": gross,
        "settleable": str(Decimal(gross) + adjustment),
        "currency": "USD",
        **more,
    }


def contract(name: str, series: str, **more: Any) -> Row:
    """A payable contract on advertising revenue net of invalid traffic."""
    return {
        "contract_id": name,
        "version": 1,
        "direction": "PAYABLE",
        "counterparty_id": f"{name}-studio",
        "series_id": series,
        "stream": "iaa",
        "surface": "*",
        "territories": "*",
        "valid_from": "2026-01-01",
        "recorded_at": "2026-01-01T00:00:00Z",
        "amend_mode": "RETROACTIVE",
        "currency": "USD",
        "base": "net_of_ivt",
        "tier_kind": "MARGINAL",
        "tier_window": "LIFETIME",
        "split_mode": "CUMULATIVE",
        **more,
    }


def tiers(name: str, limits: Sequence[tuple[int | None, int]], version: int = 1) -> list[Row]:
    """Tiers of a contract version: (limit in minor units or None, rate in millionths)."""
    return [
        {"contract_id": name, "version": version, "tier_no": number, "upto_minor": limit, "rate_ppm": rate}
        for number, (limit, rate) in enumerate(limits, 1)
    ]


def parties(name: str, weights: Mapping[str, int], version: int = 1) -> list[Row]:
    """Parties of a contract version with their share weights."""
    return [
        {"contract_id": name, "version": version, "party_id": party, "share_weight": weight}
        for party, weight in weights.items()
    ]
