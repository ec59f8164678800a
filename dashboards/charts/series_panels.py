"""R2, one small panel a series on a shared scale: which series is off?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas, hatched, percent_axis
from dashboards.charts.empty import EmptyState, draw_empty, message
from dashboards.charts.steps import band, steps
from dashboards.document import Chart
from dashboards.figures.curves import CurvePoint
from dashboards.fonts import FontSet

GUTTER_MM = 9.0
_BOTTOM_MM = 5.2
_TOP_MM = 1.0
_SIDE_MM = 1.5


@dataclass(frozen=True)
class Panel:
    """What one panel shows; `empty` replaces the curve when there is none to draw."""

    total_episodes: int
    published_episodes: int
    gate: int | None
    points: Sequence[CurvePoint]
    benchmark: Mapping[int, float]
    empty: EmptyState | None


def panel_width(columns: int) -> float:
    """Width of the plot of one panel when `columns` stand side by side, without the gutter of the first."""
    return (theme.FULL_WIDTH_MM - GUTTER_MM - theme.PANEL_GAP_MM * (columns - 1)) / columns


def draw_panel(content: Panel, *, width_mm: float, height_mm: float, first: bool, alt: str, fonts: FontSet) -> Chart:
    """One panel. The first of a row carries the percent labels in a gutter of GUTTER_MM to its left."""
    gutter = GUTTER_MM if first else 0.0
    canvas = Canvas(width_mm + gutter, height_mm, fonts)
    # A number alone has no axis below it and may use that room; a frame keeps the neighbours' baseline.
    bottom = 0.0 if content.empty is not None and content.empty.big is not None else _BOTTOM_MM
    axes = canvas.axes(gutter, bottom, gutter + width_mm - _SIDE_MM, height_mm - _TOP_MM)
    axes.set_xlim(0.5, content.total_episodes + 0.5)
    axes.set_ylim(0, 1.02)
    if content.empty is not None:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines["bottom"].set_visible(False)
        draw_empty(canvas, axes, content.empty)
        return canvas.finish(alt)
    percent_axis(axes, (0, 0.5, 1.0), labelled=first)
    axes.spines["bottom"].set_visible(True)
    end = content.total_episodes + 0.5
    if content.gate is not None and content.gate <= content.total_episodes:
        axes.axvline(content.gate - 0.5, color=theme.LOSS, linewidth=theme.RULE_PT, zorder=3)
    if content.published_episodes < content.total_episodes:
        start = content.published_episodes + 0.5
        hatched(axes, start, end, 0, 1.0)
        room_pt = (end - start) / content.total_episodes * width_mm * PT_PER_MM
        if room_pt > fonts.text_width("not yet released", theme.CHART_MINIMUM_PT) * 0.62:
            message(canvas, axes, (start + end) / 2, 0.74, EmptyState("not_released", ("not yet", "released")))
    if content.benchmark:
        axes.plot(
            *steps(sorted(content.benchmark.items())),
            color=theme.CONTEXT,
            linewidth=theme.LINE_BENCHMARK_PT,
            zorder=3.2,
        )
    known = [(p.episode, p.estimate.value) for p in content.points if p.estimate is not None]
    band(axes, content.points)
    axes.plot(*steps(known), color=theme.FOCUS, linewidth=theme.LINE_PANEL_PT, zorder=4)
    ticks = [1, content.total_episodes]
    if content.gate is not None and 1 < content.gate <= content.total_episodes:
        room = width_mm / content.total_episodes
        if (content.gate - 1) * room > 4 and (content.total_episodes - content.gate) * room > 5:
            ticks.insert(1, content.gate)
    axes.set_xticks(sorted(set(ticks)), [str(t) for t in sorted(set(ticks))])
    for label, tick in zip(axes.get_xticklabels(), sorted(set(ticks)), strict=True):
        if tick == content.total_episodes and tick > 1:
            label.set_horizontalalignment("right")
        elif tick == 1:
            label.set_horizontalalignment("left")
        elif tick == content.gate:
            label.set_color(theme.LOSS)
    return canvas.finish(alt)
