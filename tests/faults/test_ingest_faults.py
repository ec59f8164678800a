"""Killed, locked out, out of space: nothing lost, nothing twice, a clear word, and the next run makes it good."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.contracts import feed_contracts
from dagster_project.core.errors import LandingFileError, WarehouseError
from dagster_project.ingest import feed as feed_module
from dagster_project.ingest import ingest_feed, prepare_raw
from dagster_project.ingest.unpacking import HashingReader
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import checkpoint, open_warehouse, transaction, writer_lock

VIEWS = feed_contracts()["views"]
NOW = datetime(2026, 5, 20, tzinfo=UTC)
FILES, ROWS = 12, 400

CHILD = """
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from dagster_project.contracts import feed_contracts
from dagster_project.ingest import feed, ingest_feed, prepare_raw
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse, writer_lock

feed.GROUP_FILES = 3
layout, views = DataLayout(Path(sys.argv[1])), feed_contracts()["views"]
with writer_lock(layout, 5.0), closing(open_warehouse(layout)) as connection:
    prepare_raw(connection, {"views": views})
    print("open", flush=True)
    ingest_feed(connection, layout, views, batch_id=sys.argv[2], now=datetime(2026, 5, 20, tzinfo=UTC))
print("done", flush=True)
"""


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    found = DataLayout(tmp_path)
    found.prepare()
    (found.landing / "views").mkdir(parents=True)
    return found


def view(event_id: str, received: int, position: int) -> str:
    row = {
        "event_id": event_id,
        "playback_id": "p",
        "surface": "ext_ios",
        "app_id": "ios-1",
        "viewer_id": "u",
        "series_id": "S-1",
        "episode_id": "E-1",
        "episode_seq": 1,
        "event_type": "progress",
        "event_ts": "2026-05-12T09:00:00Z",
        "received_ts": f"2026-05-12T09:{received // 60:02}:{received % 60:02}Z",
        "position_ms": position,
        "access_type": "free",
    }
    return json.dumps(row)


def deliver(layout: DataLayout) -> None:
    """Files whose rows overlap with the files before them, with conflicts and bad lines."""
    chance = random.Random(3)
    for number in range(FILES):
        first = number * ROWS * 3 // 4
        lines = [view(f"e-{first + i}", chance.randrange(3000), chance.randrange(2)) for i in range(ROWS)]
        lines[5] = "not json"
        (layout.landing / f"views/{number:02}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def content(layout: DataLayout) -> tuple[Any, ...]:
    """Rows and books but for run ids, and the mirror files; the books must add up."""
    with closing(open_warehouse(layout)) as connection:
        wrong = connection.execute(
            "select count(*) from raw.files where lines_read <> accepted + duplicate + conflict + rejected + blank"
        ).fetchone()
        assert wrong == (0,)
        queries = (
            "select * from raw.views order by event_id",
            "select * exclude (batch_id) from raw.files order by file_name",
            "select * exclude (batch_id) from raw.quarantine order by all",
            "select * from raw.lost_rows order by all",
            "select file_name, file_sha256 from raw.file_names order by all",
            "select distinct * exclude (batch_id) from raw.touched order by all",
        )
        tables = [connection.execute(query).fetchall() for query in queries]
    mirrors = {path.name: path.read_text() for path in sorted((layout.quarantine / "views").iterdir())}
    return (*tables, mirrors)


def child(layout: DataLayout, batch_id: str) -> subprocess.Popen[str]:
    project = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(layout.root), batch_id], stdout=subprocess.PIPE, text=True, cwd=project
    )


def test_killed_runs_and_one_whole_run_equal_one_clean_run(layout: DataLayout, tmp_path: Path) -> None:
    deliver(layout)
    clean = DataLayout(tmp_path / "clean")
    clean.prepare()
    (clean.landing / "views").mkdir(parents=True)
    deliver(clean)
    started = time.monotonic()
    assert child(clean, "clean").wait() == 0
    whole = time.monotonic() - started
    chance = random.Random(11)
    killed = 0
    for attempt in range(4):
        process = child(layout, f"run-{attempt}")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, whole * 0.6))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
    last = child(layout, "last")
    assert last.communicate()[0].split() == ["open", "done"]
    assert killed > 0
    assert content(layout) == content(clean)


def test_a_second_writer_is_told_at_once_who_holds_the_lock(layout: DataLayout) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from dagster_project.storage.layout import DataLayout\n"
            "from dagster_project.storage.warehouse import open_warehouse, writer_lock\n"
            "layout = DataLayout(Path(sys.argv[1]))\n"
            "with writer_lock(layout): c = open_warehouse(layout); print('held', flush=True); time.sleep(60)",
            str(layout.root),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=f"process {holder.pid} holds the writer lock"), writer_lock(layout):
        pass
    with pytest.raises(WarehouseError, match=f"PID {holder.pid}"):
        open_warehouse(layout)
    with pytest.raises(WarehouseError, match="open in another process"):
        open_warehouse(layout, read_only=True)
    assert time.monotonic() - started < 1.0
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with writer_lock(layout), closing(open_warehouse(layout)):
        pass


def test_the_lock_is_waited_for_within_bounds(layout: DataLayout) -> None:
    with writer_lock(layout):
        started = time.monotonic()
        with pytest.raises(WarehouseError, match=rf"process {os.getpid()} .* within 0\.3 s"), writer_lock(layout, 0.3):
            pass
        assert 0.3 <= time.monotonic() - started < 1.0
    with writer_lock(layout):
        pass


def test_a_run_killed_before_its_mirror_is_made_good_by_the_next(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.landing / "views/a.jsonl").write_text("not json\n", encoding="utf-8")
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {"views": VIEWS})

        def killed(*_: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(feed_module, "write_mirrors", killed)
            with pytest.raises(KeyboardInterrupt):
                ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
        assert not (layout.quarantine / "views").exists()
        ingest_feed(connection, layout, VIEWS, batch_id="2", now=NOW)
        assert len(list((layout.quarantine / "views").iterdir())) == 1


def test_a_mirror_that_cannot_be_written_is_told_and_kept_in_mind(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.landing / "views/a.jsonl").write_text("not json\n", encoding="utf-8")
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {"views": VIEWS})

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("dagster_project.storage.quarantine_files.os.fsync", full)
            with pytest.raises(WarehouseError, match="No space left on device"):
                ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
        folder = layout.quarantine / "views"
        assert list(folder.glob("*.jsonl")) == []
        ingest_feed(connection, layout, VIEWS, batch_id="2", now=NOW)
        assert len(list(folder.glob("*.jsonl"))) == 1


def test_what_a_killed_run_left_of_a_mirror_is_cleared_by_the_next(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.landing / "views/a.jsonl").write_text("not json\n", encoding="utf-8")

    def killed(_: int) -> None:
        raise KeyboardInterrupt  # the file is written and not yet renamed

    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {"views": VIEWS})
        with monkeypatch.context() as patched:
            patched.setattr("dagster_project.storage.quarantine_files.os.fsync", killed)
            patched.setattr("dagster_project.storage.quarantine_files.os.getpid", lambda: 1)
            with pytest.raises(KeyboardInterrupt):
                ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
        ingest_feed(connection, layout, VIEWS, batch_id="2", now=NOW)
    assert [path.suffix for path in (layout.quarantine / "views").iterdir()] == [".jsonl"]


def test_what_a_killed_run_left_of_a_new_warehouse_is_cleared_by_the_next(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        patched.setattr("dagster_project.storage.warehouse.os.getpid", lambda: 1)
        with pytest.raises(KeyboardInterrupt):
            open_warehouse(layout)
    left = [path for path in layout.warehouse_dir.iterdir() if path.is_file()]
    assert len(left) == 1
    left[0].write_bytes(b"cut")
    open_warehouse(layout).close()
    assert [path.name for path in layout.warehouse_dir.iterdir() if path.is_file()] == [layout.warehouse.name]


def test_what_the_disk_refuses_the_database_is_told_outside_of_transactions_too(layout: DataLayout) -> None:
    def write(limit: int) -> None:
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        with writer_lock(layout), closing(open_warehouse(layout)) as connection:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, kept[1]))
            try:
                connection.execute("create table t as select range as a from range(1000000)")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, kept)

    with pytest.raises(WarehouseError, match="the warehouse could not be read or written"):
        write(64 * 1024)
    write(resource.getrlimit(resource.RLIMIT_FSIZE)[0])
    with closing(open_warehouse(layout)) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1_000_000,)


def test_a_lock_file_that_cannot_be_written_is_told(layout: DataLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dagster_project.storage.warehouse.os.pwrite", full)
    with pytest.raises(WarehouseError, match=r"the writer lock cannot be taken\. No space left"), writer_lock(layout):
        pass


@pytest.fixture
def failing_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The second of two files cannot be opened."""
    opened = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("b.jsonl"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("dagster_project.storage.landing.os.open", refuse)
        yield


@pytest.mark.usefixtures("failing_read")
def test_an_unreadable_file_stops_the_run_with_nothing_half_written(layout: DataLayout) -> None:
    for name in ("a", "b"):
        (layout.landing / f"views/{name}.jsonl").write_text(view(name, 0, 0), encoding="utf-8")
    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {"views": VIEWS})
        with pytest.raises(LandingFileError, match=r"b\.jsonl: the landed file cannot be read\. Permission denied"):
            ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
        for table in ("views", "files", "file_names", "quarantine", "touched", "batches"):
            assert connection.execute(f"select count(*) from raw.{table}").fetchone() == (0,), table


def test_a_disk_that_fails_while_a_parquet_file_is_read_does_not_make_the_file_corrupt(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = layout.landing / "views/a.parquet"
    pq.write_table(pa.Table.from_pylist([json.loads(view("e-1", 0, 0))]), path)
    rewound = HashingReader.rewound

    def failing(reader: HashingReader) -> BinaryIO:
        stream = rewound(reader)
        unreadable = os.open(path, os.O_WRONLY)
        os.dup2(unreadable, stream.fileno())
        os.close(unreadable)
        return stream

    with closing(open_warehouse(layout)) as connection:
        prepare_raw(connection, {"views": VIEWS})
        with monkeypatch.context() as patched:
            patched.setattr(HashingReader, "rewound", failing)
            with pytest.raises(LandingFileError, match=r"a\.parquet: the landed file cannot be read\. Bad file desc"):
                ingest_feed(connection, layout, VIEWS, batch_id="1", now=NOW)
        (file,) = ingest_feed(connection, layout, VIEWS, batch_id="2", now=NOW).files
        assert (file.status, file.accepted) == ("loaded", 1)


def test_a_log_left_by_a_killed_process_is_folded_in(layout: DataLayout) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from dagster_project.storage.layout import DataLayout\n"
        "from dagster_project.storage.warehouse import open_warehouse\n"
        "c = open_warehouse(DataLayout(Path(sys.argv[1])))\n"
        "c.execute('create table t as select 1 as a'); os._exit(9)"
    )
    project = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(layout.root)], cwd=project, check=False).returncode == 9
    log = layout.warehouse.with_name(layout.warehouse.name + ".wal")
    assert log.stat().st_size > 0
    with closing(open_warehouse(layout)) as connection:
        assert not log.exists()
        assert connection.execute("from t").fetchall() == [(1,)]
    assert layout.warehouse.stat().st_mode & 0o777 == 0o600


def test_a_recovery_that_is_killed_itself_is_made_good_by_the_next(layout: DataLayout) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from dagster_project.storage.layout import DataLayout\n"
        "from dagster_project.storage.warehouse import open_warehouse\n"
        "c = open_warehouse(DataLayout(Path(sys.argv[1])))\n"
        "c.execute('create table t as select 1 as a'); c.execute('create schema recovery_guard'); os._exit(9)"
    )
    project = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(layout.root)], cwd=project, check=False).returncode == 9
    with closing(open_warehouse(layout)) as connection:
        assert connection.execute("from t").fetchall() == [(1,)]
        schemas = {name for (name,) in connection.execute("select schema_name from duckdb_schemas()").fetchall()}
        assert "recovery_guard" not in schemas


def test_a_damaged_or_missing_warehouse_is_told(layout: DataLayout) -> None:
    with pytest.raises(WarehouseError, match="there is no warehouse yet"):
        open_warehouse(layout, read_only=True)
    layout.warehouse.write_bytes(b"this is no database" * 1000)
    with pytest.raises(WarehouseError, match="the warehouse cannot be opened"):
        open_warehouse(layout)


def test_a_refused_statement_takes_the_whole_transaction_back(layout: DataLayout) -> None:
    with closing(open_warehouse(layout)) as connection:
        connection.execute("create table t (a integer)")
        connection.execute("insert into t values (1)")

        def work() -> None:
            with transaction(connection):
                connection.execute("delete from t")
                connection.execute("insert into t values ('x')")

        with pytest.raises(WarehouseError, match="nothing of this batch was kept"):
            work()
        assert connection.execute("select count(*) from t").fetchone() == (1,)
        checkpoint(connection)
