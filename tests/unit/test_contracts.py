"""Contracts: read with file and line, and everything rendered from them is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.contracts import feed_contracts, load_contract, reference_contracts
from dagster_project.contracts.loader import CONTRACTS_DIR
from dagster_project.contracts.render import raw_table_ddl, stale_files
from dagster_project.core.errors import ContractError
from dagster_project.settings import PROJECT_ROOT

VIEWS = (CONTRACTS_DIR / "logs" / "views.yaml").read_text(encoding="utf-8")


def _error_of(tmp_path: Path, text: str) -> tuple[str, Path]:
    path = tmp_path / "views.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    return str(caught.value), path


def _line_of(text: str, needle: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if needle in line)


def test_rendered_files_are_up_to_date() -> None:
    assert stale_files(PROJECT_ROOT) == [], "run `make sync`"


def test_the_four_logs_carry_their_keys() -> None:
    keys = {name: contract.key for name, contract in feed_contracts().items()}
    assert keys == {
        "views": ("event_id",),
        "unlocks": ("source", "order_id", "line_no", "event_type", "event_seq"),
        "ads": ("ad_event_id",),
        "topups": ("store", "store_transaction_id", "event_type"),
    }


def test_delivery_metadata_is_not_content() -> None:
    names = {column.name for column in feed_contracts()["unlocks"].content_columns}
    assert "received_ts" not in names
    assert "raw_payload" not in names
    assert "price_amount" in names


def test_money_is_decimal_and_times_keep_their_zone() -> None:
    ddl = raw_table_ddl(feed_contracts()["topups"])
    assert '"gross_amount" decimal(18,6)' in ddl
    assert '"event_ts" timestamptz' in ddl
    assert "_ingest_date date not null" in ddl


def test_reference_tables_without_which_nothing_can_be_said_are_required() -> None:
    required = {name for name, contract in reference_contracts().items() if contract.file_required}
    assert required == {"studios", "series", "episodes", "episode_access"}


def test_broken_yaml_names_file_and_line(tmp_path: Path) -> None:
    text = VIEWS.replace("    logicalType: object", "    logicalType: [object", 1)
    message, path = _error_of(tmp_path, text)
    assert f"{path}:" in message
    assert "not valid YAML" in message


def test_wrong_type_names_the_line_of_the_column(tmp_path: Path) -> None:
    text = VIEWS.replace("logicalType: integer", "logicalType: whole", 1)
    message, path = _error_of(tmp_path, text)
    assert f"{path}:{_line_of(text, 'logicalType: whole')}:" in message


def test_physical_type_must_fit(tmp_path: Path) -> None:
    text = VIEWS.replace("physicalType: BIGINT", "physicalType: VARCHAR", 1)
    message, path = _error_of(tmp_path, text)
    assert f"{path}:{_line_of(text, 'name: episode_seq')}:" in message
    assert "episode_seq" in message


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    text = VIEWS.replace("property: landing", "property: landings", 1)
    message, path = _error_of(tmp_path, text)
    assert f"{path}:{_line_of(text, 'property: landings')}:" in message


def test_unknown_key_names_its_line(tmp_path: Path) -> None:
    text = VIEWS.replace("status: active", "status: active\nowner: nobody", 1)
    message, path = _error_of(tmp_path, text)
    assert f"{path}:{_line_of(text, 'owner: nobody')}:" in message


def test_missing_contract_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        load_contract(tmp_path / "none.yaml")
