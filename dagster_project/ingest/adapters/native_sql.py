"""One statement per native contract: records as delivered in, typed canonical rows out.

Layers: `record` (the delivered text and, for JSON, the object it holds), `native` (each field as text, clocks and days
in the spelling of the canonical columns), `mapped` (a text per canonical column beside the reason why there can be
none).
Names of this project's own columns start with `_`, which no field does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dagster_project.contracts.model import Clock, Column, LogicalType, NativeContract, NativeField, TableContract
from dagster_project.ingest import typing_rules as rules
from dagster_project.ingest.adapters import tiktok_trade_orders
from dagster_project.ingest.reject_reasons import hidden_key

UNWRAP: Mapping[str, Callable[[str], str]] = MappingProxyType({"tiktok_trade_orders": tiktok_trade_orders.unwrap})
_CLOCKS = {
    Clock.EPOCH_SECONDS: "moment_of_seconds",
    Clock.EPOCH_MILLISECONDS: "moment_of_milliseconds",
    Clock.UTC_TEXT: "moment_of_utc_text",
}


def record_contract(native: NativeContract) -> TableContract:
    """The native table as the reader of records sees it: one text per field."""
    columns = tuple(
        Column(
            field.name,
            LogicalType.STRING,
            "VARCHAR",
            field.description,
            is_required=field.is_required,
            is_personal=field.is_personal,
        )
        for field in native.fields
    )
    return TableContract(native.name, "", native.purpose, native.grain, columns)


def header_names(native: NativeContract) -> dict[str, str]:
    """Headers as the platform writes them, in lower case, with the field they stand for."""
    return {header.lower(): field.name for field in native.fields for header in (field.source, *field.aliases)}


def canonical_texts(contract: TableContract, native: NativeContract, source: str) -> str:
    """Layers up to `mapped`: _file_index, _line_no, _is_plain, _fault, _raw, _unknown, a text per canonical column."""
    is_json = native.file_form == "jsonl"
    layers = _json_layers(native, source) if is_json else _table_layers(native, source)
    texts = ", ".join(
        f'({native.mapping[column.name]})::varchar as "{column.name}"'
        if column.name in native.mapping
        else f'null::varchar as "{column.name}"'
        for column in contract.columns
    )
    refusals = " ".join(
        f"when {refusal.when} then '{refusal.reason_code}: ' || coalesce({refusal.detail}, '')"
        for refusal in native.refusals
    )
    fault = f"case when _fault is not null then _fault {refusals} end"
    # One struct per lookup, so that its columns and the fields never share a name.
    joins = " ".join(
        f"left join (select _row as {lookup.name} from reference.{lookup.table} as _row) as _{lookup.name} on "
        + " and ".join(f'{lookup.name}."{column}" = ({sql})' for column, sql in lookup.keys.items())
        for lookup in native.lookups
    )
    return f"""{layers},
    mapped as (
        select _file_index, _line_no, _is_plain, {fault} as _fault, _raw, _unknown, {texts}
        from native {joins}
    )"""


def _json_layers(native: NativeContract, source: str) -> str:
    paths = [path for field in native.fields for path in (field.source, *field.aliases)]
    leaf = {path: f"_leaf[{place}]" for place, path in enumerate(paths, start=1)}
    wanted = ", ".join(rules.quoted(path) for path in paths)
    unwrap = UNWRAP[native.adapter]("_delivered") if native.adapter else "_delivered"
    fields = ", ".join(f"{_spelled(field, _json_text(field, leaf))} as {field.name}" for field in native.fields)
    wrong = " ".join(_wrong_kind(field, leaf) for field in native.fields)
    known = sorted({_top_key(path) for field in native.fields for path in (field.source, *field.aliases)})
    names = ", ".join(rules.quoted(name) for name in known)
    raw = "_line"
    for field in native.fields:
        if field.is_personal:
            raw = f"replace({raw}, coalesce(nullif({_json_text(field, leaf)}, ''), chr(31)), '***')"
            for path in (field.source, *field.aliases):
                # Where the value stands escaped, or the line cannot be read, only its key shows where it is.
                hidden = hidden_key(raw, _last_key(path))
                raw = f"case when _is_plain and _delivered is not null then {raw} else {hidden} end"
    return f"""
    with line as (
        select *, try(case when _fault is null and json_valid(_line) then
            case when json_type(_line) = 'OBJECT' then _line::json end end) as _delivered
        from {source}
    ),
    record as (select *, {unwrap} as _record from line),
    leaves as (select *, json_extract(_record, [{wanted}]) as _leaf from record),
    native as (
        select _file_index, _line_no, _is_plain, {raw} as _raw,
            case when _fault is not null then _fault
                when _delivered is null and coalesce(json_valid(_line), false)
                    then 'not_object: the line is JSON, but not an object'
                when _delivered is null then 'bad_json: the line is not JSON'
                when len(json_keys(_delivered)) <> list_unique(json_keys(_delivered))
                    then 'duplicate_key: a key stands twice'
                {wrong} end as _fault,
            nullif(list_filter(json_keys(_delivered), lambda k: k not in ({names})), []) as _unknown,
            {fields}
        from leaves
    )"""


def _table_layers(native: NativeContract, source: str) -> str:
    fields = ", ".join(f"{_spelled(field, field.name)} as {field.name}" for field in native.fields)
    raw = "_record"
    for field in native.fields:
        if field.is_personal:
            raw = f"replace({raw}, coalesce(nullif({field.name}, ''), chr(31)), '***')"
    return f"""
    with native as (
        select _file_index, _line_no, _is_plain, _fault, {raw} as _raw, null::varchar[] as _unknown, {fields}
        from {source}
    )"""


def _spelled(field: NativeField, text: str) -> str:
    """A field's text, its moment or day in the spelling of the canonical columns."""
    if field.clock in _CLOCKS:
        return f"{_CLOCKS[field.clock]}(filled({text}))"
    if field.date_format:
        return f"day_of(filled({text}), {rules.quoted(field.date_format)})"
    return f"filled({text})"


def _json_text(field: NativeField, leaf: Mapping[str, str]) -> str:
    found = [f"json_extract_string({leaf[path]}, '$')" for path in (field.source, *field.aliases)]
    text = f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
    if field.logical_type is not LogicalType.NUMBER:
        return text
    # Parsing sends numbers through a double: the digits are read where they stand.
    places = [rules.exact_digits(_last_key(path), "_line") for path in (field.source, *field.aliases)]
    kind = f"coalesce({', '.join(_json_type(leaf[path]) for path in (field.source, *field.aliases))})"
    return f"case when {kind} = 'VARCHAR' then {text} else coalesce({', '.join(places)}, {text}) end"


def _json_type(leaf: str) -> str:
    return f"nullif(json_type({leaf}), 'NULL')"


def _wrong_kind(field: NativeField, leaf: Mapping[str, str]) -> str:
    """A nested value is no text, and a text that came as a number with a fraction has lost its spelling."""
    tests = []
    for path in (field.source, *field.aliases):
        kind = _json_type(leaf[path])
        tests.append(f"{kind} in ('OBJECT', 'ARRAY')")
        if field.logical_type is not LogicalType.NUMBER:
            text = f"json_extract_string({leaf[path]}, '$')"
            tests.append(f"({kind} = 'DOUBLE' and not regexp_full_match({text}, '{rules.INTEGER_PATTERN}'))")
    sentence = rules.quoted(f"bad_type: {field.source} is not of type {field.logical_type}")
    return f"when coalesce({' or '.join(tests)}, false) then {sentence}"


def _last_key(path: str) -> str:
    return path.rpartition(".")[2]


def _top_key(path: str) -> str:
    return path.removeprefix("$.").partition(".")[0]
