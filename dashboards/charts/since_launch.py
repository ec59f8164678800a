"""X1: own-app revenue by week since the Mini's launch in a market, against what it would have been.

Ratios, so the scale is logarithmic: half and double are equally far from no change.
"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.charts.canvas import Canvas
from dashboards.document import Chart
from dashboards.figures.rollout import WeekSinceLaunch
from dashboards.fonts import STRONG, FontSet

_LEFT_MM, _TOP_MM, _BOTTOM_MM = 12.0, 4.6, 8.4
_FARTHEST = 4


def reach_of(weeks: Sequence[WeekSinceLaunch]) -> int:
    """How many doublings the scale goes either way: all estimates, and most of their intervals."""
    found = [abs(math.log2(max(1 + w.change, 1e-9))) for w in weeks]
    ends = sorted(abs(math.log2(max(1 + end, 1e-9))) for w in weeks for end in (w.interval.low, w.interval.high))
    return max(1, min(_FARTHEST, math.ceil(max(max(found), ends[int(0.8 * (len(ends) - 1))]))))


def draw_since_launch(
    weeks: Sequence[WeekSinceLaunch], width_mm: float, height_mm: float, alt: str, fonts: FontSet
) -> Chart:
    """The weeks, those before launch hollow."""
    canvas = Canvas(width_mm, height_mm, fonts)
    axes = canvas.axes(_LEFT_MM, _BOTTOM_MM, width_mm - 0.5, height_mm - _TOP_MM)
    reach = reach_of(weeks)
    axes.set_ylim(-reach, reach)
    first, last = weeks[0].week, weeks[-1].week
    axes.set_xlim(min(first, -1) - 0.6, max(last, 1) + 0.6)
    ticks = list(range(-reach, reach + 1))
    axes.set_yticks(ticks, ["\u00b10%" if t == 0 else _percent(2.0**t - 1) for t in ticks])
    axes.grid(axis="y", color=theme.GRID, linewidth=theme.GRID_PT)
    axes.axhline(0, color=theme.INK, linewidth=theme.RULE_PT, zorder=2)
    axes.axvline(-0.5, color=theme.LOSS, linewidth=theme.RULE_PT, zorder=2)
    axes.spines["bottom"].set_visible(True)
    axes.set_xticks([w for w in range(first, last + 1) if w % 4 == 0])
    axes.set_xticklabels([str(w).replace("-", "\u2212") for w in range(first, last + 1) if w % 4 == 0])
    for week in weeks:
        _week(axes, week, reach)
    canvas.words(axes, -0.5, reach, "Mini launched", color=theme.LOSS, weight=STRONG, va="bottom", offset_pt=(2, 2.5))
    canvas.words(
        axes,
        (first + last) / 2,
        -reach,
        "Weeks since launch in a market",
        color=theme.MUTED,
        size=theme.CHART_SMALL_PT,
        ha="center",
        va="center",
        offset_pt=(0, -19.5),
    )
    return canvas.finish(alt)


def _week(axes: Axes, week: WeekSinceLaunch, reach: int) -> None:
    low, high = (_log(end, reach) for end in (week.interval.low, week.interval.high))
    before = week.week < 0
    clear = week.interval.excludes(0.0)
    color = theme.CONTEXT if before or not clear else theme.LOSS if week.change < 0 else theme.GAIN
    if week.band is not None:
        ends = [_log(end, reach) for end in (week.band.low, week.band.high)]
        axes.plot([week.week] * 2, ends, color=theme.BAND_CONTEXT, linewidth=4.0, zorder=1.2)
    axes.plot([week.week] * 2, [low, high], color=color, linewidth=1.2, zorder=3)
    axes.plot(
        [week.week],
        [_log(week.change, reach)],
        "o",
        markersize=theme.DOT_PT,
        markerfacecolor=color if clear and not before else theme.WHITE,
        markeredgecolor=color,
        markeredgewidth=1.0,
        zorder=4,
    )


def _log(change: float, reach: int) -> float:
    return max(-float(reach), min(float(reach), math.log2(max(1 + change, 1e-9))))


def _percent(change: float) -> str:
    size = f"{abs(change) * 100:.0f}%"
    return f"+{size}" if change > 0 else f"\u2212{size}"
