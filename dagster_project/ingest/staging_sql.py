"""The statement that types delivered rows into the temporary table `staged`, for each kind of source.

Columns of this project's own start with `_`, which no contract column does.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.contracts.model import Column, TableContract
from dagster_project.ingest import typing_rules as rules

KNOWN_SHAPE_LIMIT = 4
_LEAF, _TEXT, _VALUE = "j_", "t_", "v_"


def create_staged(contract: TableContract) -> str:
    """DDL of the staging table.

    `_doc` is the failed row as JSON text and `_raw` the text as delivered (null when it is `_doc`); both are null for
    good rows. `_code` is a reason found after typing. `_shape` is the number of a known list of keys, 0 for an unknown
    one, null when the keys needed no look; `_unknown` holds keys the contract does not name.
    """
    columns = ", ".join(f'"{column.name}" {column.physical_type}' for column in contract.columns)
    return (
        f"create or replace temp table staged (_file_index integer, _line_no bigint, {columns}, _ok boolean, "
        "_code varchar, _fault varchar, _doc varchar, _raw varchar, _shape utinyint, _unknown varchar[])"
    )


def insert_json(contract: TableContract, source: str, shapes: Sequence[tuple[str, ...]]) -> str:
    """Type the lines of `source` (columns of `json_lines.LINE_SCHEMA`).

    The parse is lenient about which keys exist and strict about the rest: keys are counted, and rows whose count is
    not the number of contract columns found (a null, an unknown key, a key said twice) have their keys compared with
    `shapes` or, failing that, looked through one by one.
    """
    columns = contract.columns
    json_leaves = [column for column in columns if rules.needs_json_leaf(column)]
    names = ", ".join(rules.quoted(column.name) for column in columns)
    structure = ", ".join(
        f'"{column.name}":"{"JSON" if rules.needs_json_leaf(column) else "VARCHAR"}"' for column in columns
    )
    found = " + ".join(f'(_parsed."{column.name}" is not null)::integer' for column in columns)
    leaves = ", ".join(f'_parsed."{column.name}"::varchar as {_LEAF}{column.name}' for column in columns)
    texts = ", ".join(
        f"{rules.json_text(column, _LEAF + column.name, '_line')} as {_TEXT}{column.name}" for column in columns
    )
    known = " ".join(
        f"when _keys = [{', '.join(rules.quoted(key) for key in shape)}] then {number}"
        for number, shape in enumerate(shapes, start=1)
    )
    # A leaf with a value but no text is of the wrong JSON type (a blank string is a string, so it stays good).
    right_kinds = " and ".join(
        f"({_TEXT}{column.name} is not null or {_LEAF}{column.name} is null or starts_with({_LEAF}{column.name}, '\"'))"
        for column in json_leaves
    )
    leaf_names = "".join(f", {_LEAF}{column.name}" for column in json_leaves)
    layers = f"""
    with parsed_lines as (
        select *,
            case when _fault is null and json_valid(_line) then try(from_json(_line, '{{{structure}}}')) end as _parsed
        from {source}
    ),
    leaves as (
        select _file_index, _line_no, _line, _is_plain, _key_marks, _fault, _parsed is not null as _is_parsed,
            {found} as _keys_found, {leaves}
        from parsed_lines
    ),
    texts as (
        select _file_index, _line_no, _line as _doc, null::varchar as _raw, _fault, _is_plain, _is_parsed{leaf_names},
            case when _is_parsed and _key_marks <> _keys_found then json_keys(_line) end as _keys, {texts}
        from leaves
    ),
    keyed as (select *, case when _keys is null then null {known} else 0 end as _shape from texts),
    sourced as (
        select *,
            _is_parsed and ({right_kinds or "true"})
                and (_shape is null or _shape > 0 or len(_keys) = list_unique(_keys)) as _is_sound,
            case when _shape = 0 then nullif(list_filter(_keys, lambda k: k not in ({names})), []) end as _unknown
        from keyed
    )"""
    return _typing(contract, layers)


def insert_texts(contract: TableContract, source: str) -> str:
    """Type the records of `source`: columns of `csv_records.record_schema`, one text per contract column."""
    texts = ", ".join(f'"{column.name}" as {_TEXT}{column.name}' for column in contract.columns)
    as_document = ", ".join(f"'{column.name}': \"{column.name}\"" for column in contract.columns)
    layers = f"""
    with sourced as (
        select _file_index, _line_no, _fault, _is_plain, _record as _raw, _fault is null as _is_sound, {texts},
            case when _fault is null then to_json({{{as_document}}})::varchar end as _doc,
            null::utinyint as _shape, null::varchar[] as _unknown
        from {source}
    )"""
    return _typing(contract, layers)


def _typing(contract: TableContract, layers: str) -> str:
    columns = contract.columns
    passed = "_file_index, _line_no, _fault, _is_plain, _is_sound, _doc, _raw, _shape, _unknown"
    texts = ", ".join(f"{rules.blank_to_null(_TEXT + column.name)} as {_TEXT}{column.name}" for column in columns)
    typed = {column.name: _rule(contract, column) for column in columns}
    values = ", ".join(f"{rule.value} as {_VALUE}{name}" for name, rule in typed.items())
    kept = ", ".join(_TEXT + column.name for column in columns)
    output = ", ".join(_VALUE + column.name for column in columns)
    return f"""insert into temp.staged
    {layers},
    valued as (select {passed}, {kept}, {values} from (select {passed}, {texts} from sourced)),
    judged as (select *, coalesce({_goodness(contract, typed)}, false) as _ok from valued)
    select _file_index, _line_no, {output}, _ok, null, _fault,
        case when not _ok then _doc end, case when not _ok then _raw end, _shape, _unknown
    from judged"""


def _rule(contract: TableContract, column: Column) -> rules.TypedColumn:
    return rules.typed(contract, column, _TEXT + column.name, _VALUE + column.name)


def _goodness(contract: TableContract, typed: dict[str, rules.TypedColumn]) -> str:
    tests = ["_is_sound"]
    for column in contract.columns:
        good, text = typed[column.name].is_good, _TEXT + column.name
        if column.is_required:
            tests.append(f"{text} is not null")
            if good != "true":
                tests.append(f"({good})")
        elif good != "true":
            tests.append(f"({text} is null or ({good}))")
    for group in contract.required_any:
        tests.append(f"({' or '.join(f'{_TEXT}{name} is not null' for name in group)})")
    odd = " or ".join(
        f"coalesce({rules.has_odd_characters(column, _TEXT + column.name)}, false)"
        for column in contract.columns
        if rules.is_free_text(column)
    )
    if odd:
        tests.append(f"case when _is_plain then true else not ({odd}) end")
    return " and ".join(tests)
