"""The whole hostile folder is taken in at once; every row and every file of the list ends where it must, nothing else.

None crashes or hangs, changes a value, loses a good row beside a bad one, or leads out of the landing folder.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from catalogue import KEYS, PERSON, Blank, FileKind, Refused, Row, RowKind, Taken
from folder import ALL_FILES, CASES, build
from hostile_rows import ROW_KINDS
from jsonl_files import NEIGHBOURS
from other_files import OTHER_FILES, SECRET

SECONDS, PEAK_BYTES = 60, 500 * 1000**2
RAW_TEXT_LIMIT = 16_384
PREVIEW_LIMIT = 512  # of a line too long to be kept
FEEDS = tuple(KEYS)


@dataclass(frozen=True)
class TakenIn:
    """The warehouse after both nights, and what the two intakes told: outcomes by (night, name)."""

    root: Path
    connection: duckdb.DuckDBPyConnection
    outcomes: Mapping[tuple[int, str], dict[str, Any]]
    opened: frozenset[str]
    seconds: float
    peak_bytes: int

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def taken(self, file: FileKind, sha256: str) -> dict[int, Row]:
        """Contract columns of the raw rows that came with a file, by line."""
        found = self.connection.execute(
            f"select _line_no, columns(c -> not starts_with(c, '_')) from raw.{file.feed} where _file_sha256 = ?",
            [sha256],
        )
        names = [column[0] for column in found.description][1:]
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in found.fetchall()}

    def refused(self, sha256: str) -> list[tuple[int, str, str]]:
        return [
            (line, reason, text)
            for line, reason, text in self.rows(
                "select line_no, reason_code, raw_text from raw.quarantine where file_sha256 = ? order by 1, 2", sha256
            )
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenIn]:
    root = tmp_path_factory.mktemp("hostile")
    outcomes: dict[tuple[int, str], dict[str, Any]] = {}
    opened: set[str] = set()
    seconds, peak = 0.0, 0
    for night in (1, 2):
        build(root, night)
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("intake.py")), str(root), str(night)],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        outcomes |= {(night, outcome["file_name"]): outcome for outcome in told["outcomes"]}
        opened |= set(told["opened"])
        seconds, peak = seconds + told["seconds"], max(peak, told["peak_bytes"])
    connection = duckdb.connect(str(root / "warehouse/warehouse.duckdb"), read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    yield TakenIn(root, connection, outcomes, frozenset(opened), seconds, peak)
    connection.close()


def test_the_whole_folder_takes_a_minute_and_half_a_gigabyte_at_most(world: TakenIn) -> None:
    sys.stdout.write(f"hostile folder: {world.seconds:.1f} s, peak {world.peak_bytes / 1000**2:.0f} MB\n")
    assert world.seconds < SECONDS
    assert world.peak_bytes < PEAK_BYTES


@pytest.mark.parametrize("file", ALL_FILES, ids=lambda file: f"{file.form}-{file.kind[:50]}-{file.path[-30:]!r}")
def test_each_file_ends_as_expected(world: TakenIn, file: FileKind) -> None:
    expected = file.expectation
    outcome = world.outcomes.get((file.night, file.name))
    if expected.status == "ignored":
        assert outcome is None
        return
    assert outcome is not None
    if expected.status == "unread":
        assert (outcome["status"], outcome["reason_code"]) == ("rejected", expected.reason)
        assert outcome["file_sha256"] == ""
        return
    assert (outcome["status"], outcome["reason_code"]) == (expected.status, expected.reason), outcome["detail"]
    if expected.status == "known":
        return
    assert world.rows(
        "select lines_read, accepted, duplicate + conflict + rejected, blank from raw.files "
        "where file_sha256 = ? and feed = ?",
        outcome["file_sha256"],
        file.feed,
    ) == [
        (
            expected.lines,
            len(expected.taken),
            expected.duplicate + len(expected.refused),
            expected.blank,
        )
    ]
    assert {line: reason for line, reason, _ in world.refused(outcome["file_sha256"])} == expected.refused
    found = world.taken(file, outcome["file_sha256"])
    assert found.keys() == expected.taken.keys()
    for line, row in expected.taken.items():
        assert found[line] == dict.fromkeys(found[line]) | row, f"line {line}"


@pytest.mark.parametrize(("place", "kind"), enumerate(ROW_KINDS), ids=[f"{k.listed}-{k.name}" for k in ROW_KINDS])
def test_each_row_is_in_exactly_one_place(world: TakenIn, place: int, kind: RowKind) -> None:
    sha256 = world.outcomes[1, CASES]["file_sha256"]
    line = (place + 1) * (NEIGHBOURS + 1)
    taken = world.rows("select event_id from raw.views where _file_sha256 = ? and _line_no = ?", sha256, line)
    refused = world.rows(
        "select file_name, reason_code, detail, raw_text from raw.quarantine where file_sha256 = ? and line_no = ?",
        sha256,
        line,
    )
    match kind.outcome:
        case Taken():
            assert (len(taken), len(refused)) == (1, 0)
        case Blank():
            assert (len(taken), len(refused)) == (0, 0)
        case Refused(code):
            assert (len(taken), len(refused)) == (0, 1)
            file_name, reason, detail, text = refused[0]
            assert (file_name, reason) == (CASES, code)
            assert detail
            if "after the watermark" in detail:  # found after typing: the row as it was typed
                assert json.loads(text)["event_id"] == f"case-hostile-{place}"
                assert json.loads(text)["viewer_id"] == "***"
            else:
                limit = PREVIEW_LIMIT if code == "line_too_long" else RAW_TEXT_LIMIT
                assert text == _delivered(world, line, limit)


def _delivered(world: TakenIn, line: int, limit: int) -> str:
    """What was delivered, but for the viewer's id, NULs (which could hide it) and what is too long to keep."""
    data = (world.root / "landing" / CASES).read_bytes().split(b"\n")[line - 1]
    if limit == PREVIEW_LIMIT:
        data = data[:limit]
    text = re.sub(f"(['\"]){PERSON}[a-z0-9-]+['\"]", '"***"', data.decode("utf-8", "replace"))
    return text.replace("\0", "")[:limit].rstrip("\r")


def test_every_key_is_taken_once(world: TakenIn) -> None:
    for feed, key in KEYS.items():
        expected = Counter(
            tuple(row[name] for name in key)
            for file in ALL_FILES
            if file.feed == feed
            for row in file.expectation.taken.values()
        )
        assert set(expected.values()) == {1}
        found = world.rows(f"select {', '.join(key)} from raw.{feed}")
        assert Counter(found) == expected


def test_books_name_only_what_was_landed(world: TakenIn) -> None:
    landed = {file.name for file in ALL_FILES if file.make is not None and file.expectation.status != "ignored"}
    assert {name for (name,) in world.rows("select distinct file_name from raw.file_names")} == landed
    counts = world.rows("select lines_read, accepted + duplicate + conflict + rejected + blank from raw.files")
    assert all(lines == parts for lines, parts in counts)


def test_nothing_is_opened_but_regular_files_that_were_landed(world: TakenIn) -> None:
    passed_over = {file.name for file in OTHER_FILES}
    assert not world.opened & passed_over
    assert world.opened <= {file.name for file in ALL_FILES}
    assert len(world.opened) > 100


def test_nothing_is_made_beside_the_landed_files(world: TakenIn) -> None:
    assert not [path for path in world.root.rglob("*") if path.name in ("pwned", "escaped.jsonl")]
    assert {path.name for path in world.root.iterdir()} <= {
        *("landing", "ledger", "privacy", "published", "quarantine", "reports", "secret.jsonl", "warehouse"),
    }


def _kept_texts(world: TakenIn) -> str:
    """All that is kept for people to look at: quarantine, mirrors and the files' details."""
    kept = world.rows("select file_name, detail, raw_text from raw.quarantine")
    kept += world.rows("select file_name, detail, unknown_columns from raw.files")
    mirrors = [path.read_text(encoding="utf-8") for path in (world.root / "quarantine").rglob("*.jsonl")]
    assert len(mirrors) > 50
    return "\n".join([*(str(row) for row in kept), *mirrors])


def test_nothing_from_outside_is_kept(world: TakenIn) -> None:
    assert SECRET not in _kept_texts(world)
    for feed in FEEDS:
        assert world.rows(f"select count(*) from raw.{feed} t where contains(t::varchar, '{SECRET}')") == [(0,)]


def test_viewer_ids_are_hidden_wherever_a_key_or_field_can_be_told(world: TakenIn) -> None:
    shown = [
        (name, line, reason, text)
        for name, line, reason, detail, text in world.rows(
            "select file_name, line_no, reason_code, detail, raw_text from raw.quarantine order by all"
        )
        if PERSON in f"{detail}{text}".replace("\0", "")
    ]
    assert shown == []
    assert PERSON not in _kept_texts(world)
