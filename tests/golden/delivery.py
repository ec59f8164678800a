"""Delivers the hand-written data set into a data root and runs the pipeline on it."""

import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from comparison import utc_text

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent / "handwritten"
NOW = "2026-05-20T00:00:00Z"

# The heartbeats of a monitoring probe (a test account). They are in no metric; they keep the share of bad rows in a
# file well under the reject threshold of 5%, so that the file is loaded and its bad rows are quarantined one by one.
PROBE_HEARTBEATS = 420
PROBE_OFFERS = 30

# The columns of the ads file that are not text.
ADS_TYPES = {
    "episode_seq": pa.int64(),
    "is_ended": pa.bool_(),
    "is_test": pa.bool_(),
    "revenue_amount": pa.decimal128(18, 6),
    "event_ts": pa.timestamp("us", tz="UTC"),
    "received_ts": pa.timestamp("us", tz="UTC"),
}


def probe_heartbeats() -> bytes:
    """One heartbeat a second from a test account: seven playbacks of episode 1, each played from 0 to 59 s."""
    lines = []
    for second in range(PROBE_HEARTBEATS):
        playback, position = divmod(second, 60)
        happened = datetime(2026, 5, 13, tzinfo=UTC) + timedelta(seconds=second)
        event_type = "start" if position == 0 else "progress"
        lines.append(
            f'{{"event_id":"x-probe-{second}","playback_id":"x-probe-{playback}","surface":"ext_web",'
            f'"app_id":"web-1","viewer_id":"probe-1","series_id":"S-ROOF","episode_id":"ROOF-1","episode_seq":1,'
            f'"event_type":"{event_type}","event_ts":"{utc_text(happened)}",'
            f'"received_ts":"{utc_text(happened + timedelta(seconds=1))}","position_ms":{position * 1000},'
            f'"duration_ms":60000,"watched_ms":{position * 1000},"access_type":"free"}}\n'
        )
    return "".join(lines).encode()


def probe_offers(header: Sequence[str]) -> str:
    """One paywall offer a minute from the same test account, in the columns of the unlock file."""
    lines = []
    for minute in range(PROBE_OFFERS):
        happened = datetime(2026, 5, 13, tzinfo=UTC) + timedelta(minutes=minute)
        offer = {
            "source": "client",
            "order_id": f"X-probe-{minute}",
            "line_no": "1",
            "event_seq": "1",
            "event_type": "offered",
            "surface": "ext_web",
            "app_id": "web-1",
            "viewer_id": "probe-1",
            "series_id": "S-ROOF",
            "episode_seq_from": "3",
            "episode_seq_to": "3",
            "token_paid": "0",
            "token_bonus": "0",
            "event_ts": utc_text(happened),
            "received_ts": utc_text(happened + timedelta(seconds=1)),
        }
        lines.append(",".join(offer.get(column, "") for column in header) + "\n")
    return "".join(lines)


def deliver_first(root: Path) -> None:
    """Deliver views-a (plain JSONL) and unlocks-a (CSV)."""
    source = SOURCES / "landing"
    (root / "landing/views").mkdir(parents=True, exist_ok=True)
    (root / "landing/unlocks").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "views/views-a.jsonl", root / "landing/views/views-a.jsonl")
    unlocks = (source / "unlocks/unlocks-a.csv").read_text(encoding="utf-8")
    header = unlocks.splitlines()[0].split(",")
    (root / "landing/unlocks/unlocks-a.csv").write_text(unlocks + probe_offers(header), encoding="utf-8")


def deliver_rest(root: Path) -> None:
    """Deliver the reference tables, the statements, the other logs and an unfinished file that is not to be taken."""
    source = SOURCES / "landing"
    shutil.copytree(SOURCES / "reference", root / "reference")
    shutil.copytree(source / "statements", root / "landing/statements")
    for folder in ("views/own_apps", "unlocks", "ads", "topups"):
        (root / "landing" / folder).mkdir(parents=True, exist_ok=True)

    views = (source / "views/own_apps/views-b.jsonl").read_bytes().replace(b"<0xE9>", b"\xe9")
    (root / "landing/views/own_apps/views-b.jsonl.gz").write_bytes(gzip.compress(views + probe_heartbeats(), mtime=0))
    shutil.copy(source / "views/views-c.jsonl.part", root / "landing/views/views-c.jsonl.part")
    shutil.copy(source / "unlocks/unlocks-b.csv", root / "landing/unlocks/unlocks-b.csv")
    shutil.copy(source / "topups/topups-a.csv", root / "landing/topups/topups-a.csv")
    with (source / "ads/ads.csv").open(encoding="utf-8", newline="") as file:
        types = {**dict.fromkeys(next(csv.reader(file)), pa.string()), **ADS_TYPES}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    ads = pyarrow.csv.read_csv(source / "ads/ads.csv", convert_options=options)
    pyarrow.parquet.write_table(ads, root / "landing/ads/ads.parquet")


def run_command(root: Path, command: str) -> None:
    """`cliffhanger <command>` on the data root; it must end well."""
    outcome = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", command],
        cwd=PROJECT,
        env={**os.environ, "CLIFFHANGER_DATA": str(root), "CLIFFHANGER_NOW": NOW},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert outcome.returncode == 0, (
        f"`cliffhanger {command}` ended with {outcome.returncode}\n--- stdout\n{outcome.stdout[-4000:]}\n"
        f"--- stderr\n{outcome.stderr[-8000:]}"
    )


def run_pipeline(root: Path) -> Path:
    """Run the pipeline on the data root and return the released file."""
    run_command(root, "run")
    released = root / "published/cliffhanger.duckdb"
    assert released.exists(), f"`cliffhanger run` ended with 0 but released nothing at {released}"
    return released
