"""Takes in what a data root's landing holds, as a process of its own, and prints what it told and what it took.

Run as `python intake.py <data root> <night>`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = time.monotonic()
FIRST_NIGHT = datetime(2026, 5, 20, 3, tzinfo=UTC)


def peak_bytes() -> int:
    """Largest resident set of this process.

    Not `getrusage`, which begins with that of the process this one was forked from.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status names no VmHWM")


def main(root: Path, night: int) -> None:
    landing = os.fspath(root / "landing") + os.sep
    outside = os.fspath(root / "secret.jsonl")
    opened: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            name = os.fsdecode(arguments[0])
            if name.startswith(landing) or name in (outside, "/etc/passwd"):
                opened.add(name.removeprefix(landing))

    sys.addaudithook(note)
    from dagster_project.contracts import feed_contracts
    from dagster_project.ingest import ingest_feed, prepare_raw
    from dagster_project.storage.batches import prepare_history
    from dagster_project.storage.layout import DataLayout
    from dagster_project.storage.warehouse import open_warehouse

    layout = DataLayout(root)
    layout.prepare()
    contracts = feed_contracts()
    connection = open_warehouse(layout)
    prepare_raw(connection, contracts)
    prepare_history(connection)
    told = []
    now = FIRST_NIGHT + timedelta(days=night - 1)
    for feed in ("views", "unlocks", "ads", "topups"):
        result = ingest_feed(connection, layout, contracts[feed], batch_id=f"night-{night}", now=now)
        told += [asdict(file) for file in result.files]
    connection.close()
    answer = {
        "outcomes": told,
        "opened": sorted(opened),
        "seconds": time.monotonic() - START,
        "peak_bytes": peak_bytes(),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
