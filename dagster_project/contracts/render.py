"""What follows from the contracts: raw DDL, dbt sources and the dictionary. `make sync` writes the files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dagster_project.contracts.loader import (
    feed_contracts,
    native_contracts,
    reference_contracts,
    statement_contracts,
)
from dagster_project.contracts.model import Column, NativeContract, NativeField, TableContract

LINEAGE_COLUMNS: Mapping[str, tuple[str, str]] = {
    "_file_sha256": ("varchar not null", "Content identity of the delivered file"),
    "_file_name": ("varchar not null", "Name it was first seen under, below `landing/`"),
    "_line_no": ("bigint not null", "Line, record or row within the file, from 1"),
    "_ingest_date": ("date not null", "UTC day the file was taken in: the partition of raw and staging"),
    "_ingested_at": ("timestamptz not null", "Moment the file was taken in"),
}
_NOTE = "Rendered from dagster_project/contracts by `make sync`; edit the contract, not this file."


def raw_table_ddl(contract: TableContract) -> str:
    """`create table if not exists` for a feed: the contract's columns, then lineage.

    No key constraint: DuckDB checks them row by row, which costs 40 times the insert; ingestion proves uniqueness.
    """
    columns = [f'    "{column.name}" {column.physical_type.lower()}' for column in contract.columns]
    columns += [f"    {name} {declaration}" for name, (declaration, _) in LINEAGE_COLUMNS.items()]
    body = ",\n".join(columns)
    return f"create table if not exists {contract.relation} (\n{body}\n);\n"


def reference_table_ddl(contract: TableContract, *, replace: bool = True) -> str:
    """`create or replace table` for a reference table: it is read anew by each run. Or only where it is missing."""
    create = "create or replace table" if replace else "create table if not exists"
    columns = ",\n".join(f'    "{column.name}" {column.physical_type.lower()}' for column in contract.columns)
    return f"{create} {contract.relation} (\n{columns}\n);\n"


def dbt_sources(name: str, contracts: Mapping[str, TableContract], *, with_lineage: bool) -> str:
    """The dbt source file of one schema. `meta.dagster.asset_key` ties each table to its asset."""
    tables = [_dbt_table(name, contract, with_lineage=with_lineage) for contract in contracts.values()]
    document = {"version": 2, "sources": [{"name": name, "schema": name, "tables": tables}]}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return f"# {_NOTE}\n{text}"


def _dbt_table(source: str, contract: TableContract, *, with_lineage: bool) -> dict[str, Any]:
    columns = [
        {"name": column.name, "description": column.description, "data_type": column.physical_type.lower()}
        for column in contract.columns
    ]
    if with_lineage:
        columns += [
            {"name": name, "description": description, "data_type": declaration.removesuffix(" not null")}
            for name, (declaration, description) in LINEAGE_COLUMNS.items()
        ]
    return {
        "name": contract.name,
        "description": f"{contract.purpose}: {contract.grain}.",
        "meta": {"dagster": {"asset_key": [source, contract.name]}},
        "columns": columns,
    }


def dictionary_page(contract: TableContract) -> str:
    """The Markdown page of one contract."""
    lines = [f"# `{contract.relation}`", "", f"<!-- {_NOTE} -->", "", f"{contract.purpose}: {contract.grain}.", ""]
    if contract.landing:
        lines += [f"Files arrive in `landing/{contract.landing}/`."]
        for native in contract.natives:
            lines += ["", f"So do rows of [{native.name}](native_{native.name}.md), in `landing/{native.landing}/`."]
    else:
        required = "must exist" if contract.file_required else "may be absent"
        lines += [f"Read from `reference/{contract.name}.csv`, which {required}."]
    if contract.key:
        lines += ["", f"Key: {', '.join(f'`{name}`' for name in contract.key)}."]
    for group in contract.required_any:
        lines += ["", f"At least one of {', '.join(f'`{name}`' for name in group)} is present."]
    lines += ["", "| column | type | required | values | meaning |", "|---|---|---|---|---|"]
    lines += [_dictionary_row(column) for column in contract.columns]
    return "\n".join(lines) + "\n"


def native_page(native: NativeContract) -> str:
    """The Markdown page of a platform's own files: what they hold and what becomes of it."""
    forms = {
        "jsonl": "one JSON object a line",
        "csv": "a header line, then records with comma, semicolon or tab",
    }
    lines = [f"# `{native.landing}`", "", f"<!-- {_NOTE} -->", "", f"{native.purpose}: {native.grain}.", ""]
    lines += [f"Files arrive in `landing/{native.landing}/` as the platform writes them: {forms[native.file_form]}."]
    lines += [f"Their records become rows of [`raw.{native.target}`](raw_{native.target}.md)."]
    lines += ["", *(text for text in (native.usage, native.limitations) if text)]
    lines += ["", "| field | where | type | meaning |", "|---|---|---|---|", *map(_field_row, native.fields)]
    if native.lookups:
        lines += ["", "Looked up beside each record:", ""]
        for lookup in native.lookups:
            keys = ", ".join(f"`{column}` = `{_in_cell(sql)}`" for column, sql in lookup.keys.items())
            lines += [f"* `{lookup.name}`: [reference.{lookup.table}](reference_{lookup.table}.md) where {keys}"]
    lines += ["", "| column | from |", "|---|---|"]
    lines += [f"| `{column}` | `{_in_cell(sql)}` |" for column, sql in native.mapping.items()]
    if native.refusals:
        lines += ["", "| goes to quarantine as | when |", "|---|---|"]
        lines += [f"| `{refusal.reason_code}` | `{_in_cell(refusal.when)}` |" for refusal in native.refusals]
    return "\n".join(lines) + "\n"


def _in_cell(sql: str) -> str:
    return " ".join(sql.split()).replace("|", "\\|")


def _field_row(field: NativeField) -> str:
    places = ", ".join(f"`{place}`" for place in (field.source, *field.aliases))
    written = field.clock.replace("_", " ") if field.clock else field.date_format or ""
    kind = f"{field.logical_type}, {written}" if written else str(field.logical_type)
    note = " Personal." if field.is_personal else ""
    return f"| `{field.name}` | {places} | {kind} | {field.description}.{note} |"


def _dictionary_row(column: Column) -> str:
    values = ", ".join(column.valid_values)
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else str(column.minimum)
        high = "" if column.maximum is None else str(column.maximum)
        values = f"{low} to {high}".strip()
    required = "yes" if column.is_required else ""
    note = ""
    if column.is_personal:
        kept = " Personal: not kept." if column.is_source_text else " Personal."
        note = " Personal: stored as a pseudonym." if column.names_viewer else kept
    return f"| `{column.name}` | {column.physical_type.lower()} | {required} | {values} | {column.description}.{note} |"


def rendered_files(root: Path) -> dict[Path, str]:
    """Every rendered file below the project root with the text it must hold."""
    raw = {**feed_contracts(), **statement_contracts()}
    reference = reference_contracts()
    staging = root / "dbt" / "models" / "staging"
    dictionary = root / "docs" / "dictionary"
    files = {
        staging / "_raw__sources.yml": dbt_sources("raw", raw, with_lineage=True),
        staging / "_reference__sources.yml": dbt_sources("reference", reference, with_lineage=False),
    }
    for contract in [*raw.values(), *reference.values()]:
        schema = contract.relation.partition(".")[0]
        files[dictionary / f"{schema}_{contract.name}.md"] = dictionary_page(contract)
    for native in native_contracts().values():
        files[dictionary / f"native_{native.name}.md"] = native_page(native)
    return files


def stale_files(root: Path) -> list[Path]:
    """Rendered files that are missing, out of date, or no longer rendered from anything."""
    wanted = rendered_files(root)
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    orphans = [path for path in (root / "docs" / "dictionary").glob("*.md") if path not in wanted]
    return sorted([*stale, *orphans])


def sync(root: Path) -> list[Path]:
    """Write every rendered file that is stale; returns what changed."""
    wanted = rendered_files(root)
    changed = stale_files(root)
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return changed


def main() -> None:
    """Entry of `make sync`."""
    root = Path(__file__).resolve().parents[2]
    for path in sync(root):
        sys.stdout.write(f"rendered {path.relative_to(root)}\n")


if __name__ == "__main__":
    main()
