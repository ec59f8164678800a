"""The statements that type delivered rows into the temporary table `staged`.

JSON lines take one of two ways that agree on every row they both accept. The quick one takes rows that need no second
look (printable ASCII, no escapes, no blank texts, every value of its usual JSON type); all other rows keep their text,
and the careful way types them again. Records of CSV and Parquet files go the careful way at once.

Columns of this project's own start with `_`, which no contract column does.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.contracts.model import Column, LogicalType, NativeContract, TableContract
from dagster_project.ingest import typing_rules as rules
from dagster_project.ingest.adapters.native_sql import canonical_texts

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


def set_failed_aside() -> list[str]:
    """Move what the quick way did not take to `second_look`, which has the columns of `json_lines.LINE_SCHEMA`."""
    return [
        """create or replace temp table second_look as
        select _file_index, _line_no, _doc as _line, false as _is_plain, -1 as _key_marks, _fault
        from staged where not _ok""",
        "delete from staged where not _ok",
    ]


def insert_json_quickly(contract: TableContract, source: str, shapes: Sequence[tuple[str, ...]]) -> str:
    """Type the lines of `source` that need no second look; the others are staged with `_ok` false.

    Keys are counted: when their number is that of the contract columns found, none is null, unknown or said twice.
    Otherwise the list of keys must be one of `shapes`.
    """
    columns = contract.columns
    texts = ", ".join(f"{_quick_text(column)} as {_TEXT}{column.name}" for column in columns)
    layers = f"""
    {_parsed(contract, source)},
    sourced as (
        select _file_index, _line_no, _line as _doc, null::varchar as _raw, _fault, _is_plain,
            _is_parsed and _is_plain and {_right_kinds(contract, quick=True)} as _is_sound,
            case when _is_parsed and _key_marks <> _keys_found then json_keys(_line) end as _keys, {texts}
        from leaves
    ),
    sourced_with_shape as (
        select *, {_shape(shapes)} as _shape, null::varchar[] as _unknown from sourced
    )"""
    goodness = "_is_sound and (_shape is null or _shape > 0)"
    return _typing(contract, layers, "sourced_with_shape", goodness, is_quick=True)


def insert_json_carefully(contract: TableContract, source: str, shapes: Sequence[tuple[str, ...]]) -> str:
    """Type any lines of `source`. Rows whose keys are not one of `shapes` have them looked through one by one."""
    names = ", ".join(rules.quoted(column.name) for column in contract.columns)
    texts = ", ".join(
        f"{rules.json_text(column, _LEAF + column.name, '_line')} as {_TEXT}{column.name}"
        for column in contract.columns
    )
    leaf_names = "".join(f", {_LEAF}{column.name}" for column in contract.columns if rules.needs_json_leaf(column))
    layers = f"""
    {_parsed(contract, source)},
    texts as (
        select _file_index, _line_no, _line as _doc, null::varchar as _raw, _fault, _is_plain, _is_parsed{leaf_names},
            case when _is_parsed and _key_marks <> _keys_found then json_keys(_line) end as _keys, {texts}
        from leaves
    ),
    keyed as (select *, {_shape(shapes)} as _shape from texts),
    sourced as (
        select *,
            _is_parsed and {_right_kinds(contract, quick=False)}
                and (_shape is null or _shape > 0 or len(_keys) = list_unique(_keys)) as _is_sound,
            case when _shape = 0 then nullif(list_filter(_keys, lambda k: k not in ({names})), []) end as _unknown
        from keyed
    )"""
    return _typing(contract, layers, "sourced", "_is_sound", is_quick=False)


def insert_texts(contract: TableContract, source: str) -> str:
    """Type the records of `source`: columns of `csv_records.record_schema`, one text per contract column."""
    texts = ", ".join(f'"{column.name}" as {_TEXT}{column.name}' for column in contract.columns)
    layers = f"""
    with sourced as (
        select _file_index, _line_no, _fault, _is_plain, _record as _raw, _fault is null as _is_sound, {texts},
            {_as_document(contract)} as _doc, null::utinyint as _shape, null::varchar[] as _unknown
        from {source}
    )"""
    return _typing(contract, layers, "sourced", "_is_sound", is_quick=False)


def insert_native(contract: TableContract, native: NativeContract, source: str) -> str:
    """Type the records of a platform's own files: lines of `json_lines.LINE_SCHEMA`, or records of its fields."""
    texts = ", ".join(f'"{column.name}" as {_TEXT}{column.name}' for column in contract.columns)
    layers = f"""{canonical_texts(contract, native, source)},
    sourced as (
        select _file_index, _line_no, _fault, _is_plain, _raw, _fault is null as _is_sound, {texts},
            {_as_document(contract)} as _doc, null::utinyint as _shape, _unknown
        from mapped
    )"""
    return _typing(contract, layers, "sourced", "_is_sound", is_quick=False)


def _as_document(contract: TableContract) -> str:
    fields = ", ".join(f"'{column.name}': \"{column.name}\"" for column in contract.columns)
    return f"case when _fault is null then to_json({{{fields}}})::varchar end"


def _parsed(contract: TableContract, source: str) -> str:
    """Layers up to `leaves`: one lenient parse (any key may be missing), each value as text or JSON text."""
    structure = ", ".join(
        f'"{column.name}":"{"JSON" if rules.needs_json_leaf(column) else "VARCHAR"}"' for column in contract.columns
    )
    found = " + ".join(f'(_parsed."{column.name}" is not null)::integer' for column in contract.columns)
    leaves = ", ".join(f'_parsed."{column.name}"::varchar as {_LEAF}{column.name}' for column in contract.columns)
    return f"""with parsed_lines as (
        select *,
            case when _fault is null and json_valid(_line) then try(from_json(_line, '{{{structure}}}')) end as _parsed
        from {source}
    ),
    leaves as (
        select _file_index, _line_no, _line, _is_plain, _key_marks, _fault, _parsed is not null as _is_parsed,
            {found} as _keys_found, {leaves}
        from parsed_lines
    )"""


def _quick_text(column: Column) -> str:
    """The text of a value whose JSON type is the usual one, on a plain row."""
    leaf = _LEAF + column.name
    if rules.is_free_text(column):
        return f"substr({leaf}, 2, strlen({leaf}) - 2)"
    return rules.json_text(column, leaf, "_line")


def _right_kinds(contract: TableContract, *, quick: bool) -> str:
    """No text column holds a value of another JSON type.

    Carefully: a value without a text is of the wrong type, except a blank string, which is no value. Quickly: a string.
    """
    tests = []
    for column in contract.columns:
        leaf, text = _LEAF + column.name, _TEXT + column.name
        if quick and rules.is_free_text(column):
            tests.append(f"({leaf} is null or starts_with({leaf}, '\"'))")
        elif quick and column.logical_type is LogicalType.NUMBER:
            tests.append(f"({leaf} is null or ({rules.json_text(column, leaf, '_line')}) is not null)")
        elif not quick and rules.needs_json_leaf(column):
            tests.append(f"({text} is not null or {leaf} is null or starts_with({leaf}, '\"'))")
    return f"({' and '.join(tests) or 'true'})"


def _shape(shapes: Sequence[tuple[str, ...]]) -> str:
    known = " ".join(
        f"when _keys = [{', '.join(rules.quoted(key) for key in shape)}] then {number}"
        for number, shape in enumerate(shapes, start=1)
    )
    return f"case when _keys is null then null {known} else 0 end"


def _typing(contract: TableContract, layers: str, source: str, soundness: str, *, is_quick: bool) -> str:
    columns = contract.columns
    passed = "_file_index, _line_no, _fault, _is_plain, _is_sound, _doc, _raw, _shape, _unknown"
    # Plain rows hold no blank texts, so the quick way need not look for them.
    text = (lambda name: name) if is_quick else rules.blank_to_null
    texts = ", ".join(f"{text(_TEXT + column.name)} as {_TEXT}{column.name}" for column in columns)
    typed = {column.name: _rule(contract, column) for column in columns}
    values = ", ".join(f"{rule.value} as {_VALUE}{name}" for name, rule in typed.items())
    kept = ", ".join(_TEXT + column.name for column in columns)
    output = ", ".join(_VALUE + column.name for column in columns)
    tests = [soundness, *_goodness(contract, typed)]
    if not is_quick:
        tests.append(_no_odd_characters(contract))
    return f"""insert into temp.staged
    {layers},
    valued as (select {passed}, {kept}, {values} from (select {passed}, {texts} from {source})),
    judged as (select *, coalesce({" and ".join(tests)}, false) as _ok from valued)
    select _file_index, _line_no, {output}, _ok, null, _fault,
        case when not _ok then _doc end, case when not _ok then _raw end, _shape, _unknown
    from judged"""


def _rule(contract: TableContract, column: Column) -> rules.TypedColumn:
    return rules.typed(contract, column, _TEXT + column.name, _VALUE + column.name)


def _goodness(contract: TableContract, typed: dict[str, rules.TypedColumn]) -> list[str]:
    tests = []
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
    return tests


def _no_odd_characters(contract: TableContract) -> str:
    odd = " or ".join(
        f"coalesce({rules.has_odd_characters(column, _TEXT + column.name)}, false)"
        for column in contract.columns
        if rules.is_free_text(column)
    )
    return f"case when _is_plain then true else not ({odd or 'false'}) end"
