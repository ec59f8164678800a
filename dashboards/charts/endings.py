"""C1: how many viewers each episode ending loses. A dot with its interval; a triangle ends on a cliffhanger.

Endings beyond the scale, above all the one before the paywall, stand at the top edge and are named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dashboards import formats, theme
from dashboards.charts.canvas import PT_PER_MM, Canvas, percent_axis, spread
from dashboards.document import Chart
from dashboards.figures.endings import Ending
from dashboards.fonts import REGULAR, STRONG, FontSet

_LEFT_MM, _RIGHT_MM, _TOP_MM, _BOTTOM_MM = 9.0, 27.0, 5.0, 8.2
_PITCH_PT = 9.2
_MOST_NAMED = 2
_TICK_STEPS = (0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25)


@dataclass(frozen=True)
class Losses:
    """What the chart shows. `named` are labels by episode; `typical` the labelled medians by kind."""

    total_episodes: int
    endings: Sequence[Ending]
    gate: int | None
    gate_label: str
    named: dict[int, str]
    cliffhangers_typical: tuple[float, str] | None
    others_typical: tuple[float, str] | None


def ceiling(endings: Sequence[Ending]) -> tuple[float, float]:
    """Top of the scale and distance of its ticks: room for all ordinary drops, not for the paywall's."""
    ordinary = sorted(e.drop.value for e in endings if e.is_compared) or sorted(
        e.drop.value for e in endings if not e.is_paywall
    )
    if not ordinary:
        return 1.0, 0.25
    typical = ordinary[int(0.9 * (len(ordinary) - 1))]
    need = max(min(ordinary[-1] * 1.08, typical * 2.2), 0.01)
    step = next((s for s in _TICK_STEPS if need / s <= 4.6), 0.25)
    return min(step * (int(need / step) + 1), 1.0), step


def draw_endings(content: Losses, height_mm: float, alt: str, fonts: FontSet) -> Chart:
    """The chart at full width and the given height."""
    canvas = Canvas(theme.FULL_WIDTH_MM, height_mm, fonts)
    axes = canvas.axes(_LEFT_MM, _BOTTOM_MM, theme.FULL_WIDTH_MM - _RIGHT_MM, height_mm - _TOP_MM)
    top, step = ceiling(content.endings)
    axes.set_xlim(0.2, content.total_episodes - 0.2)
    axes.set_ylim(0, top)
    ticks = [n * step for n in range(round(top / step) + 1)]
    percent_axis(axes, ticks)
    if step < 0.01 or step == 0.025:
        axes.set_yticks(ticks, [f"{tick * 100:.1f}%" for tick in ticks])
    axes.spines["bottom"].set_visible(True)
    apart = next(step for step in (5, 10, 20, 25, 50, 100, 10_000) if step * 16 >= content.total_episodes)
    axes.set_xticks([1, *range(apart, content.total_episodes - 1, apart)])
    _typical(canvas, axes, content)
    _paywall(canvas, axes, content)
    for ending in content.endings:
        _mark(axes, ending, top)
    _names(canvas, axes, content, top)
    canvas.words(
        axes,
        (content.total_episodes + 0) / 2,
        0,
        "Episode just finished",
        color=theme.MUTED,
        size=theme.CHART_SMALL_PT,
        ha="center",
        va="center",
        offset_pt=(0, -(_BOTTOM_MM - 1.5) * PT_PER_MM),
    )
    return canvas.finish(alt)


def _mark(axes: Axes, ending: Ending, top: float) -> None:
    drop = ending.drop
    color = theme.LOSS if ending.is_paywall else theme.CLIFFHANGER if ending.is_cliffhanger else theme.CONTEXT
    small = not ending.is_compared and not ending.is_paywall
    if drop.value > top:
        axes.plot([ending.episode] * 2, [top * 0.93, top], color=color, linewidth=theme.RULE_PT, zorder=4)
        return
    if not small:
        axes.plot(
            [ending.episode] * 2,
            [drop.interval.low, min(drop.interval.high, top)],
            color=color,
            linewidth=theme.RULE_PT,
            alpha=1.0,
            solid_capstyle="butt",
            zorder=3,
        )
    axes.plot(
        [ending.episode],
        [drop.value],
        "^" if ending.is_cliffhanger else "o",
        markersize=(theme.MARKER_PT if ending.is_cliffhanger else theme.DOT_PT - 0.8) - (0.8 if small else 0),
        markerfacecolor=theme.WHITE if small else color,
        markeredgecolor=color,
        markeredgewidth=0.8 if small else 0,
        zorder=5,
        clip_on=False,
    )


def _paywall(canvas: Canvas, axes: Axes, content: Losses) -> None:
    if content.gate is None or content.gate < 2:
        return
    at = content.gate - 1
    axes.axvline(at, color=theme.LOSS, linewidth=theme.RULE_PT, zorder=2.5)
    late = at > 0.6 * content.total_episodes
    canvas.words(
        axes,
        at,
        axes.get_ylim()[1],
        content.gate_label,
        color=theme.LOSS,
        weight=STRONG,
        ha="right" if late else "left",
        va="bottom",
        offset_pt=(-1 if late else 1, 2.5),
    )


def _typical(canvas: Canvas, axes: Axes, content: Losses) -> None:
    lines = [
        (typical, color, weight, mark)
        for typical, color, weight, mark in (
            (content.others_typical, theme.MUTED, REGULAR, "\u25cf"),
            (content.cliffhangers_typical, theme.CLIFFHANGER, STRONG, "\u25b2"),
        )
        if typical is not None
    ]
    bottom, top = (canvas.to_points(axes, 0, y)[1] for y in axes.get_ylim())
    wanted = [canvas.to_points(axes, 0, min(t[0], axes.get_ylim()[1]))[1] for t, *_ in lines]
    placed = spread(wanted, 2 * _PITCH_PT + 1, bottom + _PITCH_PT, top - _PITCH_PT)
    right = axes.get_xlim()[1]
    for ((value, label), color, weight, mark), y, target in zip(lines, wanted, placed, strict=True):
        axes.axhline(value, color=color, linewidth=theme.LINE_LAST_WEEK_PT, dashes=theme.LAST_WEEK_DASH, zorder=2)
        for place, text in enumerate((f"{mark} {label.split('|')[0]}", label.split("|")[1])):
            canvas.words(
                axes,
                right,
                min(value, axes.get_ylim()[1]),
                text,
                color=color,
                weight=weight,
                va="center",
                offset_pt=(5, target - y + _PITCH_PT * (0.5 - place)),
            )


def _names(canvas: Canvas, axes: Axes, content: Losses, top: float) -> None:
    shown = 0
    beyond = [e for e in content.endings if e.episode in content.named and e.drop.value > top and not e.is_paywall]
    inside = [e for e in content.endings if e.episode in content.named and e.drop.value <= top]
    for ending in [*beyond, *inside]:
        text = content.named[ending.episode]
        off = ending.drop.value > top
        for side in (1, -1):
            label = canvas.words(
                axes,
                ending.episode,
                min(ending.drop.value, top),
                text,
                color=theme.INK,
                size=theme.CHART_SMALL_PT,
                ha="left" if side > 0 else "right",
                va="center",
                offset_pt=(side * 5, -4.5 if off else 0),
            )
            box = canvas.box(label)
            clear = _is_clear(canvas, axes, content, ending, box.left, box.right, box.bottom, box.top)
            if clear and canvas.is_free_but(label):
                shown += 1
                break
            canvas.drop(label)
        if shown >= _MOST_NAMED + len(beyond):
            return


def _is_clear(
    canvas: Canvas, axes: Axes, content: Losses, own: Ending, left: float, right: float, bottom: float, top: float
) -> bool:
    # No other mark or whisker, no rule, under the label; and all of it within the plot.
    limit = axes.get_ylim()[1]
    edges = [canvas.to_points(axes, x, 0)[0] for x in axes.get_xlim()]
    if left < edges[0] or right > edges[1]:
        return False
    if content.gate is not None:
        rule = canvas.to_points(axes, content.gate - 1, 0)[0]
        if left - 3 < rule < right + 3:
            return False
    for ending in content.endings:
        if ending is own:
            continue
        x, low = canvas.to_points(axes, ending.episode, min(ending.drop.interval.low, limit))
        _, high = canvas.to_points(axes, ending.episode, min(ending.drop.interval.high, limit))
        if left - 3 < x < right + 3 and high > bottom - 2 and low < top + 2:
            return False
    return True


def describe(ending: Ending) -> str:
    """`9 to 10: 52%` as the chart writes it, with an arrow."""
    text = formats.percent(ending.drop.value, formats.rate_decimals(ending.drop.base))
    return f"{ending.episode}\u2192{ending.episode + 1}: {text}"
