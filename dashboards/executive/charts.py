"""The charts of the page: a figure within its normal range, and two lines that never share an area."""

from collections.abc import Sequence
from datetime import date

from dashboards import formats, theme
from dashboards.charts.canvas import Canvas, spread
from dashboards.compare import Interval
from dashboards.document import Chart
from dashboards.fonts import STRONG, FontSet

KPI_MM = (56.0, 15.0)
MIX_MM = (118.0, 46.0)
_TONES = {"up": theme.GAIN, "down": theme.LOSS, "level": theme.FOCUS}


def draw_kpi(
    values: Sequence[int | None], limits: Sequence[Interval | None], tone: str, alt: str, fonts: FontSet
) -> Chart:
    """Weeks as a line over the band of what is normal, the last as a dot in the colour of its verdict."""
    width, height = KPI_MM
    canvas = Canvas(width, height, fonts)
    axes = canvas.axes(0.4, 0.8, width - 1.6, height - 0.8)
    axes.set_axis_off()
    places = list(range(len(values)))
    known = [v for v in values if v is not None]
    ends = [e for limit in limits if limit is not None for e in (limit.low, limit.high)]
    low, high = min([*known, *ends]), max([*known, *ends])
    pad = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    axes.set_xlim(0, len(values) - 1)
    axes.set_ylim(low - pad, high + pad)
    banded = [(place, limit) for place, limit in zip(places, limits, strict=True) if limit is not None]
    if banded:
        axes.fill_between(
            [place for place, _ in banded],
            [limit.low for _, limit in banded],
            [limit.high for _, limit in banded],
            color=theme.BAND_CONTEXT,
            linewidth=0,
            zorder=1,
        )
    points = [float("nan") if v is None else float(v) for v in values]
    axes.plot(places, points, color=theme.CONTEXT, linewidth=1.3, clip_on=False, zorder=3)
    if values[-1] is not None:
        axes.plot(
            places[-1:], points[-1:], "o", markersize=theme.DOT_PT + 0.6, color=_TONES[tone], clip_on=False, zorder=5
        )
    return canvas.finish(alt)


def draw_mix(weeks: Sequence[str], platform: Sequence[int], own: Sequence[int], alt: str, fonts: FontSet) -> Chart:
    """Weekly micros of the platform and of the own apps as two lines, named at their ends."""
    width, height = MIX_MM
    canvas = Canvas(width, height, fonts)
    axes = canvas.axes(12.0, 5.5, width - 27.0, height - 2.0)
    top = max(*platform, *own, 1)
    step = _step(top)
    ticks = list(range(0, top + step, step))
    axes.set_ylim(0, max(top * 1.06, ticks[-1] if ticks[-1] <= top * 1.12 else top * 1.06))
    ticks = [tick for tick in ticks if tick <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, [formats.money(tick).removesuffix(".00") for tick in ticks])
    axes.grid(axis="y", color=theme.GRID, linewidth=theme.GRID_PT)
    axes.set_xlim(0, len(weeks) - 1)
    shown = [0, len(weeks) // 2, len(weeks) - 1] if len(weeks) > 4 else [0, len(weeks) - 1]
    axes.set_xticks(shown, [formats.day(date.fromisoformat(weeks[i])) for i in shown])
    lines = (
        ("Platform", platform, theme.FOCUS, theme.LINE_FOCUS_PT, "-"),
        ("Own apps", own, theme.CONTEXT, theme.LINE_PANEL_PT, (0, theme.LAST_WEEK_DASH)),
    )
    for _, values, color, weight, style in lines:
        axes.plot(range(len(weeks)), values, color=color, linewidth=weight, linestyle=style, clip_on=False, zorder=3)
        axes.plot([len(weeks) - 1], [values[-1]], "o", markersize=theme.DOT_PT, color=color, clip_on=False, zorder=4)
    ends = [float(values[-1]) for _, values, *_ in lines]
    room = axes.get_ylim()[1] * 0.2
    for (name, values, color, *_), place in zip(
        lines, spread(ends, room, room / 2, axes.get_ylim()[1] - room / 3), strict=True
    ):
        canvas.words(
            axes,
            len(weeks) - 1,
            place,
            f"{name}\n{formats.money(values[-1])}",
            color=theme.MUTED if color == theme.CONTEXT else color,
            weight=STRONG,
            offset_pt=(7.0, 0.0),
            va="center",
        )
    return canvas.finish(alt)


def _step(top: int) -> int:
    step = 1
    while top > 4 * step:
        decade = 10 ** (len(str(step)) - 1)
        step = next((s * decade for s in (1, 2, 5) if s * decade > step), 10 * decade)
    return step
