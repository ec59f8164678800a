"""A data set written by hand, its results worked out by hand, against a whole run of the pipeline.

`handwritten/landing` and `handwritten/reference` are the sources, `handwritten/expected/*.csv` the results and
`handwritten/expected/WORKING.md` the working, in fractions. Nothing here was produced by the pipeline, so that a
formula that changes anywhere between the landing folder and the released file changes a cell here.

Expected cells: empty = NULL, `?` = not compared, `none` = the row is absent or the count is NULL or 0,
`3/4` = a fraction, compared within 1e-9. Counts, texts and times are compared exactly.
"""

import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent / "handwritten"
EXPECTED = SOURCES / "expected"
NOW = "2026-05-20T00:00:00Z"
TOLERANCE = Fraction(1, 10**9)

# The heartbeats of a monitoring probe (a test account). They are in no metric; they keep the share of bad rows in a
# file well under the reject threshold of 5%, so that the file is loaded and its bad rows are quarantined one by one.
PROBE_HEARTBEATS = 420
PROBE_OFFERS = 30

# The columns of the ads file that are not text.
ADS_TYPES = {
    "episode_seq": pa.int64(),
    "is_ended": pa.bool_(),
    "is_test": pa.bool_(),
    "revenue_amount": pa.decimal128(18, 6),
    "event_ts": pa.timestamp("us", tz="UTC"),
    "received_ts": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Expectation:
    """One expected table: its CSV file, the released table, the key, and what the released table may hold beside it.

    `closed` is a predicate on the released table under which exactly the expected keys must be found; None compares
    the listed keys only. `rewrite` maps a column to the SQL expression that is compared in its place.
    """

    csv_name: str
    table: str
    key: tuple[str, ...]
    closed: str | None = None
    rewrite: tuple[tuple[str, str], ...] = ()

    def expression(self, column: str) -> str:
        return dict(self.rewrite).get(column, f'"{column}"')


REACH_KEY = ("series_id", "surface", "cohort_week", "episode_seq", "horizon_hours")
SURVIVAL_KEY = ("series_id", "surface", "cohort_week", "episode_seq", "window_days")

# Rows of test or invalid traffic carry ids that start with x- or X-; whether a fact keeps such rows under a flag is
# free, that no metric counts them is not.
EXPECTATIONS = (
    Expectation(
        "files.csv",
        "health.files",
        ("file_name",),
        "feed in ('views', 'unlocks', 'ads', 'topups')",
        (("file_name", "regexp_extract(file_name, '[^/]*$')"),),
    ),
    Expectation("freshness.csv", "health.freshness", ("source",)),
    Expectation("traffic_quality.csv", "health.traffic_quality", ("feed",)),
    Expectation("dim_series.csv", "core.dim_series", ("series_id",), "true"),
    Expectation("fct_play.csv", "core.fct_play", ("app_id", "playback_id"), "not starts_with(playback_id, 'x-')"),
    Expectation(
        "fct_unlock.csv",
        "core.fct_unlock",
        ("source", "order_id", "line_no"),
        "not starts_with(order_id, 'X-')",
    ),
    Expectation(
        "fct_topup.csv",
        "core.fct_topup",
        ("store", "store_transaction_id", "event_type"),
        "not starts_with(store_transaction_id, 'X-')",
    ),
    Expectation(
        "fct_ad_impression.csv", "core.fct_ad_impression", ("ad_event_id",), "not starts_with(ad_event_id, 'X-')"
    ),
    Expectation(
        "episode_reach_pooled.csv",
        "audience.episode_reach",
        REACH_KEY,
        "series_id = 'S-ROOF' and surface = 'all' and cohort_week = 'all'",
    ),
    Expectation("episode_reach_cells.csv", "audience.episode_reach", REACH_KEY),
    Expectation(
        "episode_survival_pooled.csv",
        "audience.episode_survival",
        SURVIVAL_KEY,
        "series_id = 'S-ROOF' and surface = 'all' and cohort_week = 'all' and window_days in (3, 7)",
    ),
    Expectation("episode_survival_cells.csv", "audience.episode_survival", SURVIVAL_KEY),
    Expectation(
        "continuation.csv",
        "cliffhanger.continuation",
        ("series_id", "surface", "episode_seq", "window_seconds", "mode"),
    ),
    Expectation(
        "cohort_days.csv",
        "audience.cohort_days",
        ("scope", "scope_id", "surface", "cohort_date", "mode", "day"),
    ),
)


# --- the data root


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def probe_heartbeats() -> bytes:
    """One heartbeat a second from a test account: seven playbacks of episode 1, each played from 0 to 59 s."""
    lines = []
    for second in range(PROBE_HEARTBEATS):
        playback, position = divmod(second, 60)
        happened = datetime(2026, 5, 13, tzinfo=UTC) + timedelta(seconds=second)
        event_type = "start" if position == 0 else "progress"
        lines.append(
            f'{{"event_id":"x-probe-{second}","playback_id":"x-probe-{playback}","surface":"ext_web",'
            f'"app_id":"web-1","viewer_id":"probe-1","series_id":"S-ROOF","episode_id":"ROOF-1","episode_seq":1,'
            f'"event_type":"{event_type}","event_ts":"{utc_text(happened)}",'
            f'"received_ts":"{utc_text(happened + timedelta(seconds=1))}","position_ms":{position * 1000},'
            f'"duration_ms":60000,"watched_ms":{position * 1000},"access_type":"free"}}\n'
        )
    return "".join(lines).encode()


def reading(released: Path) -> duckdb.DuckDBPyConnection:
    """A session on the release, attached as `release`: the file's own name would hide its schema `cliffhanger`."""
    connection = duckdb.connect()
    connection.execute(f"attach '{released}' as release (read_only)")
    connection.execute("use release")
    return connection


def probe_offers(header: Sequence[str]) -> str:
    """One paywall offer a minute from the same test account, in the columns of the unlock file."""
    lines = []
    for minute in range(PROBE_OFFERS):
        happened = datetime(2026, 5, 13, tzinfo=UTC) + timedelta(minutes=minute)
        offer = {
            "source": "client",
            "order_id": f"X-probe-{minute}",
            "line_no": "1",
            "event_seq": "1",
            "event_type": "offered",
            "surface": "ext_web",
            "app_id": "web-1",
            "viewer_id": "probe-1",
            "series_id": "S-ROOF",
            "episode_seq_from": "3",
            "episode_seq_to": "3",
            "token_paid": "0",
            "token_bonus": "0",
            "event_ts": utc_text(happened),
            "received_ts": utc_text(happened + timedelta(seconds=1)),
        }
        lines.append(",".join(offer.get(column, "") for column in header) + "\n")
    return "".join(lines)


def deliver_first(root: Path) -> None:
    """Deliver views-a (plain JSONL) and unlocks-a (CSV)."""
    source = SOURCES / "landing"
    (root / "landing/views").mkdir(parents=True, exist_ok=True)
    (root / "landing/unlocks").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "views/views-a.jsonl", root / "landing/views/views-a.jsonl")
    unlocks = (source / "unlocks/unlocks-a.csv").read_text(encoding="utf-8")
    header = unlocks.splitlines()[0].split(",")
    (root / "landing/unlocks/unlocks-a.csv").write_text(unlocks + probe_offers(header), encoding="utf-8")


def deliver_rest(root: Path) -> None:
    """Deliver the reference tables, the statements, the other logs and an unfinished file that is not to be taken."""
    source = SOURCES / "landing"
    shutil.copytree(SOURCES / "reference", root / "reference")
    shutil.copytree(source / "statements", root / "landing/statements")
    for folder in ("views/own_apps", "unlocks", "ads", "topups"):
        (root / "landing" / folder).mkdir(parents=True, exist_ok=True)

    views = (source / "views/own_apps/views-b.jsonl").read_bytes().replace(b"<0xE9>", b"\xe9")
    (root / "landing/views/own_apps/views-b.jsonl.gz").write_bytes(gzip.compress(views + probe_heartbeats(), mtime=0))
    shutil.copy(source / "views/views-c.jsonl.part", root / "landing/views/views-c.jsonl.part")
    shutil.copy(source / "unlocks/unlocks-b.csv", root / "landing/unlocks/unlocks-b.csv")
    shutil.copy(source / "topups/topups-a.csv", root / "landing/topups/topups-a.csv")
    with (source / "ads/ads.csv").open(encoding="utf-8", newline="") as file:
        types = {**dict.fromkeys(next(csv.reader(file)), pa.string()), **ADS_TYPES}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    ads = pyarrow.csv.read_csv(source / "ads/ads.csv", convert_options=options)
    pyarrow.parquet.write_table(ads, root / "landing/ads/ads.parquet")


def run_pipeline(root: Path) -> Path:
    """Run `cliffhanger run` on the data root and return the released file."""
    outcome = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", "run"],
        cwd=PROJECT,
        env={**os.environ, "CLIFFHANGER_DATA": str(root), "CLIFFHANGER_NOW": NOW},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert outcome.returncode == 0, (
        f"`cliffhanger run` ended with {outcome.returncode}\n--- stdout\n{outcome.stdout[-4000:]}\n"
        f"--- stderr\n{outcome.stderr[-8000:]}"
    )
    released = root / "published/cliffhanger.duckdb"
    assert released.exists(), f"`cliffhanger run` ended with 0 but released nothing at {released}"
    return released


# --- the comparison


def as_text(value: object) -> str:
    """A released value in the spelling of the expected files (NULL is the empty text)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def is_equal(expected: str, actual: object) -> bool:
    if expected == "?":
        return True
    if expected == "none":
        return actual is None or actual == 0
    if expected == "" or actual is None:
        return expected == as_text(actual)
    if isinstance(actual, (int, float, Decimal)) and not isinstance(actual, bool):
        difference = abs(Fraction(expected) - Fraction(actual))
        return difference == 0 if isinstance(actual, int) else difference <= TOLERANCE
    return expected == as_text(actual)


def read_expected(csv_name: str) -> list[dict[str, str]]:
    with (EXPECTED / csv_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_released(
    connection: duckdb.DuckDBPyConnection, expectation: Expectation, columns: Sequence[str], predicate: str
) -> list[dict[str, object]]:
    """The named columns of the released table, times as aware datetimes. Raises AssertionError on a missing column."""
    described = connection.execute(f"describe {expectation.table}").fetchall()
    types = {str(name): str(kind) for name, kind, *_ in described}
    missing = [column for column in columns if column not in types]
    assert not missing, f"{expectation.table} has no column {', '.join(missing)}; it has {', '.join(types)}"
    times = {column for column in columns if types[column].startswith("TIMESTAMP")}
    selected = ", ".join(
        f'epoch_us("{column}")' if column in times else expectation.expression(column) for column in columns
    )
    rows = connection.execute(f"select {selected} from {expectation.table} where {predicate}").fetchall()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        {
            column: epoch + timedelta(microseconds=value) if column in times and value is not None else value
            for column, value in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def differences(
    connection: duckdb.DuckDBPyConnection, expectation: Expectation, expected: list[dict[str, str]]
) -> list[str]:
    """Every cell in which the released table differs from the expected rows, one readable line each."""
    columns = list(expected[0])
    found: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for released_row in read_released(connection, expectation, columns, expectation.closed or "true"):
        found.setdefault(tuple(as_text(released_row[column]) for column in expectation.key), []).append(released_row)

    lines = []
    wanted = set()
    for row in expected:
        key = tuple(row[column] for column in expectation.key)
        wanted.add(key)
        name = f"{expectation.table} [{', '.join(f'{c}={v}' for c, v in zip(expectation.key, key, strict=True))}]"
        actual = found.get(key, [])
        others = [column for column in columns if column not in expectation.key]
        if not actual:
            if "none" not in (row[column] for column in others):
                lines.append(f"{name}: row is missing")
        elif len(actual) > 1:
            lines.append(f"{name}: {len(actual)} rows with one key")
        else:
            lines += [
                f"{name}.{column}: expected {row[column] or 'NULL'}, released {as_text(actual[0][column]) or 'NULL'}"
                for column in others
                if not is_equal(row[column], actual[0][column])
            ]
    if expectation.closed is not None:
        lines += [f"{expectation.table} {key}: row is not expected" for key in sorted(found.keys() - wanted)]
    return lines


def quarantine_differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Quarantined rows that are missing or not expected. The line number of a CSV record is not compared."""
    expected = Counter(
        (row["file_name"], row["line_no"], row["reason_code"]) for row in read_expected("quarantine.csv")
    )
    rows = connection.execute(
        "select regexp_extract(file_name, '[^/]*$'), line_no, reason_code from health.quarantine"
    ).fetchall()
    actual = Counter(
        (str(name), "?" if str(name).endswith(".csv") else str(line_no), str(reason)) for name, line_no, reason in rows
    )
    return [f"health.quarantine {row}: row is missing" for row in sorted((expected - actual).elements())] + [
        f"health.quarantine {row}: row is not expected" for row in sorted((actual - expected).elements())
    ]


# --- the tests


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file released by one run over the whole data set."""
    root = tmp_path_factory.mktemp("handwritten") / "data"
    deliver_first(root)
    deliver_rest(root)
    return run_pipeline(root)


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda expectation: expectation.csv_name.removesuffix(".csv"))
def test_released_table_equals_hand_worked_rows(released: Path, expectation: Expectation) -> None:
    with reading(released) as connection:
        lines = differences(connection, expectation, read_expected(expectation.csv_name))
    assert not lines, "\n" + "\n".join(lines)


def test_quarantine_holds_every_bad_row_with_its_reason(released: Path) -> None:
    with reading(released) as connection:
        lines = quarantine_differences(connection)
    assert not lines, "\n" + "\n".join(lines)


def test_files_that_arrive_in_another_order_give_the_same_release(tmp_path: Path) -> None:
    """The files that hold the first copies arrive a run later than the files that hold the second copies."""
    root = tmp_path / "data"
    deliver_rest(root)
    run_pipeline(root)
    deliver_first(root)
    with reading(run_pipeline(root)) as connection:
        lines = [
            line
            for expectation in EXPECTATIONS
            for line in differences(connection, expectation, read_expected(expectation.csv_name))
        ]
        lines += quarantine_differences(connection)
    assert not lines, "\n" + "\n".join(lines)


def test_comparison_names_every_wrong_cell() -> None:
    """The comparison itself: a wrong count, a wrong share, a wrong time, a missing and a surplus row are all told."""
    expectation = Expectation("", "example", ("name",), "true")
    expected = [
        {"name": "right", "rows": "3", "share": "1/3", "seen_at": "2026-05-10T23:59:30Z"},
        {"name": "wrong", "rows": "3", "share": "1/3", "seen_at": "2026-05-10T23:59:30Z"},
        {"name": "absent", "rows": "3", "share": "", "seen_at": ""},
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "create table example as select * from (values "
            "('right', 3, 1 / 3, timestamptz '2026-05-11 04:59:30+05'), "
            "('wrong', 4, 0.3333, timestamptz '2026-05-11 04:59:30+00'), "
            "('surplus', 3, null, null)) as example(name, rows, share, seen_at)"
        )
        lines = differences(connection, expectation, expected)
    assert lines == [
        "example [name=wrong].rows: expected 3, released 4",
        "example [name=wrong].share: expected 1/3, released 0.3333",
        "example [name=wrong].seen_at: expected 2026-05-10T23:59:30Z, released 2026-05-11T04:59:30Z",
        "example [name=absent]: row is missing",
        "example ('surplus',): row is not expected",
    ]
