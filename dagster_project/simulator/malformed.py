"""Lines that a reader must refuse, each for one known reason, and blank lines. They are extra: no good row is lost."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

REASONS = (
    "bad_json",
    "not_object",
    "duplicate_key",
    "invalid_utf8",
    "missing",
    "bad_type",
    "bad_int",
    "bad_ts",
    "naive_ts",
    "out_of_window",
    "range",
    "enum",
    "too_long",
    "control_char",
)
PERMITTED: dict[str, frozenset[str]] = {
    "jsonl.gz": frozenset(REASONS),
    "csv": frozenset(REASONS) - {"bad_json", "not_object", "duplicate_key", "bad_type"},
    "parquet": frozenset({"missing", "out_of_window", "range", "enum", "too_long", "control_char"}),
}
# By feed: id column, a whole-number column, a required column to leave out, a text column that gets a list, and the
# column whose least value is 1 (None when the feed bounds no number).
_TARGETS: dict[str, tuple[str, str, str, str, str | None]] = {
    "views": ("event_id", "position_ms", "playback_id", "surface", "episode_seq"),
    "unlocks": ("order_id", "token_paid", "series_id", "surface", "episode_seq_from"),
    "ads": ("ad_event_id", "episode_seq", "placement_id", "surface", "episode_seq"),
    "topups": ("store_transaction_id", "tokens_paid", "currency", "app_id", None),
}


@dataclass(frozen=True)
class ExtraLine:
    """A line to insert before the row at `position`; reason None means a blank line."""

    position: int
    template: int
    reason: str | None
    ordinal: int


def plan_extra_lines(
    generator: np.random.Generator, feed: str, rows: int, malformed_share: float, blank_share: float, file_format: str
) -> list[ExtraLine]:
    """Draw the extra lines of one file, in order of position.

    The draw is the same for every file format; what a format cannot express is left out.
    """
    if rows == 0:
        return []
    bad = int(generator.binomial(rows, malformed_share))
    blank = int(generator.binomial(rows, blank_share))
    positions = generator.integers(0, rows + 1, bad + blank).tolist()
    templates = generator.integers(0, rows, bad + blank).tolist()
    reasons = generator.integers(0, len(REASONS), bad).tolist()
    lines = []
    for index, (position, template) in enumerate(zip(positions, templates, strict=True)):
        reason = REASONS[reasons[index]] if index < bad else None
        if reason is None and file_format == "parquet":
            continue
        if reason is not None and reason not in PERMITTED[file_format]:
            continue
        if reason == "range" and _TARGETS[feed][4] is None:
            continue
        lines.append(ExtraLine(position, template, reason, index))
    return sorted(lines, key=lambda line: (line.position, line.ordinal))


def spoil(feed: str, row: dict[str, Any], line: ExtraLine, mark: str) -> dict[str, Any]:
    """Return a copy of a row's values with one fault of the line's reason, under an id of its own."""
    id_column, whole, required, text, bounded = _TARGETS[feed]
    fields = {**row, id_column: f"bad-{mark}-{line.ordinal}"}
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "missing": lambda: {required: None},
        "bad_type": lambda: {text: [fields[text]]},
        "bad_int": lambda: {whole: 12.5},
        "bad_ts": lambda: {"event_ts": "the day before yesterday"},
        "naive_ts": lambda: {"event_ts": str(fields["event_ts"]).removesuffix("Z")},
        "out_of_window": lambda: {"event_ts": "2019-07-01T12:00:00.000Z"},
        "range": lambda: {str(bounded): 0},
        "enum": lambda: {"event_type": "levitate"},
        "too_long": lambda: {id_column: "x" * 300},
        "control_char": lambda: {id_column: f"bad\x07{mark}-{line.ordinal}"},
    }
    change = changes.get(str(line.reason))
    return {**fields, **change()} if change else fields


def spoiled_json(feed: str, row: dict[str, Any], line: ExtraLine, mark: str) -> bytes:
    """Return the malformed line as bytes of a JSON Lines file, with its line feed."""
    if line.reason is None:
        return b"\n"
    fields = spoil(feed, row, line, mark)
    if line.reason == "missing" and line.ordinal % 2:
        del fields[_TARGETS[feed][2]]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    if line.reason == "bad_json":
        text = text[: len(text) * 2 // 3]
    elif line.reason == "not_object":
        text = json.dumps(["row", fields["event_ts"]])
    elif line.reason == "duplicate_key":
        text = text[:-1] + ',"country":"XX"}'
    raw = text.encode()
    if line.reason == "invalid_utf8":
        raw = raw.replace(b'"country":', b'"country":"\xff\xfe","was":', 1)
    return raw + b"\n"


def spoiled_csv(feed: str, row: dict[str, Any], line: ExtraLine, mark: str) -> bytes:
    """Return the malformed line as bytes of a CSV file, with its line feed."""
    if line.reason is None:
        return b"\n"
    fields = spoil(feed, row, line, mark)
    cells = ["" if value is None else _cell(value) for value in fields.values()]
    raw = ",".join(cells).encode()
    if line.reason == "invalid_utf8":
        raw = raw.replace(b"bad-", b"bad-\xff\xfe-", 1)
    return raw + b"\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text


def spoiled_row(
    feed: str, row: dict[str, Any], line: ExtraLine, mark: str, schema: dict[str, pl.DataType]
) -> pl.DataFrame:
    """Return the malformed row as one typed row of a Parquet file."""
    fields = spoil(feed, row, line, mark)
    stamps = [name for name, kind in schema.items() if isinstance(kind, pl.Datetime)]
    texts = pl.DataFrame(
        [fields], schema={name: pl.String() if name in stamps else kind for name, kind in schema.items()}
    )
    return texts.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us", time_zone="UTC") for name in stamps
    )
