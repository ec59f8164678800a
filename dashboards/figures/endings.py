"""How many viewers each episode ending loses, and whether endings on a cliffhanger lose fewer."""

from dataclasses import dataclass
from statistics import median
from typing import Literal

from dashboards.compare import FEWEST_VALUES, Difference, Estimate, Interval, shift
from dashboards.figures.findings import SMALLEST_BASE
from dashboards.figures.record import Source
from dashboards.figures.scope import Series
from dashboards.figures.week import StudioWeek

TABLE = "cliffhanger.continuation"
WINDOW_SECONDS = 86_400


@dataclass(frozen=True)
class Ending:
    """One episode's end: `drop` is the share of those who finish it and do not start the next in time.

    `is_paywall` when the next episode is the first that must be unlocked.
    """

    episode: int
    drop: Estimate
    is_cliffhanger: bool
    is_paywall: bool

    @property
    def is_compared(self) -> bool:
        """Neither the paywall nor too small: what the comparison of endings rests on."""
        return not self.is_paywall and self.drop.base >= SMALLEST_BASE


@dataclass(frozen=True)
class Endings:
    """The endings of one series. `difference` is cliffhangers less others; None where `why` is not `ok`."""

    endings: list[Ending]
    n_tagged: int
    difference: Difference | None
    why: Literal["ok", "no_rows", "no_tags", "too_few"]

    def of(self, *, cliffhanger: bool) -> list[Ending]:
        """The compared endings of one kind."""
        return [e for e in self.endings if e.is_compared and e.is_cliffhanger is cliffhanger]

    def typical(self, *, cliffhanger: bool) -> float | None:
        """The median drop of the compared endings of one kind; None with too few to be typical of anything."""
        drops = [e.drop.value for e in self.of(cliffhanger=cliffhanger)]
        return median(drops) if len(drops) >= FEWEST_VALUES else None


def drop_source(series_id: str, episode: int) -> Source:
    """The cell whose complement is an ending's drop."""
    key = {"series_id": series_id, "surface": "all", "mode": "all"}
    return Source(TABLE, "estimate", {**key, "episode_seq": episode, "window_seconds": WINDOW_SECONDS})


def read_endings(week: StudioWeek, series: Series) -> Endings:
    """The endings of `series` as the release knows them, all viewers together."""
    tagged = frozenset(week.cliffhangers(series))
    rows = week.scope.read(
        TABLE,
        ["episode_seq", "n_at_risk", "estimate", "ci_low", "ci_high", "status"],
        {"series_id": series.series_id, "surface": "all", "mode": "all", "window_seconds": WINDOW_SECONDS},
        ["episode_seq"],
    )
    endings = [
        Ending(
            int(row["episode_seq"]),
            Estimate(
                1 - float(row["estimate"]),
                Interval(1 - float(row["ci_high"]), 1 - float(row["ci_low"])),
                int(row["n_at_risk"]),
            ),
            int(row["episode_seq"]) in tagged,
            series.gate is not None and int(row["episode_seq"]) == series.gate - 1,
        )
        for row in rows
        if row["status"] == "ok" and row["estimate"] is not None
    ]
    return judge(endings, len(tagged))


def judge(endings: list[Ending], n_tagged: int) -> Endings:
    """Compare the two kinds of endings, episodes being the units."""
    if not endings:
        return Endings(endings, n_tagged, None, "no_rows")
    if not n_tagged:
        return Endings(endings, 0, None, "no_tags")
    plain = Endings(endings, n_tagged, None, "too_few")
    kinds = [[e.drop.value for e in plain.of(cliffhanger=kind)] for kind in (True, False)]
    difference = shift(*kinds)
    assert difference is not None or min(map(len, kinds)) < FEWEST_VALUES
    return plain if difference is None else Endings(endings, n_tagged, difference, "ok")
