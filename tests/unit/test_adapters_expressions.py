"""The functions of native mappings: exact, and what is not of the expected form is marked, never repaired."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from dagster_project.ingest.adapters.expressions import create_macros


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute("set TimeZone = 'America/New_York'")
    for statement in create_macros():
        opened.execute(statement)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("moment_of_seconds('1777971570')", "2026-05-05T08:59:30.000000Z"),
        ("moment_of_seconds('1777971570000')", "not epoch seconds: 1777971570000"),
        ("moment_of_seconds('2026-05-05T08:59:30Z')", "not epoch seconds: 2026-05-05T08:59:30Z"),
        ("moment_of_milliseconds('1777971570123')", "2026-05-05T08:59:30.123000Z"),
        ("moment_of_milliseconds('1777971570.5')", "not epoch milliseconds: 1777971570.5"),
        ("moment_of_utc_text('2026-05-05 08:59:30.25')", "2026-05-05T08:59:30.25Z"),
        ("moment_of_utc_text('2026-05-05 08:59:30+02')", "not a time in UTC: 2026-05-05 08:59:30+02"),
        ("day_of('Oct 1, 2026', '%b %d, %Y')", "2026-10-01"),
        ("day_of('31.12.2026', '%m/%d/%Y')", "not a day: 31.12.2026"),
        ("after_utc_day('2026-05-05 23:59:59.9', 8)", "2026-05-06T08:00:00Z"),
        ("amount_of_micros('1')", "0.000001"),
        ("amount_of_micros('-123456789012345678')", "-123456789012.345678"),
        ("amount_of_micros('12.5')", "not whole micros: 12.5"),
        ("amount_of_hundred_thousandths('12345')", "0.123450"),
        ("amount_to_micro('0.0000005')", "0.000001"),
        ("amount_to_micro('0.00000049999999999999999')", "0.000000"),
        ("amount_to_micro('1.2E-4')", "0.000120"),
        ("amount_to_micro('-0.0000005')", "-0.000001"),
        ("amount_to_micro('NaN')", "not an amount: NaN"),
        ("plain_amount('-1,234,567.50')", "-1234567.50"),
        ("plain_amount('12,50')", "12,50"),
        ("negated('0.00')", "0.00"),
        ("negated('-3.10')", "3.10"),
        ("taken_back('3.10')", "-3.10"),
        ("taken_back('-3.10')", "-3.10"),
        ("filled('  ')", None),
        ("moment_of_seconds(null)", None),
        ("amount_of_micros(null)", None),
    ],
)
def test_an_expression_gives_exactly(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    assert connection.execute(f"select {expression}").fetchall() == [(expected,)]


def test_ids_made_of_content_do_not_run_into_each_other(connection: duckdb.DuckDBPyConnection) -> None:
    (row,) = connection.execute(
        "select fingerprint(['a', 'bc']) = fingerprint(['ab', 'c']), "
        "fingerprint(['a', null]) = fingerprint(['a', '']), "
        "fingerprint(['a', 'b'])"
    ).fetchall()
    # sha-256 of ["a","b"], taken elsewhere.
    assert row == (False, False, "0473ef2dc0d324ab659d3580c1134e9d81203590")


def test_step_numbers_fit_the_column(connection: duckdb.DuckDBPyConnection) -> None:
    (row,) = connection.execute(
        "select min(step_number([i::varchar])::bigint), max(step_number([i::varchar])::bigint), "
        "count(distinct step_number([i::varchar])) > 9900 from range(10000) as t(i)"
    ).fetchall()
    assert row[0] >= 1
    assert row[1] <= 1_000_000
    assert row[2]
