"""The expectations of the gate: which figure of which feeds, its bounds, and how bad it is when it lies outside.

What each means for an operator, and what to do, is told in docs/runbooks/gate.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.profile import FeedProfile

Severity = Literal["critical", "warning"]
SMALL_DELIVERY_LINES = 1_000
"""Below this a share says little: it warns, it does not block."""
_FEW_LINES = 100
_SERIES, _EVENT_TIME, _RECEIVED_TIME = frozenset({"series_id"}), frozenset({"event time"}), frozenset({"received time"})
_BOTH_TIMES = _EVENT_TIME | _RECEIVED_TIME


class Blocks(StrEnum):
    """When a figure outside its bounds stops the run: `critical` then, otherwise a `warning`."""

    NEVER = "never"
    MONEY = "feeds that carry money"
    ALWAYS = "every feed"


@dataclass(frozen=True)
class Rule:
    """One expectation.

    Attributes:
        name: Attribute of the profile, or the name of what is compared with earlier days or deliveries.
        minimum, maximum: Inclusive bounds, None where open; for what is compared with history they follow from it.
        least_lines: In fewer lines the share is not judged: one slip in ten rows is in quarantine and told there.
        blocks_small: It blocks deliveries of fewer than 1,000 lines too.
        names: Attribute of the profile that names the rows it counts.
        needs: Columns, or `event time` and `received time`, without which a feed has no such figure.
    """

    name: str
    meaning: str
    blocks: Blocks = Blocks.NEVER
    minimum: float | None = None
    maximum: float | None = None
    least_lines: int = 0
    blocks_small: bool = False
    names: str | None = None
    needs: frozenset[str] = frozenset()

    def applies(self, contract: TableContract) -> bool:
        """Whether the feed can have the figure at all."""
        clocks = {"event time": contract.event_time, "received time": contract.received_time}
        return self.needs <= {column.name for column in contract.columns} | {name for name in clocks if clocks[name]}

    def severity(self, contract: TableContract, profile: FeedProfile) -> Severity:
        """What it means for this delivery when the figure lies outside."""
        if profile.n_lines < SMALL_DELIVERY_LINES and not self.blocks_small:
            return "warning"
        is_blocking = self.blocks is Blocks.ALWAYS or (self.blocks is Blocks.MONEY and contract.carries_money)
        return "critical" if is_blocking else "warning"


# A delivery that only repeats known rows is in order: what counts is that something could be read.
READABLE = Rule("n_readable", "rows that could be read", Blocks.ALWAYS, minimum=1)
REJECTED = Rule("reject_ppm", "rejected rows per million lines", Blocks.ALWAYS, least_lines=_FEW_LINES)
USUAL_NUMBER = Rule("n_accepted", "rows against the usual number")
FIGURES = (
    Rule(
        "received_before_event_ppm",
        "rows per million received more than a day before they happened",
        Blocks.ALWAYS,
        maximum=50_000,
        least_lines=_FEW_LINES,
        needs=_BOTH_TIMES,
    ),
    Rule(
        "unknown_series_ppm",
        "rows per million of an unknown series",
        Blocks.ALWAYS,
        maximum=50_000,
        names="unknown_series",
        needs=_SERIES,
    ),
    Rule(
        "without_studio_ppm",
        "rows per million of a series without a studio",
        Blocks.MONEY,
        maximum=10_000,
        names="series_without_studio",
        needs=_SERIES,
    ),
    Rule(
        "without_contract_ppm",
        "rows of money per million of a series without a contract in force that day",
        Blocks.MONEY,
        maximum=50_000,
        names="series_without_contract",
        needs=_SERIES | _EVENT_TIME,
    ),
    Rule(
        "unknown_region_ppm",
        "rows per million of a region without countries",
        Blocks.MONEY,
        maximum=0,
        names="unknown_regions",
        needs=frozenset({"region_entity"}),
    ),
    Rule(
        "unknown_app_ppm",
        "rows per million of an app without a listed series",
        maximum=10_000,
        names="unknown_apps",
        needs=frozenset({"app_id"}),
    ),
    Rule("n_rejected_files", "files refused as a whole", maximum=0),
    # A release without a file of money would say wrong sums; without one of views its counts are merely behind.
    Rule("n_held_files", "files held back", Blocks.MONEY, maximum=0, blocks_small=True, names="held_files"),
    Rule("conflict_ppm", "conflicting rows per million lines", maximum=10_000, least_lines=_FEW_LINES),
    Rule("duplicate_ppm", "repeated rows per million lines", maximum=500_000, least_lines=_FEW_LINES),
    Rule("late_ppm", "late rows per million", maximum=200_000, least_lines=_FEW_LINES, needs=_BOTH_TIMES),
    Rule(
        "future_ppm",
        "rows per million that lie after the watermark",
        maximum=10_000,
        least_lines=_FEW_LINES,
        needs=_BOTH_TIMES,
    ),
    Rule(
        "received_later_ppm", "rows per million received after they were taken in", maximum=10_000, needs=_RECEIVED_TIME
    ),
    Rule(
        "old_ppm",
        "rows per million more than 90 days old at arrival",
        maximum=10_000,
        least_lines=_FEW_LINES,
        needs=_BOTH_TIMES,
    ),
)
"""Judged by the profile alone."""

DAY_VOLUME = Rule("day_volume", "rows of a day against the 14 days before", needs=_BOTH_TIMES)
MISSING_DAYS = Rule("missing_days", "days without a row amid days with rows", maximum=0, needs=_EVENT_TIME)
NULL_DRIFT = Rule("null_drift", "share of rows without a value, in ppm, against earlier deliveries")
VALUE_DRIFT = Rule("value_drift", "distance of a column's values from their usual shares, in ppm")
NEW_VALUES = Rule("new_values", "values that are new or gone", maximum=0)
COMPARED = (DAY_VOLUME, MISSING_DAYS, NULL_DRIFT, VALUE_DRIFT, NEW_VALUES)
"""Judged against what was there before."""

RULES = (READABLE, REJECTED, USUAL_NUMBER, *FIGURES, *COMPARED)
