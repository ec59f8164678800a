"""Two lines about what the paywall costs, set beside the step where nothing else stands, or left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas
from dashboards.document import TextBox
from dashboards.fonts import REGULAR, STRONG, FontSet

_HALF_PT = 10.0
_LEADER_PT, _TEXT_PT = 11.0, 13.0
_PITCH_PT = 9.6
_FARTHEST_PT = 400

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Drop:
    """What to say and what to keep clear of.

    `middle` is the height (share) half-way down the step at the episode `gate`; `curves` and `band` are in
    episodes and shares; `ground` paints over hatching where the chart has some.
    """

    texts: tuple[str, str]
    gate: int
    middle: float
    total_episodes: int
    curves: Sequence[Points]
    band: Points
    ground: str | None


def draw_drop(canvas: Canvas, axes: Axes, drop: Drop, fonts: FontSet) -> None:
    """Set the two lines right of the paywall, or left of it when it stands late; none when there is no
    room.
    """
    at = drop.gate - 0.5
    side = 1 if drop.gate <= 0.6 * drop.total_episodes else -1
    width = max(
        fonts.text_width(text, theme.CHART_LABEL_PT, weight)
        for text, weight in zip(drop.texts, (STRONG, REGULAR), strict=True)
    )
    rule, _ = canvas.to_points(axes, at, drop.middle)
    near, far = sorted((rule + side * _TEXT_PT, rule + side * (_TEXT_PT + width)))
    if near < canvas.to_points(axes, 0.5, 0)[0] or far > canvas.width_mm * PT_PER_MM:
        return
    # Clear of the band as well where that can be had.
    offset = _free_offset(canvas, axes, drop, (near, far), [*drop.curves, drop.band])
    if offset is None:
        offset = _free_offset(canvas, axes, drop, (near, far), drop.curves)
    if offset is None:
        return
    axes.annotate(
        "",
        (at, drop.middle),
        xytext=(side * _LEADER_PT, offset),
        textcoords="offset points",
        arrowprops={
            "arrowstyle": "-",
            "linewidth": theme.LEADER_PT,
            "color": theme.MUTED,
            "shrinkA": 0,
            "shrinkB": 2,
        },
    )
    for place, text in enumerate(drop.texts):
        canvas.words(
            axes,
            at,
            drop.middle,
            text,
            color=theme.INK if place == 0 else theme.MUTED,
            weight=STRONG if place == 0 else REGULAR,
            ha="left" if side > 0 else "right",
            va="center",
            clear=drop.ground if side > 0 else None,
            offset_pt=(side * _TEXT_PT, offset + _PITCH_PT / 2 - _PITCH_PT * place),
        )


def _free_offset(
    canvas: Canvas, axes: Axes, drop: Drop, span: tuple[float, float], shapes: Sequence[Points]
) -> float | None:
    # The least vertical move (points) that brings two lines of text clear of all shapes and labels.
    origin = canvas.to_points(axes, 0, 0)[0]
    episode_pt = canvas.to_points(axes, 1, 0)[0] - origin
    first, last = ((edge - origin) / episode_pt for edge in span)
    taken: list[tuple[float, float]] = []
    for shape in shapes:
        heights = [
            canvas.to_points(axes, 0, share)[1]
            for episode, share in shape
            if episode + 0.5 >= first and episode - 0.5 <= last
        ]
        if heights:
            taken.append((min(heights) - 3, max(heights) + 3))
    height = canvas.to_points(axes, drop.gate, drop.middle)[1]
    floor, ceiling = canvas.to_points(axes, 0, 0)[1], canvas.to_points(axes, 0, 1)[1]
    for move in sorted(range(-_FARTHEST_PT, _FARTHEST_PT + 1, 2), key=lambda m: (abs(m), -m)):
        low, high = height + move - _HALF_PT, height + move + _HALF_PT
        if low < floor or high > ceiling or any(low < top and high > bottom for bottom, top in taken):
            continue
        if canvas.is_free(TextBox("", span[0], low, span[1], high)):
            return float(move)
    return None
