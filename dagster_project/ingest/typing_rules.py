"""The rules by which a value's text becomes a typed value, as SQL, from the contract alone.

Every rule has two faces that must agree: an expression that types the value and tells whether it is good (run on
every row, so it avoids regular expressions where a cheaper test is exact), and a description of what is wrong (run
on failed rows only, in `reject_reasons`).

Text is empty or white space only = no value. Texts are kept as delivered, never trimmed or re-coded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dagster_project.contracts.model import Column, LogicalType, TableContract

BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1

_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
TIMESTAMP_PATTERN = f"{_DATE}T{_CLOCK}(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
"""RFC 3339 with an offset; a leap second and hour 24 are refused, digits after the sixth decimal are dropped."""
NAIVE_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
LONG_YEAR_PATTERN = "[0-9]{5,}-[0-9]{2}-[0-9]{2}[Tt ].*"
DATE_PATTERN = _DATE
INTEGER_PATTERN = "-?(0|[1-9][0-9]*)"
DECIMAL_PATTERN = "-?(0|[1-9][0-9]{0,11})([.][0-9]{1,6}0*)?"
"""Twelve digits before the point and six after it, as DECIMAL(18,6) holds; more zeros change nothing."""
IDENTIFIER_CONTROL = r"[\x00-\x1f\x7f-\x9f\x{00ad}\x{061c}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{2069}\x{feff}]"
"""Characters no id may hold: controls, zero-width and direction marks, line separators."""
TEXT_CONTROL = r"\x00"


def quoted(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def moment(at: datetime) -> str:
    """An SQL timestamp literal."""
    return f"timestamptz {quoted(at.isoformat())}"


def is_identifier(column: Column) -> bool:
    """True for texts that name something: they take part in keys and joins, so odd characters are refused."""
    is_text = column.logical_type is LogicalType.STRING and not column.valid_values and not column.is_source_text
    return is_text and (column.key_position is not None or column.is_personal or column.name.endswith("_id"))


def is_free_text(column: Column) -> bool:
    """True for texts that are not one of a closed list."""
    return column.logical_type is LogicalType.STRING and not column.valid_values


def needs_json_leaf(column: Column) -> bool:
    """True when the JSON type of the value matters and its text alone does not show it ("7" and 7 and true)."""
    return is_free_text(column) or column.logical_type is LogicalType.NUMBER


def integer_bounds(column: Column) -> tuple[int, int]:
    """Least and greatest value, inclusive."""
    low = BIGINT_MIN if column.minimum is None else column.minimum
    high = BIGINT_MAX if column.maximum is None else column.maximum
    return low, high


def first_moment(contract: TableContract, column: Column) -> datetime | None:
    """First acceptable value of a clock column, or None for other times."""
    is_clock = column.name in (contract.event_time, contract.received_time)
    return contract.event_time_from if is_clock else None


def blank_to_null(text: str) -> str:
    """Empty and white-space-only text is no value; only texts that start low need the look."""
    white = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
    return f"case when {text} < '!' and trim({text}, {white}) = '' then null else {text} end"


def json_text(column: Column, leaf: str, line: str) -> str:
    """The text of a JSON value, or null when its JSON type does not fit the column.

    Args:
        leaf: Expression of the value as JSON text (for `needs_json_leaf`) or as plain text.
        line: Expression of the whole line, for numbers whose exact text JSON parsing has lost.
    """
    if not needs_json_leaf(column):
        return leaf
    unquoted = (
        f"case when _is_plain then substr({leaf}, 2, strlen({leaf}) - 2) "
        f"when not contains({leaf}, chr(92)) then substr({leaf}, 2, length({leaf}) - 2) "
        f"else json_extract_string({leaf}, '$') end"
    )
    if column.logical_type is LogicalType.NUMBER:
        bare = exact_number(column, leaf, line)
    else:
        bare = f"case when regexp_full_match({leaf}, '{INTEGER_PATTERN}') then {leaf} end"
    return f"case when {leaf} is null then null when starts_with({leaf}, '\"') then {unquoted} else {bare} end"


def exact_number(column: Column, leaf: str, line: str) -> str:
    """The digits of a JSON number as they stand in the line; parsing has sent them through a double.

    When the line has no nested and no repeated keys, finding the parsed digits right behind the key proves them.
    Otherwise the digits behind every mention of the key must be one and the same text.
    """
    key = f'"{column.name}":'
    endings = [(gap, end) for gap in ("", " ") for end in (",", "}")]
    proof = " or ".join(f"contains({line}, '{key}{gap}' || {leaf} || '{end}')" for gap, end in endings)
    return f"case when _is_accounted and ({proof}) then {leaf} else {exact_mention(column, line)} end"


def exact_mention(column: Column, line: str) -> str:
    """The digits behind the key in the line; several texts when mentions of the key differ, null when there is none."""
    return exact_digits(column.name, line)


def exact_digits(key: str, line: str) -> str:
    """The same for a key by its name."""
    pattern = f'"{key}"\\s*:\\s*(-?[0-9][0-9.eE+-]*)'
    # Two texts side by side are no number, so that an ambiguity is refused by the pattern of a decimal.
    return f"nullif(array_to_string(list_distinct(regexp_extract_all({line}, '{pattern}', 1)), ' '), '')"


@dataclass(frozen=True)
class TypedColumn:
    """SQL of one column over its text `t`: the value, and whether it is good when there is a text."""

    value: str
    is_good: str


def typed(contract: TableContract, column: Column, text: str, value: str, *, is_ascii: bool = False) -> TypedColumn:
    """The rule of one column.

    Args:
        text: Expression of the text (null = no value).
        value: Expression of the value once computed (a column name of the layer below), used in `is_good`.
        is_ascii: Rows with other characters are not asked: a text has as many characters as bytes.
    """
    match column.logical_type:
        case LogicalType.STRING:
            return TypedColumn(text, _good_text(column, text, is_ascii=is_ascii))
        case LogicalType.INTEGER:
            low, high = integer_bounds(column)
            # Written back it must be the same text: no sign, blank, zero or exponent more than needed.
            good = f"{value} between {low} and {high} and {value}::varchar = {text}"
            return TypedColumn(f"try_cast({text} as bigint)", good)
        case LogicalType.NUMBER:
            good = f"{value} is not null and regexp_full_match({text}, '{DECIMAL_PATTERN}')"
            return TypedColumn(f"try_cast({text} as decimal(18,6))", good)
        case LogicalType.BOOLEAN:
            cast = f"case lower({text}) when 'true' then true when 'false' then false end"
            return TypedColumn(cast, f"{value} is not null")
        case LogicalType.DATE:
            good = f"{value} is not null and regexp_full_match({text}, '{DATE_PATTERN}')"
            return TypedColumn(f"try_cast({text} as date)", good)
        case LogicalType.TIMESTAMP:
            good = f"{value} is not null and regexp_full_match({text}, '{TIMESTAMP_PATTERN}')"
            start = first_moment(contract, column)
            if start is not None:
                good += f" and {value} >= {moment(start)}"
            return TypedColumn(f"try_cast({text} as timestamptz)", good)


def _good_text(column: Column, text: str, *, is_ascii: bool) -> str:
    if column.valid_values:
        return f"{text} in ({', '.join(quoted(value) for value in column.valid_values)})"
    tests = []
    if column.max_length is not None:
        fits = f"strlen({text}) <= {column.max_length}"
        tests.append(fits if is_ascii else f"({fits} or length({text}) <= {column.max_length})")
    if column.pattern is not None:
        tests.append(f"regexp_full_match({text}, {quoted(column.pattern)})")
    return " and ".join(tests) or "true"


def has_odd_characters(column: Column, text: str) -> str:
    """Whether a text holds characters it may not; asked of rows that are not plain only."""
    pattern = IDENTIFIER_CONTROL if is_identifier(column) else TEXT_CONTROL
    return f"regexp_matches({text}, '{pattern}')"
