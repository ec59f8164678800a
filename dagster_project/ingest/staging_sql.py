"""The statements that type delivered rows into the temporary table `staged`.

JSON lines take one of two ways that agree on every row they both accept. The quick one takes rows that need no second
look (printable ASCII, no escapes, no blank texts, every value of its usual JSON type); all other rows keep their text,
and the careful way types them again. Records of CSV and Parquet files go the careful way at once.

Columns of this project's own start with `_`, which no contract column does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_project.contracts.model import Column, LogicalType, NativeContract, TableContract
from dagster_project.ingest import typing_rules as rules
from dagster_project.ingest.adapters.native_sql import canonical_texts
from dagster_project.ingest.key_marks import key_print

KNOWN_SHAPE_LIMIT = 4
_LEAF, _TEXT, _VALUE = "j_", "t_", "v_"
_BARE = (LogicalType.INTEGER, LogicalType.NUMBER, LogicalType.BOOLEAN)


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
        select _file_index, _line_no, _doc as _line, false as _is_plain, -1 as _key_marks,
            0 as _null_marks, 0 as _bare_marks, 0 as _null_prints, _fault
        from staged where not _ok""",
        "delete from staged where not _ok",
    ]


def insert_json_quickly(contract: TableContract, source: str, shapes: Sequence[tuple[str, ...]]) -> str:
    """Type the lines of `source` that need no second look; the others are staged with `_ok` false.

    Keys are counted: when the contract columns found and those said to be null account for all of them, none is
    unknown or said twice; otherwise the list of keys must be one of `shapes`. Values that are no texts are counted
    too: when the numbers and truth values found account for all of them, every text column holds a text.
    """
    columns = contract.columns
    texts = ", ".join(f"{_quick_text(column)} as {_TEXT}{column.name}" for column in columns)
    layers = f"""
    {_parsed(contract, source, quick=True)},
    sourced as (
        select _file_index, _line_no, _line as _doc, null::varchar as _raw, _fault, _is_plain,
            _is_parsed and _is_plain and _key_marks >= 0 and {_bare_values_are_sound(contract)} as _is_sound,
            case when _is_parsed and not _is_accounted then json_keys(_line) end as _keys, {texts}
        from accounted
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
    {_parsed(contract, source, quick=False)},
    texts as (
        select _file_index, _line_no, _line as _doc, null::varchar as _raw, _fault, _is_plain, _is_parsed{leaf_names},
            case when _is_parsed and not _is_accounted then json_keys(_line) end as _keys, {texts}
        from accounted
    ),
    keyed as (select *, {_shape(shapes)} as _shape from texts),
    sourced as (
        select *,
            _is_parsed and {_right_kinds(contract)}
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


def _parsed(contract: TableContract, source: str, *, quick: bool) -> str:
    """Layers up to `accounted`: one lenient parse (any key may be missing), each value as text or JSON text."""
    columns = contract.columns
    kinds = {column.name: "JSON" if _is_json_leaf(column, quick=quick) else "VARCHAR" for column in columns}
    structure = ", ".join(f'"{name}":"{kind}"' for name, kind in kinds.items())
    # Quickly: a row without a required value fails anyway, so only the others need to be counted.
    counted = [column for column in columns if not (quick and column.is_required)]
    found = " + ".join(
        [str(len(columns) - len(counted)), *(f'(_parsed."{column.name}" is not null)::integer' for column in counted)]
    )
    leaves = ", ".join(f'_parsed."{column.name}"::varchar as {_LEAF}{column.name}' for column in columns)
    nulls = " + ".join(
        ["0", *(f"case when {_LEAF}{name} is null then {key_print(name)} else 0 end" for name in _names(counted))]
    )
    return f"""with parsed_lines as (
        select *,
            case when _fault is null and json_valid(_line) then try(from_json(_line, '{{{structure}}}')) end as _parsed
        from {source}
    ),
    leaves as (
        select _file_index, _line_no, _line, _is_plain, _key_marks, _null_marks, _bare_marks, _null_prints, _fault,
            _parsed is not null as _is_parsed, {found} as _keys_found, {leaves}
        from parsed_lines
    ),
    accounted as (
        select *,
            _key_marks - _null_marks = _keys_found
                and (_null_marks = 0 or (_key_marks = {len(columns)} and _null_prints = {nulls})) as _is_accounted
        from leaves
    )"""


def has_usual_kinds(contract: TableContract, row: Mapping[str, Any]) -> bool:
    """Whether numbers and truth values stand in columns of numbers and truth values only, as the quick way wants it."""
    bare = {column.name for column in contract.columns if column.logical_type in _BARE}
    return all(value is None or isinstance(value, str) or name in bare for name, value in row.items())


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _is_json_leaf(column: Column, *, quick: bool) -> bool:
    """Quickly: numbers and truth values, so that one in quotes fails its cast; texts are proved by counting."""
    if quick:
        return column.logical_type in _BARE
    return rules.needs_json_leaf(column)


def _bare_values_are_sound(contract: TableContract) -> str:
    """Every value that is no text belongs to a number or truth value found, so that none stands in a text column.

    A decimal in quotes is none of them; a value that is neither has no text.
    """
    counted, tests = [], []
    for column in contract.columns:
        leaf = _LEAF + column.name
        if column.logical_type is LogicalType.NUMBER:
            counted.append(f"coalesce(not starts_with({leaf}, '\"'), false)::integer")
            tests.append(f"({leaf} is null or ({rules.json_text(column, leaf, '_line')}) is not null)")
        elif column.logical_type in _BARE:
            counted.append(f"({leaf} is not null)::integer")
    return " and ".join([f"_bare_marks = {' + '.join(counted) or '0'}", *tests])


def _quick_text(column: Column) -> str:
    """The text of a value on a plain row."""
    leaf = _LEAF + column.name
    return rules.json_text(column, leaf, "_line") if column.logical_type is LogicalType.NUMBER else leaf


def _right_kinds(contract: TableContract) -> str:
    """No text column holds a value of another JSON type.

    A value without a text is of the wrong type, except a blank string, which is no value.
    """
    tests = []
    for column in contract.columns:
        leaf, text = _LEAF + column.name, _TEXT + column.name
        if rules.needs_json_leaf(column):
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
    typed = {column.name: _rule(contract, column, is_ascii=is_quick) for column in columns}
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


def _rule(contract: TableContract, column: Column, *, is_ascii: bool) -> rules.TypedColumn:
    return rules.typed(contract, column, _TEXT + column.name, _VALUE + column.name, is_ascii=is_ascii)


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
