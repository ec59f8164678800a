"""Native contracts: read with file and line, held against their target, and every mapping is sound SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from dagster_project.contracts import feed_contracts, native_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.loader import CONTRACTS_DIR
from dagster_project.contracts.native_feeds import load_native
from dagster_project.contracts.render import reference_table_ddl
from dagster_project.core.errors import ContractError
from dagster_project.ingest import staging_sql
from dagster_project.ingest.adapters.expressions import create_macros
from dagster_project.ingest.adapters.native_sql import record_contract
from dagster_project.ingest.csv_records import record_schema
from dagster_project.ingest.json_lines import LINE_SCHEMA

TARGETS = {**feed_contracts(), **statement_contracts()}
TIKTOK = (CONTRACTS_DIR / "native" / "tiktok_trade_orders.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(native_contracts()))
def test_a_mapping_is_sound_sql_and_takes_no_records(name: str) -> None:
    native = native_contracts()[name]
    contract = TARGETS[native.target]
    connection = duckdb.connect()
    for statement in [*create_macros(), "create schema reference", staging_sql.create_staged(contract)]:
        connection.execute(statement)
    for lookup in native.lookups:
        connection.execute(reference_table_ddl(reference_contracts()[lookup.table]))
    schema = LINE_SCHEMA if native.file_form == "jsonl" else record_schema(record_contract(native))
    connection.register("delivered", schema.empty_table())
    connection.execute(staging_sql.insert_native(contract, native, "delivered"))
    assert connection.execute("select count(*) from staged").fetchall() == [(0,)]
    assert isinstance(schema, pa.Schema)


def _error_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "tiktok_trade_orders.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_native(path, TARGETS, reference_contracts())
    assert f"{path}:" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("value: unlocks}", "value: unlock}", "no feed unlock"),
        ("      token_bonus: \"'0'\"\n", "", "token_bonus is not mapped"),
        ("      token_bonus:", "      token_boni:", "token_boni cannot be mapped"),
        ("keys: {app_id: client_key, order_id: order_id}", "keys: {app_id: client_key}", "lookup registered"),
        ("value: epoch_seconds", "value: epoch_hours", "clock is malformed"),
        ("property: adapter", "property: adaptor", "adaptor is not known"),
        ("name: is_sandbox", "name: order_id", "order_id is described twice"),
        ("physicalType: jsonl", "physicalType: xml", "physicalType"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in TIKTOK
    assert told in _error_of(tmp_path, TIKTOK.replace(old, new, 1))


def test_each_folder_has_one_feed() -> None:
    folders = [folder for contract in TARGETS.values() for folder in contract.folders]
    assert len(set(folders)) == len(folders)
    assert "tiktok_trade_orders" in TARGETS["unlocks"].folders
