"""What a warehouse holds, in the oracle's words, and how it differs from what it should hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import Connection
from fault_trials.native_files import UNKNOWN_ID
from fault_trials.oracle import Content, Oracle, Place

_SHOWN = 5
_MADE_IDS = ("max-",)


def read_content(connection: Connection, oracle: Oracle) -> Content:
    """The rows and books of all feeds."""
    content = Content()
    tables = {
        row[0]
        for row in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'raw'"
        ).fetchall()
    }
    for name, feed in oracle.feeds.items():
        columns = ", ".join(f'"{column}"' for column in feed.columns)
        for *values, file, line in _select(connection, tables, name, f"{columns}, _file_name, _line_no"):
            _put(content.rows, (name, file, line), tuple(_plain(value) for value in values), content, "raw row")
    of_file: dict[tuple[str, str], str] = {}
    counts = "lines_read, accepted, duplicate, conflict, rejected, blank"
    for feed_name, sha256, file, *rest in _select(
        connection, tables, "files", f"feed, file_sha256, file_name, status, reason_code, {counts}"
    ):
        of_file[feed_name, sha256] = file
        _put(content.files, (feed_name, file), tuple(rest), content, "file")
    for feed_name, file, line, reason in _select(
        connection, tables, "quarantine", "feed, file_name, line_no, reason_code"
    ):
        _put(content.quarantine, (feed_name, file, line), reason, content, "quarantined row")
    for feed_name, sha256, line, state in _select(connection, tables, "lost_rows", "feed, file_sha256, line_no, state"):
        _put(content.losers, (feed_name, of_file[feed_name, sha256], line), state, content, "lost row")
    content.touched = set(_select(connection, tables, "touched", "feed, event_date, viewer_key"))
    for feed_name, at in _select(connection, tables, "watermarks", "feed, max(as_of_after)", "group by all"):
        if oracle.feeds[feed_name].received:
            content.watermarks[feed_name] = None if at is None else at.astimezone(UTC)
    owners = {delivery.name: feed_name for feed_name, files in oracle.world.items() for delivery in files}
    for (file,) in _select(connection, tables, "file_names", "file_name"):
        if (owners[file], file) in content.names:
            content.twice.append(f"file name {file}")
        content.names.add((owners[file], file))
    return content


def differences(expected: Content, found: Content) -> list[str]:
    """Each difference in a sentence; an empty list when there is none."""
    told = [f"{what} is there twice" for what in found.twice]
    for what in ("rows", "files", "quarantine", "losers"):
        told += _compare(what, getattr(expected, what), getattr(found, what))
    missing = expected.touched - found.touched
    told += [f"touched: {item} is missing" for item in sorted(missing, key=str)[:_SHOWN]]
    for feed, at in expected.watermarks.items():
        if at is not None and found.watermarks.get(feed) != at:
            told.append(f"watermark of {feed}: {found.watermarks.get(feed)} instead of {at}")
    return told


def mirror_differences(root: Path, oracle: Oracle, expected: Content) -> list[str]:
    """How `quarantine/` differs from what was refused, and files that no run should leave behind."""
    layout, told = DataLayout(root), []
    wanted: dict[Path, set[tuple[int | None, str]]] = {}
    for (feed, name), (status, reason, *_) in expected.files.items():
        (payload,) = (delivery.payload for delivery in oracle.world[feed] if delivery.name == name)
        lines: set[tuple[int | None, str]] = {
            (line, why)
            for (of_feed, file, line), why in expected.quarantine.items()
            if (of_feed, file) == (feed, name) and why != "held"
        }
        if status != "loaded":
            lines.add((None, reason))
        if lines:
            wanted[layout.quarantine / feed / f"{hashlib.sha256(payload).hexdigest()}.jsonl"] = lines
    there = {path for path in layout.quarantine.rglob("*") if path.is_file()}
    told += [f"quarantine: {path.name} is missing" for path in sorted(set(wanted) - there)]
    told += [f"left behind: {path.relative_to(root)}" for path in sorted(there - set(wanted))]
    for path in sorted(there & set(wanted)):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = {(row["line_no"], row["reason_code"]) for row in rows}
        if found != wanted[path] or len(rows) != len(found):
            told.append(f"quarantine: {path.name} holds {len(rows)} lines that are not those refused")
    own = {layout.warehouse, layout.writer_lock}
    for path in sorted(layout.warehouse_dir.rglob("*")):
        if path.is_file() and path not in own and ".set-aside-" not in path.name:
            told.append(f"left behind: {path.relative_to(root)}")
    return told


def _select(
    connection: Connection, tables: Collection[str], table: str, columns: str, rest: str = ""
) -> list[tuple[Any, ...]]:
    """Of a table of `raw`; a run that was stopped early may not have made it yet."""
    if table not in tables:
        return []
    return connection.execute(f"select {columns} from raw.{table} {rest}").fetchall()


def _compare(what: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> list[str]:
    told = [f"{what}: {place} is missing" for place in _first(set(expected) - set(found))]
    told += [f"{what}: {place} should not be there" for place in _first(set(found) - set(expected))]
    changed = [place for place in expected if place in found and expected[place] != found[place]]
    return told + [f"{what}: {place} is {found[place]} instead of {expected[place]}" for place in changed[:_SHOWN]]


def _first(places: set[Any]) -> Sequence[Any]:
    return sorted(places, key=str)[:_SHOWN]


def _put(there: dict[Any, Any], place: Place | tuple[str, str], value: Any, content: Content, what: str) -> None:
    if place in there:
        content.twice.append(f"{what} {place}")
    there[place] = value


def _plain(value: Any) -> Any:
    """As the oracle writes it: UTC, exact, and no id that the project makes itself."""
    match value:
        case datetime():
            return value.astimezone(UTC)
        case str() if value.startswith(_MADE_IDS):
            return UNKNOWN_ID
        case Decimal() | date() | None | bool() | int() | str():
            return value
        case _:
            return repr(value)
