"""What is wrong with a failed row, as SQL over the row as JSON: run on failed rows only."""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.contracts.model import Column, LogicalType, TableContract
from dagster_project.ingest import typing_rules as rules

RAW_TEXT_LIMIT = 16_384
_SHOWN_CHARACTERS = 60
_STRUCTURE_DETAILS = {
    "invalid_utf8": "the line is not UTF-8",
    "line_too_long": "the line is longer than 1 MiB",
    "not_object": "the record does not fit the header, or a quote is never closed",
}


OBJECT = "case when json_valid(_doc) then case when json_type(_doc) = 'OBJECT' then _doc end end"
"""What `problem` needs as `_object`: `_doc` where it is a JSON object. A column of its own, because the database may
evaluate what is behind a condition before the condition."""


def values(contract: TableContract) -> str:
    """What `problem` needs beside `_object`: `_leaf`, `_text` and `_kind`, the columns' values as JSON, as text and
    their JSON types, in contract order. Taken out once: every mention of an extraction would hold texts of its own."""
    paths = ", ".join(rules.quoted(f'$."{column.name}"') for column in contract.columns)
    return (
        f"json_extract(_object, [{paths}]) as _leaf, json_extract_string(_object, [{paths}]) as _text, "
        f"json_type(_object, [{paths}]) as _kind"
    )


def problem(contract: TableContract) -> str:
    """A struct (code, detail) from `_doc` (the row as JSON text), `_object`, its `values` and `_fault` (set before
    parsing)."""
    faults = " ".join(
        f"when _fault = '{code}' then {_struct(code, rules.quoted(detail))}"
        for code, detail in _STRUCTURE_DETAILS.items()
    )
    columns = ", ".join(_Problem(contract, column, place).sql() for place, column in _placed(contract))
    groups = "".join(f", {_group_problem(contract, group)}" for group in contract.required_any)
    # A fault found in a platform's own record says what is wrong itself.
    told = _struct_of("split_part(_fault, ': ', 1)", "substr(_fault, strpos(_fault, ': ') + 2)")
    return f"""case {faults} when contains(_fault, ': ') then {told}
        when _doc is null or not json_valid(_doc) then {_struct("bad_json", "'the line is not JSON'")}
        when _object is null then {_struct("not_object", "'the line is JSON, but not an object'")}
        when len(json_keys(_object)) <> list_unique(json_keys(_object))
            then {_struct("duplicate_key", "'a key stands twice'")}
        else coalesce({columns}{groups}, {_struct("bad_type", "'a value cannot be read'")})
    end"""


def masked(contract: TableContract, text: str) -> str:
    """`text` with the values of personal columns hidden, also where the text is not valid JSON."""
    # Only the beginning is shown, so only that is looked through. NULs could hide a key (a line of UTF-16 is full of
    # them).
    text = f"replace(left({text}, {2 * RAW_TEXT_LIMIT}), chr(0), '')"
    for column in contract.columns:
        if column.is_personal:
            text = hidden_key(text, column.name)
    return f"left({text}, {RAW_TEXT_LIMIT})"


def hidden_key(text: str, key: str) -> str:
    """`text` with `***` for every value of a JSON key, in whatever case and quotes it stands, also within a text."""
    name = rf"""\\*["']?\b{key}\b\\*["']?\s*[:=]\s*"""
    # A text, also one without an end or within a text; something nested, up to its first closing bracket; any other
    # literal.
    value = r"""\\+"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[{\[][^}\]]*[}\]]*|[^,}\s]+"""
    return rf"""regexp_replace({text}, {rules.quoted(f"(?i)({name})({value})")}, '\1"***"', 'g')"""


def canonical(
    contract: TableContract, *, masks_persons: bool = False, content_only: bool = False, received: str = ""
) -> str:
    """A typed row as JSON text, columns in contract order.

    Args:
        masks_persons: Show `***` for every value of a personal column.
        content_only: Leave out delivery metadata.
        received: Expression to stand in place of the received time.
    """
    fields = []
    for column in contract.content_columns if content_only else contract.columns:
        value = f'"{column.name}"'
        if masks_persons and column.is_personal:
            value = f"case when {value} is not null then '***' end"
        if received and column.name == contract.received_time:
            value = received
        fields.append(f"'{column.name}': {value}")
    return f"to_json({{{', '.join(fields)}}})::varchar"


def _struct(code: str, detail: str) -> str:
    return _struct_of(rules.quoted(code), detail)


def _struct_of(code: str, detail: str) -> str:
    return f"{{'code': {code}, 'detail': {detail}}}"


def _placed(contract: TableContract) -> list[tuple[int, Column]]:
    """Columns with their places in `values`, from 1."""
    return list(enumerate(contract.columns, start=1))


def _group_problem(contract: TableContract, group: tuple[str, ...]) -> str:
    texts = (f"_text[{place}]" for place, column in _placed(contract) if column.name in group)
    absent = " and ".join(f"({rules.blank_to_null(text)}) is null" for text in texts)
    sentence = rules.quoted(f"one of {', '.join(group)} must have a value")
    return f"case when {absent} then {_struct('missing', sentence)} end"


@dataclass(frozen=True)
class _Problem:
    """The problem of one column, null when it has none."""

    contract: TableContract
    column: Column
    place: int

    @property
    def leaf(self) -> str:
        return f"_leaf[{self.place}]"

    @property
    def text(self) -> str:
        return f"_text[{self.place}]"

    @property
    def kind(self) -> str:
        """VARCHAR, BIGINT, UBIGINT, DOUBLE, BOOLEAN, OBJECT, ARRAY or NULL."""
        return f"_kind[{self.place}]"

    def sql(self) -> str:
        missing = self.told("missing", "there is no value") if self.column.is_required else "null"
        odd_literal = f"{self.kind} = 'DOUBLE' and regexp_full_match({self.text}, '(?i)[+-]?(nan|inf|infinity)')"
        wrong_kinds = "'OBJECT', 'ARRAY'"
        if self.column.logical_type is not LogicalType.BOOLEAN:
            wrong_kinds += ", 'BOOLEAN'"
        cases = " ".join(f"when {condition} then {told}" for condition, told in self.cases())
        return f"""case
            when {self.leaf} is null or {self.kind} = 'NULL' then {missing}
            when {odd_literal} then {self.told("bad_json", "NaN and Infinity are not JSON")}
            when {self.kind} in ({wrong_kinds}) then {self.told("bad_type", f"not of type {self.column.logical_type}")}
            when ({rules.blank_to_null(self.text)}) is null then {missing}
            {cases}
        end"""

    def told(self, code: str, sentence: str) -> str:
        """The struct; the value is shown unless it could identify a person."""
        detail = rules.quoted(f"{self.column.name}: {sentence}")
        if not self.column.is_personal:
            detail += f" || coalesce(' (' || left({self.leaf}::varchar, {_SHOWN_CHARACTERS}) || ')', '')"
        return _struct(code, detail)

    def cases(self) -> list[tuple[str, str]]:
        match self.column.logical_type:
            case LogicalType.STRING:
                return self.text_cases()
            case LogicalType.INTEGER:
                return self.integer_cases()
            case LogicalType.NUMBER:
                return self.number_cases()
            case LogicalType.BOOLEAN:
                return [(f"lower({self.text}) not in ('true', 'false')", self.told("bad_type", "not true or false"))]
            case LogicalType.DATE:
                is_spelled = f"regexp_full_match({self.text}, '{rules.DATE_PATTERN}')"
                is_day = f"{is_spelled} and try_cast({self.text} as date) is not null"
                return [(f"not ({is_day})", self.told("bad_ts", "not a day as YYYY-MM-DD"))]
            case LogicalType.TIMESTAMP:
                return self.timestamp_cases()

    def text_cases(self) -> list[tuple[str, str]]:
        column = self.column
        if column.valid_values:
            known = ", ".join(rules.quoted(value) for value in column.valid_values)
            told = self.told("enum", f"not one of {', '.join(column.valid_values)}")
            return [(f"{self.text} not in ({known})", told)]
        fraction = f"{self.kind} = 'DOUBLE' and not regexp_full_match({self.text}, '{rules.INTEGER_PATTERN}')"
        cases = [(fraction, self.told("bad_type", "a number with a fraction is no text"))]
        if column.max_length is not None:
            told = self.told("too_long", f"longer than {column.max_length} characters")
            cases.append((f"length({self.text}) > {column.max_length}", told))
        odd = rules.has_odd_characters(column, self.text)
        cases.append((odd, self.told("control_char", "holds a control or invisible character")))
        if column.pattern is not None:
            told = self.told("enum", f"does not match {column.pattern}")
            cases.append((f"not regexp_full_match({self.text}, {rules.quoted(column.pattern)})", told))
        return cases

    def integer_cases(self) -> list[tuple[str, str]]:
        low, high = rules.integer_bounds(self.column)
        is_integer = f"regexp_full_match({self.text}, '{rules.INTEGER_PATTERN}')"
        bad_int = self.told("bad_int", "not a whole number in plain digits")
        out_of_range = self.told("range", f"not between {low} and {high}")
        cases = []
        if low >= 0:
            cases.append((f"{is_integer} and starts_with({self.text}, '-')", self.told("bad_int", "has a sign")))
        # A JSON number beyond the largest double (1e400) is a matter of size, not of spelling.
        huge = f"{self.kind} = 'DOUBLE' and coalesce(isinf(try_cast({self.text} as double)), true)"
        value = f"try_cast({self.text} as bigint)"
        return [
            *cases,
            (f"{is_integer} and coalesce({value} not between {low} and {high}, true)", out_of_range),
            (huge, out_of_range),
            (f"not {is_integer} or {value}::varchar <> {self.text}", bad_int),
        ]

    def number_cases(self) -> list[tuple[str, str]]:
        exact = rules.exact_mention(self.column, "_object")
        text = f"(case when {self.kind} = 'VARCHAR' then {self.text} else {exact} end)"
        is_decimal = f"regexp_full_match({text}, '-?(0|[1-9][0-9]*)([.][0-9]+)?')"
        fits = f"regexp_full_match({text}, '{rules.DECIMAL_PATTERN}')"
        return [
            (f"{text} is null", self.told("bad_type", "its digits cannot be told")),
            (f"not {is_decimal}", self.told("bad_type", "not a decimal number in plain digits")),
            (f"not {fits}", self.told("range", "more than 12 digits before the point or 6 after it")),
        ]

    def timestamp_cases(self) -> list[tuple[str, str]]:
        first = rules.first_moment(self.contract, self.column)
        out_of_window = self.told("out_of_window", "outside the window of acceptable times")
        value = f"try_cast({self.text} as timestamptz)"
        cases = [
            (f"{self.kind} <> 'VARCHAR'", self.told("bad_ts", "a number is no time")),
            (f"regexp_full_match({self.text}, '{rules.LONG_YEAR_PATTERN}')", out_of_window),
            (
                f"regexp_full_match({self.text}, '{rules.NAIVE_PATTERN}')",
                self.told("naive_ts", "the time has no offset"),
            ),
            (
                f"not regexp_full_match({self.text}, '{rules.TIMESTAMP_PATTERN}') or {value} is null",
                self.told("bad_ts", "not an RFC 3339 time with an offset"),
            ),
        ]
        if first is not None:
            cases.append((f"{value} < {rules.moment(first)}", out_of_window))
        return cases
