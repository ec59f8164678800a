"""Every kind of hostile row is refused for its reason or taken at its exact value; both ways of typing agree."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from typed_rows import AD, ADS, VIEW, VIEWS, both_ways, line, raw, typed

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
    *(("bad_json", f"id literal {word}", raw("playback_id", word)) for word in ("nan", "NaN")),
    ("bad_type", "id true beside an int as string", line('"playback_id":true', playback_id=..., position_ms="7")),
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
    ("duplicate_key", "both null", line('"os":null,"os":null', os=...)),
    ("duplicate_key", "a null that counts for a missing key", line('"country":null,"country":null,"os":"a"', os=...)),
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
    ("id number beside an int as string", line('"viewer_id":7', viewer_id=..., position_ms="1500"), "viewer_id", "7"),
    ("unknown null for a missing key", line('"xx":null', os=...), "os", None),
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
    "nan": "bad_json",
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
