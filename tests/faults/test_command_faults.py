"""The command itself: a disk that is full, a second writer, a clock set back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fault_trials import shim

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import FileOutcome, ingest_feed, prepare_raw
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse

Command = Callable[..., subprocess.CompletedProcess[str]]
VIEWS = feed_contracts()["views"]
PROJECT = Path(__file__).resolve().parents[2]
NO_SPACE = 28


@pytest.fixture(scope="module")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated data root of some persons and days."""
    root = tmp_path_factory.mktemp("worlds") / "tiny"
    simulate = ["simulate", "--viewers", "40", "--days", "8", "--seed", "3", "--out", str(root)]
    done = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", *simulate], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return root


def raw_rows(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of all feeds without run ids and times."""
    with closing(open_warehouse(DataLayout(root))) as connection:
        return {
            feed: connection.execute(
                f"select columns(c -> not starts_with(c, '_')) from raw.{feed} order by all"
            ).fetchall()
            for feed in ("views", "unlocks", "ads", "topups")
        }


@contextmanager
def held_lock(root: Path) -> Iterator[int]:
    """Another process holds the writer lock; yields its process id."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from dagster_project.storage.layout import DataLayout\n"
        "from dagster_project.storage.warehouse import writer_lock\n"
        "with writer_lock(DataLayout(Path(sys.argv[1]))): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.full  # three runs of the whole command, each with dbt's start
@pytest.mark.skipif(shim.compiler() is None, reason="a full disk is made by a library that needs a C compiler")
def test_a_full_disk_is_told_and_the_next_run_completes(tiny_world: Path, tmp_path: Path, command: Command) -> None:
    library = shim.build(tmp_path / "shim")
    whole, root = tmp_path / "whole", tmp_path / "full"
    for target in (whole, root):
        subprocess.run(["cp", "-r", str(tiny_world), str(target)], check=True)
    assert command(whole, "ingest").returncode == 0
    database = DataLayout(root).warehouse
    # From the 60th call that needs room on there is none left for the database.
    arm = f"{int(shim.Mode.FULL)}:60:{NO_SPACE}:{database}"
    full = command(root, "ingest", LD_PRELOAD=str(library), FAULT_TRIALS_ARM=arm)
    assert full.returncode == 1, full.stderr
    assert "No space left on device" in full.stderr
    assert "free disk space" in " ".join(full.stderr.split())
    assert "Traceback" not in full.stderr
    kept = raw_rows(root)
    following = command(root, "ingest")
    assert following.returncode == 0, following.stderr
    assert raw_rows(root) == raw_rows(whole)
    for feed, rows in kept.items():
        assert set(rows) <= set(raw_rows(whole)[feed]), feed


@pytest.mark.skipif(shim.compiler() is None, reason="a full disk is made by a library that needs a C compiler")
@pytest.mark.parametrize("call", [1, 4, 12])
def test_a_disk_without_room_for_a_warehouse_is_told(
    call: int, tiny_world: Path, tmp_path: Path, command: Command
) -> None:
    library, root = shim.build(tmp_path / "shim"), tmp_path / "root"
    subprocess.run(["cp", "-r", str(tiny_world), str(root)], check=True)
    arm = f"{int(shim.Mode.FULL)}:{call}:{NO_SPACE}:{DataLayout(root).warehouse}"
    full = command(root, "ingest", "--dry-run", LD_PRELOAD=str(library), FAULT_TRIALS_ARM=arm)
    assert full.returncode == 1, full.stderr
    assert "No space left on device" in full.stderr
    assert "free disk space" in " ".join(full.stderr.split())
    assert "Traceback" not in full.stderr
    assert command(root, "ingest", "--dry-run").returncode == 0


def test_a_second_writer_waits_and_is_told_who_is_at_work(tiny_world: Path, tmp_path: Path, command: Command) -> None:
    root = tmp_path / "root"
    subprocess.run(["cp", "-r", str(tiny_world), str(root)], check=True)
    with held_lock(root) as holder:
        refused = command(root, "ingest", "--dry-run")
        assert refused.returncode == 1
        assert f"process {holder} holds the writer lock" in " ".join(refused.stderr.split())
        waiting = subprocess.Popen(
            [sys.executable, "-m", "dagster_project.cli", "run"],
            env={**os.environ, "CLIFFHANGER_DATA": str(root), "NO_COLOR": "1"},
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(4)
        assert waiting.poll() is None, "it must wait for the lock"
        assert not (DataLayout(root).warehouse).exists(), "nothing is loaded before the lock is free"
        waiting.terminate()
        waiting.communicate()
    assert command(root, "ingest", "--dry-run").returncode == 0


def view(event_id: str, event_at: datetime, received_at: datetime) -> str:
    return (
        f'{{"event_id": "{event_id}", "playback_id": "p", "surface": "ext_ios", "app_id": "ios-1", "viewer_id": "u", '
        f'"series_id": "S-1", "episode_id": "E-1", "episode_seq": 1, "event_type": "progress", '
        f'"event_ts": "{event_at.isoformat()}", "received_ts": "{received_at.isoformat()}", "position_ms": 1, '
        '"access_type": "free"}\n'
    )


def test_a_clock_set_back_a_day_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    layout.prepare()
    folder = layout.landing / "views"
    folder.mkdir(parents=True)
    night, hour, day = datetime(2026, 5, 20, 3, tzinfo=UTC), timedelta(hours=1), timedelta(days=1)

    def run(now: datetime) -> dict[str, FileOutcome]:
        with closing(open_warehouse(layout)) as connection:
            prepare_raw(connection, {"views": VIEWS})
            result = ingest_feed(connection, layout, VIEWS, batch_id=f"run-{now}", now=now)
        return {file.file_name: file for file in result.files}

    def ids() -> list[str]:
        with closing(open_warehouse(layout)) as connection:
            return [row[0] for row in connection.execute("select event_id from raw.views order by 1").fetchall()]

    def watermark() -> datetime:
        with closing(open_warehouse(layout)) as connection:
            row = connection.execute("select max(received_ts) from raw.views").fetchone()
        assert row is not None
        assert isinstance(row[0], datetime)
        return row[0]

    (folder / "a.jsonl").write_text(view("a", night - 3 * hour, night - 2 * hour))
    assert run(night)["views/a.jsonl"].accepted == 1
    # A day back: the row from the last hour is good although that clock has not got there yet, and the row whose event
    # lies beyond a day after all that was received is refused by what was received, not by the clock.
    late = view("b", night - 2 * hour, night - hour) + view("c", night + 2 * day, night - hour)
    (folder / "b.jsonl").write_text(late)
    (again,) = run(night - day).values()
    assert (again.file_name, again.accepted, again.rejected) == ("views/b.jsonl", 1, 1)
    assert run(night - day) == {}
    assert ids() == ["a", "b"]
    assert watermark() == night - hour
    # The clock is right again: the old files are known, the new one is taken in, the batches stay apart.
    (folder / "d.jsonl").write_text(view("d", night + 20 * hour, night + 21 * hour))
    assert list(run(night + day)) == ["views/d.jsonl"]
    assert ids() == ["a", "b", "d"]
    with closing(open_warehouse(layout)) as connection:
        days = connection.execute("select distinct ingest_date::varchar from raw.files order by 1").fetchall()
    assert days == [("2026-05-19",), ("2026-05-20",), ("2026-05-21",)]
