"""`quarantine/<feed>/<sha256>.jsonl`: what was refused of a file, for people to look at; the table is the truth."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection

_CHUNK_ROWS = 10_000


def write_mirrors(connection: Connection, layout: DataLayout, feed: str) -> int:
    """Write the mirror of every file noted in `raw.unmirrored`, each in one step; return how many.

    A run that was killed between its commit and this is made good by the next.

    Raises:
        WarehouseError: The folder cannot be written; the files stay noted.
    """
    rows = connection.execute(
        "select distinct file_sha256 from raw.unmirrored where feed = ? order by 1", [feed]
    ).fetchall()
    if not rows:
        return 0
    folder = layout.quarantine / feed
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for (file_sha256,) in rows:
            _write_mirror(connection, folder / f"{file_sha256}.jsonl", feed, file_sha256)
    except OSError as error:
        raise WarehouseError(
            "the quarantine files cannot be written",
            where=str(folder),
            why=str(error),
            fix="free disk space or make the folder writable and run again; the rows are safe in the warehouse",
        ) from error
    connection.execute("delete from raw.unmirrored where feed = ?", [feed])
    return len(rows)


def _write_mirror(connection: Connection, path: Path, feed: str, file_sha256: str) -> None:
    file_row = connection.execute(
        "select file_name, status, reason_code, detail from raw.files where feed = ? and file_sha256 = ?",
        [feed, file_sha256],
    ).fetchone()
    found = connection.execute(
        "select file_name, line_no, reason_code, detail, raw_text from raw.quarantine "
        "where feed = ? and file_sha256 = ? and reason_code <> 'held' order by line_no, reason_code",
        [feed, file_sha256],
    )
    # One name for all runs: the next run writes over what a killed one has left.
    partial = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    count = 0
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        if file_row is not None and file_row[1] != "loaded":
            count += _write_line(stream, file_row[0], None, file_row[2], file_row[3], None)
        while rows := found.fetchmany(_CHUNK_ROWS):
            for row in rows:
                count += _write_line(stream, *row)
        stream.flush()
        os.fsync(stream.fileno())
    if count:
        partial.replace(path)
    else:
        partial.unlink()
        path.unlink(missing_ok=True)


def _write_line(
    stream: Any, file_name: str, line_no: int | None, reason_code: str, detail: str | None, raw_text: str | None
) -> int:
    row = {
        "file_name": file_name,
        "line_no": line_no,
        "reason_code": reason_code,
        "detail": detail,
        "raw_text": raw_text,
    }
    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 1
