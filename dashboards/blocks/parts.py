"""A part of a page before it has a place: what it says, and how to draw it at a width.

Pages are arranged from parts, so that one with nothing to draw shrinks to a sentence instead of leaving an
empty frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dashboards import theme
from dashboards.document import Block, Chart, FlexibleChart
from dashboards.sentences import Sentence, spans

Draw = Callable[[float, float], Chart]
"""Width and height (mm) to chart."""
COLUMN_GAP_MM = 8.0
HALF_WIDTH_MM = (theme.FULL_WIDTH_MM - COLUMN_GAP_MM) / 2


@dataclass(frozen=True)
class Part:
    """One question and its answer. Without `draw`, `heading` and `sub` are all there is to say.

    `heights_mm` are least, preferred and greatest.
    """

    heading: Sentence
    sub: Sentence
    draw: Draw | None = None
    heights_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    notes: Sequence[str] = field(default_factory=tuple)


def whole(part: Part) -> Block:
    """The part across the page."""
    return Block("chart", _content(part, theme.FULL_WIDTH_MM, part.heights_mm))


def side_by_side(left: Part, right: Part) -> Block:
    """Two parts in two columns, their charts of one height."""
    heights = tuple(max(pair) for pair in zip(left.heights_mm, right.heights_mm, strict=True))
    limits = (heights[0], heights[1], heights[2])
    return Block(
        "pair",
        {"parts": [_content(p, HALF_WIDTH_MM, limits) for p in (left, right)], "gap_mm": COLUMN_GAP_MM},
    )


def briefs(parts: Sequence[Part]) -> Block:
    """Parts with nothing to draw, as short notices in two columns."""
    items = [{"heading": spans(part.heading), "text": spans(part.sub)} for part in parts]
    return Block("briefs", {"items": items, "gap_mm": COLUMN_GAP_MM})


def _content(part: Part, width_mm: float, heights_mm: tuple[float, float, float]) -> dict[str, object]:
    draw = part.draw
    assert draw is not None
    return {
        "heading": spans(part.heading),
        "sub": spans(part.sub),
        "chart": FlexibleChart(lambda height: draw(width_mm, height), *heights_mm),
        "notes": list(part.notes),
    }
