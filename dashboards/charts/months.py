"""A1: ad share by month, what is not closed hatched. Every bar carries its exact amount."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import theme
from dashboards.charts.canvas import Canvas
from dashboards.document import Chart
from dashboards.fonts import REGULAR, STRONG, FontSet

_TOP_MM, _BOTTOM_MM = 5.0, 8.6


@dataclass(frozen=True)
class MonthBar:
    """One month in minor units; `label` and `amount` as printed."""

    label: str
    posted: int
    pending: int
    amount: str
    is_current: bool

    @property
    def total(self) -> int:
        return self.posted + self.pending


def draw_months(
    bars: Sequence[MonthBar], slots: int, width_mm: float, height_mm: float, alt: str, fonts: FontSet
) -> Chart:
    """The bars, oldest first, in the last of `slots` places."""
    canvas = Canvas(width_mm, height_mm, fonts)
    axes = canvas.axes(0.5, _BOTTOM_MM, width_mm - 0.5, height_mm - _TOP_MM)
    top = max([1, *(bar.total for bar in bars), *(bar.posted for bar in bars)])
    low = min([0, *(bar.total for bar in bars), *(bar.posted for bar in bars)])
    axes.set_xlim(-0.5, slots - 0.5)
    axes.set_ylim(low * 1.15, top * 1.02)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.axhline(0, color=theme.AXIS, linewidth=theme.AXIS_PT, zorder=3)
    for place, bar in enumerate(bars):
        axes.bar([place], [bar.posted], width=0.62, color=theme.GAIN, linewidth=0, zorder=2)
        if bar.pending:
            axes.bar(
                [place],
                [bar.pending],
                bottom=[bar.posted],
                width=0.62,
                color=theme.WHITE,
                edgecolor=theme.GAIN,
                linewidth=0.8,
                hatch="////",
                zorder=2,
            )
        canvas.words(
            axes,
            place,
            max(bar.total, bar.posted, 0),
            bar.amount,
            weight=STRONG if bar.is_current else REGULAR,
            ha="center",
            va="bottom",
            offset_pt=(0, 2.5),
        )
        lines = [
            bar.label,
            "provisional" if bar.pending and bar.posted == 0 else "part open" if bar.pending else "closed",
        ]
        for line, text in enumerate(lines):
            canvas.words(
                axes,
                place,
                axes.get_ylim()[0],
                text,
                color=theme.INK if line == 0 else theme.MUTED,
                size=theme.CHART_SMALL_PT,
                ha="center",
                va="center",
                offset_pt=(0, -7.0 - 9.0 * line),
            )
    return canvas.finish(alt)
