"""D1: one row a test and group of viewers, the effect with its interval on a common scale about zero."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas
from dashboards.compare import Difference, Interval
from dashboards.document import Chart
from dashboards.fonts import REGULAR, STRONG, FontSet

_LABEL_MM, _PLOT_MM, _AXIS_MM, _TOP_MM = 52.0, 138.0, 5.0, 1.5
_INDENT_PT = 9.0


@dataclass(frozen=True)
class ForestRow:
    """One row. Without an `effect`, `words` say in the plot why; `is_part` sets it under the row before."""

    label: str
    effect: Difference | None
    always: Interval | None
    value: str
    words: str
    is_part: bool


def draw_forest(
    rows: Sequence[ForestRow], tick: Callable[[float], str], height_mm: float, alt: str, fonts: FontSet
) -> Chart:
    """The rows, first on top, at full width; `tick` writes the values of the scale."""
    canvas = Canvas(theme.FULL_WIDTH_MM, height_mm, fonts)
    drawn = [row for row in rows if row.effect is not None]
    bottom = _AXIS_MM if drawn else 0.5
    axes = canvas.axes(_LABEL_MM, bottom, _PLOT_MM, height_mm - _TOP_MM)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    if drawn:
        _scale(axes, drawn, tick)
    else:
        axes.set_xlim(0, 1)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    for place, row in enumerate(rows):
        _row(canvas, axes, place, row)
    return canvas.finish(alt)


def _scale(axes: Axes, rows: Sequence[ForestRow], tick: Callable[[float], str]) -> None:
    ends = [0.0]
    for row in rows:
        assert row.effect is not None
        for interval in (row.effect.interval, row.always):
            if interval is not None:
                ends += [interval.low, interval.high]
    low, high = min(ends), max(ends)
    reach = (high - low) or 1.0
    step = next(s * 10.0**p for p in range(-6, 9) for s in (1, 2, 5) if reach / (s * 10.0**p) <= 5)
    first, last = int(low // step), -int(-high // step)
    axes.set_xlim(first * step - reach * 0.01, last * step + reach * 0.01)
    ticks = [n * step for n in range(first, last + 1)]
    axes.set_xticks(ticks, [tick(t) for t in ticks])
    axes.grid(axis="x", color=theme.GRID, linewidth=theme.GRID_PT)
    axes.axvline(0, color=theme.INK, linewidth=theme.RULE_PT, zorder=2)
    axes.spines["bottom"].set_visible(True)


def _row(canvas: Canvas, axes: Axes, place: int, row: ForestRow) -> None:
    left = axes.get_xlim()[0]
    canvas.words(
        axes,
        left,
        place,
        row.label,
        color=theme.MUTED if row.is_part else theme.INK,
        size=theme.CHART_SMALL_PT if row.is_part else theme.CHART_LABEL_PT,
        weight=REGULAR if row.is_part else STRONG,
        va="center",
        offset_pt=(-_LABEL_MM * PT_PER_MM + (_INDENT_PT if row.is_part else 0.5), 0),
    )
    if row.effect is None:
        canvas.words(axes, left, place, row.words, color=theme.MUTED, va="center", clear=theme.WHITE, offset_pt=(3, 0))
        return
    effect = row.effect
    color = theme.CONTEXT if not effect.is_clear else theme.GAIN if effect.value > 0 else theme.LOSS
    if row.always is not None:
        axes.plot([row.always.low, row.always.high], [place] * 2, color=color, linewidth=theme.LEADER_PT, zorder=3)
    axes.plot(
        [effect.interval.low, effect.interval.high],
        [place] * 2,
        color=color,
        linewidth=1.4 if row.is_part else 2.2,
        zorder=3.5,
    )
    axes.plot(
        [effect.value],
        [place],
        "o",
        markersize=theme.DOT_PT if row.is_part else theme.MARKER_PT + 0.6,
        markerfacecolor=color if effect.is_clear else theme.WHITE,
        markeredgecolor=color,
        markeredgewidth=1.1,
        zorder=5,
    )
    canvas.words(
        axes,
        left,
        place,
        row.value,
        color=theme.MUTED if not effect.is_clear else color,
        weight=STRONG if effect.is_clear and not row.is_part else REGULAR,
        ha="right",
        va="center",
        offset_pt=((theme.FULL_WIDTH_MM - _LABEL_MM) * PT_PER_MM, 0),
    )
