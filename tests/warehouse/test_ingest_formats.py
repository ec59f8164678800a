"""CSV and Parquet files pass the same rules as JSON lines; files that cannot be trusted as a whole are refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import FeedResult, FileOutcome, ingest_feed, prepare_raw
from dagster_project.storage.layout import DataLayout

CONTRACTS = feed_contracts()
NOW = datetime(2026, 5, 20, tzinfo=UTC)
TOPUP = {
    "store": "apple",
    "store_transaction_id": "T-1",
    "event_type": "purchase",
    "gross_amount": "9.99",
    "currency": "USD",
    "sku_id": "coins, big",
    "event_ts": "2026-05-06T07:00:00Z",
    "received_ts": "2026-05-06T07:00:05Z",
    "is_test": "false",
    "viewer_id": "u-1",
}


class World:
    """A data root and a database in memory."""

    def __init__(self, root: Path) -> None:
        self.layout = DataLayout(root)
        self.layout.prepare()
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        self.runs = 0
        prepare_raw(self.connection, CONTRACTS)

    def path(self, name: str) -> Path:
        path = self.layout.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, feed: str = "topups") -> FeedResult:
        self.runs += 1
        return ingest_feed(self.connection, self.layout, CONTRACTS[feed], batch_id=f"run-{self.runs}", now=NOW)

    def take(self, name: str, data: bytes) -> FileOutcome:
        """The outcome of one delivered file."""
        self.path(f"topups/{name}").write_bytes(data)
        (outcome,) = self.run().files
        return outcome

    def rows(self, columns: str, feed: str = "topups") -> list[tuple[Any, ...]]:
        return self.connection.execute(f"select {columns} from raw.{feed} order by _line_no").fetchall()

    def reasons(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("select line_no, reason_code from raw.quarantine order by 1").fetchall()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path)
    yield opened
    opened.connection.close()


def csv_text(*rows: dict[str, str], header: list[str] | None = None, end: str = "\n") -> str:
    """Rows as CSV, every field quoted that needs it."""
    names = header or list(TOPUP)

    def field(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text

    lines = [",".join(names), *(",".join(field(row.get(name, "")) for name in names) for row in rows)]
    return "".join(line + end for line in lines)


def topup(number: int, **changes: str) -> dict[str, str]:
    return {**TOPUP, "store_transaction_id": f"T-{number}", **changes}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_good_csv(world: World, end: str, mark: str, packing: str) -> None:
    data = (mark + csv_text(topup(1), topup(2, gross_amount="-3", tokens_paid="", is_test=""), end=end)).encode()
    packed = {"": data, ".gz": gzip.compress(data), ".zst": zstandard.compress(data)}[packing]
    outcome = world.take(f"a.csv{packing}", packed)
    assert (outcome.status, outcome.lines_read, outcome.accepted) == ("loaded", 2, 2)
    assert world.rows("store_transaction_id, gross_amount, sku_id, is_test, tokens_paid, _line_no") == [
        ("T-1", Decimal("9.99"), "coins, big", False, None, 2),
        ("T-2", Decimal(-3), "coins, big", None, None, 3),
    ]


def test_columns_in_another_order_and_unknown_ones(world: World) -> None:
    header = [*reversed(TOPUP), "campaign", "campaign"]
    world.take("a.csv", csv_text({**topup(1), "campaign": "spring"}, header=header).encode())
    assert world.rows("store_transaction_id") == [("T-1",)]
    assert world.connection.execute("select unknown_columns from raw.files").fetchall() == [("campaign",)]


def test_every_odd_record_is_in_one_place_under_its_first_line(world: World) -> None:
    names = [*TOPUP, "note"]
    good = csv_text({**topup(1), "note": 'two\nlines, "quoted"'}, header=names).splitlines(keepends=True)
    header, first = good[0], "".join(good[1:])

    def record(number: int, **changes: str) -> str:
        return csv_text(topup(number, **changes), header=names).splitlines(keepends=True)[1]

    body = [
        first,  # lines 2-3
        "\n",  # 4
        "   \n",  # 5
        record(2),  # 6
        "apple,T-3\n",  # 7
        record(4).rstrip("\n") + ",more\n",  # 8
        "# a comment\n",  # 9
        record(5, gross_amount="12,50"),  # 10
        record(6, event_ts="1778050800"),  # 11
        record(7, tokens_paid="5"),  # 12
    ]
    outcome = world.take("a.csv", (header + "".join(body)).encode())
    assert (outcome.lines_read, outcome.accepted, outcome.rejected, outcome.blank) == (10, 3, 5, 2)
    assert [row[1] for row in world.rows("store_transaction_id, _line_no")] == [2, 6, 12]
    assert world.reasons() == [
        (7, "not_object"), (8, "not_object"), (9, "not_object"), (10, "bad_type"), (11, "bad_ts"),
    ]  # fmt: skip


@pytest.mark.parametrize("rows_after", [3, 60_000])
def test_a_quote_that_is_never_closed_costs_its_own_line_only(world: World, rows_after: int) -> None:
    lines = csv_text(*(topup(number) for number in range(rows_after))).splitlines(keepends=True)
    broken = 'apple,T-x,"purchase,9.99,USD,,2026-05-06T07:00:00Z,2026-05-06T07:00:05Z,false,u-1\n'
    outcome = world.take("a.csv", (lines[0] + lines[1] + broken + "".join(lines[2:])).encode())
    assert (outcome.accepted, outcome.rejected) == (rows_after, 1)
    assert world.reasons() == [(3, "not_object")]


def test_two_stray_quotes_far_apart_swallow_nothing(world: World) -> None:
    lines = csv_text(*(topup(number) for number in range(200))).splitlines(keepends=True)
    lines[10], lines[150] = lines[10].replace("apple", 'ap"ple'), lines[150].replace("apple", 'ap"ple')
    outcome = world.take("a.csv", "".join(lines).encode())
    assert outcome.lines_read == outcome.accepted + outcome.rejected == 200
    assert outcome.accepted == 198
    assert [line for line, _ in world.reasons()] == [11, 151]


def test_bytes_that_are_no_text(world: World) -> None:
    lines = csv_text(*(topup(number) for number in range(4))).encode().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"coins", b"co\xe9ns")
    lines[2] = lines[2].replace(b"T-1", b"T-\x001")
    lines[3] = lines[3].replace(b"coins", b"x" * (1 << 20))
    outcome = world.take("a.csv", b"".join(lines))
    assert (outcome.accepted, outcome.rejected) == (1, 3)
    assert world.reasons() == [(2, "invalid_utf8"), (3, "control_char"), (4, "line_too_long")]


def test_personal_values_of_refused_records_are_hidden(world: World) -> None:
    rows = [topup(1, viewer_id='secret "1"', gross_amount="x"), topup(2, viewer_id="secret-2", gross_amount="x")]
    text = csv_text(*rows) + "apple,T-3,purchase,1,USD,,,,,secret-3,and more\n"
    assert world.take("a.csv", text.encode()).rejected == 3
    shown = world.connection.execute("select detail, raw_text from raw.quarantine").fetchall()
    mirror = next((world.layout.quarantine / "topups").iterdir())
    assert "secret" not in str(shown)
    assert "secret" not in mirror.read_text()
    assert [json.loads(row)["reason_code"] for row in mirror.read_text().splitlines()] == [
        "bad_type",
        "bad_type",
        "not_object",
    ]
    assert mirror.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (csv_text(topup(1), header=[name for name in TOPUP if name != "currency"]), "missing_column"),
        ("".join(csv_text(topup(1)).splitlines(keepends=True)[1:]), "missing_column"),
        ("", "missing_column"),
        ("\n\n", "missing_column"),
        (csv_text(topup(1)).replace(",", ";"), "missing_column"),
        (csv_text(topup(1)).replace("\n", "\r"), "missing_column"),
        (csv_text(topup(1), header=[*TOPUP, "gross_amount"]), "duplicate_column"),
    ],
    ids=["column missing", "no header", "0 bytes", "blank lines", "semicolons", "old Mac line ends", "column twice"],
)
def test_csv_files_refused_as_a_whole(world: World, text: str, reason: str) -> None:
    outcome = world.take("a.csv", text.encode())
    assert (outcome.status, outcome.reason_code, outcome.lines_read) == ("rejected", reason, 0)
    assert world.rows("1") == []
    mirror = next((world.layout.quarantine / "topups").iterdir())
    assert json.loads(mirror.read_text())["reason_code"] == reason
    assert world.run().files == ()


def test_a_header_alone_is_a_file_of_no_rows(world: World) -> None:
    outcome = world.take("a.csv", csv_text().encode())
    assert (outcome.status, outcome.lines_read) == ("loaded", 0)


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1}\n{"b":2}\n'.encode("utf-16"),
        b"[\n" + b",\n".join([b"{}"] * 3) + b"\n]\n",
        bytes(range(256)) * 40,
        b"<html><body>502 Bad Gateway</body></html>\n",
        gzip.compress(b"{}\n"),
    ],
    ids=["UTF-16", "an array over lines", "random bytes", "an error page", "gzip without its name"],
)
def test_what_is_no_json_lines_loads_nothing_and_leaves_its_trace(world: World, data: bytes) -> None:
    outcome = world.take("a.jsonl", data)
    assert outcome.accepted == 0
    assert outcome.rejected + outcome.blank == outcome.lines_read > 0


def test_an_empty_jsonl_file_and_one_cut_in_its_last_line(world: World) -> None:
    assert world.take("a.jsonl", b"").lines_read == 0
    outcome = world.take("b.jsonl", json.dumps(topup(1)).encode() + b"\n" + json.dumps(topup(2)).encode()[:50])
    assert (outcome.accepted, outcome.rejected) == (1, 1)


def test_a_corrupt_file_loads_nothing_beside_good_ones(world: World) -> None:
    text = "".join(json.dumps(topup(number)) + "\n" for number in range(5_000)).encode()
    packed = gzip.compress(text)
    world.path("topups/a.jsonl.gz").write_bytes(packed[:-8] + b"\0" * 8)
    world.path("topups/b.jsonl").write_bytes(json.dumps(topup(7_000)).encode())
    found = {file.file_name: (file.status, file.reason_code, file.accepted) for file in world.run().files}
    assert found == {"topups/a.jsonl.gz": ("rejected", "corrupt", 0), "topups/b.jsonl": ("loaded", None, 1)}
    assert world.rows("store_transaction_id") == [("T-7000",)]


# --- Parquet

AD_COLUMNS: dict[str, Any] = {
    "ad_event_id": pa.array(["a", "b", "c"]),
    "surface": pa.array(["ext_ios"] * 3).dictionary_encode(),
    "app_id": pa.array(["ios-1"] * 3, pa.large_string()),
    "viewer_id": pa.array(["u", "", None]),
    "placement_id": pa.array(["home"] * 3),
    "ad_format": pa.array(["native"] * 3),
    "event_type": pa.array(["impression"] * 3),
    "verification": pa.array(["client_only"] * 3),
    "is_ended": pa.array([True, False, None]),
    "episode_seq": pa.array([1, 2, None], pa.int32()),
    "revenue_amount": pa.array([Decimal("0.012345"), None, Decimal("-1.5")], pa.decimal128(18, 6)),
    "event_ts": pa.array([datetime(2026, 5, 4, 10, 2, 6, 123456, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
    "received_ts": pa.array([datetime(2026, 5, 4, 10, 2, 8, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
}


def take_parquet(world: World, columns: dict[str, Any], **options: Any) -> FileOutcome:
    pq.write_table(pa.table(columns), world.path("ads/a.parquet"), **options)
    (outcome,) = world.run("ads").files
    return outcome


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
def test_good_parquet(world: World, compression: str) -> None:
    outcome = take_parquet(world, AD_COLUMNS, compression=compression, write_page_checksum=True)
    assert (outcome.lines_read, outcome.accepted) == (3, 3), outcome
    at = datetime(2026, 5, 4, 10, 2, 6, 123456, tzinfo=UTC)
    assert world.rows("ad_event_id, viewer_id, is_ended, episode_seq, revenue_amount, event_ts, _line_no", "ads") == [
        ("a", "u", True, 1, Decimal("0.012345"), at, 1),
        ("b", None, False, 2, None, at, 2),
        ("c", None, None, None, Decimal("-1.5"), at, 3),
    ]


MOMENT = datetime(2026, 5, 4, 10, 2, 6, tzinfo=UTC)
AS_TAKEN: dict[str, tuple[str, Any, str, Any]] = {
    "time in nanoseconds": ("event_ts", pa.array([MOMENT] * 3, pa.timestamp("ns", "UTC")), "event_ts", MOMENT),
    "time in New York": (
        "event_ts",
        pa.array([MOMENT] * 3, pa.timestamp("ms", "America/New_York")),
        "event_ts",
        MOMENT,
    ),
    "time as text": ("event_ts", pa.array(["2026-05-04T12:02:06+02:00"] * 3), "event_ts", MOMENT),
    "money as text": ("revenue_amount", pa.array(["0.25"] * 3), "revenue_amount", Decimal("0.25")),
    "money as UINT64": ("revenue_amount", pa.array([3] * 3, pa.uint64()), "revenue_amount", Decimal(3)),
    "money as DECIMAL(19,0)": (
        "revenue_amount",
        pa.array([Decimal(7)] * 3, pa.decimal128(19, 0)),
        "revenue_amount",
        Decimal(7),
    ),
    "ids as integers": ("app_id", pa.array([7412345678901234567] * 3), "app_id", "7412345678901234567"),
    "a column of nulls": ("revenue_amount", pa.nulls(3), "revenue_amount", None),
    "an unknown column": ('x"; drop table raw.ads; --', pa.array([1] * 3), "app_id", "ios-1"),
}


@pytest.mark.parametrize("case", AS_TAKEN)
def test_parquet_types_that_hold_the_value_exactly(world: World, case: str) -> None:
    column, values, checked, expected = AS_TAKEN[case]
    outcome = take_parquet(world, {**AD_COLUMNS, column: values})
    assert (outcome.status, outcome.accepted) == ("loaded", 3), outcome
    assert world.rows(checked, "ads") == [(expected,)] * 3


AS_REFUSED: dict[str, tuple[str, Any]] = {
    "time as date": ("event_ts", pa.array([date(2026, 5, 4)] * 3)),
    "time without zone": ("event_ts", pa.array([MOMENT.replace(tzinfo=None)] * 3)),
    "time as epoch": ("event_ts", pa.array([1_778_000_000_000] * 3)),
    "money as float": ("revenue_amount", pa.array([0.1] * 3)),
    "integer as float": ("episode_seq", pa.array([1.0] * 3)),
    "id as struct": ("app_id", pa.array([{"a": 1}] * 3)),
    "id as bytes": ("app_id", pa.array([b"\xff"] * 3)),
    "boolean as integer": ("is_ended", pa.array([1] * 3)),
}


@pytest.mark.parametrize("case", AS_REFUSED)
def test_parquet_types_that_do_not(world: World, case: str) -> None:
    column, values = AS_REFUSED[case]
    outcome = take_parquet(world, {**AD_COLUMNS, column: values})
    assert (outcome.status, outcome.reason_code) == ("rejected", "bad_column_type")
    assert column in str(outcome.detail)


def test_parquet_rows_follow_the_same_rules(world: World) -> None:
    columns = {**AD_COLUMNS, "surface": pa.array(["ext_ios", "amiga", None]), "episode_seq": pa.array([0, 1, 2])}
    assert take_parquet(world, columns).accepted == 0
    assert world.reasons() == [(1, "range"), (2, "enum"), (3, "missing")]


def test_parquet_without_a_required_column_or_with_one_twice(world: World) -> None:
    without = {name: values for name, values in AD_COLUMNS.items() if name != "surface"}
    assert take_parquet(world, without).reason_code == "missing_column"
    twice = pa.Table.from_arrays([*AD_COLUMNS.values(), AD_COLUMNS["app_id"]], names=[*AD_COLUMNS, "app_id"])
    pq.write_table(twice, world.path("ads/b.parquet"))
    assert world.run("ads").files[0].reason_code == "duplicate_column"


def _claim_rows(data: bytes) -> bytes:
    return data[:-8] + b"\xff\xff\xff\x7f" + data[-4:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-4] + b"PARX",
        _claim_rows,
        lambda data: data[:-4] + b"PARE",
        lambda data: b"PAR1",
        lambda data: b"",
        lambda data: b'{"ad_event_id":"a"}\n',
    ],
    ids=["half", "magic damaged", "footer of 2 GB", "encrypted", "4 bytes", "0 bytes", "JSON lines"],
)
def test_damaged_parquet_is_refused(world: World, damage: Callable[[bytes], bytes]) -> None:
    path = world.path("ads/a.parquet")
    pq.write_table(pa.table(AD_COLUMNS), path)
    path.write_bytes(damage(path.read_bytes()))
    (outcome,) = world.run("ads").files
    assert (outcome.status, outcome.reason_code) == ("rejected", "corrupt")


def test_a_changed_byte_in_a_page_with_a_checksum_is_found(world: World) -> None:
    path = world.path("ads/a.parquet")
    pq.write_table(pa.table(AD_COLUMNS), path, compression="none", write_page_checksum=True, use_dictionary=False)
    data = path.read_bytes()
    place = data.index(b"\x04\0\0\0home")  # in the page; its header repeats the text outside the checksum
    path.write_bytes(data[: place + 4] + b"H" + data[place + 5 :])
    (outcome,) = world.run("ads").files
    assert (outcome.status, outcome.reason_code) == ("rejected", "corrupt")


def test_a_file_of_rows_without_room_for_their_keys_is_refused(world: World) -> None:
    rows = 1_100_000
    columns = {name: pa.array([values[0].as_py()] * 1, values.type) for name, values in AD_COLUMNS.items()}
    table = pa.table({name: pa.chunked_array([pa.repeat(values[0], rows)]) for name, values in columns.items()})
    pq.write_table(table, world.path("ads/a.parquet"), compression="zstd")
    (outcome,) = world.run("ads").files
    assert (outcome.status, outcome.reason_code) == ("rejected", "too_large")
