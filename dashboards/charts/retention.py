"""R1, the retention curve of one series: where do viewers leave?

A step for each episode with its 95% band, last week dashed, the benchmark grey; paywall, cliffhangers and the
unreleased part marked; and under the axis, for some episodes, what became of the starters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas, hatched, percent_axis, spread
from dashboards.charts.empty import EmptyState, draw_empty, message
from dashboards.charts.paywall_drop import Drop, draw_drop
from dashboards.charts.steps import band, steps
from dashboards.document import Chart
from dashboards.figures.curves import CurvePoint
from dashboards.fonts import REGULAR, STRONG, FontSet

_GUTTER_MM = 26.0
_ROW_MM = 3.6
_TOP_MM = 5.0
_COLUMN_MM = 11.5
_LABEL_GAP_PT = 7.0
_LABEL_PITCH_PT = 9.5
ROWS = ("Watching", "Left", "Too recent to know")


@dataclass(frozen=True)
class Line:
    """A labelled curve: episode and share, in order; `end_label` is set beside its last point."""

    points: Sequence[tuple[int, float]]
    end_label: str


@dataclass(frozen=True)
class Retention:
    """What the chart shows. `counts` by episode: texts for ROWS; `drop` two lines about the paywall."""

    total_episodes: int
    published_episodes: int
    gate: int | None
    gate_label: str
    points: Sequence[CurvePoint]
    this_week: Line
    last_week: Line | None
    benchmark: Line | None
    cliffhangers: Sequence[int]
    drop: tuple[str, str] | None
    counts: Mapping[int, tuple[str, str, str]]
    provisional: bool
    released_note: str


def count_episodes(total: int, gate: int | None, last_known: int) -> list[int]:
    """Episodes under which counts are printed: first, paywall, last with figures, and round ones that fit
    between.
    """
    plot_mm = theme.FULL_WIDTH_MM - _GUTTER_MM - 26.0
    gap = max(1.0, _COLUMN_MM / plot_mm * total)
    chosen = [1]
    for must in (gate, last_known):
        if must is not None and must <= last_known and all(abs(must - c) >= gap for c in chosen):
            chosen.append(must)
    step = next(s for s in (5, 10, 20, 25, 50, 100, 10_000) if s >= gap)
    for episode in range(step, last_known, step):
        if all(abs(episode - c) >= gap for c in chosen):
            chosen.append(episode)
    return sorted(chosen)


def draw_retention(content: Retention, height_mm: float, alt: str, fonts: FontSet) -> Chart:
    """The chart at full width and the given height."""
    canvas = Canvas(theme.FULL_WIDTH_MM, height_mm, fonts)
    strips = 1 if content.cliffhangers else 0
    bottom = _ROW_MM * (len(ROWS) + 1 + strips) + 2.6
    right = theme.FULL_WIDTH_MM - _right_margin(content, fonts)
    axes = canvas.axes(_GUTTER_MM, bottom, right, height_mm - _TOP_MM)
    axes.set_xlim(0.5, content.total_episodes + 0.5)
    axes.set_ylim(0, 1.02)
    percent_axis(axes, (0, 0.25, 0.5, 0.75, 1.0))
    axes.spines["bottom"].set_visible(True)
    _zones(canvas, axes, content)
    _curves(axes, content)
    _end_labels(canvas, axes, content)
    if content.drop is not None and content.gate is not None:
        shares = dict(content.this_week.points)
        known = [(p.episode, p.estimate.interval) for p in content.points if p.estimate is not None]
        draw_drop(
            canvas,
            axes,
            Drop(
                content.drop,
                content.gate,
                (shares[content.gate - 1] + shares[content.gate]) / 2,
                content.total_episodes,
                [line.points for line, _, _ in _lines(content)],
                [(k, edge) for k, interval in known for edge in (interval.low, interval.high)],
                _ground(content) if content.published_episodes < content.total_episodes else None,
            ),
            fonts,
        )
    _under_axis(canvas, axes, content, strips)
    return canvas.finish(alt)


def draw_retention_empty(state: EmptyState, height_mm: float, alt: str, fonts: FontSet) -> Chart:
    """The same sheet when there is no curve to draw."""
    canvas = Canvas(theme.FULL_WIDTH_MM, height_mm, fonts)
    axes = canvas.axes(0.2, 0.2, theme.FULL_WIDTH_MM - 0.2, height_mm - 0.2)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    draw_empty(canvas, axes, state)
    return canvas.finish(alt)


def _lines(content: Retention) -> list[tuple[Line, str, int]]:
    found: list[tuple[Line, str, int]] = [(content.this_week, theme.FOCUS, STRONG)]
    if content.last_week is not None:
        found.append((content.last_week, theme.FOCUS, REGULAR))
    if content.benchmark is not None:
        found.append((content.benchmark, theme.MUTED, REGULAR))
    return found


def _right_margin(content: Retention, fonts: FontSet) -> float:
    # A label of a line that ends early starts inside the plot, so the margin it needs depends on the margin.
    margin = 4.0
    for _ in range(4):
        plot = theme.FULL_WIDTH_MM - _GUTTER_MM - margin
        needed = [
            (fonts.text_width(line.end_label, theme.CHART_LABEL_PT, weight) + _LABEL_GAP_PT + 6) / PT_PER_MM
            - plot * (content.total_episodes - line.points[-1][0]) / content.total_episodes
            for line, _, weight in _lines(content)
        ]
        margin = max(4.0, *needed)
    return margin


def _zones(canvas: Canvas, axes: Axes, content: Retention) -> None:
    end = content.total_episodes + 0.5
    if content.gate is not None and content.gate <= content.total_episodes:
        at = content.gate - 0.5
        axes.axvspan(at, end, color=theme.TINT, linewidth=0, zorder=0)
        axes.axvline(at, color=theme.LOSS, linewidth=theme.RULE_PT, zorder=3)
        late = content.gate > 0.7 * content.total_episodes
        canvas.words(
            axes,
            at,
            1.02,
            content.gate_label,
            color=theme.LOSS,
            weight=STRONG,
            ha="right" if late else "left",
            va="bottom",
            offset_pt=(0, 2.5),
        )
    if content.published_episodes < content.total_episodes:
        start = content.published_episodes + 0.5
        hatched(axes, start, end, 0, 1.0)
        if end - start > 0.16 * content.total_episodes:
            state = EmptyState("not_released", (content.released_note,))
            message(canvas, axes, (start + end) / 2, 0.86, state, _ground(content))


def _ground(content: Retention) -> str:
    # What lies behind the unreleased part: from the paywall on, the tinted zone.
    return theme.TINT if content.gate is not None and content.gate <= content.published_episodes else theme.WHITE


def _curves(axes: Axes, content: Retention) -> None:
    if content.benchmark is not None:
        axes.plot(
            *steps(content.benchmark.points),
            color=theme.CONTEXT,
            linewidth=theme.LINE_BENCHMARK_PT,
            zorder=3.2,
        )
    band(axes, content.points)
    if content.last_week is not None:
        axes.plot(
            *steps(content.last_week.points),
            color=theme.FOCUS,
            linewidth=theme.LINE_LAST_WEEK_PT,
            dashes=theme.LAST_WEEK_DASH,
            zorder=3.6,
        )
    axes.plot(*steps(content.this_week.points), color=theme.FOCUS, linewidth=theme.LINE_FOCUS_PT, zorder=4)
    if content.provisional:
        episode, share = content.this_week.points[-1]
        axes.plot(
            [episode + 0.5],
            [share],
            "o",
            markersize=theme.DOT_PT,
            markerfacecolor=theme.WHITE,
            markeredgecolor=theme.FOCUS,
            markeredgewidth=1.1,
            zorder=5,
            clip_on=False,
        )


def _end_labels(canvas: Canvas, axes: Axes, content: Retention) -> None:
    lines = _lines(content)
    anchors = [canvas.to_points(axes, line.points[-1][0] + 0.5, line.points[-1][1]) for line, _, _ in lines]
    _, floor = canvas.to_points(axes, 0, 0)
    _, ceiling = canvas.to_points(axes, 0, 1)
    placed = spread([y for _, y in anchors], _LABEL_PITCH_PT, floor + 4, ceiling - 4)
    for (line, color, weight), (_, y), target in zip(lines, anchors, placed, strict=True):
        episode, share = line.points[-1]
        inside = episode < content.total_episodes
        if abs(target - y) > 2.5:
            axes.annotate(
                "",
                (episode + 0.5, share),
                xytext=(_LABEL_GAP_PT - 1.5, target - y),
                textcoords="offset points",
                arrowprops={
                    "arrowstyle": "-",
                    "linewidth": theme.LEADER_PT,
                    "color": color,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
                annotation_clip=False,
            )
        canvas.words(
            axes,
            episode + 0.5,
            share,
            line.end_label,
            color=color,
            weight=weight,
            va="center",
            clear=_ground(content) if inside else None,
            offset_pt=(_LABEL_GAP_PT, target - y),
        )


def _under_axis(canvas: Canvas, axes: Axes, content: Retention, strips: int) -> None:
    labelled = sorted(content.counts)
    ends = [content.total_episodes] if all(content.total_episodes - k > 2 for k in labelled) else []
    axes.set_xticks([*labelled, *ends], [])
    pitch = _ROW_MM * PT_PER_MM
    first = -pitch * 1.0

    def row(place: int) -> float:
        return first - pitch * place

    gutter = -(_GUTTER_MM - 0.5) * PT_PER_MM
    if strips:
        canvas.words(
            axes,
            0.5,
            0,
            "\u25b2 Cliffhanger ending",
            color=theme.CLIFFHANGER,
            size=theme.CHART_SMALL_PT,
            offset_pt=(gutter, row(0)),
            va="center",
        )
        for episode in content.cliffhangers:
            x, y = canvas.to_points(axes, episode, 0)
            axes.plot(
                [x],
                [y + row(0)],
                "^",
                markersize=theme.MARKER_PT - 1,
                color=theme.CLIFFHANGER,
                transform=None,
                clip_on=False,
                markeredgewidth=0,
            )
    names = ("Episode", *ROWS)
    for place, name in enumerate(names, start=strips):
        strong = name == "Watching"
        canvas.words(
            axes,
            0.5,
            0,
            name,
            color=theme.INK if strong else theme.MUTED,
            size=theme.CHART_SMALL_PT,
            offset_pt=(gutter, row(place)),
            va="center",
        )
    for episode in (*labelled, *ends):
        texts = (str(episode), *content.counts.get(episode, ()))
        for place, text in enumerate(texts, start=strips):
            strong = place == strips + 1
            canvas.words(
                axes,
                episode,
                0,
                text,
                color=theme.INK if strong else theme.MUTED,
                size=theme.CHART_SMALL_PT,
                ha="center",
                va="center",
                offset_pt=(0, row(place)),
            )
