"""Another name for a person in every text of a database, and a database file without what was overwritten in it.

A pseudonym has 128 random bits, so that wherever it stands in a text it means its person.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.warehouse import Connection

_STORAGE_VERSION = "v1.4.0"


def rename_persons(connection: Connection, renamed: Mapping[str, str]) -> dict[str, int]:
    """Replace pseudonyms in every text column of every table, in the caller's transaction; rows changed by table."""
    columns = connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns "
        "inner join information_schema.tables using (table_catalog, table_schema, table_name) "
        "where data_type = 'VARCHAR' and table_type = 'BASE TABLE' order by all"
    ).fetchall()
    found: dict[str, int] = {}
    for schema, table, column in columns:
        name = f'"{column}"'
        for before, after in renamed.items():
            (count,) = connection.execute(
                f'update "{schema}"."{table}" set {name} = replace({name}, $before, $after) '
                f"where contains({name}, $before)",
                {"before": before, "after": after},
            ).fetchall()[0]
            if count:
                found[f"{schema}.{table}"] = found.get(f"{schema}.{table}", 0) + count
    return found


def forget_devices(connection: Connection, relation: str, columns: Sequence[str], renamed: Mapping[str, str]) -> None:
    """In the raw rows of a viewer the device becomes the viewer's new name too: it could lead back."""
    for device in columns:
        if device != "viewer_id":
            for before, after in renamed.items():
                connection.execute(
                    f'update {relation} set "{device}" = $after where viewer_id = $before and "{device}" is not null',
                    {"before": before, "after": after},
                )


def forget_links(connection: Connection, relation: str, columns: Sequence[str], renamed: Mapping[str, str]) -> int:
    """Take out the rows of a table of links that name one of these persons; returns how many."""
    named = " or ".join(f'"{column}" in (select unnest($names))' for column in columns)
    rows = connection.execute(
        f"delete from {relation} where {named}", {"names": [*renamed, *renamed.values()]}
    ).fetchall()
    return int(rows[0][0])


def rows_of(connection: Connection, relation: str, columns: Sequence[str], pseudonym: str) -> list[tuple[str, int]]:
    """(sha-256 of the file, line) of every raw row of a person."""
    named = " or ".join(f'"{column}" = $name' for column in columns)
    return connection.execute(
        f"select _file_sha256, _line_no from {relation} where {named}", {"name": pseudonym}
    ).fetchall()


def last_event(connection: Connection, relation: str, event: str, columns: Sequence[str], name: str) -> datetime | None:
    """Latest event time among the rows of a person."""
    named = " or ".join(f'"{column}" = $name' for column in columns)
    row = connection.execute(f'select max("{event}") from {relation} where {named}', {"name": name}).fetchone()
    return row[0] if row else None


def mask_in_quarantine(connection: Connection, ids: Sequence[str], *, changes: bool) -> int:
    """Put `***` where a refused row's text or reason shows one of these ids as a whole word; returns how many rows.

    Args:
        changes: Otherwise only counted.
    """
    word = re.compile("|".join(rf"(?<![\w-]){re.escape(text)}(?![\w-])" for text in ids))
    found = connection.execute(
        "select rowid, feed, file_sha256, raw_text, detail from raw.quarantine where exists ("
        "select 1 from unnest($ids) as wanted(id) where contains(coalesce(raw_text, ''), id) "
        "or contains(coalesce(detail, ''), id))",
        {"ids": list(ids)},
    ).fetchall()
    count = 0
    for row_id, feed, sha256, *texts in found:
        masked = [None if text is None else word.sub("***", text) for text in texts]
        if masked == texts:
            continue
        count += 1
        if changes:
            connection.execute("update raw.quarantine set raw_text = ?, detail = ? where rowid = ?", [*masked, row_id])
            connection.execute("insert into raw.unmirrored values (?, ?)", [feed, sha256])
    return count


def follow_content(
    connection: Connection, feed: str, relation: str, *, before: str, after: str, name: str, size: int, modified_ns: int
) -> None:
    """A landed file has another content now: the books follow, and the content it had stays known."""
    size_before = connection.execute(
        "select size_bytes from raw.files where feed = ? and file_sha256 = ?", [feed, before]
    ).fetchone()
    connection.execute(f"update {relation} set _file_sha256 = ? where _file_sha256 = ?", [after, before])
    connection.execute(
        "update raw.files set file_sha256 = ?, size_bytes = ? where feed = ? and file_sha256 = ?",
        [after, size, feed, before],
    )
    for table in ("raw.quarantine", "raw.lost_rows", "raw.decisions", "raw.unknown_columns", "raw.unmirrored"):
        connection.execute(
            f"update {table} set file_sha256 = ? where feed = ? and file_sha256 = ?", [after, feed, before]
        )
    connection.execute("update raw.decisions set mended_sha256 = ? where mended_sha256 = ?", [after, before])
    connection.execute(
        "update raw.file_names set size_bytes = ?, modified_ns = ? where file_sha256 = ? and file_name = ?",
        [size, modified_ns, before, name],
    )
    connection.execute("update raw.file_names set file_sha256 = ? where file_sha256 = ?", [after, before])
    if size_before is not None:
        connection.execute("insert into raw.unmirrored values (?, ?)", [feed, after])
        connection.execute("insert into raw.superseded values (?, ?, ?, ?)", [feed, before, size_before[0], after])


def write_anew(path: Path) -> None:
    """Copy a closed database into a new file that takes its place: what was overwritten or deleted is in no block.

    Raises:
        WarehouseError: The disk refuses; the file is as it was.
    """
    partial = path.with_name(f".{path.name}.erasing.tmp")
    partial.unlink(missing_ok=True)
    mode = path.stat().st_mode & 0o777
    try:
        with closing(duckdb.connect(config={"autoinstall_known_extensions": "false"})) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"attach {_literal(path)} as before (read_only)")
            connection.execute(f"attach {_literal(partial)} as after (storage_version '{_STORAGE_VERSION}')")
            connection.execute("copy from database before to after")
            connection.execute("checkpoint after")
        partial.chmod(mode)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except (duckdb.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise WarehouseError(
            "a database cannot be written anew without the erased person",
            where=str(path),
            why=str(error),
            fix="free disk space, then finish with `cliffhanger erase --resume`",
        ) from error


def rename_in_file(path: Path, renamed: Mapping[str, str]) -> tuple[str, str] | None:
    """Replace pseudonyms in a sealed database file; its sha-256 before and after, None when it held none of them.

    Raises:
        WarehouseError: The disk refuses; the file is as it was.
    """
    before = sha256_of(path)
    partial = path.with_name(f".{path.name}.renaming.tmp")
    partial.unlink(missing_ok=True)
    mode = path.stat().st_mode & 0o777
    try:
        with path.open("rb") as source, partial.open("wb") as out:
            while block := source.read(1024**2):
                out.write(block)
        with closing(duckdb.connect(str(partial), config={"autoinstall_known_extensions": "false"})) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")
            changed = rename_persons(connection, renamed)
            connection.execute("checkpoint")
        if not changed:
            return None
        write_anew(partial)
        partial.chmod(mode)
        partial.replace(path)
        return before, sha256_of(path)
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(
            "a release cannot be written without the erased person",
            where=str(path),
            why=str(error),
            fix="free disk space, then finish with `cliffhanger erase --resume`",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
