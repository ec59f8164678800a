"""The operator's key for pseudonyms: read from a closed file, made once, and held against what it was used for."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from dagster_project.core.errors import PrivacyError
from dagster_project.core.pseudonyms import Pseudonymizer
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection

LEAST_KEY_BYTES = 32
_MOST_KEY_BYTES = 4096


def load_pseudonymizer(layout: DataLayout, key_file: Path | None) -> Pseudonymizer:
    """The pseudonymizer under the key of `key_file`; without one, under the data root's own key, made once.

    Raises:
        PrivacyError: The key file is missing, open to others, no plain file or too short.
    """
    if key_file is not None:
        return Pseudonymizer(read_key(key_file))
    if not layout.pseudonym_key.exists():
        _make_key(layout.pseudonym_key)
    return Pseudonymizer(read_key(layout.pseudonym_key))


def read_key(path: Path) -> bytes:
    """The bytes of a key file, all of them.

    Raises:
        PrivacyError: See `load_pseudonymizer`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error), "name a plain file that this user may read") from error
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path, "it is no plain file", "name a plain file")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise _unusable(path, f"other users may read it (mode {mode:04o})", f"chmod 600 {path}")
        key = stream.read(_MOST_KEY_BYTES + 1)
    if not LEAST_KEY_BYTES <= len(key) <= _MOST_KEY_BYTES:
        why = f"it holds {len(key)} bytes, a key has {LEAST_KEY_BYTES} to {_MOST_KEY_BYTES}"
        raise _unusable(path, why, f"make one: (umask 077; openssl rand -hex 32 > {path.name})")
    return key


def require_same_key(connection: Connection, pseudonymizer: Pseudonymizer) -> None:
    """Hold the key against the one this warehouse was filled with; an empty warehouse takes it.

    Raises:
        PrivacyError: It was filled with another key, or before persons had pseudonyms.
    """
    connection.execute("create schema if not exists raw")
    connection.execute("create table if not exists raw.pseudonym_key (fingerprint varchar)")
    known = connection.execute("select fingerprint from raw.pseudonym_key").fetchone()
    if known is not None and known[0] == pseudonymizer.fingerprint:
        return
    if known is not None:
        raise PrivacyError(
            "the key for pseudonyms is not the one this warehouse was filled with",
            where="CLIFFHANGER_PSEUDONYM_KEY_FILE",
            why=f"its fingerprint is {pseudonymizer.fingerprint}, the warehouse has {known[0]}: no person would be "
            "recognised",
            fix="name the former key file; if it is lost, move warehouse.duckdb away and run again: everything is "
            "read anew from landing",
        )
    if _holds_rows(connection):
        raise PrivacyError(
            "the warehouse holds persons by the ids they were delivered with",
            where="warehouse.duckdb",
            why="it was filled before ids were replaced by pseudonyms",
            fix="move warehouse.duckdb away and run again: everything is read anew from landing",
        )
    connection.execute("insert into raw.pseudonym_key values (?)", [pseudonymizer.fingerprint])


def _holds_rows(connection: Connection) -> bool:
    known = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'raw' and table_name = 'files'"
    ).fetchone()
    return known is not None and connection.execute("select 1 from raw.files limit 1").fetchone() is not None


def _make_key(path: Path) -> None:
    """Two commands may make it at once: the first that gives it its name wins, and both read that."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_hex(LEAST_KEY_BYTES).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # Unlike a rename, a link never takes the place of a key that has appeared meanwhile.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(partial)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error), "make the folder writable and free disk space") from error
    finally:
        partial.unlink(missing_ok=True)


def _unusable(path: Path, why: str, fix: str) -> PrivacyError:
    return PrivacyError("the key for pseudonyms cannot be used", where=str(path), why=why, fix=fix)
