"""Reads the contracts of platforms' own files, and holds each against the feed its records become rows of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from dagster_project.contracts.document import (
    CustomProperty,
    FieldProperty,
    LookupValue,
    NativeDocument,
    RefusalValue,
)
from dagster_project.contracts.model import (
    Clock,
    LogicalType,
    Lookup,
    NativeContract,
    NativeField,
    Refusal,
    TableContract,
)
from dagster_project.contracts.reading import contract_error, line_of, read_document

_SETTINGS: Mapping[str, TypeAdapter[Any]] = {
    "target": TypeAdapter(str),
    "landing": TypeAdapter(str),
    "adapter": TypeAdapter(str),
    "trailer": TypeAdapter(str),
    "mapping": TypeAdapter(dict[str, str]),
    "lookups": TypeAdapter(list[LookupValue]),
    "refusals": TypeAdapter(list[RefusalValue]),
}
_FIELD_SETTINGS: Mapping[str, TypeAdapter[Any]] = {
    "aliases": TypeAdapter(list[str]),
    "clock": TypeAdapter(Clock),
    "dateFormat": TypeAdapter(str),
}


def read_natives(
    folder: Path, targets: Mapping[str, TableContract], references: Mapping[str, TableContract]
) -> dict[str, tuple[NativeContract, ...]]:
    """The native contracts of a folder by the name of their target.

    Raises:
        ContractError: A contract is malformed or does not fit its target; the message names file and line.
    """
    found: dict[str, tuple[NativeContract, ...]] = {}
    folders = {contract.landing for contract in targets.values()}
    for path in sorted(folder.glob("*.yaml")):
        native = load_native(path, targets, references)
        if native.landing in folders:
            raise contract_error(path, 1, f"landing/{native.landing} is read by another feed", "a folder has one feed")
        folders.add(native.landing)
        found[native.target] = (*found.get(native.target, ()), native)
    return found


def load_native(
    path: Path, targets: Mapping[str, TableContract], references: Mapping[str, TableContract]
) -> NativeContract:
    """Read one native contract.

    Raises:
        ContractError: It is malformed or does not fit its target; the message names file and line.
    """
    node, document = read_document(path, NativeDocument)
    settings = _settings(path, node, ("customProperties",), document.customProperties, _SETTINGS)
    schema = document.schema_[0]
    native = NativeContract(
        name=document.name,
        target=settings.get("target", ""),
        purpose=document.description.purpose,
        grain=schema.dataGranularityDescription,
        usage=document.description.usage,
        limitations=document.description.limitations,
        landing=settings.get("landing", document.name),
        file_form=schema.physicalType,
        fields=tuple(_field(path, node, index, item) for index, item in enumerate(schema.properties)),
        mapping=settings.get("mapping", {}),
        lookups=tuple(Lookup(item.name, item.table, item.keys) for item in settings.get("lookups", [])),
        refusals=tuple(Refusal(item.when, item.reason, item.detail) for item in settings.get("refusals", [])),
        adapter=settings.get("adapter", ""),
        trailer=settings.get("trailer"),
    )
    _check(path, node, native, targets, references)
    return native


def _field(path: Path, node: yaml.Node | None, index: int, item: FieldProperty) -> NativeField:
    place = ("schema", 0, "properties", index)
    settings = _settings(path, node, (*place, "customProperties"), item.customProperties, _FIELD_SETTINGS)
    if (item.logicalType is LogicalType.TIMESTAMP) != ("clock" in settings):
        why = "a timestamp says with clock how it is written, nothing else does"
        raise contract_error(path, line_of(node, place), f"the clock of field {item.name} is not clear", why)
    return NativeField(
        name=item.name,
        source=item.physicalName,
        description=item.description,
        logical_type=item.logicalType,
        aliases=tuple(settings.get("aliases", ())),
        clock=settings.get("clock"),
        date_format=settings.get("dateFormat"),
        is_required=item.required,
        is_personal=item.classification == "personal",
    )


def _settings(
    path: Path,
    node: yaml.Node | None,
    place: Sequence[int | str],
    properties: Sequence[CustomProperty],
    known: Mapping[str, TypeAdapter[Any]],
) -> dict[str, Any]:
    """Custom properties by name, each of its type."""
    found: dict[str, Any] = {}
    for index, item in enumerate(properties):
        line = line_of(node, (*place, index))
        if item.property not in known:
            why = f"known: {', '.join(sorted(known))}"
            raise contract_error(path, line, f"custom property {item.property} is not known", why)
        try:
            found[item.property] = known[item.property].validate_python(item.value)
        except ValidationError as error:
            first = error.errors()[0]
            why = ".".join(str(part) for part in first["loc"]) + f" {first['msg']}"
            raise contract_error(path, line, f"custom property {item.property} is malformed", why.strip()) from error
    return found


def _check(
    path: Path,
    node: yaml.Node | None,
    native: NativeContract,
    targets: Mapping[str, TableContract],
    references: Mapping[str, TableContract],
) -> None:
    """Refuse what could only fail once files have landed."""
    line = line_of(node, ("customProperties",))
    target = targets.get(native.target)
    if target is None:
        raise contract_error(path, line, f"there is no feed {native.target or '(empty)'}", f"known: {sorted(targets)}")
    names = [field.name for field in native.fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise contract_error(path, line_of(node, ("schema",)), f"field {twice[0]} is described twice", "once is enough")
    columns = {column.name for column in target.columns}
    unknown = sorted(set(native.mapping) - columns)
    if unknown:
        raise contract_error(path, line, f"column {unknown[0]} cannot be mapped", f"{target.name} has no such column")
    missing = [column.name for column in target.columns if column.is_required and column.name not in native.mapping]
    if missing:
        raise contract_error(path, line, f"column {missing[0]} is not mapped", f"{target.name} requires it")
    for lookup in native.lookups:
        reference = references.get(lookup.table)
        if reference is None or set(lookup.keys) != set(reference.key):
            key = ", ".join(reference.key) if reference else "not known, for there is no such table"
            why = f"the key of {lookup.table} is {key}"
            raise contract_error(path, line, f"lookup {lookup.name} may find several rows or none", why)
