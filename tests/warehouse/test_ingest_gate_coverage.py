"""What rows point to, day by day: unknown series, studios, contracts, apps and regions are counted and named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import TableContract, feed_contracts, statement_contracts
from dagster_project.ingest import FeedProfile, ingest_feed, prepare_raw, profile_counts, profile_feed
from dagster_project.ingest.gate import GateCheck, GateResult, check_profile
from dagster_project.ingest.history import feed_history
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.layout import DataLayout

CONTRACTS = {**feed_contracts(), **statement_contracts()}
ADS, VIEWS, STATEMENTS = CONTRACTS["ads"], CONTRACTS["views"], CONTRACTS["platform_statement"]
FIRST_DAY = datetime(2026, 5, 4, tzinfo=UTC)
REFERENCE = """
create schema reference;
create table reference.studios as select 'studio-1' as studio_id;
create table reference.series as select * from (values
    ('S-1', 'studio-1', 'studio'), ('S-2', 'studio-1', 'operator'), ('S-3', 'studio-1', 'studio'),
    ('S-4', 'studio-gone', 'studio'), ('S-5', 'studio-1', 'operator')) as t(series_id, studio_id, owner);
create table reference.series_listing as select 'ios-1' as app_id;
create table reference.region_map as select 'AMS' as region_entity, 'US' as country;
create table reference.contracts as select * from (values
    ('PAYABLE', 'S-1', date '2025-01-01', null), ('PAYABLE', 'S-5', date '2025-01-01', date '2026-05-04'),
    ('RECEIVABLE', 'S-3', date '2025-01-01', null),
    ('PAYABLE', 'S-4', date '2025-01-01', null)) as t(direction, series_id, valid_from, valid_to);
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'")
        prepare_raw(opened, CONTRACTS)
        prepare_history(opened)
        opened.execute(REFERENCE)
        yield opened


def ad(number: int, at: datetime = FIRST_DAY, **changes: Any) -> dict[str, Any]:
    return {
        "ad_event_id": f"a-{at:%m%d}-{number}",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "series_id": "S-1",
        "placement_id": "p",
        "ad_format": "rewarded",
        "event_type": "impression",
        "verification": "client_only",
        "country": "US",
        "network": "n-1",
        "event_ts": at.isoformat(),
        "received_ts": (at + timedelta(seconds=5)).isoformat(),
        **changes,
    }


def deliver(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    contract: TableContract,
    rows: list[dict[str, Any]],
    now: datetime = FIRST_DAY + timedelta(days=1),
) -> tuple[FeedProfile, GateResult]:
    """Take the rows in as a batch of their own and judge it."""
    batch_id = f"{contract.name}-{now:%Y%m%d%H}"
    folder = root / "landing" / contract.landing
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{batch_id}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ingest_feed(connection, DataLayout(root), contract, batch_id=batch_id, now=now)
    profile = profile_feed(connection, contract, batch_id)
    assert profile is not None
    return profile, check_profile(contract, profile, feed_history(connection, contract, profile))


def check(result: GateResult, name: str) -> GateCheck:
    (found,) = (one for one in result.checks if one.name == name)
    return found


def test_everything_that_points_somewhere_passes(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    profile, result = deliver(connection, tmp_path, ADS, [ad(number) for number in range(1_000)])
    assert (profile.unknown_series_ppm, profile.without_studio_ppm, profile.without_contract_ppm) == (0, 0, 0)
    assert (profile.unknown_app_ppm, profile.unknown_region_ppm) == (0, None)
    assert result.passed
    assert [one.sentence for one in result.checks if not one.passed] == []


@pytest.mark.parametrize(
    ("spoilt", "name", "severity", "sentence"),
    [
        (
            lambda n: {"series_id": f"X-{n % 2}"} if n < 60 else {},
            "unknown_series_ppm",
            "critical",
            "rows per million of an unknown series: 60,000, expected at most 50,000 (X-0, X-1)",
        ),
        (
            lambda n: {"series_id": "S-4"} if n < 11 else {},
            "without_studio_ppm",
            "critical",
            "rows per million of a series without a studio: 11,000, expected at most 10,000 (S-4)",
        ),
        (
            lambda n: {"series_id": "S-5"} if n < 51 else {},
            "without_contract_ppm",
            "critical",
            "rows of money per million of a series without a contract in force that day: 51,000, "
            "expected at most 50,000 (S-5)",
        ),
        (
            lambda n: {"series_id": "S-3"} if n < 51 else {},
            "without_contract_ppm",
            "critical",
            "rows of money per million of a series without a contract in force that day: 51,000, "
            "expected at most 50,000 (S-3)",
        ),
        (
            lambda n: {"app_id": "ios-l"} if n < 11 else {},
            "unknown_app_ppm",
            "warning",
            "rows per million of an app without a listed series: 11,000, expected at most 10,000 (ios-l)",
        ),
        (
            lambda n: {"received_ts": "2026-05-05T02:00:00Z"} if n < 11 else {},
            "received_later_ppm",
            "warning",
            "rows per million received after they were taken in: 11,000, expected at most 10,000",
        ),
        (
            lambda n: {"event_ts": "2026-01-04T00:00:00Z"} if n < 11 else {},
            "old_ppm",
            "warning",
            "rows per million more than 90 days old at arrival: 11,000, expected at most 10,000",
        ),
    ],
    ids=["series", "studio", "contract over", "studio's own without one", "app", "received later", "old"],
)
def test_one_kind_of_bad_rows_fails_one_check(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    spoilt: Callable[[int], dict[str, Any]],
    name: str,
    severity: str,
    sentence: str,
) -> None:
    _, result = deliver(connection, tmp_path, ADS, [ad(number, **spoilt(number)) for number in range(1_000)])
    failed = [(one.name, one.severity, one.sentence) for one in result.checks if not one.passed]
    assert failed == [(name, severity, sentence)]
    assert result.passed == (severity == "warning")


def test_a_series_of_the_house_needs_no_contract(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    profile, result = deliver(connection, tmp_path, ADS, [ad(number, series_id="S-2") for number in range(1_000)])
    assert profile.without_contract_ppm == 0
    assert result.passed


def test_views_are_not_asked_for_contracts(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [
        {
            "event_id": f"e-{number}",
            "playback_id": "p",
            "surface": "ext_ios",
            "app_id": "ios-1",
            "viewer_id": "u",
            "series_id": "S-3",
            "episode_id": "E-1",
            "episode_seq": 1,
            "event_type": "progress",
            "event_ts": FIRST_DAY.isoformat(),
            "received_ts": FIRST_DAY.isoformat(),
            "position_ms": 0,
            "access_type": "free",
        }
        for number in range(1_000)
    ]
    profile, result = deliver(connection, tmp_path, VIEWS, rows)
    assert profile.without_contract_ppm is None
    assert result.passed


def test_a_small_delivery_only_warns(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    _, result = deliver(connection, tmp_path, ADS, [ad(number, series_id="S-3") for number in range(999)])
    assert check(result, "without_contract_ppm").severity == "warning"
    assert not check(result, "without_contract_ppm").passed
    assert result.passed


def test_a_statement_of_an_unknown_region_is_named(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [
        {
            "platform": "tiktok",
            "statement_no": f"N-{region}",
            "version": 1,
            "stream": "iaa",
            "region_entity": region,
            "period_start": "2026-04-01",
            "period_end": "2026-04-30",
            "status": "confirmed",
            "gross": "10.00",
            "settleable": "10.00",
            "currency": "USD",
        }
        for region in ("AMS", "EU")
    ]
    _, result = deliver(connection, tmp_path, STATEMENTS, rows)
    assert check(result, "unknown_region_ppm").sentence == (
        "rows per million of a region without countries: 500,000, expected at most 0 (EU)"
    )
    assert not check(result, "unknown_region_ppm").passed


def test_names_are_shown_as_text_and_never_at_length(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    names = ["a" * 90, "b", "c", "d", "e"]
    rows = [ad(number, series_id=names[min(number // 20, 4)]) for number in range(100)]
    profile, _ = deliver(connection, tmp_path, ADS, rows)
    assert profile.unknown_series == f"{'a' * 40}…, b, c and 2 more"


def test_nights_make_the_usual_and_a_night_that_departs_is_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Ten nights of 1,200 rows, then one without the day before, a third of the rows, another network, no country."""

    def night(back: int, rows: int, **changes: Any) -> GateResult:
        day = FIRST_DAY + timedelta(days=back)
        spread = [day + timedelta(seconds=86_390 * number / rows) for number in range(rows)]
        return deliver(
            connection,
            tmp_path,
            ADS,
            [
                ad(number, at, ad_event_id=f"{back}-{number}", series_id="S-2", **changes)
                for number, at in enumerate(spread)
            ],
            now=day + timedelta(days=1, hours=3),
        )[1]

    for back in range(10):
        result = night(back, 1_200 + 10 * (back % 3))
        assert [one.sentence for one in result.checks if not one.passed] == []
    assert check(result, "day_volume").sentence == "rows of a day against the 14 days before: as usual (2026-05-13)"
    assert all(check(result, name).judged for name in ("null_drift", "value_drift", "new_values", "missing_days"))
    result = night(11, 480, network="n-2", country=None)
    assert {one.name: one.sentence for one in result.checks if not one.passed} == {
        "day_volume": "rows of a day against the 14 days before: 2026-05-15 480, expected between 664 and 2,205",
        "missing_days": "days without a row amid days with rows: 1, expected at most 0 (2026-05-14)",
    }, "shares of 480 rows are not judged"
    result = night(12, 1_200, network="n-2", country=None)
    told = {one.name: one.sentence for one in result.checks if not one.passed}
    assert set(told) == {"null_drift", "value_drift", "new_values"}
    assert told["null_drift"].endswith(": country 1,000,000, expected at most 50,000")
    assert "network 1,000,000, expected at most 150,000 (n-1 100.0% -> 0.0%, n-2 0.0% -> 100.0%)" in told["value_drift"]
    assert told["new_values"].endswith("(network: n-2 is new (100.0%), network: n-1 is gone (usually 100.0%))")
    assert result.passed, "drift warns"


def test_the_usual_follows_what_is_read_again(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    deliver(connection, tmp_path, ADS, [ad(number) for number in range(50)])
    count = "select event_date, sum(n_rows) from raw.profile_days where feed = 'ads' group by all"
    assert connection.execute(count).fetchall() == [(date(2026, 5, 4), 50)]
    assert profile_feed(connection, ADS, f"ads-{FIRST_DAY + timedelta(days=1):%Y%m%d%H}") is not None
    assert connection.execute(count).fetchall() == [(date(2026, 5, 4), 50)], "told twice it counts once"


def test_large_deliveries_are_sampled_without_regard_to_the_order_of_lines(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_counts, "_COUNTED_ROWS", 1_000)
    steps = ("request", "fill", "impression")
    rows = [
        ad(number, event_type=steps[number % 3], series_id="X-1" if number % 10 == 0 else "S-2")
        for number in range(3_000)
    ]
    profile, _ = deliver(connection, tmp_path, ADS, rows)
    assert profile.unknown_series_ppm == pytest.approx(100_000, abs=40_000)
    counts = connection.execute(
        "select value, n_rows from raw.profile_values where feed = 'ads' and column_name = 'event_type' order by 1"
    ).fetchall()
    assert [value for value, _ in counts] == sorted(steps)
    assert all(count == pytest.approx(1_000, abs=300) for _, count in counts), "every fourth line shows all three steps"
    assert sum(count for _, count in counts) % 4 == 0, "each line counted stands for four"
