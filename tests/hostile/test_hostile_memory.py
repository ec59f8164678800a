"""Small files that unpack to much more, and rows with enormous values, cost no run its memory."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from catalogue import ad, json_line, json_lines, topup, unlock
from csv_files import HEADER, record
from parquet_files import columns, parquet, rows

PEAK_BYTES = 750 * 1000**2
"""Above that of the hostile folder: a vector of rows a thousand characters long costs the database some 300 MB."""
LONG = 900_000


def take_in(root: Path, files: dict[str, bytes]) -> tuple[dict[str, dict[str, Any]], int]:
    """Outcomes by file, and the largest resident set of the intake."""
    for name, data in files.items():
        path = root / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("intake.py")), str(root), "1"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout)
    return {outcome["file_name"]: outcome for outcome in told["outcomes"]}, told["peak_bytes"]


def repeated(count: int, text: pa.Array) -> dict[str, Any]:
    """So many ads of which each has the one text as its trigger."""
    made = {name: pa.repeat(array[0], count) for name, array in columns(rows("repeated", 1)).items()}
    names = pa.array([f"repeated-{number}" for number in range(count)])
    return {**made, "ad_event_id": names, "trigger": text}


def dictionary_bomb() -> bytes:
    """8 kB: a dictionary with one megabyte, which each of 2,000 rows repeats."""
    indices = pa.array([0] * 2_000, pa.int32())
    text = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * (1 << 20)]))
    return parquet(repeated(2_000, text), compression="zstd")


def plain_bomb() -> bytes:
    """20 kB: the same megabyte again and again."""
    text = pa.repeat(pa.scalar("x" * (1 << 20)), 400)
    return parquet(repeated(400, text), compression="zstd", use_dictionary=False)


def long_texts(count: int) -> list[str]:
    """Texts of 900 kB that shrink about a hundred times."""
    draw = random.Random(3)
    return [draw.randbytes(2_500).hex() * (LONG // 5_000) for _ in range(count)]


def long_lines() -> bytes:
    made = [json_line(ad(f"long-{number}", trigger=text)) for number, text in enumerate(long_texts(200))]
    return gzip.compress(b"\n".join(made), 1)


def long_records() -> bytes:
    made = [record({**topup(f"long-{number}"), "sku_id": text}) for number, text in enumerate(long_texts(200))]
    return gzip.compress((",".join(HEADER) + "\n" + "".join(made)).encode(), 1)


CASES: dict[str, tuple[str, Callable[[], bytes], str, int]] = {
    "Parquet dictionary": ("ads/bomb.parquet", dictionary_bomb, "held", 2_000),
    "Parquet pages": ("ads/bomb.parquet", plain_bomb, "rejected", 0),
    "CSV records": ("topups/long.csv.gz", long_records, "held", 200),
    "JSON lines": ("ads/long.jsonl.gz", long_lines, "held", 200),
}


@pytest.mark.parametrize("case", CASES)
def test_enormous_values_cost_no_memory_and_no_good_file(tmp_path: Path, case: str) -> None:
    name, make, status, lines = CASES[case]
    good = {"ads/good.jsonl": json_lines([ad("good")]), "unlocks/good.jsonl": json_lines([unlock("good")])}
    found, peak = take_in(tmp_path, {name: make(), **good})
    assert {good_name: found[good_name]["accepted"] for good_name in good} == dict.fromkeys(good, 1)
    assert (found[name]["status"], found[name]["lines_read"], found[name]["rejected"]) == (status, lines, lines)
    assert found[name]["reason_code"] == {"held": "held", "rejected": "too_large"}[status]
    if lines:
        assert f"too_long {lines:,}" in found[name]["detail"]
    assert peak < PEAK_BYTES


def test_long_values_that_the_contract_allows_stay_whole(tmp_path: Path) -> None:
    """In every form: a raw payload of the greatest length, with marks that need escapes."""
    payload = '"\\\u00e9\U0001f3ac' * 200_000 + "x" * 200_000
    assert len(payload) == 1_000_000
    small = payload[-150_000:]
    made = [unlock(f"long-{number}", raw_payload=small) for number in range(3)]
    table = {name: pa.array([row[name] for row in made[1:2]]) for name in made[1]}
    table |= columns([{name: made[1][name] for name in made[1] if name != "raw_payload"}])
    table["raw_payload"] = pa.array([payload]).dictionary_encode()
    names = tuple(made[2])
    files = {
        "unlocks/a.jsonl": json_line(made[0]) + b"\n",
        "unlocks/b.parquet": parquet(table),
        "unlocks/c.csv": (",".join(names) + "\n" + record(made[2], names)).encode(),
    }
    found, peak = take_in(tmp_path, files)
    assert {name: outcome["accepted"] for name, outcome in found.items()} == dict.fromkeys(files, 1), found
    assert peak < PEAK_BYTES
    with duckdb.connect(str(tmp_path / "warehouse/warehouse.duckdb"), read_only=True) as connection:
        kept = connection.execute("select order_id, raw_payload from raw.unlocks order by 1").fetchall()
    assert kept == [("long-0", small), ("long-1", payload), ("long-2", small)]
