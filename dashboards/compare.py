"""Comparing published estimates with each other. The only statistics of this room.

Nothing here estimates from raw rows: the inputs are estimates with the intervals the release gives them,
published counts, or a short history of published weekly totals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median

from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.95
FEWEST_WEEKS = 6
"""Fewer earlier weeks than this do not show what a normal week looks like."""
FEWEST_VALUES = 5
"""Fewer values than this on a side do not show whether two groups differ."""
_RANGE_FACTOR = 2.66  # 3 / d2 for moving ranges of two: Shewhart's individuals chart


@dataclass(frozen=True)
class Interval:
    """A closed interval at the 95% level, in the unit of what it belongs to."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        return value < self.low or value > self.high

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Estimate:
    """A published estimate: point, 95% interval, and the units it rests on."""

    value: float
    interval: Interval
    base: int


@dataclass(frozen=True)
class Difference:
    """This minus that, with its 95% interval."""

    value: float
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes no difference: the condition for saying "rose" or "fell"."""
        return self.interval.excludes(0.0)

    @property
    def strength(self) -> float:
        """Size against uncertainty: |difference| over the width of its interval (inf for a zero width)."""
        return abs(self.value) / self.interval.width if self.interval.width else math.inf


def share(successes: int, trials: int) -> Estimate | None:
    """A share of published counts with its Wilson interval (Clopper-Pearson at 0 and at all).

    None when there were no trials.
    """
    if trials <= 0:
        return None
    method = "beta" if successes in (0, trials) else "wilson"
    low, high = proportion_confint(successes, trials, alpha=1 - LEVEL, method=method)
    return Estimate(successes / trials, Interval(float(low), float(high)), trials)


def difference(this: Estimate, that: Estimate) -> Difference:
    """The difference of two independent estimates from their own intervals.

    Method of variance estimates recovery (Zou & Donner 2008, Statistics in Medicine 27, 1693-1702).
    For two proportions with Wilson intervals this is Newcombe's hybrid score interval (1998, method 10).
    """
    value = this.value - that.value
    low = value - math.hypot(this.value - this.interval.low, that.interval.high - that.value)
    high = value + math.hypot(this.interval.high - this.value, that.value - that.interval.low)
    return Difference(value, Interval(low, high))


def against_fixed(this: Estimate, reference: float) -> Difference:
    """An estimate against a reference taken as known, such as the median of other series."""
    return Difference(this.value - reference, Interval(this.interval.low - reference, this.interval.high - reference))


def pooled(parts: Sequence[tuple[Estimate, int]]) -> Estimate | None:
    """Independent estimates as one, each weighted by its count; None without weight.

    The interval is that of a linear function of independent estimates by variance estimates recovery (Zou,
    Huang & Zhang 2009, Communications in Statistics 38, 2911-2923).
    """
    whole = sum(weight for _, weight in parts)
    if whole <= 0:
        return None
    value = sum(e.value * w for e, w in parts) / whole
    low = math.hypot(*(w / whole * (e.value - e.interval.low) for e, w in parts))
    high = math.hypot(*(w / whole * (e.interval.high - e.value) for e, w in parts))
    return Estimate(value, Interval(max(value - low, 0.0), min(value + high, 1.0)), whole)


def shift(these: Sequence[float], those: Sequence[float]) -> Difference | None:
    """How much higher `these` lie than `those`, whatever the shape of either: Hodges and Lehmann's estimate.

    The median of all pairwise differences, with the interval that inverts the rank-sum test by its normal
    approximation (Hodges & Lehmann 1963; Hollander & Wolfe 1999, section 4.2-4.3). None with fewer than
    FEWEST_VALUES on either side, where that approximation is too rough.
    """
    if min(len(these), len(those)) < FEWEST_VALUES:
        return None
    apart = sorted(a - b for a in these for b in those)
    pairs = len(apart)
    spread = math.sqrt(pairs * (len(these) + len(those) + 1) / 12)
    rank = max(int(pairs / 2 - NormalDist().inv_cdf((1 + LEVEL) / 2) * spread), 1)
    return Difference(median(apart), Interval(apart[rank - 1], apart[pairs - rank]))


def normal_weekly_range(earlier: Sequence[int]) -> Interval | None:
    """The range within which a week's total is nothing unusual, from the weeks before it.

    Natural process limits of an individuals chart: mean ± 2.66 x mean moving range (Shewhart; Wheeler 1993),
    not below zero for totals that cannot be negative. None with fewer than FEWEST_WEEKS weeks.
    """
    if len(earlier) < FEWEST_WEEKS:
        return None
    centre = sum(earlier) / len(earlier)
    moves = [abs(b - a) for a, b in pairwise(earlier)]
    reach = _RANGE_FACTOR * sum(moves) / len(moves)
    return Interval(max(centre - reach, 0.0) if min(earlier) >= 0 else centre - reach, centre + reach)


def normal_share_range(earlier: Sequence[tuple[int, int]], trials: int) -> Interval | None:
    """The range within which a week's share of `trials` is nothing unusual, from (successes, trials) of the weeks
    before it.

    Limits of a P-chart: pooled share ± 3 standard errors at the week's own number of trials (Shewhart 1931;
    Montgomery, Introduction to Statistical Quality Control, section 7.2), kept within 0 and 1. None with fewer
    than FEWEST_WEEKS weeks that have trials, or without trials.
    """
    counted = [(s, n) for s, n in earlier if n > 0]
    if len(counted) < FEWEST_WEEKS or trials <= 0:
        return None
    centre = sum(s for s, _ in counted) / sum(n for _, n in counted)
    reach = 3 * math.sqrt(centre * (1 - centre) / trials)
    return Interval(max(centre - reach, 0.0), min(centre + reach, 1.0))
