"""Eight weeks in thirty millimetres: a grey line, gaps where a week is unknown, a dot for this week."""

from collections.abc import Sequence

from dashboards import theme
from dashboards.charts.canvas import Canvas
from dashboards.document import Chart
from dashboards.fonts import FontSet


def draw_sparkline(
    values: Sequence[int | float | None], *, provisional: bool, alt: str, fonts: FontSet
) -> Chart | None:
    """The line of the weeks, oldest first; None when fewer than two weeks are known (a point is no line)."""
    known = [v for v in values if v is not None]
    if len(known) < 2:
        return None
    width, height = theme.SPARKLINE_MM
    canvas = Canvas(width, height, fonts)
    axes = canvas.axes(0.5, 0.8, width - 1.2, height - 0.8)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_axis_off()
    low, high = min(known), max(known)
    pad = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    axes.set_xlim(0, len(values) - 1)
    axes.set_ylim(low - pad, high + pad)
    places = list(range(len(values)))
    points = [float("nan") if v is None else float(v) for v in values]
    axes.plot(places, points, color=theme.CONTEXT, linewidth=1.0, clip_on=False)
    alone = [
        i
        for i, v in enumerate(values)
        if v is not None and (i == 0 or values[i - 1] is None) and (i == len(values) - 1 or values[i + 1] is None)
    ]
    axes.plot(
        alone,
        [points[i] for i in alone],
        "o",
        markersize=1.6,
        color=theme.CONTEXT,
        clip_on=False,
        linestyle="none",
    )
    if values[-1] is not None:
        axes.plot(
            [places[-1]],
            [points[-1]],
            "o",
            markersize=theme.DOT_PT,
            markerfacecolor=theme.WHITE if provisional else theme.FOCUS,
            markeredgecolor=theme.FOCUS,
            markeredgewidth=1.0,
            clip_on=False,
            zorder=5,
        )
    return canvas.finish(alt)
