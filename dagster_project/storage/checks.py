"""The verdicts of dbt's tests, as dbt wrote them down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.release import CheckRecord

_PASSED = {"pass", "success"}


def dbt_checks(target: Path) -> list[CheckRecord]:
    """One record per dbt test and unit test of the last build in `target`, by name.

    Raises:
        WarehouseError: dbt left no results.
    """
    results, manifest = _read(target / "run_results.json"), _read(target / "manifest.json")
    records = []
    for result in results["results"]:
        node_id: str = result["unique_id"]
        kind = node_id.partition(".")[0]
        if kind not in {"test", "unit_test"}:
            continue
        node = manifest["nodes"].get(node_id) or manifest["unit_tests"][node_id]
        severity = "warning" if node.get("config", {}).get("severity", "error").lower() == "warn" else "critical"
        records.append(
            CheckRecord(
                check_name=node["name"],
                asset=_asset(node, manifest),
                severity=severity,
                passed=result["status"] in _PASSED,
                detail=node.get("description") or result.get("message") or "",
            )
        )
    return sorted(records, key=lambda record: (record.asset, record.check_name))


def failed_nodes(target: Path) -> list[str]:
    """Names and messages of what failed in the last build."""
    results = _read(target / "run_results.json")
    return [
        f"{result['unique_id'].split('.')[2]}: {' '.join((result.get('message') or 'failed').split())}"
        for result in results["results"]
        if result["status"] in {"error", "fail", "runtime error"}
    ]


def _asset(node: dict[str, Any], manifest: dict[str, Any]) -> str:
    for parent in [node.get("attached_node"), *node.get("depends_on", {}).get("nodes", [])]:
        model = manifest["nodes"].get(parent or "")
        if model:
            folders = model["fqn"]
            return f"{folders[1] if len(folders) > 2 else 'warehouse'}/{model['name']}"
    return "warehouse"


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WarehouseError(
            "dbt left no results", where=str(path), why=str(error), fix="run `cliffhanger run` again"
        ) from error
    return content
