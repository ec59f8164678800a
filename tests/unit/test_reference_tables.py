"""Reference tables: typed as their contracts say, every mistake told with file and line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import reference_contracts
from dagster_project.core.errors import ReferenceDataError
from dagster_project.storage.reference_tables import (
    read_reference,
    reference_fingerprint,
    stored_fingerprint,
    write_reference,
)

STUDIOS = "studio_id,name,payout_minimum\nst1,Lantern Street,100.50\n"
SERIES = "series_id,studio_id,title,total_episodes\nse1,st1,影子新娘,60\n"
EPISODES = "series_id,episode_seq,published_ts,duration_ms\nse1,1,2026-03-01T00:00:00+02:00,61000\nse1,2,,\n"
ACCESS = "series_id,episode_seq,surface,country,valid_from,is_free\nse1,1,ext_ios,*,2026-01-01,true\n"
FILES = {"studios": STUDIOS, "series": SERIES, "episodes": EPISODES, "episode_access": ACCESS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def _message(folder: Path) -> str:
    with pytest.raises(ReferenceDataError) as caught:
        read_reference(folder, reference_contracts())
    return str(caught.value)


def test_values_are_typed_and_times_are_utc(folder: Path) -> None:
    tables = read_reference(folder, reference_contracts())
    assert tables["studios"].rows["payout_minimum"].to_pylist() == [Decimal("100.500000")]
    assert tables["series"].rows["title"].to_pylist() == ["影子新娘"]
    assert tables["episodes"].rows["published_ts"].to_pylist() == [datetime(2026, 2, 28, 22, tzinfo=UTC), None]
    assert tables["episode_access"].rows["valid_from"].to_pylist() == [datetime(2026, 1, 1, tzinfo=UTC)]
    assert tables["test_account"].rows.num_rows == 0


def test_a_missing_required_file_says_what_to_put_there(folder: Path) -> None:
    (folder / "series.csv").unlink()
    message = _message(folder)
    assert "series.csv" in message
    assert "total_episodes" in message


@pytest.mark.parametrize(
    ("table", "text", "line", "words"),
    [
        ("series", SERIES.replace(",60", ",many"), 2, "'many' is not a integer"),
        ("series", SERIES.replace(",60", ","), 2, "total_episodes is empty"),
        ("series", SERIES.replace(",60", ",0"), 2, "out of range"),
        ("series", SERIES.replace("st1", "st9"), 2, "studio_id st9 is not known"),
        ("series", SERIES + SERIES.splitlines()[1] + "\n", 3, "stands twice"),
        ("series", SERIES.replace("title", "name"), 1, "missing: title"),
        ("series", SERIES + "se2,st1,Too,60,more\n", 3, "another number of fields"),
        ("episodes", EPISODES.replace("+02:00", ""), 2, "published_ts cannot be read"),
        ("episode_access", ACCESS.replace("true", "perhaps"), 2, "is_free cannot be read"),
        ("studios", STUDIOS.replace("100.50", "1e-9"), 2, "payout_minimum cannot be read"),
        ("studios", "", 1, "the file is empty"),
    ],
)
def test_mistakes_name_file_line_and_reason(folder: Path, table: str, text: str, line: int, words: str) -> None:
    path = folder / f"{table}.csv"
    path.write_text(text, encoding="utf-8")
    message = _message(folder)
    assert f"{path}:{line}:" in message
    assert words in message


def test_a_byte_that_is_not_utf8_names_its_line(folder: Path) -> None:
    (folder / "series.csv").write_bytes(SERIES.encode() + b"se2,st1,\xff,60\n")
    assert f"{folder / 'series.csv'}:3:" in _message(folder)


def test_writing_replaces_tables_and_keeps_the_history_of_contents(folder: Path) -> None:
    connection = duckdb.connect()
    now = datetime(2026, 5, 1, tzinfo=UTC)
    first = read_reference(folder, reference_contracts())
    write_reference(connection, first, now)
    write_reference(connection, first, now)
    (folder / "series.csv").write_text(SERIES + "se2,st1,Second,70\n", encoding="utf-8")
    second = read_reference(folder, reference_contracts())
    write_reference(connection, second, now)
    assert connection.execute("select series_id from reference.series order by 1").fetchall() == [("se1",), ("se2",)]
    history = connection.execute("select row_count from reference.file_history where table_name = 'series' order by 1")
    assert history.fetchall() == [(1,), (2,)]
    assert reference_fingerprint(first) != reference_fingerprint(second) == stored_fingerprint(connection)


def test_dates_stay_dates(folder: Path) -> None:
    text = "surface,country,app_id,stage_from,stage\ntiktok_minis,BR,mini,2026-04-01,full\n"
    (folder / "market_rollout.csv").write_text(text, encoding="utf-8")
    tables = read_reference(folder, reference_contracts())
    assert tables["market_rollout"].rows["stage_from"].to_pylist() == [date(2026, 4, 1)]
