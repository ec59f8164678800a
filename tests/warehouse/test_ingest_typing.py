"""Every kind of hostile row is refused for its reason or taken at its exact value; both ways of typing agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.contracts import TableContract, feed_contracts
from dagster_project.contracts.model import Column, LogicalType
from dagster_project.ingest import staging_sql
from dagster_project.ingest.json_lines import LINE_SCHEMA, FileCounts, json_batches
from dagster_project.ingest.merge_sql import MergeStatements

VIEWS, ADS = feed_contracts()["views"], feed_contracts()["ads"]
VIEW: dict[str, Any] = {
    "event_id": "e-1",
    "playback_id": "p-1",
    "surface": "ext_ios",
    "app_id": "ios-1",
    "viewer_id": "u-1",
    "series_id": "S-1",
    "episode_id": "E-1",
    "episode_seq": 3,
    "event_type": "start",
    "event_ts": "2026-05-12T09:00:00Z",
    "received_ts": "2026-05-12T09:00:02Z",
    "position_ms": 1500,
    "access_type": "free",
}
AD: dict[str, Any] = {
    "ad_event_id": "a-1",
    "surface": "ext_ios",
    "app_id": "ios-1",
    "placement_id": "pl-1",
    "ad_format": "rewarded",
    "event_type": "impression",
    "verification": "client_only",
    "event_ts": "2026-05-12T09:00:00Z",
    "received_ts": "2026-05-12T09:00:02Z",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute("set TimeZone = 'UTC'")
    yield opened
    opened.close()


def typed(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, lines: list[bytes], way: str
) -> dict[int, dict[str, Any] | str]:
    """By line number: the typed row, or the reason code of a refused one. The quick way includes its second look."""
    connection.execute(staging_sql.create_staged(contract))
    batches = json_batches(iter([b"\n".join(lines)]), 0, FileCounts())
    connection.register("delivered", pa.RecordBatchReader.from_batches(LINE_SCHEMA, batches))
    if way == "quick":
        connection.execute(staging_sql.insert_json_quickly(contract, "delivered", [tuple(VIEW), tuple(AD)]))
        aside, leave = staging_sql.set_failed_aside()
        connection.execute(aside)
        connection.execute(leave)
        connection.execute(staging_sql.insert_json_carefully(contract, "second_look", []))
    else:
        connection.execute(staging_sql.insert_json_carefully(contract, "delivered", []))
    connection.unregister("delivered")
    connection.execute(MergeStatements(contract).find_problems())
    names = [column.name for column in contract.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    good = connection.execute(f"select _line_no, {columns} from staged where _ok").fetchall()
    bad = connection.execute("select _line_no, reason_code from problem_row").fetchall()
    found: dict[int, dict[str, Any] | str] = {row[0]: dict(zip(names, row[1:], strict=True)) for row in good}
    assert not found.keys() & {row[0] for row in bad}
    return found | dict(bad)


def both_ways(
    connection: duckdb.DuckDBPyConnection, lines: list[bytes], contract: TableContract = VIEWS
) -> list[dict[str, Any] | str | None]:
    """What becomes of each line, the same either way; None when it is blank."""
    quick, careful = (typed(connection, contract, lines, way) for way in ("quick", "careful"))
    assert quick == careful
    return [quick.get(number) for number in range(1, len(lines) + 1)]


def line(text: str = "", /, **changes: Any) -> bytes:
    """A good view row with changes; `text` replaces the start of the object (`{text,"playback_id":...}`)."""
    row = {**VIEW, **changes}
    body = json.dumps({key: value for key, value in row.items() if value is not ...}, ensure_ascii=False)
    return (body if not text else "{" + text + "," + body[1:]).encode("utf-8", "surrogatepass")


def raw(column: str, literal: str) -> bytes:
    """A good view row with a literal written as it is."""
    body = json.dumps({key: value for key, value in VIEW.items() if key != column})
    return f'{{"{column}":{literal},{body[1:]}'.encode()


DEEP = 100_000
REFUSED: list[tuple[str, str, bytes]] = [
    ("naive_ts", "ts naive", line(event_ts="2026-05-12T09:00:00")),
    ("naive_ts", "ts naive with blank", line(event_ts="2026-05-12 09:00:00.5")),
    ("bad_ts", "ts date only", line(event_ts="2026-05-12")),
    ("bad_ts", "ts epoch seconds number", raw("event_ts", "1778576400")),
    ("bad_ts", "ts epoch milliseconds string", line(event_ts="1778576400000")),
    *(("bad_ts", f"ts {word}", line(event_ts=word)) for word in ("infinity", "-infinity", "epoch", "now")),
    ("bad_ts", "ts 30 February", line(event_ts="2026-02-30T09:00:00Z")),
    ("bad_ts", "ts offset +25:00", line(event_ts="2026-05-12T09:00:00+25:00")),
    ("bad_ts", "ts US format", line(event_ts="05/12/2026 09:00:00Z")),
    ("bad_ts", "ts BC", line(event_ts="2026-05-12T09:00:00Z (BC)")),
    ("bad_ts", "ts unicode minus offset", line(event_ts="2026-05-12T09:00:00\u221205:00")),
    ("out_of_window", "ts year 1970", line(event_ts="1970-01-01T00:00:00Z")),
    ("out_of_window", "ts year 0001", line(event_ts="0001-01-01T00:00:00Z")),
    ("out_of_window", "ts year 99999", line(event_ts="99999-01-01T00:00:00Z")),
    ("out_of_window", "ts one microsecond before the window", line(event_ts="2019-12-31T23:59:59.999999Z")),
    ("missing", "ts null", line(event_ts=None)),
    ("missing", "ts empty string", line(event_ts="")),
    ("missing", "int null", line(position_ms=None)),
    ("missing", "id null", line(playback_id=None)),
    ("missing", "id empty", line(playback_id="")),
    ("missing", "id blanks only", line(playback_id="   ")),
    ("missing", "id escaped blanks only", raw("playback_id", '"\\t \\n"')),
    ("missing", "empty object", b"{}"),
    ("missing", "key in other case", line('"Playback_ID":"p-1"', playback_id=...)),
    ("missing", "required key missing", line(series_id=...)),
    ("missing", "neither viewer", line(viewer_id=None, anon_id="")),
    ("bad_type", "ts object", line(event_ts={"at": 1})),
    ("bad_type", "int true", line(position_ms=True)),
    ("bad_type", "int array", line(position_ms=[1])),
    ("bad_type", "int object", line(position_ms={})),
    ("bad_type", "id object", line(playback_id={"a": "b"})),
    ("bad_type", "id array", line(playback_id=["p-1"])),
    ("bad_type", "id true", line(playback_id=True)),
    ("bad_type", "id fraction", raw("playback_id", "1.5")),
    ("bad_type", "text true", line(os=True)),
    ("bad_type", "boolean word", line(is_test="yes")),
    ("bad_type", "boolean number", line(is_test=1)),
    ("bad_int", "int fraction 12.5", raw("position_ms", "12.5")),
    ("bad_int", "int fraction 0.1+0.2 style", raw("position_ms", "0.30000000000000004")),
    ("bad_int", "int minus one", raw("position_ms", "-1")),
    *(
        ("bad_int", f"int as string {text!r}", line(position_ms=text))
        for text in (" 7 ", "007", "+5", "1_000", "1,000", "0x10", "1e3", "\u0667", "\uff17", "NaN", "-0", "7.0")
    ),
    *(("bad_json", f"int literal {word}", raw("position_ms", word)) for word in ("NaN", "Infinity", "-Infinity")),
    ("bad_json", "leading zero literal", raw("position_ms", "007")),
    ("bad_json", "hex literal", raw("position_ms", "0x10")),
    ("bad_json", "plus literal", raw("position_ms", "+5")),
    ("bad_json", "truncated object", line()[:-20]),
    ("bad_json", "trailing garbage", line() + b"garbage"),
    ("bad_json", "two objects on one line", line() + line()),
    ("bad_json", "single quotes", line().replace(b'"', b"'")),
    ("bad_json", "comment", line() + b"// said the player"),
    ("bad_json", "nesting unclosed", line()[:-1] + b',"x":' + b"[" * DEEP),
    ("bad_json", "raw NUL byte", line(os="a!b").replace(b"!", b"\0")),
    ("bad_json", "raw control byte", line(os="a!b").replace(b"!", b"\x01")),
    ("bad_json", "raw tab in a string", line(os="a!b").replace(b"!", b"\t")),
    ("bad_json", "lone surrogate escape", raw("os", '"\\ud800"')),
    ("bad_json", "looks like SQL", b"'; drop table raw.views; --"),
    ("invalid_utf8", "gzip magic in the middle", line(os="a!b").replace(b"!", b"\x1f\x8b\x08")),
    ("range", "int 2^31", raw("position_ms", "2147483648")),
    ("range", "int 10^16+1", raw("position_ms", "10000000000000001")),
    ("range", "int 2^63-1", raw("position_ms", "9223372036854775807")),
    ("range", "int 2^63", raw("position_ms", "9223372036854775808")),
    ("range", "int 2^64", raw("position_ms", "18446744073709551616")),
    ("range", "int 400 digits", raw("position_ms", "9" * 400)),
    ("range", "int 1e400", raw("position_ms", "1e400")),
    ("range", "int below", raw("episode_seq", "0")),
    ("too_long", "id 10,000 characters", line(playback_id="p" * 10_000)),
    ("too_long", "id 257 wide characters", line(playback_id="\u00e9" * 257)),
    ("control_char", "id NUL escape", raw("playback_id", '"a\\u0000b"')),
    ("control_char", "id newline escape", raw("playback_id", '"a\\nb"')),
    ("control_char", "id right-to-left override", line(playback_id="a\u202eb")),
    ("control_char", "id zero-width space", line(playback_id="a\u200bb")),
    ("control_char", "id byte order mark", line(playback_id="\ufeffp")),
    ("control_char", "text NUL escape", raw("os", '"a\\u0000b"')),
    ("enum", "enum unknown", line(surface="amiga")),
    ("enum", "enum wrong case", line(event_type="Start")),
    ("enum", "enum number", line(surface=1)),
    ("enum", "country in small letters", line(country="us")),
    ("too_long", "country in three letters", line(country="USA")),
    ("not_object", "array line", b'["a"]'),
    ("not_object", "number line", b"5"),
    ("not_object", "null line", b"null"),
    ("not_object", "string line", b'"text"'),
    ("duplicate_key", "other value", line('"event_id":"e-2"')),
    ("duplicate_key", "same value", line('"event_id":"e-1"')),
    ("duplicate_key", "first null", line('"os":null', os="ios")),
    ("duplicate_key", "optional key", line('"os":"a"', os="b")),
    ("duplicate_key", "spaced colon", line('"os" :"a"', os="b")),
    ("duplicate_key", "escaped key", line('"\\u006fs":"a"', os="b")),
    ("duplicate_key", "hidden by a string", line('"os":"a"', os='x\\":null')),
    ("invalid_utf8", "invalid byte", line(os="a!b").replace(b"!", b"\xff")),
    ("invalid_utf8", "Latin-1 byte", line(os="caf!").replace(b"!", b"\xe9")),
    ("invalid_utf8", "overlong", line(os="a!b").replace(b"!", b"\xc0\xaf")),
    ("invalid_utf8", "surrogate bytes", line(os="a!b").replace(b"!", b"\xed\xa0\x80")),
    ("line_too_long", "line over the limit", line(unknown="x" * (1 << 20))),
]


def test_hostile_rows_are_refused_for_their_reason(connection: duckdb.DuckDBPyConnection) -> None:
    found = both_ways(connection, [text for _, _, text in REFUSED])
    expected = {name: reason for reason, name, _ in REFUSED}
    assert len(expected) == len(REFUSED)
    assert dict(zip(expected, found, strict=True)) == expected


TAKEN: list[tuple[str, bytes, str, Any]] = [
    ("ts offset +05:00", line(event_ts="2026-05-12T14:00:00+05:00"), "event_ts", datetime(2026, 5, 12, 9, tzinfo=UTC)),
    ("ts without colon", line(event_ts="2026-05-12T14:30:00+0530"), "event_ts", datetime(2026, 5, 12, 9, tzinfo=UTC)),
    ("month end forward", line(event_ts="2026-04-30T23:00:00-05:00"), "event_ts", datetime(2026, 5, 1, 4, tzinfo=UTC)),
    ("month end back", line(event_ts="2026-05-01T01:00:00+05:00"), "event_ts", datetime(2026, 4, 30, 20, tzinfo=UTC)),
    ("window start", line(event_ts="2020-01-01T00:00:00Z"), "event_ts", datetime(2020, 1, 1, tzinfo=UTC)),
    (
        "microseconds",
        line(event_ts="2026-05-12T09:00:00.000001Z"),
        "event_ts",
        datetime(2026, 5, 12, 9, 0, 0, 1, tzinfo=UTC),
    ),
    ("int as string", line(position_ms="7"), "position_ms", 7),
    ("int at its top", raw("position_ms", "86400000"), "position_ms", 86_400_000),
    ("id int64 number", raw("viewer_id", "7412345678901234567"), "viewer_id", "7412345678901234567"),
    ("id beyond 2^64", raw("viewer_id", "99999999999999999999999999"), "viewer_id", "99999999999999999999999999"),
    ("id 2^53+1 as text", line(viewer_id="9007199254740993"), "viewer_id", "9007199254740993"),
    ("id 256 wide characters", line(viewer_id="\u00e9" * 256), "viewer_id", "\u00e9" * 256),
    ("id path", line(viewer_id="../../etc/passwd"), "viewer_id", "../../etc/passwd"),
    ("id SQL", line(viewer_id="'; drop table raw.views; --"), "viewer_id", "'; drop table raw.views; --"),
    ("id quote", line(viewer_id='a"b'), "viewer_id", 'a"b'),
    ("id padded", line(viewer_id=" u-1 "), "viewer_id", " u-1 "),
    *(
        (f"text {text[:12]!r}", line(os=text), "os", text)
        for text in (
            "=1+1",
            "+1",
            "-1",
            "@a",
            "\t=1",
            '=HYPERLINK("http://x")',
            "<script>alert(1)</script>",
            "$\\frac{1}{0$",
            "{{ 7*7 }}",
            "%s%n",
            "{0}",
            "a\r\nBcc: x",
            "\\",
            "\U0001f3ac\u4e2d",
            "a\u2028b",
            "e\u0301",
            "_x",
            "$(rm -rf /)",
            "true",
            "{}",
            "[1]",
            "1.5",
            "null",
            "NaN",
        )
    ),
    ("text missing", line(os=...), "os", None),
    ("text blank", line(os="  "), "os", None),
    ("boolean as text", line(is_test="True"), "is_test", True),
    ("key with an escape", line('"o\\u0073":"ios"', os=...), "os", "ios"),
    ("unknown key", line(extra={"os": "other"}), "os", None),
    ("unknown key said twice in depth", line('"x":{"a":1,"a":2}'), "position_ms", 1500),
    (
        "other order, spaced",
        json.dumps(dict(reversed(VIEW.items())), indent=1).replace("\n", " ").encode(),
        "position_ms",
        1500,
    ),
    ("CRLF", line() + b"\r", "position_ms", 1500),
    ("CR between tokens", line().replace(b", ", b",\r"), "position_ms", 1500),
    ("1,000 unknown keys", line(**{f"x{i}": i for i in range(1000)}), "position_ms", 1500),
    ("deep unknown key", line()[:-1] + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}", "position_ms", 1500),
]


def test_odd_but_sound_rows_are_taken_at_their_exact_value(connection: duckdb.DuckDBPyConnection) -> None:
    found = both_ways(connection, [text for _, text, _, _ in TAKEN])
    expected = {name: value for name, _, _, value in TAKEN}
    assert len(expected) == len(TAKEN)
    values = [
        row[column] if isinstance(row, dict) else f"refused: {row}"
        for row, (_, _, column, _) in zip(found, TAKEN, strict=True)
    ]
    assert dict(zip(expected, values, strict=True)) == expected


def test_blank_lines_are_no_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert both_ways(connection, [b"", b"   ", b"\t", b"\r", line()])[:4] == [None] * 4


def test_endless_depth_in_an_unknown_key_harms_nobody(connection: duckdb.DuckDBPyConnection) -> None:
    deep = line()[:-1] + b',"x":' + b"[" * DEEP + b"]" * DEEP + b"}"
    found, good = both_ways(connection, [deep, line(event_id="e-2")])
    assert found == "bad_json" or isinstance(found, dict)
    assert isinstance(good, dict)


AMOUNTS = {
    "0.1": Decimal("0.1"),
    '"0.1"': Decimal("0.1"),
    "1.50": Decimal("1.5"),
    "12": Decimal(12),
    "-0.000001": Decimal("-0.000001"),
    "123456789012.123456": Decimal("123456789012.123456"),
    '"999999999999.999999"': Decimal("999999999999.999999"),
    '"1.12345600"': Decimal("1.123456"),
    "null": None,
    '""': None,
    "0": Decimal(0),
    "0.1000000000000000055": "range",
    '"0.0000001"': "range",
    '"1000000000000"': "range",
    "1e2": "bad_type",
    "1e400": "bad_type",
    '"1e2"': "bad_type",
    '"1,5"': "bad_type",
    '".5"': "bad_type",
    '"+1"': "bad_type",
    '"05"': "bad_type",
    "true": "bad_type",
    "[1]": "bad_type",
    '" 1"': "bad_type",
    '"NaN"': "bad_type",
    "NaN": "bad_json",
    '"\u0661"': "bad_type",
}


@pytest.mark.parametrize("gap", ["", " ", "  "])
def test_amounts_are_taken_by_their_digits(connection: duckdb.DuckDBPyConnection, gap: str) -> None:
    rows = [f'{{"revenue_amount":{gap}{literal},{json.dumps(AD)[1:]}'.encode() for literal in AMOUNTS]
    found = [row["revenue_amount"] if isinstance(row, dict) else row for row in both_ways(connection, rows, ADS)]
    assert dict(zip(AMOUNTS, found, strict=True)) == AMOUNTS


def test_an_amount_is_not_taken_from_a_nested_object(connection: duckdb.DuckDBPyConnection) -> None:
    heads = (
        '"x":{"revenue_amount":0.1},"revenue_amount":0.1000000000000000055',
        '"x":{"revenue_amount":0.25},"revenue_amount":0.25',
    )
    other, equal = both_ways(connection, [f"{{{head},{json.dumps(AD)[1:]}".encode() for head in heads], ADS)
    assert other == "bad_type"
    assert isinstance(equal, dict)
    assert equal["revenue_amount"] == Decimal("0.25")


# --- an oracle in plain Python, over rows composed at random

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


def test_refusals_tell_the_column_but_no_personal_value(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [
        line(viewer_id={"secret-1": "secret-2"}),
        line(viewer_id="secret-3", position_ms=-7),
        line(viewer_id="secret-4", anon_id='secret-5"}, x')[:-40],
        line(viewer_id='sec"ret-6', os="\u00e9")[:-1],
    ]
    typed(connection, VIEWS, rows, "careful")
    found = connection.execute("select detail, raw_text from problem_row order by _line_no").fetchall()
    assert len(found) == len(rows)
    assert not [text for text in found if "secret" in str(text) or "ret-6" in str(text)]
    assert found[1][0] == "position_ms: has a sign (-7)"
    assert '"viewer_id": "***"' in found[1][1]
