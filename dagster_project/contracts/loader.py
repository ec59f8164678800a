"""Reads contract YAML into the typed model; every mistake is told with file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dagster_project.contracts.document import ContractDocument, CustomProperty, Property
from dagster_project.contracts.model import Column, LogicalType, NativeContract, TableContract
from dagster_project.contracts.native_feeds import read_natives
from dagster_project.contracts.reading import contract_error, line_of, read_document

CONTRACTS_DIR = Path(__file__).resolve().parent
_PHYSICAL_TYPES = {
    LogicalType.STRING: "VARCHAR",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.NUMBER: "DECIMAL(18,6)",
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.DATE: "DATE",
    LogicalType.TIMESTAMP: "TIMESTAMPTZ",
}
_KNOWN_PROPERTIES = {
    "feed",
    "landing",
    "eventTime",
    "receivedTime",
    "eventTimeFrom",
    "rejectThresholdPpm",
    "requiredAny",
    "fileRequired",
}


def feed_contracts() -> dict[str, TableContract]:
    """The contracts of all logs by feed name."""
    return _with_natives(CONTRACTS_DIR / "logs")


def reference_contracts() -> dict[str, TableContract]:
    """The contracts of all reference tables by table name."""
    return _contracts(CONTRACTS_DIR / "reference")


def statement_contracts() -> dict[str, TableContract]:
    """The contracts of all statement kinds by name."""
    return _with_natives(CONTRACTS_DIR / "statements")


def native_contracts() -> dict[str, NativeContract]:
    """The contracts of all platforms' own files by name."""
    return {native.name: native for natives in _natives().values() for native in natives}


@cache
def _natives() -> Mapping[str, tuple[NativeContract, ...]]:
    targets = {**_contracts(CONTRACTS_DIR / "logs"), **_contracts(CONTRACTS_DIR / "statements")}
    return read_natives(CONTRACTS_DIR / "native", targets, reference_contracts())


@cache
def _with_natives(folder: Path) -> dict[str, TableContract]:
    """Each contract with the native feeds whose target it is."""
    return {name: replace(contract, natives=_natives().get(name, ())) for name, contract in _contracts(folder).items()}


@cache
def _contracts(folder: Path) -> dict[str, TableContract]:
    contracts = [load_contract(path) for path in sorted(folder.glob("*.yaml"))]
    return {contract.name: contract for contract in contracts}


def load_contract(path: Path) -> TableContract:
    """Read one contract.

    Raises:
        ContractError: The file is not YAML, or not a contract; the message names file and line.
    """
    node, document = read_document(path, ContractDocument)
    return _table(path, node, document)


def _table(path: Path, node: yaml.Node | None, document: ContractDocument) -> TableContract:
    custom = _custom(path, node, document.customProperties)
    schema = document.schema_[0]
    columns = []
    seen: set[str] = set()
    for index, item in enumerate(schema.properties):
        line = line_of(node, ("schema", 0, "properties", index))
        if item.name in seen:
            raise contract_error(
                path, line, f"column {item.name} is described twice", "each column has one description"
            )
        if _PHYSICAL_TYPES[item.logicalType] != item.physicalType:
            why = f"{item.logicalType} is stored as {_PHYSICAL_TYPES[item.logicalType]}, not {item.physicalType}"
            raise contract_error(path, line, f"column {item.name} has a type that does not fit", why)
        if item.primaryKey != (item.primaryKeyPosition is not None):
            why = "primaryKey and primaryKeyPosition go together"
            raise contract_error(path, line, f"the key of column {item.name} is incomplete", why)
        seen.add(item.name)
        columns.append(_column(item))
    clocks = [custom.get(name) for name in ("eventTime", "receivedTime")]
    groups = [name for group in custom.get("requiredAny", []) for name in group]
    for name in [*(clock for clock in clocks if clock), *groups]:
        if name not in seen:
            raise contract_error(
                path, line_of(node, ("customProperties",)), f"column {name} is not described", f"{name} is named below"
            )
    latency = next((sla for sla in document.slaProperties if sla.property == "latency"), None)
    return TableContract(
        name=document.name,
        relation=schema.physicalName,
        purpose=document.description.purpose,
        grain=schema.dataGranularityDescription,
        columns=tuple(columns),
        landing=custom.get("landing", ""),
        event_time=custom.get("eventTime"),
        received_time=custom.get("receivedTime"),
        event_time_from=_moment(custom.get("eventTimeFrom")),
        required_any=tuple(tuple(group) for group in custom.get("requiredAny", [])),
        reject_threshold_ppm=custom.get("rejectThresholdPpm", 50_000),
        file_required=custom.get("fileRequired", False),
        late_after_hours=None if latency is None else latency.value * (24 if latency.unit == "d" else 1),
    )


def _custom(path: Path, node: yaml.Node | None, properties: Sequence[CustomProperty]) -> dict[str, Any]:
    """Custom properties by name; `requiredAny` may stand several times."""
    found: dict[str, Any] = {}
    for index, item in enumerate(properties):
        if item.property not in _KNOWN_PROPERTIES:
            line = line_of(node, ("customProperties", index))
            raise contract_error(
                path,
                line,
                f"custom property {item.property} is not known",
                f"known: {', '.join(sorted(_KNOWN_PROPERTIES))}",
            )
        if item.property == "requiredAny":
            found.setdefault("requiredAny", []).append(item.value)
        else:
            found[item.property] = item.value
    return found


def _column(item: Property) -> Column:
    custom = {entry.property: entry.value for entry in item.customProperties}
    options = item.logicalTypeOptions
    return Column(
        name=item.name,
        logical_type=item.logicalType,
        physical_type=item.physicalType,
        description=item.description,
        is_required=item.required,
        key_position=item.primaryKeyPosition,
        minimum=options.minimum,
        maximum=options.maximum,
        max_length=options.maxLength,
        pattern=options.pattern,
        valid_values=tuple(item.quality[0].arguments.validValues) if item.quality else (),
        is_delivery_metadata=bool(custom.get("deliveryMetadata", False)),
        is_personal=item.classification == "personal",
        has_few_values=bool(custom.get("fewValues", False)),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
