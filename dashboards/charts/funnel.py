"""U1: bars of the steps at the paywall, last week as a tick, and what each step lost on the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas
from dashboards.document import Chart
from dashboards.fonts import REGULAR, STRONG, FontSet

_LABEL_MM, _BAR_MM, _HEAD_MM = 52.0, 62.0, 5.4
_RATE_MM, _CHANGE_MM = 147.0, 180.0
_INDENT_PT = 9.0
Tone = Literal["gain", "loss", "level"]


@dataclass(frozen=True)
class StepBar:
    """One row. `share` of all who started; texts as printed; `tone` only where the change is beyond noise."""

    label: str
    share: float
    last_week: float | None
    value: str
    rate: str
    change: str
    tone: Tone
    is_part: bool


def draw_funnel(
    rows: Sequence[StepBar], rate_head: str, height_mm: float, provisional: bool, alt: str, fonts: FontSet
) -> Chart:
    """The rows, first on top, at full width."""
    canvas = Canvas(theme.FULL_WIDTH_MM, height_mm, fonts)
    axes = canvas.axes(_LABEL_MM, 0.6, _LABEL_MM + _BAR_MM, height_mm - _HEAD_MM)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_axis_off()
    moved = any(row.change for row in rows)
    rate_mm = _RATE_MM if moved else _CHANGE_MM
    for place, row in enumerate(rows):
        _bar(canvas, axes, place, row, rate_mm, provisional)
    head = _HEAD_MM / 2 * PT_PER_MM
    ticked = any(row.last_week is not None for row in rows)
    texts = [
        ("of all who started it" + ("; tick: last week" if ticked else ""), 0.0, "left"),
        (rate_head, rate_mm, "right"),
    ]
    if moved:
        texts.append(("change on last week", _CHANGE_MM, "right"))
    for text, at, side in texts:
        offset = 0.0 if side == "left" else (at - _LABEL_MM) * PT_PER_MM
        canvas.words(
            axes,
            0,
            -0.5,
            text,
            color=theme.MUTED,
            size=theme.CHART_SMALL_PT,
            ha="left" if side == "left" else "right",
            va="center",
            offset_pt=(offset, head),
        )
    return canvas.finish(alt)


def _bar(canvas: Canvas, axes: Axes, place: int, row: StepBar, rate_mm: float, provisional: bool) -> None:
    thick = 0.36 if row.is_part else 0.62
    color = theme.FOCUS
    axes.barh(
        [place],
        [row.share],
        height=thick,
        color=theme.WHITE if provisional else theme.BAND_FOCUS if row.is_part else color,
        edgecolor=color,
        linewidth=0.7 if provisional or row.is_part else 0,
        hatch="///" if provisional else None,
        zorder=2,
    )
    tip = row.share
    if row.last_week is not None:
        reach = thick / 2 + 0.1
        axes.plot(
            [row.last_week] * 2, [place - reach, place + reach], color=theme.INK, linewidth=1.3, zorder=4, clip_on=False
        )
        tip = max(tip, row.last_week)
    canvas.words(
        axes,
        0,
        place,
        row.label,
        color=theme.MUTED if row.is_part else theme.INK,
        size=theme.CHART_SMALL_PT if row.is_part else theme.CHART_LABEL_PT,
        va="center",
        offset_pt=(-_LABEL_MM * PT_PER_MM + (_INDENT_PT if row.is_part else 0.5), 0),
    )
    weight = REGULAR if row.is_part else STRONG
    canvas.words(axes, tip, place, row.value, weight=weight, va="center", offset_pt=(4, 0))
    tones = {"gain": theme.GAIN, "loss": theme.LOSS, "level": theme.MUTED}
    for text, at, tone in ((row.rate, rate_mm, theme.INK), (row.change, _CHANGE_MM, tones[row.tone])):
        if text:
            canvas.words(
                axes,
                0,
                place,
                text,
                color=tone,
                weight=STRONG if tone in (theme.GAIN, theme.LOSS) else REGULAR,
                ha="right",
                va="center",
                offset_pt=((at - _LABEL_MM) * PT_PER_MM, 0),
            )
