"""Hostile files of JSON lines: damaged streams, bombs, odd line ends and names, redeliveries."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from decimal import Decimal

from catalogue import (
    RECEIVED,
    Blank,
    Expectation,
    FileKind,
    Refused,
    Row,
    RowKind,
    Taken,
    json_line,
    json_lines,
    noise_codes,
    numbered,
    topup,
    view,
    written,
)
from hostile_rows import ROW_KINDS

NEIGHBOURS = 25
"""Good rows around each hostile one: bad rows stay under the share at which a file is held."""
_BOMB = 48 * 1024**2
_LARGE_BOMB = 256 * 1024**2
"""So large that it would be read for long if only what is delivered were counted."""
_ENDLESS = 40 * 1024**2
_NOISE = random.Random(20_260_512)
Make = Callable[[str, int], Row]


def between(kinds: list[RowKind], prefix: str, make: Make) -> tuple[bytes, Expectation]:
    """A file with each kind between good rows, and what becomes of each line."""
    lines: list[bytes] = []
    taken: dict[int, Row] = {}
    refused: dict[int, str] = {}
    blank = 0

    def good() -> None:
        row = make(f"{prefix}-good-{len(lines)}", len(lines))
        lines.append(json_line(row))
        taken[len(lines)] = row

    for place, kind in enumerate(kinds):
        for _ in range(NEIGHBOURS):
            good()
        row = make(f"{prefix}-hostile-{place}", len(lines))
        if prefix.endswith("gz") and isinstance(kind.outcome, Taken) and "event_id" in kind.outcome.values:
            kind = _renamed(kind)
        lines.append(kind.line(row))
        match kind.outcome:
            case Taken(values):
                taken[len(lines)] = {**row, **values}
            case Refused(code):
                refused[len(lines)] = code
            case Blank():
                blank += 1
    good()
    return b"\n".join(lines) + b"\n", Expectation(taken=taken, refused=refused, blank=blank)


def _renamed(kind: RowKind) -> RowKind:
    """The hostile id once more, told apart from the first: an id can be taken only once."""
    assert isinstance(kind.outcome, Taken)
    name = kind.outcome.values["event_id"]
    other = f"{name}0"
    old, new = (json.dumps(text).encode() for text in (name, other))

    def line(row: Row) -> bytes:
        text = kind.line(row)
        return text.replace(old, new) if old in text else text.replace(name.encode(), other.encode())

    return RowKind(kind.listed, kind.name, line, Taken({"event_id": other}), kind.canonical, kind.note)


def rows(prefix: str, count: int = 3, make: Make = view) -> list[Row]:
    return [make(f"{prefix}-{number}", number) for number in range(count)]


def _jsonl(
    listed: str, kind: str, path: str, data: Callable[[], bytes], expectation: Expectation, **options: object
) -> FileKind:
    feed = str(options.pop("feed", "views"))
    return FileKind(listed, "jsonl", kind, feed, path, data, expectation, **options)  # type: ignore[arg-type]  # by name


CORRUPT, TOO_LARGE = (Expectation("rejected", reason) for reason in ("corrupt", "too_large"))
PACKED = gzip.compress(json_lines(rows("packed", 400)), mtime=0)
STORED = gzip.compress(json_lines(rows("stored", 40)), compresslevel=0, mtime=0)
"""Not compressed at all, so that a changed byte is a changed value in text that is still JSON."""


def _changed(occurrence: int) -> bytes:
    """STORED with one digit of the n-th position changed."""
    place = -1
    for _ in range(occurrence + 1):
        place = STORED.index(b'"position_ms":', place + 1)
    digit = place + len(b'"position_ms":')
    return STORED[:digit] + bytes([STORED[digit] ^ 1]) + STORED[digit + 1 :]


def _refused(kind: str, path: str, data: Callable[[], bytes], expectation: Expectation = CORRUPT) -> FileKind:
    return _jsonl("reject_file", kind, f"damaged/{path}", data, expectation)


REJECTED = [
    _refused("gzip cut in half", "half.jsonl.gz", lambda: PACKED[: len(PACKED) // 2]),
    _refused("gzip footer cut", "footer.jsonl.gz", lambda: PACKED[:-3]),
    _refused("CRC32 wrong", "crc.jsonl.gz", lambda: PACKED[:-8] + b"\0\1\2\3" + PACKED[-4:]),
    _refused("length field wrong", "length.jsonl.gz", lambda: PACKED[:-4] + struct.pack("<I", 7)),
    *(
        _refused(
            "one byte of a value changed, CRC no longer fits",
            f"changed-{occurrence}.jsonl.gz",
            lambda occurrence=occurrence: _changed(occurrence),  # type: ignore[misc]  # bound now
        )
        for occurrence in range(0, 40, 5)
    ),
    _refused("bytes after the gzip stream", "after.jsonl.gz", lambda: PACKED + b"garbage"),
    _refused("gzip header only", "header.jsonl.gz", lambda: PACKED[:10]),
    _refused("gzip bomb, newlines", "bomb-newlines.jsonl.gz", lambda: gzip.compress(b"\n" * _BOMB), TOO_LARGE),
    _refused("gzip bomb, one line", "bomb-line.jsonl.gz", lambda: gzip.compress(b"x" * _BOMB), TOO_LARGE),
    _refused(
        "gzip bomb, one valid row repeated",
        "bomb-row.jsonl.gz",
        lambda: gzip.compress(json_lines(rows("bomb", 1)) * (_LARGE_BOMB // 300), 6),
        TOO_LARGE,
    ),
]


def _zip_bytes() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../escaped.jsonl", json_lines(rows("zip", 1)))
    return stream.getvalue()


def _noise(kind: str, path: str, data: bytes) -> FileKind:
    refused, blank = noise_codes(data)
    return _jsonl("zero", kind, f"noise/{path}", lambda: data, Expectation(refused=refused, blank=blank))


ERROR_PAGE = b"<!DOCTYPE html>\n<html>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>\n"
ARRAY = json.dumps([{name: written(value) for name, value in row.items()} for row in rows("array")]).encode()
PRETTY = json.dumps({name: written(value) for name, value in view("pretty").items()}, indent=2).encode() * 2
INNER = gzip.compress(json_lines(rows("inner")), mtime=0)
INNER_REFUSED, INNER_BLANK = noise_codes(INNER)
SOURCE = rows("source", 30)
NOTHING = [
    _jsonl(
        "zero",
        "old Mac line ends",
        "noise/mac.jsonl",
        lambda: json_lines(rows("mac"), end=b"\r"),
        Expectation(refused={1: "bad_json"}),
        note="one physical line with three objects",
    ),
    _noise("UTF-16", "utf16.jsonl", json_lines(rows("utf16")).decode().encode("utf-16")),
    _jsonl(
        "zero",
        "one JSON array instead of lines",
        "noise/array.jsonl",
        lambda: ARRAY,
        Expectation(refused={1: "not_object"}),
    ),
    _jsonl(
        "zero",
        "pretty-printed JSON over many lines",
        "noise/pretty.jsonl",
        lambda: PRETTY,
        Expectation("held", "held", refused=dict.fromkeys(range(1, PRETTY.count(b"\n") + 2), "bad_json")),
        note="so many bad lines hold the file",
    ),
    _noise("random bytes", "random.jsonl", _NOISE.randbytes(3_000)),
    _noise("an error page saved as data", "error.jsonl", ERROR_PAGE),
    _jsonl(
        "zero",
        "gzip of a gzip",
        "noise/twice.jsonl.gz",
        lambda: gzip.compress(INNER, mtime=0),
        Expectation(refused=INNER_REFUSED, blank=INNER_BLANK),
    ),
    _jsonl("zero", "0 bytes named .gz", "noise/empty.jsonl.gz", lambda: b"", Expectation(), feed="unlocks"),
    _jsonl("zero", "a zip with a path traversal entry named .gz", "noise/zip.jsonl.gz", _zip_bytes, CORRUPT),
    _jsonl(
        "zero",
        "same rows, compressed",
        "again/sources-packed.jsonl.gz",
        lambda: gzip.compress(json_lines(SOURCE), mtime=0),
        Expectation(duplicate=len(SOURCE)),
    ),
]
REPEATED = [
    _jsonl(
        "duplicate",
        "same bytes, other name",
        "again/sources-renamed.jsonl",
        lambda: json_lines(SOURCE),
        Expectation("known"),
    ),
    _jsonl(
        "duplicate",
        "the same file delivered again",
        "again/source.jsonl",
        lambda: json_lines(SOURCE),
        Expectation("known"),
        night=2,
    ),
]
NAMES = {
    "space": "a b.jsonl",
    "quote": 'it\'s "quoted".jsonl',
    "semicolon": "a;drop table raw.views;.jsonl",
    "shell": "$(touch pwned) `id`.jsonl",
    "glob": "*?[a-z].jsonl",
    "percent": "%2e%2e%2f%s%n.jsonl",
    "unicode": "\u77ed\u5267-e\u0301.jsonl",
    "rtl": "a\u202elnosj.jsonl",
    "dash": "-rf.jsonl",
    "newline": "a\nb.jsonl",
    "upper": "UPPER.JSONL",
    "long": "n" * 249 + ".jsonl",
    "hive": "dt=2026-05-12/hour=09/part.jsonl",
    "braces": "{a,b}.jsonl",
    "backslash": "a\\..\\..\\b.jsonl",
}


def _named(name: str, path: str) -> FileKind:
    made = rows(f"name-{name}", 1)
    expectation = Expectation(taken=numbered(made))
    return _jsonl(
        "either_file",
        f"file name: {name}",
        f"names/{path}",
        lambda: json_lines(made),
        expectation,
        canonical=numbered(made),
    )


PLAIN = rows("plain-gz")
PADDED = rows("padded")
HIDDEN_GZIP = gzip.compress(json_lines(rows("hidden-gzip")), mtime=0)
_HIDDEN_REFUSED, _HIDDEN_BLANK = noise_codes(HIDDEN_GZIP)
EITHER = [
    _jsonl(
        "either_file",
        "zero padding after the stream",
        "either/padded.jsonl.gz",
        lambda: gzip.compress(json_lines(PADDED), mtime=0) + b"\0" * 512,
        Expectation(taken=numbered(PADDED)),
        canonical=numbered(PADDED),
    ),
    _jsonl(
        "either_file",
        "plain text named .gz",
        "either/plain.jsonl.gz",
        lambda: json_lines(PLAIN),
        CORRUPT,
        canonical=numbered(PLAIN),
    ),
    _jsonl(
        "either_file",
        "gzip named .jsonl",
        "either/gzip.jsonl",
        lambda: HIDDEN_GZIP,
        Expectation(refused=_HIDDEN_REFUSED, blank=_HIDDEN_BLANK),
        canonical=numbered(rows("hidden-gzip")),
    ),
    *(_named(name, path) for name, path in NAMES.items()),
]


def _loaded(kind: str, path: str, data: Callable[[], bytes], expectation: Expectation, **options: object) -> FileKind:
    return _jsonl("load", kind, f"good/{path}", data, expectation, **options)


def _good(kind: str, path: str, make: Callable[[list[Row]], bytes], count: int = 3) -> FileKind:
    """A file of good rows only."""
    made = rows(path.partition(".")[0], count)
    return _loaded(kind, path, lambda: make(made), Expectation(taken=numbered(made)))


CASES, CASES_EXPECTED = between(ROW_KINDS, "case", view)
CASES_GZ, CASES_GZ_EXPECTED = between(ROW_KINDS, "case-gz", view)
DIED = rows("died")
LONG = rows("long-line", 2)
ENDLESS = rows("endless", 2)
TWO = rows("two-members", 40)
TWICE = rows("twice", 3)
AMOUNTS = [
    topup("amount-1", received_ts=RECEIVED),
    topup("amount-1", gross_amount=Decimal("1000000.00"), received_ts=RECEIVED.replace(minute=30)),
    topup("amount-2", 2),
]
VERSION = rows("version", 8)


def _two_members() -> bytes:
    text = json_lines(TWO)
    half = text.index(b"position_ms", len(text) // 2)
    return gzip.compress(text[:half], mtime=0) + gzip.compress(text[half:], mtime=0)


LOADED = [
    _loaded("row cases", "cases.jsonl", lambda: CASES, CASES_EXPECTED),
    _loaded("row cases, gzip", "cases-gz.jsonl.gz", lambda: gzip.compress(CASES_GZ, mtime=0), CASES_GZ_EXPECTED),
    _good("UTF-8 byte order mark", "mark.jsonl", lambda made: b"\xef\xbb\xbf" + json_lines(made)),
    _good("last line has no newline", "no-newline.jsonl", lambda made: json_lines(made)[:-1]),
    _loaded(
        "writer died in the last line",
        "died.jsonl",
        lambda: json_lines(DIED)[:-60],
        Expectation(taken=numbered(DIED[:2]), refused={3: "bad_json"}),
    ),
    _good("CRLF", "crlf.jsonl", lambda made: json_lines(made, end=b"\r\n")),
    _good(
        "CRLF and LF mixed",
        "mixed.jsonl",
        lambda made: b"".join(json_line(row) + (b"\r\n", b"\n")[place % 2] for place, row in enumerate(made)),
        6,
    ),
    _loaded("0 bytes: loads with 0 rows", "empty.jsonl", lambda: b"", Expectation()),
    _loaded("1,000 blank lines", "blank.jsonl", lambda: b"\n" * 1_000, Expectation(blank=1_000)),
    _loaded(
        "a 5 MB line between good ones",
        "long-line.jsonl",
        lambda: json_line(LONG[0]) + b'\n{"x":"' + b"x" * 5_000_000 + b'"}\n' + json_line(LONG[1]) + b"\n",
        Expectation(taken={1: LONG[0], 3: LONG[1]}, refused={2: "line_too_long"}),
    ),
    _loaded(
        "a huge line that never ends",
        "endless.jsonl",
        lambda: json_lines(ENDLESS) + b'{"event_id":"' + b"e" * _ENDLESS,
        Expectation(taken=numbered(ENDLESS), refused={3: "line_too_long"}),
    ),
    _loaded(
        "two members, split in the middle of a line",
        "two-members.jsonl.gz",
        _two_members,
        Expectation(taken=numbered(TWO)),
    ),
    _good(
        "empty members around",
        "empty-members.jsonl.gz",
        lambda made: gzip.compress(b"") + gzip.compress(json_lines(made)) + gzip.compress(b""),
    ),
    _jsonl(
        "load",
        "source of the duplicates",
        "again/source.jsonl",
        lambda: json_lines(SOURCE),
        Expectation(taken=numbered(SOURCE)),
        note="taken in before its copies, whose names come later",
    ),
    _loaded(
        "same event twice and three times in one file",
        "twice.jsonl",
        lambda: json_lines([TWICE[0], TWICE[1], TWICE[0], TWICE[2], TWICE[2], TWICE[2]]),
        Expectation(taken={1: TWICE[0], 2: TWICE[1], 4: TWICE[2]}, duplicate=3),
    ),
    _loaded(
        "same event_id, other amount: one counted, the conflict visible in quarantine",
        "amounts.jsonl",
        lambda: json_lines(AMOUNTS),
        Expectation(taken={1: AMOUNTS[0], 3: AMOUNTS[2]}, refused={2: "conflict"}),
        feed="topups",
    ),
    _jsonl(
        "load",
        "first version",
        "growing/a.jsonl",
        lambda: json_lines(VERSION[:5]),
        Expectation(taken=numbered(VERSION[:5])),
    ),
    _jsonl(
        "load",
        "same name, longer content: only the three new rows count",
        "growing/a.jsonl",
        lambda: json_lines(VERSION),
        Expectation(taken=numbered(VERSION[5:], first=6), duplicate=5),
        night=2,
    ),
]
JSONL_FILES: list[FileKind] = [*REJECTED, *NOTHING, *REPEATED, *EITHER, *LOADED]
