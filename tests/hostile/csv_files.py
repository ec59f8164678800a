"""Hostile CSV files, aimed at top-ups: headers, quotes, line ends, and texts that a sniffer or spreadsheet changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalogue import Expectation, FileKind, Refused, Row, numbered, topup, unlock, written
from hostile_money import SPELLED

HEADER = tuple(topup("header"))
MISSING_COLUMN, DUPLICATE_COLUMN = (
    Expectation("rejected", reason) for reason in ("missing_column", "duplicate_column")
)


def field(text: str) -> str:
    """Quoted where RFC 4180 asks for it."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def record(row: Row, names: Sequence[str] = HEADER, end: str = "\n") -> str:
    texts = ["" if row.get(name) is None else str(written(row[name])) for name in names]
    return ",".join(field(text) for text in texts) + end


def table(made: Sequence[Row], names: Sequence[str] = HEADER, end: str = "\n") -> str:
    return ",".join(names) + end + "".join(record(row, names, end) for row in made)


def rows(prefix: str, count: int = 3, **changes: Any) -> list[Row]:
    return [topup(f"csv-{prefix}-{number}", number, **changes) for number in range(count)]


def _csv(
    listed: str,
    kind: str,
    path: str,
    text: str | bytes,
    expectation: Expectation,
    canonical: dict[int, Row] | None = None,
    note: str = "",
) -> FileKind:
    data = text.encode() if isinstance(text, str) else text
    return FileKind(listed, "csv", kind, "topups", path, lambda: data, expectation, canonical or {}, note=note)


def _good(kind: str, path: str, names: Sequence[str] = HEADER, end: str = "\n", mark: str = "") -> FileKind:
    made = rows(path.partition(".")[0])
    return _csv("load", kind, path, mark + table(made, names, end), Expectation(taken=numbered(made, first=2)))


def _twice() -> str:
    names = (*HEADER, "gross_amount")
    return table(rows("amount-twice"), names)


SEMICOLONS, TABS = rows("semicolons"), rows("tabs")
QUOTED = [unlock("csv-quoted-0", 1, refund_reason='big, "blue"\nand\r\nround'), unlock("csv-quoted-1", 1)]
UNCLOSED = rows("unclosed", 6)
_BROKEN = record(UNCLOSED[1]).replace("apple", '"apple', 1)
FIELDS = rows("fields", 4)
BYTES = rows("bytes", 4)
REFUSED = [
    _csv(
        "reject_file",
        "required column missing",
        "no-currency.csv",
        table(rows("no-currency"), [name for name in HEADER if name != "currency"]),
        MISSING_COLUMN,
    ),
    _csv(
        "reject_file",
        "no header line",
        "no-header.csv",
        "".join(record(row) for row in rows("no-header")),
        MISSING_COLUMN,
    ),
    _csv("reject_file", "a money column twice", "amount-twice.csv", _twice(), DUPLICATE_COLUMN),
    _csv("zero", "0 bytes", "empty.csv", "", MISSING_COLUMN),
]
EITHER = [
    _csv(
        "either_file",
        "semicolons",
        "semicolons.csv",
        table(SEMICOLONS).replace(",", ";"),
        MISSING_COLUMN,
        numbered(SEMICOLONS, first=2),
    ),
    _csv("either_file", "tabs", "tabs.csv", table(TABS).replace(",", "\t"), MISSING_COLUMN, numbered(TABS, first=2)),
    FileKind(
        "either_file",
        "csv",
        "comma, quote and newline inside a quoted field (line number is the first line of the record)",
        "unlocks",
        "quoted.csv",
        lambda: table(QUOTED, tuple(QUOTED[0])).encode(),
        Expectation(taken={2: QUOTED[0], 5: QUOTED[1]}),
        {2: QUOTED[0], 5: QUOTED[1]},
        note="in the text of unlocks; in an id a line end is refused as control_char",
    ),
    _csv(
        "either_file",
        "a quote that is never closed must not swallow the rest without trace",
        "unclosed.csv",
        table(UNCLOSED[:1]) + _BROKEN + "".join(record(row) for row in UNCLOSED[2:]),
        Expectation(taken={2: UNCLOSED[0], **numbered(UNCLOSED[2:], first=4)}, refused={3: "not_object"}),
        {2: UNCLOSED[0], **numbered(UNCLOSED[2:], first=4)},
    ),
]


def _spelled() -> FileKind:
    """Every spelling of `hostile_money` that CSV can carry, as an amount, between good rows.

    CSV knows no literals: what JSON writes as a literal and as text is one and the same field.
    """
    lines, taken, refused = [",".join(HEADER) + "\n"], {}, {}
    for place, spelling in enumerate(SPELLED):
        text = spelling.text.strip('"')
        for copy in range(25):
            good = topup(f"csv-spelled-{place}-{copy}", copy)
            lines.append(record(good))
            taken[len(lines)] = good
        hostile = topup(f"csv-spelled-{place}")
        lines.append(record({**hostile, "gross_amount": text}))
        match spelling.amount:
            case Refused(code):
                # Without literals nothing is malformed JSON or of a wrong JSON type.
                refused[len(lines)] = "bad_type" if code == "bad_json" else code
            case amount:
                taken[len(lines)] = {**hostile, "gross_amount": amount}
    return _csv("load", "number spellings", "spellings.csv", "".join(lines), Expectation(taken=taken, refused=refused))


TEXTS = (
    *("007", "1e5", "1E400", "0x10", "true", "NULL", "null", "N/A", "NaN", "inf", "2026-05-12", "3-4", "12/05"),
    *("=1+1", "+1", "-1", "@x", "\t=1", " padded ", "''", "#x", "a;b", "a\\", "\u0663", "\U0001f3ac", "1_000", "1,000"),
)


def _texts() -> FileKind:
    made = [topup(f"csv-text-{place}", place, country=None) for place in range(len(TEXTS))]
    made = [{**row, "product_type": None, "original_transaction_id": None} for row in made]
    lines, taken, refused = [",".join(HEADER) + "\n"], {}, {}
    for row, text in zip(made, TEXTS, strict=True):
        lines.append(record({**row, "sku_id": text}))
        if text == "\t=1":
            refused[len(lines)] = "control_char"
        else:
            taken[len(lines)] = {**row, "sku_id": text}
    return _csv(
        "load",
        "texts a sniffer or a spreadsheet would change",
        "texts.csv",
        "".join(lines),
        Expectation(taken=taken, refused=refused),
        note="sku_id names something: a tab in it is refused",
    )


def _blank_and_comment() -> FileKind:
    made = rows("blank", 2)
    text = table(made[:1]) + "\n   \n# a comment\n" + record(made[1])
    expectation = Expectation(taken={2: made[0], 6: made[1]}, refused={5: "not_object"}, blank=2)
    return _csv("load", "blank and comment lines", "blank.csv", text, expectation, note="a comment is no record")


LOADED = [
    _good("good, CRLF", "crlf.csv", end="\r\n"),
    _good("good, LF", "lf.csv"),
    _good("byte order mark before the header", "mark.csv", mark="\ufeff"),
    _good("columns in another order", "order.csv", names=tuple(reversed(HEADER))),
    _good("unknown extra column", "unknown.csv", names=(*HEADER, "campaign")),
    _csv("load", "header only", "header-only.csv", table([]), Expectation()),
    _csv(
        "load",
        "too few and too many fields",
        "fields.csv",
        table(FIELDS[:1])
        + "apple,too-few\n"
        + record(FIELDS[1])
        + record(FIELDS[2]).replace("\n", ",more\n")
        + record(FIELDS[3]),
        Expectation(taken={2: FIELDS[0], 4: FIELDS[1], 6: FIELDS[3]}, refused={3: "not_object", 5: "not_object"}),
    ),
    _csv(
        "load",
        "invalid UTF-8 and NUL bytes",
        "bytes.csv",
        b"".join(
            [
                table(BYTES[:1]).encode(),
                record(BYTES[1]).encode().replace(b"coins", b"co\xe9ns"),
                record(BYTES[2]).encode().replace(b"coins", b"co\0ns"),
                record(BYTES[3]).encode(),
            ]
        ),
        Expectation(taken={2: BYTES[0], 5: BYTES[3]}, refused={3: "invalid_utf8", 4: "control_char"}),
    ),
    _spelled(),
    _texts(),
    _blank_and_comment(),
]
CSV_FILES: list[FileKind] = [*REFUSED, *EITHER, *LOADED]
