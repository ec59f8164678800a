"""A small world of landed files of every feed, whose writer knows what each line must become.

Nothing of the project is imported: what a feed's columns are is read from the YAML of its contract.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard

CONTRACTS = Path(__file__).resolve().parents[3] / "dagster_project" / "contracts"
FEEDS = (
    *("views", "unlocks", "ads", "topups", "platform_statement", "platform_statement_line"),
    *("ad_network_statement", "bank", "remittance", "store_statement_line"),
)
FIRST_DAY = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)
_CHANGED_IN_CONFLICTS = {
    "views": "position_ms",
    "unlocks": "token_paid",
    "ads": "revenue_amount",
    "topups": "gross_amount",
}
_BY_PATTERN = {
    "^[A-Z]{3}$": ("USD", "JPY", "EUR"),
    "^[A-Z]{2}$": ("US", "JP", "BR"),
    "^[0-9]{4}-(0[1-9]|1[0-2])$": ("2026-04", "2026-05"),
    "^[0-9]{4}-(0[1-9]|1[0-2]).*$": ("2026-04", "2026-05-01"),
}
_TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.decimal128(18, 6),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}

Row = dict[str, Any]
Meaning = Row | str
"""What a line must become: the typed row, or the reason of its refusal, or `blank`."""


@dataclass(frozen=True)
class Feed:
    """What the YAML says of a feed.

    Attributes:
        columns: Properties by name, in order.
        key: Columns of the natural key; empty when every line is a row of its own.
        event, received: Names of the two clocks, or None.
    """

    name: str
    folder: str
    columns: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    event: str | None
    received: str | None


@dataclass(frozen=True)
class Delivery:
    """One landed file.

    Attributes:
        name: Path below `landing/`.
        lines: (line number, what it must become), in order.
        refusal: Why nothing of the file is taken in, or None.
        is_held: So many of its lines are bad that it waits for a decision as a whole.
    """

    feed: str
    name: str
    payload: bytes
    lines: tuple[tuple[int, Meaning], ...] = ()
    refusal: str | None = None
    is_held: bool = False


@cache
def read_feed(name: str) -> Feed:
    """The feed as its contract describes it."""
    (path,) = CONTRACTS.glob(f"*s/{name}.yaml")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    properties = {column["name"]: column for column in document["schema"][0]["properties"]}
    keyed = [name for name, column in properties.items() if column.get("primaryKey")]
    custom = {entry["property"]: entry["value"] for entry in document["customProperties"]}
    return Feed(
        name,
        custom["landing"],
        properties,
        tuple(sorted(keyed, key=lambda column: int(properties[column]["primaryKeyPosition"]))),
        custom.get("eventTime"),
        custom.get("receivedTime"),
    )


@dataclass
class FeedWriter:
    """Writes the files of one feed, each overlapping with those before it."""

    feed: Feed
    chance: random.Random
    rows_per_file: int
    deliveries: list[Delivery] = field(default_factory=list)
    _versions: dict[int, list[Row]] = field(default_factory=dict)
    _received: set[datetime] = field(default_factory=set)
    _count: int = 0

    def rows(self, count: int) -> list[Row]:
        """So many rows, a third of them seen before: the same line, the same content received again, or a conflict."""
        found = []
        for _ in range(count):
            if self.feed.key and self._count and self.chance.random() < 1 / 3:
                found.append(self._again(self.chance.randrange(self._count)))
            else:
                row = self._new(self._count)
                self._versions[self._count] = [row]
                self._count += 1
                found.append(row)
        return found

    def meanings(self, count: int, spoilt: int = 2, blank: int = 1) -> list[Meaning]:
        """Good rows with some bad and some blank lines among them."""
        lines: list[Meaning] = [*self.rows(count)]
        for reason in self.chance.choices(("bad_json", "not_object", "missing", "enum"), k=spoilt):
            if reason == "enum" and not self._enumerated():
                reason = "missing"
            lines.insert(self.chance.randrange(len(lines)), reason)
        for _ in range(blank):
            lines.insert(self.chance.randrange(len(lines)), "blank")
        return lines

    def json_lines(self, name: str, meanings: Sequence[Meaning], *, is_held: bool = False) -> Delivery:
        """A file of JSON lines, packed as its name says."""
        text = "".join(f"{self._json(meaning)}\n" for meaning in meanings)
        delivery = Delivery(
            self.feed.name,
            f"{self.feed.folder}/{name}",
            packed(name, text.encode()),
            tuple(enumerate(meanings, start=1)),
            is_held=is_held,
        )
        self.deliveries.append(delivery)
        return delivery

    def csv(self, name: str, meanings: Sequence[Meaning], without: str = "") -> Delivery:
        """A file of records below a header; with `without` the header lacks a required column."""
        columns = [column for column in self.feed.columns if column != without]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for meaning in meanings:
            if meaning == "blank":
                out.write("\n")
            elif isinstance(meaning, str):
                writer.writerow(self._bad_record(meaning, columns))
            else:
                writer.writerow([as_text(meaning[column]) for column in columns])
        refusal = "missing_column" if without else None
        lines = () if refusal else tuple(enumerate(meanings, start=2))
        name = f"{self.feed.folder}/{name}"
        delivery = Delivery(self.feed.name, name, packed(name, out.getvalue().encode()), lines, refusal)
        self.deliveries.append(delivery)
        return delivery

    def parquet(self, name: str, rows: Sequence[Row]) -> Delivery:
        """A Parquet file with page checksums."""
        schema = pa.schema([(name, _TYPES[column["logicalType"]]) for name, column in self.feed.columns.items()])
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(rows), schema), out, write_page_checksum=True)
        delivery = Delivery(
            self.feed.name, f"{self.feed.folder}/{name}", out.getvalue(), tuple(enumerate(rows, start=1))
        )
        self.deliveries.append(delivery)
        return delivery

    def add(self, name: str, payload: bytes, refusal: str) -> None:
        """A file of which nothing can be taken in."""
        self.deliveries.append(Delivery(self.feed.name, f"{self.feed.folder}/{name}", payload, refusal=refusal))

    def renamed(self, source: Delivery, name: str) -> None:
        """The same content under another name."""
        self.deliveries.append(
            Delivery(source.feed, f"{self.feed.folder}/{name}", source.payload, source.lines, source.refusal)
        )

    def _new(self, number: int) -> Row:
        row = {name: self._value(name, column, number) for name, column in self.feed.columns.items()}
        if self.feed.event and self.feed.received:
            row[self.feed.event] = FIRST_DAY + timedelta(
                hours=self.chance.randrange(200), milliseconds=self.chance.randrange(10**6)
            )
            row[self.feed.received] = self._receive(row[self.feed.event])
        return row

    def _again(self, number: int) -> Row:
        versions = self._versions[number]
        row = dict(self.chance.choice(versions))
        if self.feed.event is None or self.feed.received is None or self.chance.random() < 0.2:
            return row
        row[self.feed.received] = self._receive(row[self.feed.event])
        if self.chance.random() < 0.3:
            column = _CHANGED_IN_CONFLICTS[self.feed.name]
            row[column] = (row[column] or 0) + self.chance.choice((1, 2))
        versions.append(row)
        return row

    def _receive(self, event: datetime) -> datetime:
        """No two rows with different content are received in the same microsecond."""
        while True:
            received = event + timedelta(microseconds=self.chance.randrange(10**11))
            if received not in self._received:
                self._received.add(received)
                return received

    def _value(self, name: str, column: Mapping[str, Any], number: int) -> Any:
        is_key, is_required = bool(column.get("primaryKey")), bool(column.get("required"))
        kind, options = column["logicalType"], column.get("logicalTypeOptions", {})
        valid = [value for rule in column.get("quality", ()) for value in rule["arguments"]["validValues"]]
        if valid:
            return valid[number % len(valid)]
        if not is_key and not is_required and name != "viewer_id" and self.chance.random() < 0.4:
            return None
        if kind == "integer":
            low = max(int(options.get("minimum", 0)), 0) + 1
            return low + (number % 5 if is_key else self.chance.randrange(1000))
        if kind == "number":
            return Decimal(self.chance.randrange(-(10**12), 10**12)).scaleb(-6)
        if kind == "boolean":
            return self.chance.random() < 0.5
        if kind == "date":
            return date(2026, 5, 1) + timedelta(days=self.chance.randrange(19))
        if kind == "timestamp":
            return FIRST_DAY - timedelta(hours=self.chance.randrange(1000))
        if "pattern" in options:
            return self.chance.choice(_BY_PATTERN[options["pattern"]])
        if options.get("maxLength", 99) <= 2:
            return self.chance.choice(_BY_PATTERN["^[A-Z]{2}$"])
        return f"{name}-{number}" if is_key else f"{name} {self.chance.randrange(50)}, 第{number % 7}集 \"'"

    def _enumerated(self) -> str:
        return next((name for name, column in self.feed.columns.items() if column.get("quality")), "")

    def _json(self, meaning: Meaning) -> str:
        if isinstance(meaning, dict):
            return json.dumps({name: as_json(value) for name, value in meaning.items() if value is not None})
        match meaning:
            case "blank":
                return self.chance.choice(("", "   "))
            case "bad_json":
                return '{"store": "apple", '
            case "not_object":
                return "[1, 2]"
            case "missing":
                return "{}"
            case _:
                return json.dumps({**self._spare(), self._enumerated(): "no such value"})

    def _bad_record(self, reason: str, columns: Sequence[str]) -> list[str]:
        if reason == "missing":
            return ["", *[as_text(value) for value in list(self._spare().values())[1:]]]
        if reason == "enum":
            row = {**self._spare(), self._enumerated(): "no such value"}
            return [as_text(row[column]) for column in columns]
        return ["too", "short"]

    def _spare(self) -> Row:
        """A good row that is delivered nowhere else."""
        return {name: as_json(value) for name, value in self._new(10**6 + self.chance.randrange(10**6)).items()}


def as_json(value: Any) -> Any:
    """A typed value as JSON writes it: exact amounts are texts."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return as_text(value)


def as_text(value: Any) -> str:
    """A typed value as a field of a record."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case _:
            return str(value)


def packed(name: str, text: bytes) -> bytes:
    """Compressed as the name says."""
    if name.endswith(".gz"):
        return gzip.compress(text, mtime=0)
    if name.endswith(".zst"):
        return zstandard.ZstdCompressor(write_checksum=True).compress(text)
    return text


def make_world(seed: int, rows_per_file: int = 60) -> dict[str, tuple[Delivery, ...]]:
    """The files of all feeds by feed, in the order of their names; equal for equal seeds."""
    # Imported late: the files of platforms are written with what stands above.
    from fault_trials.native_files import native_deliveries

    world = {}
    for name in FEEDS:
        feed = read_feed(name)
        chance = random.Random(f"{seed} {name}")
        writer = FeedWriter(feed, chance, rows_per_file)
        _deliver(writer, is_log=feed.received is not None)
        deliveries = [*writer.deliveries, *native_deliveries(name, chance)]
        world[name] = tuple(sorted(deliveries, key=lambda delivery: delivery.name))
    return world


def _deliver(writer: FeedWriter, *, is_log: bool) -> None:
    """Plain, packed, as records and as Parquet; a copy under another name, and files that cannot be used."""
    size = writer.rows_per_file
    first = writer.json_lines("01.jsonl", writer.meanings(size))
    writer.csv("02.csv", [line for line in writer.meanings(size) if line != "bad_json"])
    writer.json_lines("03.jsonl.gz", writer.meanings(size, blank=2))
    writer.renamed(first, "04-renamed.jsonl")
    writer.parquet("05.parquet", writer.rows(size))
    writer.add("06-checksum.jsonl.gz", _with_wrong_checksum(writer), "corrupt")
    if not is_log:
        return
    writer.json_lines("07.jsonl.zst", writer.meanings(size))
    writer.csv("08-header.csv", writer.rows(5), without=writer.feed.key[0])
    writer.add("09-cut.jsonl.zst", packed("x.zst", b'{"a": 1}\n' * 500)[:-9], "corrupt")
    writer.json_lines("10-held.jsonl", writer.meanings(size // 2, spoilt=25), is_held=True)
    writer.csv("11.csv.gz", writer.meanings(size, spoilt=0))


def _with_wrong_checksum(writer: FeedWriter) -> bytes:
    payload = bytearray(packed("x.gz", writer._json(writer._new(0)).encode()))
    payload[-8] ^= 0x10
    return bytes(payload)
