"""What an entry of the hostile catalogue is: a row or a file, its class, and what becomes of it, told beforehand.

Good rows are typed values; they are written to JSON, CSV and Parquet from those values, so that what is expected of a
taken row never passes through the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

# The codes of the list are those of the quarantine, with one sentence where ours means more or less.
REASONS: dict[str, tuple[str, str]] = {
    "naive_ts": ("naive_ts", ""),
    "bad_ts": ("bad_ts", ""),
    "out_of_window": ("out_of_window", "the end of the window is the feed's own watermark plus a day, not a date"),
    "missing": ("missing", ""),
    "bad_type": ("bad_type", "for amounts also every spelling that is no plain decimal number"),
    "bad_int": ("bad_int", "also a sign in a column that cannot be negative"),
    "bad_json": ("bad_json", ""),
    "range": ("range", "the bounds are those of each column's contract, not one bound for all integers"),
    "too_long": ("too_long", ""),
    "control_char": ("control_char", ""),
    "enum": ("enum", ""),
    "not_object": ("not_object", "also a CSV record that does not fit its header"),
    "duplicate_key": ("duplicate_key", "also for keys that the contract does not name"),
    "invalid_utf8": ("invalid_utf8", ""),
    "line_too_long": ("line_too_long", ""),
}


@dataclass(frozen=True)
class Refused:
    """In quarantine under this reason."""

    code: str


@dataclass(frozen=True)
class Taken:
    """In raw, as the good row with these values instead."""

    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Blank:
    """Counted, and nowhere."""


Outcome = Refused | Taken | Blank


@dataclass(frozen=True)
class RowKind:
    """One hostile line.

    Attributes:
        listed: The class it is listed under: a reason code, `either`, `accept` or `ignore`.
        line: The line without its end, from the good row it is made of.
        outcome: What becomes of it here.
        canonical: For `either`: what it must be taken as if it is taken.
        note: Why the outcome is another than the listed one, or what the kind was mapped to; empty otherwise.
    """

    listed: str
    name: str
    line: Callable[[Row], bytes]
    outcome: Outcome
    canonical: Taken | None = None
    note: str = ""


@dataclass(frozen=True)
class Expectation:
    """What becomes of a file.

    Attributes:
        status: Of the outcome told: loaded, rejected, held, known; `unread` when it is told as no regular file,
            `ignored` when it is not even told.
        reason: Reason code of the file, where it has one.
        taken: The typed row in raw, by line.
        refused: Reason code in quarantine, by line.
        duplicate, blank: Lines counted as such.
    """

    status: str = "loaded"
    reason: str | None = None
    taken: Mapping[int, Row] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    duplicate: int = 0
    blank: int = 0

    @property
    def lines(self) -> int:
        """Lines read."""
        return len(self.taken) + len(self.refused) + self.duplicate + self.blank


@dataclass(frozen=True)
class FileKind:
    """One hostile file.

    Attributes:
        listed: The class it is listed under: reject_file, zero, duplicate, ignore_file, either_file or load.
        form: jsonl, csv, parquet or other.
        kind: Its name on the list; several files can be of one kind.
        feed, path: Where it lands: below `landing/<feed>/`.
        make: Its bytes; None for what is no regular file and is made by the folder's builder.
        expectation: What becomes of it.
        canonical: For `either_file`: the rows it must have brought, if it brought any.
        night: 1, or 2 when it comes with the second delivery.
        note: Why the outcome is what it is, or what the kind was mapped to.
    """

    listed: str
    form: str
    kind: str
    feed: str
    path: str
    make: Callable[[], bytes] | None
    expectation: Expectation
    canonical: Mapping[int, Row] = field(default_factory=dict)
    night: int = 1
    note: str = ""

    @property
    def name(self) -> str:
        """Below `landing/`."""
        return f"{self.feed}/{self.path}"


MOMENT = datetime(2026, 5, 12, 9, tzinfo=UTC)
RECEIVED = MOMENT + timedelta(seconds=5)
PERSON = "person-"
"""Every viewer id starts so: none may be readable in quarantine."""
KEYS = {
    "views": ("event_id",),
    "unlocks": ("source", "order_id", "line_no", "event_type", "event_seq"),
    "ads": ("ad_event_id",),
    "topups": ("store", "store_transaction_id", "event_type"),
}


def view(name: str, number: int = 0, **changes: Any) -> Row:
    """A good row of the views feed; `number` makes its values differ from its neighbours'."""
    return {
        "event_id": name,
        "playback_id": f"p-{number}",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"{PERSON}{name}",
        "series_id": "S-1",
        "episode_id": "E-1",
        "episode_seq": 1 + number % 80,
        "event_type": "progress",
        "event_ts": MOMENT + timedelta(milliseconds=number),
        "received_ts": RECEIVED,
        "position_ms": number,
        "access_type": "free",
        "os": "iOS 18",
        **changes,
    }


def unlock(name: str, number: int = 0, **changes: Any) -> Row:
    """A good row of the unlocks feed."""
    return {
        "source": "client",
        "order_id": name,
        "line_no": 1,
        "event_seq": 1,
        "event_type": "unlocked",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"{PERSON}{name}",
        "series_id": "S-1",
        "episode_seq_from": 9,
        "episode_seq_to": 9,
        "unlock_method": "coin",
        "token_type": "COIN",
        "token_paid": 1 + number,
        "token_bonus": 0,
        "price_amount": Decimal(number) / 100,
        "price_currency": "USD",
        "event_ts": MOMENT,
        "received_ts": RECEIVED,
        **changes,
    }


def ad(name: str, number: int = 0, **changes: Any) -> Row:
    """A good row of the ads feed."""
    return {
        "ad_event_id": name,
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": f"{PERSON}{name}",
        "placement_id": "home",
        "ad_format": "native",
        "event_type": "impression",
        "verification": "client_only",
        "revenue_amount": Decimal(number) / 1_000_000,
        "currency": "USD",
        "event_ts": MOMENT,
        "received_ts": RECEIVED,
        **changes,
    }


def topup(name: str, number: int = 0, **changes: Any) -> Row:
    """A good row of the top-ups feed."""
    return {
        "store": "apple",
        "store_transaction_id": name,
        "event_type": "purchase",
        "sku_id": "coins_100",
        "gross_amount": Decimal(99 + 100 * number) / 100,
        "currency": "USD",
        "viewer_id": f"{PERSON}{name}",
        "event_ts": MOMENT,
        "received_ts": RECEIVED,
        **changes,
    }


def written(value: Any) -> Any:
    """A typed value as a delivery writes it: moments in RFC 3339, amounts as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else value


def json_line(row: Row) -> bytes:
    """A row as a JSON line without its end."""
    return json.dumps({name: written(value) for name, value in row.items()}, separators=(",", ":")).encode()


def json_lines(rows: list[Row], end: bytes = b"\n") -> bytes:
    """Rows as JSON lines."""
    return b"".join(json_line(row) + end for row in rows)


def numbered(rows: list[Row], first: int = 1) -> dict[int, Row]:
    """Rows by line."""
    return dict(enumerate(rows, start=first))


def noise_codes(data: bytes) -> tuple[dict[int, str], int]:
    """Of bytes that are no JSON lines: the reason of each line, and how many are blank."""
    refused, blank = {}, 0
    for number, text in enumerate(data.removesuffix(b"\n").split(b"\n"), start=1):
        if not text.strip(b" \t\r\n\v\f"):
            blank += 1
            continue
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            refused[number] = "invalid_utf8"
        else:
            refused[number] = "bad_json"
    return refused, blank
