"""A viewer is erased from a data root that was run, closed and reported; a key and ids are looked for everywhere."""

from __future__ import annotations

import base64
import gzip
import json
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from nights import FIRST_NIGHT, SECOND_NIGHT, Command, succeed

pytestmark = pytest.mark.full
DELIVERED = ("landing", "reference")
_WORD = re.compile(rb"[A-Za-z0-9_.$-]{3,}")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "canary"
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(32))
    return path


@pytest.fixture(scope="module")
def ran(small_world: Path, tmp_path_factory: pytest.TempPathFactory, command: Command, key: Path) -> Path:
    """Run, closed, run again and reported; copy it before writing to it."""
    root = tmp_path_factory.mktemp("ran") / "data"
    shutil.copytree(small_world, root)
    shutil.rmtree(root / "truth")
    for step in (("run",), ("close", "--complete"), ("run",), ("report", "build")):
        succeed(command(root, *step, CLIFFHANGER_NOW=FIRST_NIGHT, CLIFFHANGER_PSEUDONYM_KEY_FILE=str(key)))
    return root


def rows(root: Path, feed: str) -> Iterator[dict[str, Any]]:
    """Everything delivered to a feed, as far as it can be read."""
    for path in sorted((root / "landing" / feed).glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def ids(root: Path) -> set[str]:
    """Every id of a viewer or device that was delivered."""
    return {
        str(row[name])
        for feed in ("views", "unlocks", "ads", "topups")
        for row in rows(root, feed)
        for name in ("viewer_id", "anon_id")
        if row.get(name) and len(str(row[name])) > 3
    }


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file's own name would hide its schema of that name; views of the warehouse need the warehouse's."""
    name = "warehouse" if path.stem == "warehouse" else "opened"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as {name} (read_only)")
        connection.execute(f"use {name}")
        yield connection


def words(path: Path) -> set[str]:
    """Whole words of a file; of databases and Parquet files also those of their texts."""
    found = set(_WORD.findall(path.read_bytes()))
    if path.suffix == ".parquet":
        found |= set(_WORD.findall(repr(pq.read_table(path).to_pylist()).encode()))
    if path.suffix == ".duckdb":
        with opened(path) as connection:
            columns = connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns() "
                "semi join duckdb_tables() using (database_name, schema_name, table_name) "
                "where data_type = 'VARCHAR' and database_name = current_database()"
            ).fetchall()
            for schema, table, column in columns:
                texts = connection.execute(f'select distinct "{column}" from "{schema}"."{table}"').fetchall()
                found |= {word for (text,) in texts if text for word in _WORD.findall(text.encode())}
    return {word.decode() for word in found}


def written(root: Path) -> list[Path]:
    """What the project has written below the root."""
    return [
        path for path in sorted(root.rglob("*")) if path.is_file() and path.relative_to(root).parts[0] not in DELIVERED
    ]


def test_neither_key_nor_ids_are_in_anything_that_was_written(ran: Path, key: Path) -> None:
    content = key.read_bytes()
    spellings = (content, content.hex().encode(), base64.b64encode(content), base64.urlsafe_b64encode(content))
    delivered = ids(ran)
    assert len(delivered) > 300
    files = written(ran)
    assert {path.suffix for path in files} >= {".duckdb", ".pdf", ".json", ".parquet"}
    for path in files:
        held = path.read_bytes()
        assert not any(spelling in held for spelling in spellings), path
        assert not words(path) & delivered, path


def figures(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every released row but who the viewer is and what is true of one run only."""
    found = {}
    with opened(root / "published/cliffhanger.duckdb") as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database() "
            "and not (schema_name = 'meta' and "
            "table_name in ('releases', 'checks')) order by all"
        ).fetchall()
        for schema, table in tables:
            columns = "columns(c -> c not in ('viewer_key', 'ingested_at', 'batch_id', 'file_sha256', 'size_bytes'))"
            query = f'select {columns} from "{schema}"."{table}" order by all'
            found[f"{schema}.{table}"] = connection.execute(query).fetchall()
    return found


def test_a_viewer_is_erased_and_no_figure_moves(ran: Path, key: Path, tmp_path: Path, command: Command) -> None:
    root = tmp_path / "data"
    shutil.copytree(ran, root)
    environment = {"CLIFFHANGER_NOW": SECOND_NIGHT, "CLIFFHANGER_PSEUDONYM_KEY_FILE": str(key)}
    payers = Counter(row.get("viewer_id") for row in rows(root, "unlocks") if str(row.get("token_paid", "0")) > "0")
    viewer = next(name for name, _ in payers.most_common() if name)
    with duckdb.connect(str(root / "warehouse/warehouse.duckdb"), read_only=True) as connection:
        order = next(row["order_id"] for row in rows(root, "unlocks") if row.get("viewer_id") == viewer)
        (pseudonym,) = connection.execute("select viewer_id from raw.unlocks where order_id = ?", [order]).fetchall()[0]
    before, ledger = figures(root), {path: path.read_bytes() for path in (root / "ledger").rglob("*") if path.is_file()}
    assert viewer in ids(root)
    assert any(pseudonym in "".join(words(path)) for path in written(root) if path.suffix == ".duckdb")

    planned = json.loads(succeed(command(root, "erase", "--viewer", viewer, "--dry-run", "--json", **environment)))
    assert planned["raw_rows"]["unlocks"] > 0
    receipt = json.loads(succeed(command(root, "erase", "--viewer", viewer, "--yes", "--json", **environment)))
    assert receipt["is_ledger_unchanged"]
    assert receipt["ledger_head_before"] != "0" * 64, "a month is closed"
    assert figures(root) == before, "also before the next run"

    succeed(command(root, "run", **environment))
    succeed(command(root, "verify", **environment))
    assert figures(root) == before
    assert {path: path.read_bytes() for path in (root / "ledger").rglob("*") if path.is_file()} == ledger
    assert viewer not in ids(root)
    for path in written(root):
        assert pseudonym.encode() not in path.read_bytes(), path
        assert not {word for word in words(path) if word == viewer or pseudonym in word}, path

    again = command(root, "erase", "--viewer", viewer, "--yes", **environment)
    assert again.returncode == 4, again.stderr
    printed = json.loads(succeed(command(root, "run", "--json", **environment)))
    assert not printed["files"], "nothing is read again"

    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_bytes(secrets.token_bytes(32))
    refused = command(root, "run", CLIFFHANGER_NOW=SECOND_NIGHT, CLIFFHANGER_PSEUDONYM_KEY_FILE=str(wrong))
    assert refused.returncode == 1
    assert "not the one this warehouse was filled with" in refused.stderr
