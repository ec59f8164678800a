"""A data set written by hand, its results worked out by hand, against a whole run of the pipeline.

`handwritten/landing` and `handwritten/reference` are the sources, `handwritten/expected/*.csv` the results and
`handwritten/expected/WORKING.md` the working, in fractions. Nothing here was produced by the pipeline, so that a
formula that changes anywhere between the landing folder and the released file changes a cell here.
"""

from pathlib import Path

import duckdb
import pytest
from comparison import Expectation, differences, quarantine_differences, read_expected, reading
from delivery import deliver_first, deliver_rest, run_command, run_pipeline

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
    """The files that hold the first copies arrive later than the files that hold the second copies."""
    root = tmp_path / "data"
    deliver_rest(root)
    run_command(root, "ingest")
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
