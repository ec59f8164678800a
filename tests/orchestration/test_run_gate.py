"""A delivery of money that nobody is to be paid for stops the run; the released file stays as it was."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from nights import SECOND_NIGHT, Command, content_hash

NIGHT = datetime.fromisoformat(SECOND_NIGHT.replace("Z", "+00:00"))


def _ad(number: int) -> str:
    at = NIGHT - timedelta(days=1, minutes=number % 600)
    return json.dumps(
        {
            "ad_event_id": f"gate-{number}",
            "surface": "ext_ios",
            "app_id": "cliff-app",
            "series_id": "S-nobody-knows",
            "placement_id": "p",
            "ad_format": "rewarded",
            "event_type": "impression",
            "verification": "client_only",
            "event_ts": at.isoformat(),
            "received_ts": at.isoformat(),
        }
    )


def test_money_of_unknown_series_blocks_and_the_page_says_why(whole: Path, tmp_path: Path, command: Command) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    before, release = content_hash(root), (root / "published" / "cliffhanger.duckdb").stat().st_mtime_ns
    (root / "landing" / "ads" / "unknown.jsonl").write_text("\n".join(map(_ad, range(1_200))) + "\n", encoding="utf-8")
    done = command(root, "run", CLIFFHANGER_NOW=SECOND_NIGHT)
    assert done.returncode == 3, done.stderr
    sentence = "rows per million of an unknown series: 1,000,000, expected at most 50,000 (S-nobody-knows)"
    assert sentence in " ".join(done.stderr.split())
    index = root / "warehouse" / "data_docs" / "index.html"
    assert str(index) in done.stderr
    assert f"critical: {sentence}" in index.read_text(encoding="utf-8")
    assert (content_hash(root), (root / "published" / "cliffhanger.duckdb").stat().st_mtime_ns) == (before, release)
    doctor = command(root, "doctor", CLIFFHANGER_NOW=SECOND_NIGHT)
    assert str(index) in doctor.stdout
    assert "S-nobody-knows" in doctor.stdout
