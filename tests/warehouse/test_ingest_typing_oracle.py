"""Rows composed at random are typed as an oracle in plain Python types them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from typed_rows import VIEW, VIEWS, typed

from dagster_project.contracts.model import Column, LogicalType

MOMENT = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?"
    r"(Z|[+-](0\d|1[0-4]):?[0-5]\d)",
    re.ASCII,
)
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def oracle_value(column: Column, value: Any) -> Any:
    """The typed value of a JSON value; raises ValueError when it is refused."""
    if value is None or (isinstance(value, str) and not value.strip(" \t\n\r\v\f")):
        return None
    if isinstance(value, (list, dict)) or (isinstance(value, bool) and column.logical_type is not LogicalType.BOOLEAN):
        raise ValueError
    match column.logical_type:
        case LogicalType.BOOLEAN:
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            raise ValueError
        case LogicalType.INTEGER:
            if isinstance(value, float) or str(int(str(value))) != str(value) or not str(value).isascii():
                raise ValueError
            if not (column.minimum or 0) <= int(value) <= (column.maximum or 0):
                raise ValueError
            return int(value)
        case LogicalType.TIMESTAMP:
            if not isinstance(value, str) or not MOMENT.fullmatch(value):
                raise ValueError
            head, _, fraction = value.rstrip("Z").partition(".")
            digits = re.match(r"\d*", fraction).group() if fraction else ""  # type: ignore[union-attr]  # always matches
            offset = re.search(r"([+-])(\d\d):?(\d\d)$", value)
            moment = datetime.fromisoformat(head[:19]).replace(
                microsecond=int(digits[:6].ljust(6, "0") or 0), tzinfo=UTC
            )
            if offset:
                sign = -1 if offset[1] == "-" else 1
                moment -= sign * timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            if moment < datetime(2020, 1, 1, tzinfo=UTC):
                raise ValueError
            return moment
        case _:
            if isinstance(value, float):
                raise ValueError
            text = str(value)
            if column.valid_values:
                if text not in column.valid_values:
                    raise ValueError
                return text
            named = column.key_position or column.is_personal or column.name.endswith("_id")
            if INVISIBLE.search(text) if named else "\0" in text:
                raise ValueError
            if column.max_length and len(text) > column.max_length:
                raise ValueError
            if column.pattern and not re.fullmatch(column.pattern, text):
                raise ValueError
            return text


def oracle(row: dict[str, Any]) -> dict[str, Any] | None:
    """The typed row, or None when any rule is broken."""
    found = {}
    for column in VIEWS.columns:
        try:
            found[column.name] = oracle_value(column, row.get(column.name))
        except (ValueError, OverflowError):
            return None
        if column.is_required and found[column.name] is None:
            return None
    return found if found["viewer_id"] or found["anon_id"] else None


TEXTS = (
    *("", " ", "US", "us", "7", "007", "-0", "true", "ext_ios", "start", "none"),
    *("2026-05-12T09:00:00Z", "2026-05-12T09:00:00.123456789-05:30", "2026-05-12T24:00:00Z", "2026-13-01T00:00:00Z"),
    *("2026-02-29T00:00:00Z", "2024-02-29T00:00:00+14:00", "2019-12-31T23:00:00-02:00", "p" * 257),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.sampled_from(TEXTS),
    st.text(max_size=8),
    st.floats(0.25, 10, width=16).filter(lambda number: not number.is_integer()),
    st.just([1]),
    st.just({}),
)
CHANGES = st.dictionaries(st.sampled_from([column.name for column in VIEWS.columns]), VALUES, max_size=3)
STYLES = st.tuples(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]), st.booleans())


@given(st.lists(st.tuples(CHANGES, STYLES, st.booleans()), min_size=20, max_size=60))
@settings(max_examples=6, deadline=None)
def test_rows_composed_at_random_follow_the_oracle(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[dict[str, Any], tuple[tuple[str, str], bool], bool]]
) -> None:
    lines, expected = [], {}
    for number, (changes, (separators, escapes), has_nulls) in enumerate(rows, start=1):
        blanks = dict.fromkeys((column.name for column in VIEWS.columns), None) if has_nulls else {}
        row = {**blanks, **VIEW, **changes}
        lines.append(json.dumps(row, separators=separators, ensure_ascii=escapes).encode("utf-8", "replace"))
        expected[number] = oracle(json.loads(lines[-1]))
    for way in ("quick", "careful"):
        found = typed(connection, VIEWS, lines, way)
        assert {number: row if isinstance(row, dict) else None for number, row in found.items()} == expected
