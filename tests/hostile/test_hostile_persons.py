"""Whatever is wrong with a record, the viewer's id is not readable in what quarantine keeps of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from catalogue import json_line, view
from csv_files import HEADER, table, topup

from dagster_project.contracts import feed_contracts
from dagster_project.ingest import ingest_feed, prepare_raw
from dagster_project.ingest.reject_reasons import hidden_key
from dagster_project.storage.batches import prepare_history
from dagster_project.storage.layout import DataLayout

LINES = {
    "good spelling": '{"viewer_id":"ID"}',
    "spaced": '{"viewer_id" : "ID", "x": 1}',
    "other case": '{"Viewer_ID":"ID"}',
    "single quotes": "{'viewer_id':'ID','x':1}",
    "no quotes": "{viewer_id:ID,x:1}",
    "as a setting": "viewer_id=ID x=1",
    "never closed": '{"viewer_id":"ID',
    "escaped quote": '{"viewer_id":"a\\"ID"}',
    "number": '{"viewer_id":5ID}',
    "nested": '{"viewer_id":{"a":"ID"}}',
    "JSON within JSON": json.dumps({"x": json.dumps({"viewer_id": "ID", "y": 1})}),
    "twice within JSON": json.dumps({"x": json.dumps(json.dumps({"viewer_id": "ID"}))}),
    "said twice": '{"viewer_id":"ID","viewer_id":"ID"}',
}
KEPT = {
    "another key": '{"x_viewer_id":"ID"}',
    "another value": '{"os":"viewer_id","x":"ID"}',
}


@pytest.mark.parametrize("case", LINES)
def test_a_value_is_hidden_however_its_key_is_written(case: str) -> None:
    row = duckdb.execute(f"select {hidden_key('$text', 'viewer_id')}", {"text": LINES[case]}).fetchone()
    assert row is not None
    assert "ID" not in row[0].replace("viewer_ID", "").replace("Viewer_ID", "")
    assert "***" in row[0]


@pytest.mark.parametrize("case", KEPT)
def test_what_is_no_value_of_the_key_stays(case: str) -> None:
    assert duckdb.execute(f"select {hidden_key('$text', 'viewer_id')}", {"text": KEPT[case]}).fetchone() == (
        KEPT[case],
    )


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    made = DataLayout(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute("set TimeZone = 'UTC'")
    prepare_raw(opened, feed_contracts())
    prepare_history(opened)
    yield opened
    opened.close()


def take(connection: duckdb.DuckDBPyConnection, layout: DataLayout, feed: str, name: str, data: bytes) -> list[str]:
    """Texts in quarantine after a file was taken in, and the mirror."""
    path = layout.landing / feed / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    now = datetime(2026, 5, 20, tzinfo=UTC)
    ingest_feed(connection, layout, feed_contracts()[feed], batch_id="night", now=now)
    rows = connection.execute("select raw_text || ' ' || detail from raw.quarantine order by line_no").fetchall()
    mirrors = [path.read_text(encoding="utf-8") for path in layout.quarantine.rglob("*.jsonl")]
    assert mirrors
    return [*(text for (text,) in rows), *mirrors]


def test_persons_in_utf16_are_hidden(connection: duckdb.DuckDBPyConnection, layout: DataLayout) -> None:
    data = (json_line(view("a")) + b"\n" + json_line(view("b")) + b"\n").decode().encode("utf-16-le")
    texts = take(connection, layout, "views", "a.jsonl", data)
    assert len(texts) > 2
    assert not [text for text in texts if "person" in text.replace("\0", "").replace("\\u0000", "")]


def test_persons_in_shifted_csv_records_are_hidden(connection: duckdb.DuckDBPyConnection, layout: DataLayout) -> None:
    good, *rows = table([topup(f"p-{number}") for number in range(6)]).splitlines(keepends=True)[1:]
    records = [
        rows[0].replace("coins_100", "coins, 100"),
        rows[1].replace("coins_100", "coins, 100, big"),
        rows[2].replace("coins_100,", ""),
        rows[3].replace("apple,", ""),
        rows[4].replace("coins_100", '"coins'),
    ]
    data = ",".join(HEADER) + "\n" + good + "".join(records)
    texts = take(connection, layout, "topups", "a.csv", data.encode())
    assert len(texts) == 6
    assert not [text for text in texts if "person" in text]
    assert all("***" in text for text in texts)
