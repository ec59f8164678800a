"""The five reasons for which a chart has nothing to draw, which must never look alike; and the single
point.
"""

from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas, hatched
from dashboards.fonts import STRONG

Kind = Literal["missing", "zero", "suppressed", "too_early", "not_released", "single"]
_LINE_PT = 10.0


@dataclass(frozen=True)
class EmptyState:
    """Why there is nothing to draw, in words; `big` is a number to set large, for `zero` and `single`."""

    kind: Kind
    lines: tuple[str, ...]
    big: str | None = None


def draw_empty(canvas: Canvas, axes: Axes, state: EmptyState) -> None:
    """Fill the axes' rectangle with the look of the state.

    missing: grey panel. zero and single: the number itself, large, on white. suppressed: a dashed frame.
    too_early and not_released: hatched, told apart by the slant of the hatch and by their words.
    """
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    if state.kind == "missing":
        axes.add_patch(
            Rectangle((left, bottom), right - left, top - bottom, facecolor=theme.TINT, linewidth=0, zorder=1)
        )
    elif state.kind == "suppressed":
        axes.add_patch(
            Rectangle(
                (left, bottom),
                right - left,
                top - bottom,
                fill=False,
                edgecolor=theme.AXIS,
                linestyle=(0, (2, 2)),
                linewidth=theme.RULE_PT,
                zorder=1,
            )
        )
    elif state.kind == "too_early":
        hatched(axes, left, right, bottom, top, slant="\\\\\\" if canvas.width_mm > 100 else "\\\\\\\\")
    elif state.kind == "not_released":
        hatched(axes, left, right, bottom, top)
    message(canvas, axes, (left + right) / 2, (bottom + top) / 2, state)


def message(canvas: Canvas, axes: Axes, x: float, y: float, state: EmptyState, ground: str = theme.WHITE) -> None:
    """The words of the state, centred on a point in data coordinates; hatching behind them gives way to
    `ground`.
    """
    clear = ground if state.kind in ("too_early", "not_released") else None
    big_pt = 2.0 * theme.TYPE["tile"] if canvas.height_mm * PT_PER_MM > 110 else theme.TYPE["tile"]
    above = (len(state.lines) - 1) / 2 * _LINE_PT
    if state.big is not None:
        above -= big_pt * 0.55
        canvas.words(
            axes,
            x,
            y,
            state.big,
            size=big_pt,
            weight=STRONG,
            ha="center",
            va="center",
            offset_pt=(0, above + big_pt * 0.6 + _LINE_PT * 0.6),
        )
    for place, line in enumerate(state.lines):
        canvas.words(
            axes,
            x,
            y,
            line,
            color=theme.INK if state.kind == "missing" else theme.MUTED,
            size=theme.CHART_SMALL_PT,
            ha="center",
            va="center",
            clear=clear,
            offset_pt=(0, above - place * _LINE_PT),
        )
