"""The 149 hostile rows, by name, aimed at the columns of the views feed.

"ts" is event_ts, "int" position_ms, "id" event_id, "text" os, "enum" event_type or surface. Amounts and tokens meet
the same spellings in `hostile_money`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from catalogue import Blank, Refused, Row, RowKind, Taken, json_line, written

_PLACE = "@place@"
Line = Callable[[Row], bytes]
DEEP = 100_000
LINE_LIMIT = 1 << 20


def literal(column: str, text: str | bytes) -> Line:
    """The column's value written as it is."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return lambda row: json_line({**row, column: _PLACE}).replace(json.dumps(_PLACE).encode(), data)


def put(column: str, value: Any) -> Line:
    """The column's value as JSON, beyond ASCII as it is."""
    return literal(column, json.dumps(value, ensure_ascii=False))


def without(*columns: str) -> Line:
    return lambda row: json_line({name: value for name, value in row.items() if name not in columns})


def behind(text: bytes) -> Line:
    return lambda row: json_line(row) + text


def within(text: bytes) -> Line:
    """More members at the end of the object."""
    return lambda row: json_line(row)[:-1] + b"," + text + b"}"


def ahead(text: bytes) -> Line:
    """More members at the start of the object."""
    return lambda row: b"{" + text + b"," + json_line(row)[1:]


def constant(text: bytes) -> Line:
    return lambda row: text


def refuse(code: str, name: str, line: Line, *, ours: str = "", note: str = "") -> RowKind:
    return RowKind(code, name, line, Refused(ours or code), note=note)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0) -> Taken:
    return Taken({"event_ts": datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)})


def either(name: str, line: Line, canonical: Taken, refused: str = "", note: str = "") -> RowKind:
    """Refused under a reason where one is given, else taken at its canonical value."""
    return RowKind("either", name, line, Refused(refused) if refused else canonical, canonical, note)


def accept(name: str, line: Line, taken: Taken | None = None, note: str = "") -> RowKind:
    return RowKind("accept", name, line, taken or Taken(), note=note)


def text_kept(name: str, text: str) -> RowKind:
    return accept(f"text {name}", put("os", text), Taken({"os": text}))


def _spaced(row: Row) -> bytes:
    pairs = list(reversed([(name, written(value)) for name, value in row.items()]))
    return ("{ " + " , ".join(f"{json.dumps(name)} : {json.dumps(value)}" for name, value in pairs) + " }").encode()


TIMES = [
    refuse("naive_ts", "ts naive", put("event_ts", "2026-05-12T09:00:00")),
    refuse("bad_ts", "ts date only", put("event_ts", "2026-05-12")),
    refuse("bad_ts", "ts epoch seconds number", literal("event_ts", "1778576400")),
    refuse("bad_ts", "ts epoch milliseconds string", put("event_ts", "1778576400000")),
    *(refuse("bad_ts", f"ts '{word}'", put("event_ts", word)) for word in ("infinity", "-infinity", "epoch", "now")),
    refuse("bad_ts", "ts 30 February", put("event_ts", "2026-02-30T09:00:00Z")),
    refuse("bad_ts", "ts offset +25:00", put("event_ts", "2026-05-12T09:00:00+25:00")),
    refuse("bad_ts", "ts US format", put("event_ts", "05/12/2026 09:00:00")),
    refuse("bad_ts", "ts BC", put("event_ts", "2026-05-12T09:00:00Z (BC)")),
    refuse("bad_ts", "ts unicode minus offset", put("event_ts", "2026-05-12T09:00:00\u221205:00")),
    refuse("out_of_window", "ts year 1970", put("event_ts", "1970-01-01T00:00:00Z")),
    refuse("out_of_window", "ts year 0001", put("event_ts", "0001-01-01T00:00:00Z")),
    refuse("out_of_window", "ts year 2099", put("event_ts", "2099-01-01T00:00:00Z")),
    refuse("out_of_window", "ts year 99999", put("event_ts", "99999-01-01T00:00:00Z")),
    refuse("out_of_window", "ts one microsecond before the window", put("event_ts", "2019-12-31T23:59:59.999999Z")),
]
MISSING = [
    refuse("missing", "ts null", put("event_ts", None)),
    refuse("missing", "ts empty string", put("event_ts", "")),
    refuse("missing", "int null", put("position_ms", None)),
    refuse("missing", "id missing value null", put("event_id", None)),
    refuse("missing", "id empty", put("event_id", "")),
    refuse("missing", "id blanks only", put("event_id", "   ")),
    refuse("missing", "empty object", constant(b"{}")),
    refuse("missing", "key in other case", lambda row: json_line(row).replace(b'"event_id"', b'"Event_ID"')),
    refuse("missing", "required key missing", without("series_id")),
]
TYPES = [
    refuse("bad_type", "ts object", put("event_ts", {"at": 1})),
    refuse("bad_type", "int true", put("position_ms", True)),
    refuse("bad_type", "int array", put("position_ms", [1])),
    refuse("bad_type", "int object", put("position_ms", {"ms": 1})),
    refuse("bad_type", "id object", put("event_id", {"id": "a"})),
    refuse("bad_type", "id array", put("event_id", ["a"])),
]
SPELLINGS = {
    "' 7 '": " 7 ",
    "'007'": "007",
    "'+5'": "+5",
    "'1_000'": "1_000",
    "'1,000'": "1,000",
    "'0x10'": "0x10",
    "'1e3'": "1e3",
    "Arabic digits": "\u0661\u0662",
    "full-width digits": "\uff11\uff12",
    "'NaN'": "NaN",
}
INTEGERS = [
    refuse("bad_int", "int fraction 12.5", literal("position_ms", "12.5")),
    refuse("bad_int", "int fraction 0.1+0.2 style", literal("position_ms", "0.30000000000000004")),
    refuse("bad_int", "int minus one", literal("position_ms", "-1")),
    *(refuse("bad_int", f"int as string {name}", put("position_ms", text)) for name, text in SPELLINGS.items()),
]
LITERALS = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
}
BAD_LITERALS = {"leading zero": "007", "hex": "0x10", "plus": "+5"}
BAD_JSON = [
    *(refuse("bad_json", f"int literal {name}", literal("position_ms", text)) for name, text in LITERALS.items()),
    *(refuse("bad_json", f"int {name} literal", literal("position_ms", text)) for name, text in BAD_LITERALS.items()),
    refuse("bad_json", "truncated object", lambda row: json_line(row)[:-30]),
    refuse("bad_json", "trailing garbage", behind(b"garbage")),
    refuse("bad_json", "two objects on one line", lambda row: json_line(row) + json_line(row)),
    refuse("bad_json", "single quotes", lambda row: json_line(row).replace(b'"', b"'")),
    refuse("bad_json", "comment", behind(b" // said the player")),
    refuse("bad_json", "nesting 100,000 deep, unclosed", lambda row: json_line(row)[:-1] + b',"x":' + b"[" * DEEP),
    refuse("bad_json", "raw NUL byte", literal("os", b'"a\x00b"')),
    refuse("bad_json", "raw control byte 0x01", literal("os", b'"a\x01b"')),
    refuse("bad_json", "raw tab in a string", literal("os", b'"a\tb"')),
    refuse("bad_json", "lone surrogate escape", literal("os", '"a\\ud800b"')),
    refuse("bad_json", "looks like SQL", constant(b"'; drop table raw.views; --")),
    refuse(
        "bad_json",
        "gzip magic in the middle",
        literal("os", b'"a\x1f\x8b\x08b"'),
        ours="invalid_utf8",
        note="0x8b begins no UTF-8 character, which is looked at before the JSON",
    ),
]
RANGES = [
    refuse("range", f"int {name}", literal("position_ms", text))
    for name, text in {
        "2^31": str(2**31),
        "10^16+1 over range": str(10**16 + 1),
        "2^63-1": str(2**63 - 1),
        "2^63": str(2**63),
        "2^64": str(2**64),
        "400 digits": "9" * 400,
        "1e400": "1e400",
    }.items()
]
TEXTS = [
    refuse("too_long", "id 10,000 characters", put("event_id", "e" * 10_000)),
    refuse("control_char", "id with NUL escape", literal("event_id", '"a\\u0000b"')),
    refuse("control_char", "id with newline escape", literal("event_id", '"a\\nb"')),
    refuse("control_char", "id with right-to-left override", put("event_id", "a\u202eb")),
    refuse("control_char", "id with zero-width space", put("event_id", "a\u200bb")),
    refuse("enum", "enum unknown", put("event_type", "teleport")),
    refuse("enum", "enum wrong case", put("event_type", "Progress")),
    refuse("enum", "enum unknown method", put("access_type", "wire_transfer"), note="views have access_type"),
]
STRUCTURES = [
    refuse("not_object", "array line", constant(b'["a"]')),
    refuse("not_object", "number line", constant(b"5")),
    refuse("not_object", "null line", constant(b"null")),
    refuse("not_object", "string line", constant(b'"text"')),
    refuse("duplicate_key", "duplicate key, other value", ahead(b'"event_id":"other"')),
    refuse("duplicate_key", "duplicate money key", ahead(b'"position_ms":999'), note="views have no money"),
    refuse("invalid_utf8", "invalid UTF-8", literal("os", b'"a\xffb"')),
    refuse("invalid_utf8", "Latin-1 byte", literal("os", b'"caf\xe9"')),
    refuse("invalid_utf8", "overlong UTF-8", literal("os", b'"a\xc0\xafb"')),
    refuse("invalid_utf8", "UTF-8 surrogate bytes", literal("os", b'"a\xed\xa0\x80b"')),
    refuse("line_too_long", "line over the limit", put("x", "x" * LINE_LIMIT)),
]
EITHER = [
    either("ts offset +0530 without colon", put("event_ts", "2026-05-12T14:30:00+0530"), at(2026, 5, 12, 9)),
    either("ts space instead of T", put("event_ts", "2026-05-12 09:00:00Z"), at(2026, 5, 12, 9), "bad_ts"),
    either("ts lower-case t and z", put("event_ts", "2026-05-12t09:00:00z"), at(2026, 5, 12, 9), "bad_ts"),
    either("ts named zone", put("event_ts", "2026-05-12T09:00:00 America/New_York"), at(2026, 5, 12, 13), "bad_ts"),
    either("ts 24:00:00", put("event_ts", "2026-05-11T24:00:00Z"), at(2026, 5, 12), "bad_ts"),
    either("ts leap second", put("event_ts", "2026-05-11T23:59:60Z"), at(2026, 5, 12), "bad_ts"),
    either(
        "ts nine fraction digits",
        put("event_ts", "2026-05-12T09:00:00.123456789Z"),
        at(2026, 5, 12, 9, 0, 0, 123_456),
    ),
    either("ts offset -00:00", put("event_ts", "2026-05-12T09:00:00-00:00"), at(2026, 5, 12, 9)),
    either("ts padded with spaces", put("event_ts", " 2026-05-12T09:00:00Z "), at(2026, 5, 12, 9), "bad_ts"),
    either("int written 5.0", literal("position_ms", "5.0"), Taken({"position_ms": 5}), "bad_int"),
    either("int written 1e2", literal("position_ms", "1e2"), Taken({"position_ms": 100}), "bad_int"),
    either("int minus zero", literal("position_ms", "-0"), Taken({"position_ms": 0})),
    either("int as string '7'", put("position_ms", "7"), Taken({"position_ms": 7})),
    either("id number", literal("event_id", "7412345678901234567"), Taken({"event_id": "7412345678901234567"})),
    either("id path traversal", put("event_id", "../../etc/passwd"), Taken({"event_id": "../../etc/passwd"})),
    either(
        "id SQL injection",
        put("event_id", "'; drop table raw.views; --"),
        Taken({"event_id": "'; drop table raw.views; --"}),
    ),
    either("id double quote injection", put("event_id", 'a"b";--'), Taken({"event_id": 'a"b";--'})),
    either("text NUL escape", literal("os", '"a\\u0000b"'), Taken({"os": "a\0b"}), "control_char"),
    either("text number", literal("os", "18"), Taken({"os": "18"})),
    either("trailing comma", lambda row: json_line(row)[:-1] + b",}", Taken()),
    either("duplicate unknown key", within(b'"x":1,"x":2'), Taken(), "duplicate_key"),
    either("1,000 unknown keys", within(b",".join(b'"x%d":%d' % (n, n) for n in range(1_000))), Taken()),
    either("nesting 100,000 deep in an unknown key", within(b'"x":' + b"[" * DEEP + b"]" * DEEP), Taken()),
    either("lone CR between tokens", lambda row: json_line(row).replace(b',"', b',\r"'), Taken()),
]
ACCEPTED = [
    accept("ts offset +05:00", put("event_ts", "2026-05-12T14:00:00+05:00"), at(2026, 5, 12, 9)),
    accept("ts offset crosses month end forward", put("event_ts", "2026-04-30T23:00:00-05:00"), at(2026, 5, 1, 4)),
    accept("ts offset crosses month end backward", put("event_ts", "2026-05-01T01:00:00+05:00"), at(2026, 4, 30, 20)),
    accept("ts window start exactly", put("event_ts", "2020-01-01T00:00:00Z"), at(2020, 1, 1)),
    accept(
        "int 2^53+1 must stay exact",
        literal("viewer_id", str(2**53 + 1)),
        Taken({"viewer_id": "9007199254740993"}),
        note="no integer column reaches so far; ids do, as JSON numbers, and amounts in `hostile_money`",
    ),
    accept(
        "int 10^16 top of range",
        literal("position_ms", "86400000"),
        Taken({"position_ms": 86_400_000}),
        note="the top is that of the column's contract; tokens reach 10^15 in `hostile_money`",
    ),
    text_kept("formula =", "=1+1"),
    text_kept("formula +", "+1+1"),
    text_kept("formula -", "-1+1"),
    text_kept("formula @", "@SUM(A1)"),
    text_kept("formula tab", "\t=1+1"),
    text_kept("HYPERLINK", '=HYPERLINK("http://x.example","y")'),
    text_kept("script tag", "<script>alert(1)</script>"),
    text_kept("img onerror", "<img src=x onerror=alert(1)>"),
    text_kept("mathtext unbalanced", "$\\frac{1}{0$"),
    text_kept("mathtext deep", "$" + "{" * 100 + "}" * 100 + "$"),
    text_kept("two dollars", "win $5 or $10"),
    text_kept("include", "#include </etc/passwd>"),
    text_kept("format string", "%s%n{0.__class__}"),
    text_kept("jinja", "{{ 7*7 }}{% raw %}"),
    text_kept("mail header", "a\r\nBcc: b@example.com"),
    text_kept("SQL", "'; drop table raw.views; --"),
    text_kept("backslash", "a\\"),
    text_kept("emoji and CJK", "\U0001f3ac\u77ed\u5267"),
    text_kept("U+2028", "a\u2028b"),
    text_kept("combining", "e\u0301\u0301"),
    text_kept("leading underscore", "_os"),
    text_kept("shell", "$(rm -rf /) `id`"),
    accept("text missing is fine", without("os"), Taken({"os": None})),
    accept("key with unicode escape", lambda row: json_line(row).replace(b'"os"', b'"o\\u0073"')),
    accept("unknown extra key", within(b'"campaign":"spring"')),
    accept("keys in another order and spaced", _spaced),
    accept("CRLF line end", behind(b"\r")),
]
IGNORED = [
    RowKind("ignore", "blank line", constant(b""), Blank()),
    RowKind("ignore", "spaces line", constant(b"   "), Blank()),
]
ROW_KINDS: list[RowKind] = [
    *TIMES,
    *MISSING,
    *TYPES,
    *INTEGERS,
    *BAD_JSON,
    *RANGES,
    *TEXTS,
    *STRUCTURES,
    *EITHER,
    *ACCEPTED,
    *IGNORED,
]
