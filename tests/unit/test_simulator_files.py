"""Written worlds: same seed same bytes, formats agree, and counts equal those of an independent plain reader."""

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

from dagster_project.simulator import WorldParameters, write_world

KEYS = {
    "views": ("event_id",),
    "unlocks": ("source", "order_id", "line_no", "event_type", "event_seq"),
    "ads": ("ad_event_id",),
    "topups": ("store", "store_transaction_id", "event_type"),
}
FEEDS = tuple(KEYS)
DIRTY = WorldParameters(
    viewers=260, days=20, seed=7, series=9, studios=10, malformed_share=0.03, blank_share=0.004, duplicate_share=0.03,
    conflict_share=0.01, late_share=0.03, test_share=0.08, invalid_share=0.05, suspect_share=0.05,
)  # fmt: skip


@pytest.fixture(scope="module")
def dirty_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("worlds") / "dirty"
    write_world(out, DIRTY)
    return out


def _digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_same_parameters_give_the_same_bytes(dirty_world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "again", DIRTY)
    assert _digests(tmp_path / "again") == _digests(dirty_world)


def test_another_seed_gives_other_rows(dirty_world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "other", WorldParameters(viewers=30, days=9, seed=8, series=2))
    name = "landing/views/2026-03-10.jsonl.gz"
    assert _digests(tmp_path / "other")[name] != _digests(dirty_world)[name]


def test_a_folder_with_content_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write_world(tmp_path, WorldParameters(viewers=5, days=3))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(stage: str, share: float) -> None:
        if stage == "truth":
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_world(tmp_path / "world", WorldParameters(viewers=20, days=3, series=2), progress=stop)
    assert list(tmp_path.iterdir()) == []


def _clean(seed: int) -> WorldParameters:
    return WorldParameters(viewers=120, days=8, seed=seed, series=3, malformed_share=0.0, blank_share=0.0)


def test_formats_agree_row_for_row(tmp_path: Path) -> None:
    for file_format in ("jsonl.gz", "csv", "parquet"):
        write_world(tmp_path / file_format, _clean(3), file_format=file_format)
    compared = 0
    for feed in FEEDS:
        for path in sorted((tmp_path / "jsonl.gz" / "landing" / feed).iterdir()):
            day = path.name.removesuffix(".jsonl.gz")
            with gzip.open(path, "rt", encoding="utf-8") as stream:
                lines = [json.loads(line) for line in stream]
            with (tmp_path / "csv" / "landing" / feed / f"{day}.csv").open(encoding="utf-8", newline="") as stream:
                records = list(csv.DictReader(stream))
            typed = pl.read_parquet(tmp_path / "parquet" / "landing" / feed / f"{day}.parquet").to_dicts()
            assert [_as_cells(line) for line in lines] == records
            assert [_as_cells(row) for row in typed] == records
            compared += len(lines)
    assert compared > 3000


def _as_cells(row: dict[str, Any]) -> dict[str, str]:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return str(value)


def test_parquet_columns_are_typed(tmp_path: Path) -> None:
    write_world(tmp_path / "world", _clean(4), file_format="parquet")
    schema = pl.read_parquet_schema(tmp_path / "world/landing/unlocks/2026-03-05.parquet")
    assert schema["event_ts"] == pl.Datetime("us", "UTC")
    assert schema["assigned_ts"] == pl.Datetime("us", "UTC")
    assert schema["token_paid"] == pl.Int64
    assert schema["price_amount"] == pl.String


class PlainReader:
    """Counts a feed's files line by line with nothing but the standard library and the wording of the feeds."""

    REQUIRED: ClassVar[dict[str, tuple[str, ...]]] = {
        "views": (
            "event_id", "playback_id", "surface", "app_id", "series_id", "episode_id", "episode_seq", "event_type",
            "event_ts", "received_ts", "position_ms", "access_type",
        ),
        "unlocks": (
            "source", "order_id", "line_no", "event_seq", "event_type", "surface", "app_id", "series_id",
            "episode_seq_from", "episode_seq_to", "token_paid", "token_bonus", "event_ts", "received_ts",
        ),
        "ads": (
            "ad_event_id", "surface", "app_id", "placement_id", "ad_format", "event_type", "verification", "event_ts",
            "received_ts",
        ),
        "topups": (
            "store", "store_transaction_id", "event_type", "gross_amount", "currency", "event_ts", "received_ts",
        ),
    }  # fmt: skip
    WHOLE = ("episode_seq", "position_ms", "duration_ms", "watched_ms", "line_no", "event_seq", "episode_seq_from",
             "episode_seq_to", "token_paid", "token_bonus", "tokens_paid", "tokens_bonus", "refund_tokens")  # fmt: skip
    FROM_ONE = ("episode_seq", "episode_seq_from", "episode_seq_to")

    def __init__(self, root: Path) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        with (root / "reference/test_account.csv").open(newline="") as stream:
            self.test_accounts = {(row["app_id"], row["viewer_id"]) for row in csv.DictReader(stream)}
        for feed in FEEDS:
            self._read_feed(feed, root / "landing" / feed)

    def _read_feed(self, feed: str, folder: Path) -> None:
        rows: dict[tuple[object, ...], list[dict[str, Any]]] = {}
        for path in sorted(folder.iterdir()):
            self.counts[feed, "files", "all"] += 1
            for raw in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]:
                self.counts[feed, "lines", "all"] += 1
                row = self._row(feed, raw)
                if row is not None:
                    assert row["received_ts"][:10] == path.name[:10]
                    rows.setdefault(tuple(row[name] for name in KEYS[feed]), []).append(row)
        for copies in rows.values():
            self._settle(feed, copies)

    def _row(self, feed: str, raw: bytes) -> dict[str, Any] | None:
        if raw == b"":
            self.counts[feed, "blank", "all"] += 1
            return None
        reason, row = self._judge(feed, raw)
        if reason:
            self.counts[feed, "rejected", "all"] += 1
            self.counts[feed, "rejected", reason] += 1
            return None
        return row

    def _judge(self, feed: str, raw: bytes) -> tuple[str | None, dict[str, Any]]:
        names: list[str] = []
        try:
            row = json.loads(
                raw.decode("utf-8"), object_pairs_hook=lambda pairs: names.extend(n for n, _ in pairs) or dict(pairs)
            )
        except UnicodeDecodeError:
            return "invalid_utf8", {}
        except json.JSONDecodeError:
            return "bad_json", {}
        if not isinstance(row, dict):
            return "not_object", {}
        if len(names) != len(set(names)):
            return "duplicate_key", {}
        for reason in self._faults(feed, row):
            return reason, {}
        return None, row

    def _faults(self, feed: str, row: dict[str, Any]) -> Iterator[str]:
        if any(row.get(name) is None for name in self.REQUIRED[feed]):
            yield "missing"
        for name, value in row.items():
            if isinstance(value, list | dict):
                yield "bad_type"
            elif name in self.WHOLE and value is not None and not isinstance(value, int):
                yield "bad_int"
            elif name in self.FROM_ONE and value is not None and value < 1:
                yield "range"
            elif isinstance(value, str) and len(value) > 256:
                yield "too_long"
            elif isinstance(value, str) and any(ord(mark) < 32 for mark in value):
                yield "control_char"
        if row["event_type"] == "levitate":
            yield "enum"
        try:
            at = datetime.fromisoformat(row["event_ts"])
        except ValueError:
            yield "bad_ts"
            return
        if at.tzinfo is None:
            yield "naive_ts"
        elif at < datetime(2020, 1, 1, tzinfo=UTC):
            yield "out_of_window"

    def _settle(self, feed: str, copies: list[dict[str, Any]]) -> None:
        copies.sort(key=lambda row: row["received_ts"])
        winner = copies[0]
        content = {name: value for name, value in winner.items() if name != "received_ts"}
        for row in copies[1:]:
            same = {name: value for name, value in row.items() if name != "received_ts"} == content
            self.counts[feed, "duplicate" if same else "conflict", "all"] += 1
        self.counts[feed, "accepted", "all"] += 1
        known = (winner["app_id"], winner["viewer_id"]) in self.test_accounts
        self.counts[feed, "test", "all"] += bool(winner["is_test"] or known)
        self.counts[feed, "invalid", "all"] += winner.get("ivt_flag") == "invalid"
        self.counts[feed, "suspect", "all"] += winner.get("ivt_flag") == "suspect"
        event, received = (datetime.fromisoformat(winner[name]) for name in ("event_ts", "received_ts"))
        assert received >= event
        self.counts[feed, "late", "all"] += received - event > timedelta(hours=24)


def test_counts_in_truth_are_those_of_a_plain_reader(dirty_world: Path) -> None:
    reader = PlainReader(dirty_world)
    truth = pl.read_csv(dirty_world / "truth/counts.csv")
    stated = {
        (feed, measure, detail): value
        for feed, measure, detail, value, _ in truth.iter_rows()
        if measure != "as_of_ms" and value
    }
    assert stated == {key: value for key, value in reader.counts.items() if value}
    reasons = {detail for feed, measure, detail in stated if measure == "rejected" and feed == "views"}
    assert len(reasons - {"all"}) == 14
    for measure in ("duplicate", "conflict", "blank", "test", "invalid", "suspect", "late"):
        assert stated["views", measure, "all"] > 0


def test_lines_add_up(dirty_world: Path) -> None:
    truth = pl.read_csv(dirty_world / "truth/counts.csv").filter(pl.col("detail") == "all")
    for feed in FEEDS:
        value = dict(truth.filter(pl.col("feed") == feed).select("measure", "truth").iter_rows())
        parts = ("accepted", "duplicate", "conflict", "rejected", "blank")
        assert value["lines"] == sum(value[part] for part in parts)


def test_rows_are_in_order_of_receipt_and_none_comes_after_the_end(tmp_path: Path) -> None:
    write_world(tmp_path / "world", _clean(5), file_format="parquet")
    for feed in FEEDS:
        for path in sorted((tmp_path / "world/landing" / feed).iterdir()):
            received = pl.read_parquet(path)["received_ts"]
            assert received.is_sorted()
            if len(received):
                assert str(received.dt.date().unique().to_list()[0]) == path.stem


def test_null_worlds_plant_nothing(tmp_path: Path) -> None:
    parameters = WorldParameters(viewers=150, days=30, seed=2, series=3, discount_effect=0.0, diversion=0.0)
    write_world(tmp_path / "null", parameters)
    uplift = pl.read_csv(tmp_path / "null/truth/uplift.csv").filter(pl.col("kind") == "parametric")
    assert uplift.height > 0
    assert uplift["truth"].abs().max() == 0.0
    diversion = pl.read_csv(tmp_path / "null/truth/diversion.csv").filter(
        pl.col("measure").is_in(["displaced_minor", "att"])
    )
    assert diversion.height > 0
    assert diversion["truth"].abs().max() == 0.0
