"""The doctor: silent on a sound root, and each thing that is spoilt is told with its place; nothing is ever changed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from healthy_root import NOW, change_warehouse, land, make_healthy, publish, settings_of
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.core.errors import WarehouseError
from dagster_project.core.findings import Finding, Level
from dagster_project.doctor import examine, places, surroundings
from dagster_project.storage.inspection import beside_writers
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import writer_lock

# The machine the tests run on is not what is tested here.
_MACHINE = {"python", "packages", "clock"}
Spoil = Callable[[DataLayout], object]


@pytest.fixture(scope="module")
def sound_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_healthy(tmp_path_factory.mktemp("sound") / "data").root


@pytest.fixture
def layout(sound_root: Path, tmp_path: Path) -> DataLayout:
    """A copy of the sound root, to be spoilt."""
    root = tmp_path / "data"
    shutil.copytree(sound_root, root)
    return DataLayout(root)


@pytest.fixture(autouse=True)
def _packages_are_as_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at every package of the environment takes a second; one test does it."""
    locked = surroundings.locked_versions(surroundings.LOCK.read_text(encoding="utf-8").splitlines())
    monkeypatch.setattr(surroundings, "installed_versions", lambda: locked)


def findings(layout: DataLayout, now: datetime = NOW) -> list[Finding]:
    return [finding for finding in examine(settings_of(layout, now)) if finding.check not in _MACHINE]


def bad(layout: DataLayout, now: datetime = NOW) -> list[Finding]:
    return [finding for finding in findings(layout, now) if finding.level is not Level.OK]


@contextmanager
def held_lock(layout: DataLayout, written_by: str) -> Iterator[None]:
    """The writer lock held by another open file, with this process id written down."""
    with layout.writer_lock.open("r+", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(f"{written_by}\n")
        handle.flush()
        yield


def dead_process() -> int:
    """A process id that nobody has."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def _tree(root: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size, path.lstat().st_mode) for path in root.rglob("*")
    }


def test_on_a_sound_root_there_is_nothing_to_mend(layout: DataLayout) -> None:
    assert bad(layout) == []
    assert {finding.check for finding in findings(layout)} == {
        "alerts",
        "data root",
        "disk",
        "permissions",
        "telemetry",
        "reference",
        "landing",
        "leftovers",
        "waiting",
        "persons",
        "batches",
        "release",
        "freshness",
        "ledger",
    }


def test_looking_changes_nothing(layout: DataLayout) -> None:
    before = _tree(layout.root)
    examine(settings_of(layout, NOW))
    assert _tree(layout.root) == before


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write(text)


def _fifo(layout: DataLayout) -> None:
    os.mkfifo(layout.landing / "views" / "pipe.jsonl")


def _telemetry(layout: DataLayout) -> None:
    (layout.dagster_home / "dagster.yaml").write_text("telemetry:\n  enabled: true\n", encoding="utf-8")


def _month(layout: DataLayout) -> None:
    (layout.ledger / "2026-04").mkdir()


def _damage(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"\0" * 20_000)


PENDING = "insert into raw.batches values ('b2', '2026-05-20 04:00:00+00', 'pending')"
GATE = "insert into raw.gate_checks values ('b2', 'views', 'share', 'critical', false, '9% of the rows are bad')"

SPOILT: dict[str, tuple[Spoil, Level, str, str]] = {
    "table missing": (lambda at: (at.reference / "series.csv").unlink(), Level.BROKEN, "reference", "series.csv"),
    "line that is no row": (
        lambda at: _append(at.reference / "studios.csv", "a,b\n"),
        Level.BROKEN,
        "reference",
        "studios.csv:3",
    ),
    "unknown series": (
        lambda at: (at.reference / "series.csv").write_text(
            (at.reference / "series.csv").read_text(encoding="utf-8").replace("\nx,x", "\nx,y"), encoding="utf-8"
        ),
        Level.BROKEN,
        "reference",
        "studio_id y is not known",
    ),
    "table without rows": (
        lambda at: (at.reference / "studios.csv").write_text(
            (at.reference / "studios.csv").read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8"
        ),
        Level.BROKEN,  # the series belong to nobody then
        "reference",
        "studios.csv",
    ),
    "misspelt table": (
        lambda at: (at.reference / "contract.csv").touch(),
        Level.ATTENTION,
        "reference",
        "is it contracts.csv?",
    ),
    "unknown feed": (lambda at: land(at, "view/a.jsonl"), Level.ATTENTION, "landing", "landing/view/a.jsonl"),
    "loose file": (lambda at: land(at, "a.jsonl"), Level.ATTENTION, "landing", "no feed has that folder"),
    "unknown suffix": (lambda at: land(at, "views/a.xlsx"), Level.ATTENTION, "landing", "no known suffix"),
    "unfinished": (lambda at: land(at, "views/a.jsonl.part"), Level.ATTENTION, "landing", "unfinished"),
    "hidden file": (lambda at: land(at, "views/_a.jsonl"), Level.ATTENTION, "landing", "hidden"),
    "hidden folder": (lambda at: land(at, "views/.b/a.jsonl"), Level.ATTENTION, "landing", "hidden"),
    "pipe": (_fifo, Level.ATTENTION, "landing", "views/pipe.jsonl"),
    "waiting": (
        lambda at: land(at, "views/old.jsonl", timedelta(days=3)),
        Level.ATTENTION,
        "waiting",
        "1 files were never read, the oldest landed 3 days ago (landing/views/old.jsonl)",
    ),
    "changed file": (
        lambda at: (
            _append(land(at, "views/2026-05-19.jsonl"), "{}\n")
            or os.utime(at.landing / "views" / "2026-05-19.jsonl", (NOW.timestamp() - 200_000,) * 2)
        ),
        Level.ATTENTION,
        "waiting",
        "1 files",
    ),
    "pending": (lambda at: change_warehouse(at, PENDING), Level.ATTENTION, "batches", "1 taken in and not released"),
    "blocked": (
        lambda at: (change_warehouse(at, PENDING), change_warehouse(at, GATE)),
        Level.ATTENTION,
        "batches",
        "views: 9% of the rows are bad",
    ),
    "held file": (
        lambda at: change_warehouse(at, "insert into raw.files (file_name, status) values ('views/bad.csv', 'held')"),
        Level.ATTENTION,
        "held",
        "landing/views/bad.csv",
    ),
    "damaged warehouse": (lambda at: _damage(at.warehouse), Level.BROKEN, "warehouse", "warehouse.duckdb"),
    "damaged release": (lambda at: _damage(at.published), Level.BROKEN, "release", "cliffhanger.duckdb"),
    "no release": (lambda at: at.published.unlink(), Level.ATTENTION, "release", "nothing is released yet"),
    "no current release": (
        lambda at: publish(at, "update meta.releases set is_current = false"),
        Level.BROKEN,
        "release",
        "names no release",
    ),
    "failed check": (
        lambda at: publish(at, "insert into meta.checks values ('few_rows', 'core/fct_ad', false)"),
        Level.ATTENTION,
        "release",
        "core/fct_ad: few_rows",
    ),
    "rolled back": (
        lambda at: publish(at, "update meta.releases set release_id = 'earlier'"),
        Level.ATTENTION,
        "release",
        "earlier is published, not the last one",
    ),
    "feed behind": (
        lambda at: publish(at, "update health.freshness set status = 'behind' where source = 'ads'"),
        Level.ATTENTION,
        "freshness",
        "ads: data to 2026-05-20 02:00 UTC",
    ),
    "late rows": (
        lambda at: publish(at, "update health.freshness set late_share = 0.2 where source = 'ads'"),
        Level.ATTENTION,
        "freshness",
        "20.0% late",
    ),
    "feed empty": (
        lambda at: publish(at, "update health.freshness set as_of = null, status = 'empty' where source = 'ads'"),
        Level.ATTENTION,
        "freshness",
        "ads: no row yet",
    ),
    "data from the future": (
        lambda at: publish(at, "update health.freshness set as_of = '2026-05-22 00:00:00+00' where source = 'ads'"),
        Level.ATTENTION,
        "freshness",
        "from the future",
    ),
    "forged month": (_month, Level.BROKEN, "ledger", "2026-04 was changed"),
    "lost month": (
        lambda at: change_warehouse(at, "insert into raw.ledger_periods values ('2026-03', 1, '', 'h', 1, now())"),
        Level.BROKEN,
        "ledger",
        "2026-03 lost",
    ),
    "lost month, as released": (
        lambda at: publish(
            at, "create schema payouts", "create table payouts.lines as select '2026-02' as posted_period"
        ),
        Level.BROKEN,
        "ledger",
        "2026-02 lost",
    ),
    "open warehouse folder": (lambda at: at.warehouse_dir.chmod(0o755), Level.BROKEN, "permissions", "0755"),
    "open warehouse file": (lambda at: at.warehouse.chmod(0o640), Level.BROKEN, "permissions", "0640"),
    "open ledger": (lambda at: at.ledger.chmod(0o750), Level.BROKEN, "permissions", "ledger"),
    "open quarantine": (lambda at: at.quarantine.chmod(0o701), Level.BROKEN, "permissions", "quarantine"),
    "telemetry": (_telemetry, Level.BROKEN, "telemetry", "dagster.yaml"),
    "torn release": (
        lambda at: (at.releases / "r.duckdb.partial").touch(),
        Level.ATTENTION,
        "leftovers",
        "published/releases/r.duckdb.partial",
    ),
    "torn month": (
        lambda at: (at.ledger / ".2026-04.partial").mkdir(),
        Level.ATTENTION,
        "leftovers",
        "ledger/.2026-04.partial",
    ),
    "torn export": (lambda at: (at.runs / ".r.partial").mkdir(), Level.ATTENTION, "leftovers", "runs/.r.partial"),
    "log set aside": (
        lambda at: (at.warehouse_dir / "warehouse.duckdb.wal.set-aside-1").touch(),
        Level.ATTENTION,
        "leftovers",
        "set aside",
    ),
}


@pytest.mark.parametrize(("spoil", "level", "check", "words"), SPOILT.values(), ids=SPOILT.keys())
def test_what_is_spoilt_is_told_and_nothing_else(
    layout: DataLayout, spoil: Spoil, level: Level, check: str, words: str
) -> None:
    spoil(layout)
    found = bad(layout)
    assert {(finding.level, finding.check) for finding in found} == {(level, check)}, found
    assert any(words in finding.sentence() for finding in found), found
    assert all(finding.fix for finding in found), "whoever reads it must know what to do"


def test_the_oldest_data_are_judged_against_the_clock(layout: DataLayout) -> None:
    later = bad(layout, NOW + timedelta(days=4))
    assert {finding.check for finding in later} == {"freshness"}
    assert len(later) == 4
    assert "4 days old" in later[0].what


def test_a_log_left_by_a_killed_run_is_told_and_left_alone(layout: DataLayout) -> None:
    log = layout.warehouse.with_name("warehouse.duckdb.wal")
    log.write_bytes(b"half a commit")
    before = _tree(layout.root)
    assert {(finding.check, finding.level) for finding in bad(layout)} == {
        ("warehouse", Level.ATTENTION),
        ("leftovers", Level.ATTENTION),
    }
    assert _tree(layout.root) == before


def test_beside_a_run_nothing_is_opened_or_waited_for(layout: DataLayout) -> None:
    _damage(layout.warehouse)
    (layout.runs / ".r.partial").mkdir()
    begun = time.monotonic()
    with held_lock(layout, str(os.getpid())):
        found = bad(layout)
    assert time.monotonic() - begun < 5
    assert [(finding.check, finding.level) for finding in found] == [("writer", Level.ATTENTION)]
    assert f"process {os.getpid()}" in found[0].what


def test_a_lock_that_outlives_its_holder_is_told(layout: DataLayout) -> None:
    gone = dead_process()
    with held_lock(layout, str(gone)):
        (found,) = bad(layout)
    assert (found.check, found.level) == ("writer", Level.BROKEN)
    assert f"process {gone}" in found.what
    assert bad(layout) == [], "a free lock that names a dead process is what every run leaves"


def test_runs_wait_while_the_doctor_reads_and_doctors_do_not_wait_for_each_other(layout: DataLayout) -> None:
    with beside_writers(layout) as one, beside_writers(layout) as other:
        assert not one.is_holding
        assert not other.is_holding
        with pytest.raises(WarehouseError), writer_lock(layout):
            pass
    with writer_lock(layout):
        pass


def test_without_a_data_root_only_that_is_told(tmp_path: Path) -> None:
    (found,) = bad(DataLayout(tmp_path / "nowhere"))
    assert (found.check, found.level, "cliffhanger init" in found.fix) == ("data root", Level.BROKEN, True)
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_root_is_looked_at_without_making_anything(tmp_path: Path) -> None:
    found = bad(DataLayout(tmp_path))
    assert {finding.check for finding in found} == {"reference", "landing", "release"}
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_cannot_be_written_is_told(layout: DataLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may write anywhere, so the answer of the system is given by hand.
    monkeypatch.setattr(places.os, "access", lambda path, mode: Path(path) != layout.ledger)
    (found,) = bad(layout)
    assert (found.check, found.level, found.where) == ("data root", Level.BROKEN, str(layout.ledger))


@pytest.mark.parametrize(
    ("free", "level"), [(1_000_000_000, Level.BROKEN), (5_000_000_000, Level.ATTENTION), (9_000_000_000, Level.OK)]
)
def test_free_space_is_held_against_what_a_run_and_a_rebuild_need(free: int, level: Level) -> None:
    finding = places.judge_space(
        free=free, landing=4_000_000_000, warehouse=3_000_000_000, published=800_000_000, where="/srv"
    )
    assert finding.level is level


def test_the_command_prints_one_line_per_finding_and_ends_with_one_when_something_is_broken(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIFFHANGER_DATA", str(layout.root))
    monkeypatch.delenv("CLIFFHANGER_PSEUDONYM_KEY_FILE")  # the root has a key of its own
    monkeypatch.setenv("CLIFFHANGER_NOW", NOW.isoformat())
    monkeypatch.setenv("CLIFFHANGER_ALERT_COMMAND", "true")
    sound = CliRunner().invoke(app, ["doctor"])
    lines = sound.stdout.splitlines()
    assert len(lines) == len(examine(settings_of(layout, NOW)))
    assert all(line[:2] in {"✓ ", "! "} for line in lines)
    assert any(line.startswith("! clock: the clock stands at 2026-05-20 06:00") for line in lines)
    assert sound.exit_code == 0
    layout.ledger.chmod(0o755)
    spoilt = CliRunner().invoke(app, ["doctor"])
    broken = [line for line in spoilt.stdout.splitlines() if line.startswith("✕ ")]
    assert [line.partition(":")[0] for line in broken] == ["✕ permissions"]
    assert spoilt.exit_code == 1
    printed = CliRunner().invoke(app, ["doctor", "--json"])
    assert printed.exit_code == 1
    told = json.loads(printed.stdout)
    assert told["counts"]["broken"] == 1
    (finding,) = [one for one in told["findings"] if one["level"] == "broken"]
    assert set(finding) == {"level", "check", "what", "where", "why", "fix"}
    assert finding["check"] == "permissions"
