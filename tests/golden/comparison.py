"""Compares released tables with rows worked by hand; what differs is told cell by cell.

Expected cells: empty = NULL, `?` = not compared, `none` = the row is absent or the count is NULL or 0,
`3/4` = a fraction, compared within 1e-9. Counts, texts and times are compared exactly. Viewers stand there by the ids
they were delivered with; the pseudonyms released in their place are worked out here, from the key of the session.
"""

import csv
import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb

EXPECTED = Path(__file__).resolve().parent / "handwritten" / "expected"
TOLERANCE = Fraction(1, 10**9)


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


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def reading(released: Path) -> duckdb.DuckDBPyConnection:
    """A session on the release, attached as `release`: the file's own name would hide its schema `cliffhanger`."""
    connection = duckdb.connect()
    connection.execute(f"attach '{released}' as release (read_only)")
    connection.execute("use release")
    return connection


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
        return [{**row, **_under_pseudonym(row)} for row in csv.DictReader(file)]


def _under_pseudonym(row: dict[str, str]) -> dict[str, str]:
    """`app|viewer` or `app|~device` as it is released."""
    if "|" not in row.get("viewer_key", ""):
        return {}
    key = Path(os.environ["CLIFFHANGER_PSEUDONYM_KEY_FILE"]).read_bytes()
    app, _, person = row["viewer_key"].partition("|")
    mark = "~" if person.startswith("~") else ""
    digest = hmac.new(key, b"person\0" + person.removeprefix("~").encode(), hashlib.sha256).hexdigest()
    return {"viewer_key": f"{app}|{mark}p-{digest[:32]}"}


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
