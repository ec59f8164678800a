"""The operator's way: see what was refused, mend it, take it in; the result is that of a clean delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from door import TOPUPS, VIEWS, Door, lines, topup, view
from typer.testing import CliRunner

from dagster_project.cli import quarantine
from dagster_project.cli.quarantine import app
from dagster_project.contracts import TableContract
from dagster_project.core.errors import CliffhangerError, LandingFileError, NothingToDo, PartlyDone, UsageError
from dagster_project.ingest import profile_feed
from dagster_project.settings import load_settings
from dagster_project.storage.batches import pending_batches
from dagster_project.storage.erased_persons import Persons, load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse

GOOD = [view(number) for number in range(60)]
BAD = [view(number, country="Utopia") for number in range(100, 130)]
MENDED = [row | {"country": "UT"} for row in BAD]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a held file and one that is loaded but for three rows; both nights are released."""
    root = tmp_path / "data"
    monkeypatch.setenv("CLIFFHANGER_DATA", str(root))
    monkeypatch.setenv("CLIFFHANGER_NOW", "2026-06-01T00:00:00Z")
    with opened(root) as door:
        assert door.deliver("views/held.jsonl", [*GOOD, *BAD, ""]).status == "held"
        spoilt = [topup(number, currency="usd") for number in range(3)]
        assert door.deliver("topups/a.jsonl", [*spoilt, topup(3)], TOPUPS).rejected == 3
        door.connection.execute("update raw.batches set state = 'released'")
    return root


@contextmanager
def opened(root: Path) -> Iterator[Door]:
    layout = DataLayout(root)
    layout.prepare()
    with closing(open_warehouse(layout)) as connection:
        yield Door(root, connection, session_persons(layout))


def session_persons(layout: DataLayout) -> Persons:
    """Whoever the command knows: it names persons by the key of the environment."""
    return load_persons(layout, load_settings().pseudonym_key_file)


def call(*arguments: str) -> str:
    """What the command prints; its failure is raised as it is."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if isinstance(result.exception, CliffhangerError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def asked(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call(*arguments, "--json"))
    return found


def clean(root: Path, rows: list[dict[str, Any]], contract: TableContract = VIEWS) -> list[tuple[Any, ...]]:
    door = Door(root.parent / "clean", persons=session_persons(DataLayout(root)))
    door.deliver(f"{contract.name}/clean.jsonl", rows, contract)
    return door.raw_rows(contract.name)


def everything(door: Door) -> list[list[tuple[Any, ...]]]:
    tables = ("views", "files", "quarantine", "lost_rows", "decisions", "batches", "touched")
    return [door.rows(f"from raw.{table} order by all") for table in tables]


def test_list_by_feed_file_and_reason(root: Path) -> None:
    found = [(one["feed"], one["file_name"], one["status"], one["reason_code"], one["rows"]) for one in asked("list")]
    assert found == [
        ("topups", "topups/a.jsonl", "loaded", "enum", 3),
        ("views", "views/held.jsonl", "held", "held", None),
        ("views", "views/held.jsonl", "held", "too_long", 30),
    ]
    assert [one["rows"] for one in asked("list", "--reason", "too_long")] == [30]
    assert [one["rows"] for one in asked("list", "--feed", "topups")] == [3]
    assert [one["first_line_no"] for one in asked("list", "--file", "views/held.jsonl")] == [None, 61]
    assert asked("list", "--file", "views/none.jsonl") == []
    assert "too_long" in call("list")
    with pytest.raises(UsageError, match="is not a feed"):
        call("list", "--feed", "vews")


def test_show_gives_line_reason_and_masked_text(root: Path) -> None:
    (row,) = asked("show", "--file", "views/held.jsonl", "--reason", "too_long", "--limit", "1")
    assert (row["line_no"], row["reason_code"]) == (61, "too_long")
    assert row["detail"] == 'country: longer than 2 characters ("Utopia")'
    assert '"viewer_id": "***"' in row["raw_text"]
    assert "viewer-00100" not in call("show", "--limit", "1000")
    assert call("show", "--feed", "topups").startswith("topups/a.jsonl:1  enum: currency: ")
    with pytest.raises(NothingToDo) as caught:
        call("show", "--reason", "bad_json")
    assert caught.value.exit_code == 4


def test_a_file_refused_whole_is_listed_shown_and_read_again_once_it_can_be(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(root) as door:
        rows = [topup(number) for number in range(10, 14)]
        text = "store,store_transaction_id\n" + "".join(f"apple,{row['store_transaction_id']}\n" for row in rows)
        door.land("topups/b.csv", text)
        assert door.night(TOPUPS)["topups/b.csv"].reason_code == "missing_column"
    (one,) = asked("list", "--reason", "missing_column")
    assert (one["status"], one["rows"]) == ("rejected", None)
    (row,) = asked("show", "--file", "topups/b.csv")
    assert (row["line_no"], row["reason_code"]) == (None, "missing_column")
    with pytest.raises(PartlyDone, match="refused as before"):
        call("retry", "--file", "topups/b.csv")
    columns = tuple(replace(column, is_required=column.key_position in (1, 2)) for column in TOPUPS.columns)
    monkeypatch.setattr(quarantine, "_contracts", lambda: {"topups": replace(TOPUPS, columns=columns)})
    (outcome,) = asked("retry", "--file", "topups/b.csv")
    assert (outcome["status"], outcome["accepted"]) == ("loaded", 4)


def test_a_retry_after_the_contract_was_widened_equals_a_clean_load(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = tuple(
        replace(column, max_length=None, pattern=None) if column.name in ("country", "currency") else column
        for column in VIEWS.columns
    )
    wide = replace(VIEWS, columns=columns)
    with pytest.raises(PartlyDone, match="30 of 91 lines"):
        call("retry", "--file", "views/held.jsonl")
    monkeypatch.setattr(quarantine, "_contracts", lambda: {"views": wide})
    (outcome,) = asked("retry", "--feed", "views", "--reason", "too_long")
    assert (outcome["status"], outcome["accepted"], outcome["blank"]) == ("loaded", 90, 1)
    assert asked("list", "--feed", "views") == []
    fresh = Door(root.parent / "fresh", persons=session_persons(DataLayout(root)))
    fresh.deliver("views/held.jsonl", [*GOOD, *BAD, ""], wide)
    books = "select * exclude (batch_id) from raw.files where feed = 'views' order by all"
    everything = "select * from raw.views order by all"
    with opened(root) as door:
        assert door.rows(everything) == fresh.rows(everything), "rows and where they come from"
        assert door.rows(books) == fresh.rows(books)
        assert door.rows("select count(*) from raw.lost_rows") == [(0,)]
        (batch,) = set(pending_batches(door.connection)) & {
            row[0] for row in door.rows("select batch_id from raw.files")
        }
        touched = door.rows(f"select distinct feed, event_date::varchar from raw.touched where batch_id = '{batch}'")
    assert touched == [("views", "2026-05-12")]


def test_an_accepted_file_counts_its_good_rows_for_good(root: Path) -> None:
    with pytest.raises(NothingToDo, match="it is loaded"):
        call("retry", "--file", "topups/a.jsonl", "--accept")
    (outcome,) = asked("retry", "--file", "views/held.jsonl", "--accept")
    assert (outcome["status"], outcome["accepted"], outcome["rejected"]) == ("loaded", 60, 30)
    assert [(one["status"], one["rows"]) for one in asked("list", "--feed", "views")] == [("loaded", 30)]
    (again,) = asked("retry", "--file", "views/held.jsonl")
    assert again == outcome, "read once more it is not held again"
    with opened(root) as door:
        profiles = [profile_feed(door.connection, VIEWS, batch) for batch in pending_batches(door.connection)]
        judged = [profile for profile in profiles if profile is not None]
        assert [(one.n_files, one.n_held_files, one.reject_ppm) for one in judged] == [(1, 0, None)]
        assert door.raw_rows() == clean(root, GOOD)
        door.counted()


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
@pytest.mark.parametrize("is_accepted_first", [False, True])
def test_mended_rows_of_a_held_file_equal_a_clean_load(
    root: Path, tmp_path: Path, name: str, is_accepted_first: bool
) -> None:
    if is_accepted_first:
        call("retry", "--file", "views/held.jsonl", "--accept")
    mended = tmp_path / name
    if name.endswith(".csv"):
        header = ",".join(MENDED[0])
        mended.write_text("\n".join([header, *(",".join(map(str, row.values())) for row in MENDED)]), encoding="utf-8")
    else:
        mended.write_text(lines(MENDED), encoding="utf-8")
    for _ in range(2):
        call("retry", "--file", "views/held.jsonl", "--mended", str(mended))
        with opened(root) as door:
            assert door.raw_rows() == clean(root, [*GOOD, *MENDED])
            counted = [row for row in door.counted() if row[0].startswith("views/")]
        assert [(row[1], *row[2:]) for row in counted] == [
            ("loaded", 91, 60, 0, 0, 30, 1), ("loaded", 30, 30, 0, 0, 0, 0),
        ]  # fmt: skip
    (one,) = asked("list", "--feed", "views")
    assert (one["reason_code"], one["is_mended"]) == ("too_long", True)


def test_mended_rows_of_a_loaded_file_leave_its_counts(root: Path, tmp_path: Path) -> None:
    mended = tmp_path / "rows.jsonl"
    mended.write_text(lines(topup(number) for number in range(3)), encoding="utf-8")
    (outcome,) = asked("retry", "--file", "topups/a.jsonl", "--mended", str(mended))
    assert outcome["accepted"] == 3
    with opened(root) as door:
        assert door.raw_rows("topups") == clean(root, [topup(number) for number in range(4)], TOPUPS)
        assert len([row for row in door.counted() if row[0].startswith("topups/")]) == 2
        assert len(pending_batches(door.connection)) == 1
        assert door.night(TOPUPS) == {}, "the next run does not take it for a delivery of its own"


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        (
            "rows.jsonl",
            [*MENDED[:5], BAD[5]],
            r"1 of its rows still break .*, first line 6 \(too_long: country",
        ),
        ("rows.jsonl", [*MENDED, view(500)], "it holds 31 rows, but only 30 were refused"),
        ("rows.txt", MENDED, "its name must end in"),
    ],
    ids=["one still bad", "one too many", "no data file"],
)
def test_mended_rows_are_taken_in_whole_or_not_at_all(
    root: Path, tmp_path: Path, name: str, rows: list[dict[str, Any]], words: str
) -> None:
    mended = tmp_path / name
    mended.write_text(lines(rows), encoding="utf-8")
    with opened(root) as door:
        before = (
            door.counted(),
            door.raw_rows(),
            door.rows("from raw.quarantine order by all"),
            door.rows("from raw.batches"),
        )
    with pytest.raises(UsageError, match=words) as caught:
        call("retry", "--file", "views/held.jsonl", "--mended", str(mended))
    assert caught.value.exit_code == 2
    with opened(root) as door:
        after = (
            door.counted(),
            door.raw_rows(),
            door.rows("from raw.quarantine order by all"),
            door.rows("from raw.batches"),
        )
    assert after == before
    assert [path.name for path in (root / "landing/views").iterdir()] == ["held.jsonl"]


def test_what_cannot_be_retried(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="nothing is named"):
        call("retry")
    with pytest.raises(UsageError, match="about one file"):
        call("retry", "--feed", "views", "--accept")
    with pytest.raises(NothingToDo, match="nothing of that was refused"):
        call("retry", "--file", "views/other.jsonl")
    with pytest.raises(LandingFileError, match="cannot be copied"):
        call("retry", "--file", "views/held.jsonl", "--mended", str(tmp_path / "missing.jsonl"))
    (root / "landing/views/held.jsonl").unlink()
    with pytest.raises(LandingFileError, match="no longer holds the content"):
        call("retry", "--file", "views/held.jsonl", "--accept")
    assert [one["status"] for one in asked("list", "--feed", "views")] == ["held", "held"]
    monkeypatch.setenv("CLIFFHANGER_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(NothingToDo, match="nothing was taken in so far"):
        call("list")
