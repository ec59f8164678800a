"""Reads dbt's manifest: which models are published, under which name, and what their columns mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dagster_project.core.errors import WarehouseError


@dataclass(frozen=True)
class Definition:
    """What a metric is: the question it answers, of whom, by which method, with which interval."""

    metric: str
    answers: str
    population: str
    method: str
    interval: str


@dataclass(frozen=True)
class ExportedModel:
    """A model that leaves the warehouse.

    Attributes:
        name: dbt name, e.g. `mrt_audience__episode_reach`.
        relation: Quoted relation in the warehouse.
        released_as: `schema.table` in the released file, or None when it only feeds inference.
        columns: Column name to meaning, in order.
        key: Columns of the model's key, in order; empty when it declares none.
        definition: The metric the model holds, if it holds one.
        asset_key: Room and name, as the asset graph has it.
    """

    name: str
    relation: str
    released_as: str | None
    description: str
    columns: dict[str, str]
    key: tuple[str, ...]
    asset_key: tuple[str, str]
    definition: Definition | None = None


def released_name(model: str, schema: str) -> str:
    """`mrt_<topic>__<name>` is released as `<topic>.<name>`, everything else under its own schema."""
    if model.startswith("mrt_"):
        topic, _, name = model.removeprefix("mrt_").partition("__")
        return f"{topic}.{name}"
    return f"{schema}.{model}"


def exported_models(manifest_path: Path) -> list[ExportedModel]:
    """Models with `meta.publish: true` (released) or `meta.export: true` (inference reads them), by name.

    Raises:
        WarehouseError: dbt has not written its manifest.
    """
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WarehouseError(
            "dbt's manifest is missing", where=str(manifest_path), why=str(error), fix="run `cliffhanger run` again"
        ) from error
    models = []
    for node in manifest["nodes"].values():
        meta = node.get("config", {}).get("meta", {})
        is_released = bool(meta.get("publish"))
        if node["resource_type"] != "model" or not (is_released or meta.get("export")):
            continue
        models.append(
            ExportedModel(
                name=node["name"],
                relation=f'"{node["schema"]}"."{node["alias"]}"',
                released_as=released_name(node["name"], node["schema"]) if is_released else None,
                description=node["description"].strip(),
                columns={name: column["description"].strip() for name, column in node["columns"].items()},
                key=tuple(meta.get("key", ())),
                asset_key=(node["fqn"][1], node["name"]),
                definition=Definition(**meta["definition"]) if "definition" in meta else None,
            )
        )
    return sorted(models, key=lambda model: model.name)
