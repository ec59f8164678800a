"""`cliffhanger init`: what the contracts name is made, and what exists stays byte for byte."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.contracts import Column, LogicalType, feed_contracts, reference_contracts, statement_contracts
from dagster_project.contracts.templates import data_root_guide, header_line, landing_folders, reference_templates
from dagster_project.core.errors import CliffhangerError, NothingToDo, UsageError
from dagster_project.storage.data_root import make_root, plan_root
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.reference_tables import read_reference

FEEDS = [*feed_contracts().values(), *statement_contracts().values()]
TABLES = reference_contracts()
Init = Callable[..., str]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """`cliffhanger init` with these arguments; returns stdout, raises as the command does."""
    monkeypatch.setenv("CLIFFHANGER_DATA", str(tmp_path / "data"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["init", *arguments])
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


def _content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_feed_has_its_folder_and_every_table_its_header(init: Init, tmp_path: Path) -> None:
    init()
    root = tmp_path / "data"
    assert all((root / "landing" / folder).is_dir() for contract in FEEDS for folder in contract.folders)
    assert {path.stem for path in (root / "reference").iterdir()} == set(TABLES)
    for name, contract in TABLES.items():
        with (root / "reference" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
            assert list(csv.reader(handle)) == [[column.name for column in contract.columns]]


def test_the_templates_are_tables_a_run_can_read(init: Init, tmp_path: Path) -> None:
    init()
    tables = read_reference(DataLayout(tmp_path / "data").reference, TABLES)
    assert {name: table.rows.num_rows for name, table in tables.items()} == dict.fromkeys(TABLES, 0)


def test_a_new_column_of_a_contract_is_in_its_template() -> None:
    column = Column("rights, until", LogicalType.DATE, "DATE", "End of rights")
    series = replace(TABLES["series"], columns=(*TABLES["series"].columns, column))
    assert header_line(series) == header_line(TABLES["series"]).rstrip("\n") + ',"rights, until"\n'
    assert reference_templates([series]) == {"reference/series.csv": header_line(series)}


def test_a_new_feed_has_its_folder_and_its_line_in_the_guide() -> None:
    feed = replace(feed_contracts()["views"], name="store", landing="statements/new_store", purpose="Store sales")
    assert landing_folders([*FEEDS, feed]) == sorted([*landing_folders(FEEDS), "landing/statements/new_store"])
    assert "`landing/statements/new_store/` | Store sales" in data_root_guide(
        [feed], TABLES.values(), "docs/dictionary"
    )


def test_the_guide_names_the_dictionary_and_what_is_needed(init: Init, tmp_path: Path) -> None:
    init()
    guide = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "docs/dictionary" in guide
    for name, contract in TABLES.items():
        line = next(line for line in guide.splitlines() if f"reference/{name}.csv" in line)
        assert ("needed" in line) == contract.file_required


def test_it_says_what_to_do_next(init: Init, tmp_path: Path) -> None:
    printed = init(str(tmp_path / "elsewhere"))
    assert f"export CLIFFHANGER_DATA={tmp_path / 'elsewhere'}" in printed
    assert "cliffhanger run" in printed
    assert all(name in printed for name, contract in TABLES.items() if contract.file_required)
    assert "CLIFFHANGER_DATA" not in init(), "the root it already points to needs no word"


def test_json_lists_what_was_made(init: Init, tmp_path: Path) -> None:
    made = json.loads(init("--json"))
    assert set(made["files"]) == set(_content(tmp_path / "data"))
    assert set(made["folders"]) == set(landing_folders(FEEDS))


def test_with_everything_there_there_is_nothing_to_do(init: Init, tmp_path: Path) -> None:
    init()
    before = _content(tmp_path / "data")
    with pytest.raises(NothingToDo) as stopped:
        init()
    assert stopped.value.exit_code == 4
    assert _content(tmp_path / "data") == before


def test_beside_a_table_that_exists_nothing_is_made(init: Init, tmp_path: Path) -> None:
    reference = tmp_path / "data" / "reference"
    reference.mkdir(parents=True)
    (reference / "series.csv").write_text("mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"reference/series\.csv") as stopped:
        init()
    assert stopped.value.exit_code == 2
    assert _content(tmp_path / "data") == {"reference/series.csv": b"mine\n"}
    assert not (tmp_path / "data" / "landing").exists()


def test_what_is_missing_is_added_when_asked(init: Init, tmp_path: Path) -> None:
    init()
    root = tmp_path / "data"
    (root / "reference" / "series.csv").write_text("mine\n", encoding="utf-8")
    (root / "reference" / "studios.csv").unlink()
    (root / "landing" / "views").rmdir()
    assert json.loads(init("--missing", "--json")) == {
        "pseudonym_key_file": os.environ["CLIFFHANGER_PSEUDONYM_KEY_FILE"],
        "data_root": str(root),
        "folders": ["landing/views"],
        "files": ["reference/studios.csv"],
    }
    assert _content(root)["reference/series.csv"] == b"mine\n"
    assert _content(root)["reference/studios.csv"] == header_line(TABLES["studios"]).encode()


def test_a_page_that_is_there_stays(init: Init, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("ours", encoding="utf-8")
    init()
    assert (tmp_path / "data" / "README.md").read_text(encoding="utf-8") == "ours"


@pytest.mark.parametrize("place", ["data", "data/reference", "data/landing/views"])
def test_what_is_in_the_place_of_a_folder_is_named(init: Init, tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=place):
        init()
    assert (tmp_path / place).is_file()


def test_a_link_that_leads_nowhere_is_not_followed(init: Init, tmp_path: Path) -> None:
    reference = tmp_path / "data" / "reference"
    reference.mkdir(parents=True)
    (reference / "series.csv").symlink_to(tmp_path / "outside.csv")
    init("--missing")
    assert not (tmp_path / "outside.csv").exists()


def test_a_file_that_appears_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    plan = plan_root(tmp_path, [], ["reference/series.csv"])
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "series.csv").write_text("mine\n", encoding="utf-8")
    with pytest.raises(CliffhangerError, match=r"series\.csv"):
        make_root(tmp_path, plan, {"reference/series.csv": "theirs\n"})
    assert (tmp_path / "reference" / "series.csv").read_text(encoding="utf-8") == "mine\n"
