"""Exact counts of what the written files hold, per feed."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from dagster_project.simulator.delivery import CONFLICT, DUPLICATE, GOOD
from dagster_project.simulator.malformed import ExtraLine
from dagster_project.simulator.vocabulary import FEEDS, MILLISECONDS_PER_DAY

ALL = "all"
"""Detail of a total; rejected rows are also counted by reason."""
MEASURES = (
    "files",
    "lines",
    "accepted",
    "duplicate",
    "conflict",
    "blank",
    "rejected",
    "test",
    "invalid",
    "suspect",
    "late",
    "as_of_ms",
)


class CountsLedger:
    """Adds up counts file by file."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add_file(self, feed: str, rows: pl.DataFrame, extra: Sequence[ExtraLine]) -> None:
        """Count one file. `rows` has delivery, event_ms, received_ms, from_test and, where the feed has it, ivt."""
        good = rows.filter(pl.col("delivery") == GOOD)
        blank = sum(line.reason is None for line in extra)
        found = {
            "files": 1,
            "lines": rows.height + len(extra),
            "accepted": good.height,
            "duplicate": rows.filter(pl.col("delivery") == DUPLICATE).height,
            "conflict": rows.filter(pl.col("delivery") == CONFLICT).height,
            "blank": blank,
            "rejected": len(extra) - blank,
            "test": int(good["from_test"].sum()),
            "late": good.filter(pl.col("received_ms") - pl.col("event_ms") > MILLISECONDS_PER_DAY).height,
            "invalid": int((good["ivt"] == 2).sum()),
            "suspect": int((good["ivt"] == 1).sum()),
        }
        for measure, value in found.items():
            self._counts[feed, measure, ALL] += value
        for line in extra:
            if line.reason is not None:
                self._counts[feed, "rejected", line.reason] += 1
        if good.height:
            latest = int(good["received_ms"].to_numpy().max())
            self._counts[feed, "as_of_ms", ALL] = max(self._counts[feed, "as_of_ms", ALL], latest)

    def value(self, feed: str, measure: str, detail: str = ALL) -> int:
        """Return one count, 0 when nothing was counted."""
        return self._counts[feed, measure, detail]

    def table(self) -> pl.DataFrame:
        """Return feed, measure, detail, truth, kind: totals first, then rejected rows by reason."""
        records = [
            (feed, measure, ALL, self._counts[feed, measure, ALL], "realised") for feed in FEEDS for measure in MEASURES
        ]
        reasons = sorted(key for key in self._counts if key[2] != ALL)
        records += [(*key, self._counts[key], "realised") for key in reasons]
        return pl.DataFrame(records, schema=["feed", "measure", "detail", "truth", "kind"], orient="row")
