"""Rows of views and ads typed both ways, as JSON lines and by the staging statements; what the typing tests share."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.contracts import TableContract, feed_contracts
from dagster_project.ingest import staging_sql
from dagster_project.ingest.json_lines import LINE_SCHEMA, FileCounts, json_batches
from dagster_project.ingest.merge_sql import MergeStatements

VIEWS, ADS = feed_contracts()["views"], feed_contracts()["ads"]
VIEW: dict[str, Any] = {
    "event_id": "e-1",
    "playback_id": "p-1",
    "surface": "ext_ios",
    "app_id": "ios-1",
    "viewer_id": "u-1",
    "series_id": "S-1",
    "episode_id": "E-1",
    "episode_seq": 3,
    "event_type": "start",
    "event_ts": "2026-05-12T09:00:00Z",
    "received_ts": "2026-05-12T09:00:02Z",
    "position_ms": 1500,
    "access_type": "free",
}
AD: dict[str, Any] = {
    "ad_event_id": "a-1",
    "surface": "ext_ios",
    "app_id": "ios-1",
    "placement_id": "pl-1",
    "ad_format": "rewarded",
    "event_type": "impression",
    "verification": "client_only",
    "event_ts": "2026-05-12T09:00:00Z",
    "received_ts": "2026-05-12T09:00:02Z",
}


def typed(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, lines: list[bytes], way: str
) -> dict[int, dict[str, Any] | str]:
    """By line number: the typed row, or the reason code of a refused one. The quick way includes its second look."""
    connection.execute(staging_sql.create_staged(contract))
    batches = json_batches(iter([b"\n".join(lines)]), 0, FileCounts())
    connection.register("delivered", pa.RecordBatchReader.from_batches(LINE_SCHEMA, batches))
    if way == "quick":
        connection.execute(staging_sql.insert_json_quickly(contract, "delivered", [tuple(VIEW), tuple(AD)]))
        aside, leave = staging_sql.set_failed_aside()
        connection.execute(aside)
        connection.execute(leave)
        connection.execute(staging_sql.insert_json_carefully(contract, "second_look", []))
    else:
        connection.execute(staging_sql.insert_json_carefully(contract, "delivered", []))
    connection.unregister("delivered")
    connection.execute(MergeStatements(contract).find_problems())
    names = [column.name for column in contract.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    good = connection.execute(f"select _line_no, {columns} from staged where _ok").fetchall()
    bad = connection.execute("select _line_no, reason_code from problem_row").fetchall()
    found: dict[int, dict[str, Any] | str] = {row[0]: dict(zip(names, row[1:], strict=True)) for row in good}
    assert not found.keys() & {row[0] for row in bad}
    return found | dict(bad)


def both_ways(
    connection: duckdb.DuckDBPyConnection, lines: list[bytes], contract: TableContract = VIEWS
) -> list[dict[str, Any] | str | None]:
    """What becomes of each line, the same either way; None when it is blank."""
    quick, careful = (typed(connection, contract, lines, way) for way in ("quick", "careful"))
    assert quick == careful
    return [quick.get(number) for number in range(1, len(lines) + 1)]


def line(text: str = "", /, **changes: Any) -> bytes:
    """A good view row with changes; `text` replaces the start of the object (`{text,"playback_id":...}`)."""
    row = {**VIEW, **changes}
    body = json.dumps({key: value for key, value in row.items() if value is not ...}, ensure_ascii=False)
    return (body if not text else "{" + text + "," + body[1:]).encode("utf-8", "surrogatepass")


def raw(column: str, literal: str) -> bytes:
    """A good view row with a literal written as it is."""
    body = json.dumps({key: value for key, value in VIEW.items() if key != column})
    return f'{{"{column}":{literal},{body[1:]}'.encode()
