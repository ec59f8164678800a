"""Opens the private warehouse: one writer at a time, recovery before use, no look outside the data root."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.layout import DataLayout

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error

_log = logging.getLogger(__name__)
REFUSALS = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.TransactionException,
    duckdb.OutOfMemoryException,
)
"""What the database says when disk or memory fail it; any other error of its is a fault of this program."""
_LOCK_POLL_SECONDS = 0.05
_MEMORY_SHARE = 0.25
_MEMORY_FLOOR = 512 * 1024**2
_MEMORY_CEILING = 3 * 1024**3
_THREAD_CEILING = 8


@contextmanager
def writer_lock(layout: DataLayout, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the one writer's lock; the kernel frees it when the process ends, however it ends.

    What the disk or memory refuses the database while it is held is told as a `WarehouseError`.

    Args:
        wait_seconds: How long to wait for another writer.

    Raises:
        WarehouseError: Another process still holds it (the message names its process id), the lock file cannot be
            written, or the database was refused what it needs.
    """
    try:
        layout.warehouse_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(layout.writer_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _lock_error(layout, error) from error
    try:
        _wait_for_lock(descriptor, layout.writer_lock, wait_seconds)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise _lock_error(layout, error) from error
        try:
            yield
        except REFUSALS as error:
            raise refused_error(layout.warehouse, error) from error
    finally:
        os.close(descriptor)


def refused_error(path: Path, error: duckdb.Error) -> WarehouseError:
    """The explanation of what disk or memory refused the database outside a transaction of ours."""
    return WarehouseError(
        "the warehouse could not be read or written",
        where=str(path),
        why=str(error).splitlines()[0],
        fix="free disk space or memory, see that the disk is sound, and run again; what was committed is kept",
    )


def _lock_error(layout: DataLayout, error: OSError) -> WarehouseError:
    return WarehouseError(
        "the writer lock cannot be taken",
        where=str(layout.writer_lock),
        why=error.strerror or str(error),
        fix="make the folder writable and free disk space, then run again; nothing was changed",
    )


def _wait_for_lock(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise WarehouseError(
                    "another run is writing to the warehouse",
                    where=str(path),
                    why=f"process {holder} holds the writer lock and did not free it within {wait_seconds:g} s",
                    fix="wait until that run has ended and start again",
                ) from error
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def open_warehouse(layout: DataLayout, read_only: bool = False) -> Connection:
    """Open the private warehouse in UTC, without extensions from outside; a missing file is created.

    A write-ahead log left by a killed process is folded in before anything else is done: replayed, one small commit,
    checkpoint. Without that, a torn log can make the file unopenable after the next clean session.

    Raises:
        WarehouseError: It does not exist (read-only), is locked by another process, is damaged or cannot be written.
    """
    path = layout.warehouse
    if read_only and not path.exists():
        raise WarehouseError(
            "there is no warehouse yet", where=str(path), why="nothing was taken in so far", fix="run `cliffhanger run`"
        )
    if not read_only:
        layout.warehouse_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(layout)
    log = _write_ahead_log(path)
    is_recovering = not read_only and log.exists() and log.stat().st_size > 0
    connection = _connect_or_set_log_aside(layout, read_only)
    if is_recovering:
        _fold_in_log(connection, path)
    if not read_only:
        path.chmod(0o600)
    return connection


def checkpoint(connection: Connection) -> None:
    """Fold the write-ahead log into the file, so that the next open has nothing to replay.

    Raises:
        WarehouseError: The file could not be written; the connection is of no more use.
    """
    try:
        connection.execute("checkpoint")
    except duckdb.Error as error:
        raise WarehouseError(
            "the warehouse could not be written to disk",
            why=str(error),
            fix="free disk space and run again; committed rows are safe in the write-ahead log",
        ) from error


@contextmanager
def transaction(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
    """Everything inside happens, or nothing does; with `keeps=False` nothing does either way (a rehearsal).

    Raises:
        WarehouseError: The database refused the work (disk full, memory, I/O); nothing was changed.
    """
    connection.begin()
    try:
        yield
        if keeps:
            connection.commit()
        else:
            connection.rollback()
    except BaseException as error:
        # After a fatal error the connection refuses the rollback too; what failed first is what matters.
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        if isinstance(error, duckdb.Error):
            raise WarehouseError(
                "the rows could not be written",
                why=str(error),
                fix="free disk space or memory and run again; nothing of this batch was kept",
            ) from error
        raise


def _write_ahead_log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _configuration(layout: DataLayout, memory_factor: int) -> dict[str, str | bool | int | float | list[str]]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    memory = min(max(int(total * _MEMORY_SHARE), _MEMORY_FLOOR), _MEMORY_CEILING) * memory_factor
    return {
        "threads": min(os.cpu_count() or 1, _THREAD_CEILING),
        "memory_limit": f"{memory // 1024**2}MiB",
        "temp_directory": str(layout.warehouse_dir / "spill"),
        "preserve_insertion_order": False,
        # Texts compress in a third less CPU time than in the format of 2022 that is the default; size is the same.
        "storage_compatibility_version": "v1.4.0",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def _connect(layout: DataLayout, path: Path, *, read_only: bool, memory_factor: int = 1) -> Connection:
    connection = duckdb.connect(str(path), read_only=read_only, config=_configuration(layout, memory_factor))
    connection.execute("set TimeZone = 'UTC'")
    # A slow statement would draw its progress on stdout, which belongs to the command's answer.
    connection.execute("set enable_progress_bar = false")
    return connection


def _create(layout: DataLayout) -> None:
    """A new database file is not written in one step, so it grows under another name and is renamed when whole.

    The name is always the same, so that what a killed process has left of it is cleared by the next.
    """
    path = layout.warehouse
    partial = path.with_name(f"{path.name}.tmp")
    try:
        _clear(partial)
        _connect(layout, partial, read_only=False).close()
        partial.chmod(0o600)
        partial.rename(path)
    except (duckdb.Error, OSError) as error:
        with contextlib.suppress(OSError):
            _clear(partial)  # in vain on a disk that fails; the next run does it
        raise WarehouseError(
            "the warehouse file cannot be created",
            where=str(path),
            why=str(error),
            fix="make the folder writable and free disk space",
        ) from error


def _clear(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _write_ahead_log(partial).unlink(missing_ok=True)


def _connect_or_set_log_aside(layout: DataLayout, read_only: bool) -> Connection:
    path = layout.warehouse
    try:
        return _connect(layout, path, read_only=read_only)
    except duckdb.OutOfMemoryException:
        # Replay of a long log runs under the memory limit; more is asked for once.
        return _connect(layout, path, read_only=read_only, memory_factor=3)
    except duckdb.Error as error:
        if "checkpoint iteration does not match" in str(error) and not read_only:
            return _set_log_aside(layout, error)
        raise _open_error(path, error) from error


def _set_log_aside(layout: DataLayout, cause: Exception) -> Connection:
    """The log is older than the file, which already holds its commits; files that a lost commit held are read again."""
    log = _write_ahead_log(layout.warehouse)
    kept = log.with_name(f"{log.name}.set-aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    _log.warning("%s did not fit its database (%s); moved to %s", log.name, cause, kept.name)
    log.rename(kept)
    try:
        return _connect(layout, layout.warehouse, read_only=False)
    except duckdb.Error as error:
        raise _open_error(layout.warehouse, error) from error


def _fold_in_log(connection: Connection, path: Path) -> None:
    try:
        # A run that was killed right here has left the schema in the log.
        connection.execute("drop schema if exists recovery_guard")
        connection.execute("create schema recovery_guard")
        connection.execute("drop schema recovery_guard")
        connection.execute("checkpoint")
    except duckdb.Error as error:
        connection.close()
        raise _open_error(path, error) from error


def _open_error(path: Path, error: Exception) -> WarehouseError:
    text = str(error)
    if "Could not set lock" in text or "Conflicting lock" in text:
        return WarehouseError(
            "the warehouse is open in another process",
            where=str(path),
            why=text.splitlines()[0],
            fix="wait until that process has ended; readers use the published file",
        )
    return WarehouseError(
        "the warehouse cannot be opened",
        where=str(path),
        why=text.splitlines()[0] if text else type(error).__name__,
        fix="restore the file from a copy, or move it away and run again: landed files are read anew",
    )
