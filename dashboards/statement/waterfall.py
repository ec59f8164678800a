"""How the month's amount came about: one floating bar a stage, from nothing to what is due."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas
from dashboards.document import Chart
from dashboards.fonts import STRONG, FontSet
from dashboards.statement.amounts import amount, exponent, plain, signed

WIDTH_MM, HEIGHT_MM = 122.0, 44.0
MOST_STAGES = 7
"""More bars than this leave no room for their labels."""
_BAR = 0.58
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Stage:
    """One step: its label, wrapped to its bar, and amount in minor units; a total stands on zero."""

    label: str
    minor: int
    is_total: bool = False


def folded(stages: Sequence[Stage], rest: str = "Other") -> list[Stage]:
    """The stages, with the smallest steps put together under `rest` when they are too many to draw."""
    if len(stages) <= MOST_STAGES:
        return list(stages)
    steps = [stage for stage in stages if not stage.is_total]
    kept = sorted(steps, key=lambda stage: -abs(stage.minor))[: MOST_STAGES - 2]
    other = sum(stage.minor for stage in steps if stage not in kept)
    return [
        *(stage for stage in steps if stage in kept),
        Stage(rest, other),
        *(stage for stage in stages if stage.is_total),
    ]


def draw_waterfall(stages: Sequence[Stage], currency: str, alt: str, fonts: FontSet) -> Chart:
    """The stages from left to right. Raises ValueError when there are more than MOST_STAGES."""
    if len(stages) > MOST_STAGES:
        raise ValueError(f"{len(stages)} stages do not fit; fold them first")
    canvas = Canvas(WIDTH_MM, HEIGHT_MM, fonts)
    bases, tops = _places(stages)
    low, high = min(0, *bases, *tops), max(0, *bases, *tops)
    reach = (high - low) or 1
    ticks = _ticks(low, high)
    labels = [_tick(tick, currency) for tick in ticks]
    left = 4.0 + max(fonts.text_width(label, theme.CHART_TICK_PT) for label in labels) / PT_PER_MM
    axes = canvas.axes(left, 10.5, WIDTH_MM - 1.0, HEIGHT_MM - 1.5)
    slots = _slots(stages, currency, (WIDTH_MM - 1.0 - left) * PT_PER_MM, fonts)
    axes.set_xlim(-0.5, slots - 0.5)
    axes.set_ylim(low - (0.16 if low < 0 else 0.0) * reach, high + 0.16 * reach)
    axes.spines["bottom"].set_visible(False)
    axes.axhline(0, color=theme.AXIS, linewidth=theme.AXIS_PT, zorder=2)
    axes.set_yticks(ticks, labels)
    axes.grid(axis="y", color=theme.GRID, linewidth=theme.GRID_PT)
    axes.set_xticks([])
    for place, stage in enumerate(stages):
        bottom, top = sorted((bases[place], tops[place]))
        color = theme.INK if stage.is_total else theme.GAIN if stage.minor >= 0 else theme.LOSS
        axes.bar(place, top - bottom, _BAR, bottom=bottom, color=color, linewidth=0, zorder=3)
        below = stage.minor < 0 and stage.is_total
        canvas.words(
            axes,
            place,
            bottom if below else top,
            _figure(stage, currency),
            ha="center",
            va="top" if below else "bottom",
            weight=STRONG if stage.is_total else 400,
            color=theme.INK,
            offset_pt=(0, -3.0 if below else 2.6),
        )
        canvas.words(
            axes,
            place,
            axes.get_ylim()[0],
            _wrapped(stage.label, (WIDTH_MM - left) / slots * PT_PER_MM * 0.94, fonts),
            color=theme.INK if stage.is_total else theme.MUTED,
            weight=STRONG if stage.is_total else 400,
            ha="center",
            va="top",
            offset_pt=(0, -4.5),
        )
        if place + 1 < len(stages):
            axes.plot(
                [place + _BAR / 2, place + 1 - _BAR / 2],
                [tops[place], tops[place]],
                color=theme.AXIS,
                linewidth=theme.LEADER_PT,
                zorder=2,
            )
    return canvas.finish(alt)


def _figure(stage: Stage, currency: str) -> str:
    return amount(stage.minor, currency) if stage.is_total else signed(stage.minor, currency)


def _slots(stages: Sequence[Stage], currency: str, width_pt: float, fonts: FontSet) -> int:
    # Few bars keep the width of three, unless their figures need the room.
    widest = max(fonts.text_width(_figure(stage, currency), theme.CHART_LABEL_PT, STRONG) for stage in stages)
    return max(len(stages), 3) if widest < 0.95 * width_pt / 3 else len(stages)


def _wrapped(label: str, width_pt: float, fonts: FontSet) -> str:
    lines = [""]
    for word in label.split():
        longer = f"{lines[-1]} {word}".strip()
        if fonts.text_width(longer, theme.CHART_LABEL_PT) <= width_pt or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _places(stages: Sequence[Stage]) -> tuple[list[int], list[int]]:
    # Where each bar begins and ends; what runs on from one to the next is where it ends.
    level = 0
    bases, tops = [], []
    for stage in stages:
        start = 0 if stage.is_total else level
        level = start + stage.minor
        bases.append(start)
        tops.append(level)
    return bases, tops


def _ticks(low: int, high: int) -> list[int]:
    step = 1
    while (high - low) > 4 * step:
        decade = 10 ** (len(str(step)) - 1)
        step = next((s * decade for s in _STEPS if s * decade > step), 10 * decade)
    return list(range(-(-low // step) * step, high + 1, step))


def _tick(minor: int, currency: str) -> str:
    unit = 10 ** exponent(currency)
    return plain(minor, currency) if minor % unit else plain(minor, currency).split(".")[0]
