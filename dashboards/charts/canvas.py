"""The sheet a chart is drawn on: axes placed in millimetres, one style, live text in the report's own
typeface.
"""

import io
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text

from dashboards import theme
from dashboards.document import Chart, TextBox
from dashboards.fonts import LATIN_FAMILY, REGULAR, FontSet

MM_PER_INCH = 25.4
PT_PER_MM = 72 / MM_PER_INCH

# Live text, so that words can be selected and searched; a fixed salt and no date, so that bytes repeat; no
# mathtext, so that a dollar sign is a dollar sign.
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cliffhanger",
    "font.family": [LATIN_FAMILY],
    "font.size": theme.CHART_LABEL_PT,
    "text.parse_math": False,
    "text.color": theme.INK,
    "axes.unicode_minus": True,
    "axes.edgecolor": theme.AXIS,
    "axes.linewidth": theme.AXIS_PT,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "hatch.linewidth": theme.HATCH_PT,
    "hatch.color": theme.HATCH,
    "xtick.color": theme.AXIS,
    "ytick.color": theme.AXIS,
    "xtick.labelcolor": theme.MUTED,
    "ytick.labelcolor": theme.MUTED,
    "xtick.labelsize": theme.CHART_TICK_PT,
    "ytick.labelsize": theme.CHART_TICK_PT,
    "xtick.major.width": theme.AXIS_PT,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
    "xtick.major.pad": 2.5,
    "ytick.major.pad": 3.0,
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "butt",
    "lines.solid_joinstyle": "miter",
}
_registered: set[str] = set()

Horizontal = Literal["left", "center", "right"]
Vertical = Literal["top", "center", "baseline", "bottom", "center_baseline"]


class Canvas:
    """One chart under way. Lengths are millimetres from the lower left corner."""

    def __init__(self, width_mm: float, height_mm: float, fonts: FontSet) -> None:
        _register(fonts)
        self.width_mm = width_mm
        self.height_mm = height_mm
        with mpl.rc_context(_STYLE):
            self.figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), dpi=72)
            self._agg: Any = FigureCanvasAgg(self.figure)
        self._labels: list[Text] = []

    def axes(self, left: float, bottom: float, right: float, top: float) -> Axes:
        """Axes filling the given rectangle (edges in mm from the lower left corner)."""
        with mpl.rc_context(_STYLE):
            return self.figure.add_axes(
                (
                    left / self.width_mm,
                    bottom / self.height_mm,
                    (right - left) / self.width_mm,
                    (top - bottom) / self.height_mm,
                )
            )

    def words(
        self,
        axes: Axes,
        x: float,
        y: float,
        text: str,
        *,
        color: str = theme.INK,
        size: float = theme.CHART_LABEL_PT,
        weight: int = REGULAR,
        ha: Horizontal = "left",
        va: Vertical = "center_baseline",
        clear: str | None = None,
        offset_pt: tuple[float, float] = (0.0, 0.0),
    ) -> Text:
        """A label at data coordinates, moved by `offset_pt`; `clear` paints over what lies behind it."""
        label = axes.annotate(
            text,
            (x, y),
            xytext=offset_pt,
            textcoords="offset points",
            color=color,
            fontfamily=LATIN_FAMILY,
            fontsize=size,
            fontweight=weight,
            ha=ha,
            va=va,
            annotation_clip=False,
            parse_math=False,
            zorder=6,
        )
        if clear is not None:
            label.set_bbox({"facecolor": clear, "edgecolor": "none", "pad": 1.2})
        self._labels.append(label)
        return label

    def is_free(self, box: TextBox) -> bool:
        """Whether no label drawn so far lies in the box."""
        return not any(self.box(label).meets(box) for label in self._labels)

    def is_free_but(self, label: Text) -> bool:
        """Whether a label that was drawn touches none of the others."""
        own = self.box(label)
        return not any(self.box(other).meets(own) for other in self._labels if other is not label)

    def drop(self, label: Text) -> None:
        """Take a label off the sheet again."""
        self._labels.remove(label)
        label.remove()

    def box(self, text: Text) -> TextBox:
        """Where a label lies, in points from the lower left corner."""
        if isinstance(text, Annotation):
            text.update_positions(self._agg.get_renderer())
        extent = Text.get_window_extent(text, self._agg.get_renderer())
        return TextBox(text.get_text(), float(extent.x0), float(extent.y0), float(extent.x1), float(extent.y1))

    def to_points(self, axes: Axes, x: float, y: float) -> tuple[float, float]:
        """Data coordinates as points from the lower left corner."""
        px, py = axes.transData.transform((x, y))
        return float(px), float(py)

    def finish(self, alt: str) -> Chart:
        """The chart as SVG, with its alternative text and the boxes of its visible labels."""
        target = io.StringIO()
        with mpl.rc_context(_STYLE):
            self.figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
            texts = tuple(
                self.box(t)
                for t in self.figure.findobj(Text)
                if isinstance(t, Text) and t.get_visible() and t.get_text().strip() and _is_drawn(t)
            )
        return Chart(target.getvalue(), self.width_mm, self.height_mm, alt, texts)


def percent_axis(axes: Axes, ticks: Sequence[float], *, labelled: bool = True) -> None:
    """A vertical axis of shares: faint grid, percent labels, no ticks."""
    axes.set_yticks(list(ticks), [f"{tick * 100:.0f}%" for tick in ticks] if labelled else [""] * len(ticks))
    axes.grid(axis="y", color=theme.GRID, linewidth=theme.GRID_PT)


def hatched(axes: Axes, left: float, right: float, bottom: float = 0.0, top: float = 1.0, slant: str = "////") -> None:
    """A zone without figures yet, in data coordinates."""
    axes.add_patch(
        Rectangle(
            (left, bottom),
            right - left,
            top - bottom,
            facecolor="none",
            edgecolor=theme.HATCH,
            hatch=slant,
            linewidth=0,
            zorder=1.5,
        )
    )


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float]:
    """Centres as near to `wanted` as labels of one `height` allow without touching, within [low, high].

    Of equal wishes the earlier one is placed higher.

    Pool-adjacent-violators on the shifted positions, which minimises the squared moves.
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], -i))
    groups: list[tuple[float, int]] = []
    for place, index in enumerate(order):
        mean, size = wanted[index] - place * height, 1
        while groups and groups[-1][0] > mean:
            earlier, count = groups.pop()
            mean, size = (earlier * count + mean * size) / (count + size), count + size
        groups.append((mean, size))
    shifted = [mean for mean, size in groups for _ in range(size)]
    ceiling = high - (len(wanted) - 1) * height
    placed = [0.0] * len(wanted)
    for place, index in enumerate(order):
        placed[index] = max(low, min(shifted[place], ceiling)) + place * height
    return placed


def _is_drawn(text: Text) -> bool:
    # findobj also returns tick labels that lie outside the view, which are never drawn.
    axes = text.axes
    if axes is None:
        return True
    for axis in (axes.xaxis, axes.yaxis):
        ticks = axis.get_major_ticks()
        low, high = sorted(axis.get_view_interval())
        for tick in ticks:
            if text in (tick.label1, tick.label2):
                return bool(low - 1e-9 <= tick.get_loc() <= high + 1e-9)
    return True


def _register(fonts: FontSet) -> None:
    for path in fonts.latin.values():
        if str(path) not in _registered:
            font_manager.fontManager.addfont(path)
            _registered.add(str(path))
