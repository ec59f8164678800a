"""R2: which series is off? All series of the studio on one scale, in the order of their starters."""

from math import ceil

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.empties import empty_curve
from dashboards.charts.canvas import PT_PER_MM
from dashboards.charts.series_panels import GUTTER_MM, Panel, draw_panel, panel_width
from dashboards.document import Block, FlexibleChart
from dashboards.figures.record import Figure
from dashboards.figures.scope import Series
from dashboards.fonts import STRONG
from dashboards.sentences import spans
from dashboards.titles import cut, fit

MOST_PANELS = 8
PANELS_BESIDE_OTHERS = 6
_PER_ROW = 4
_OTHERS_LISTED = 7
_LARGEST_IN_WORDS = 10
_SAFETY = 0.97
"""Measured widths leave out kerning; a line that fits by this much fits on paper."""
_ONE_ROW_MM, _TWO_ROWS_MM = (32.0, 36.0, 46.0), (18.0, 27.0, 42.0)
"""Least, preferred and greatest height of a panel when they stand in one row or in two."""


def series_retention(context: WeeklyContext) -> Block | None:
    """The small multiples; None with fewer than two series, or without any data: the lead chart says it
    all.
    """
    series = context.week.series
    if len(series) < 2 or not context.week.has_rows(context.week.week):
        return None
    crowded = len(series) > MOST_PANELS
    shown = series[:PANELS_BESIDE_OTHERS] if crowded else series
    rows = 1 if len(shown) <= _PER_ROW else 2
    columns = _PER_ROW if crowded else ceil(len(shown) / rows)
    width = panel_width(columns)
    per_row = ceil(len(shown) / rows)
    limits = _ONE_ROW_MM if rows == 1 else _TWO_ROWS_MM
    panels = [_panel(context, one, width, limits, place % per_row == 0) for place, one in enumerate(shown)]
    notes = [n for s in shown if (n := s.title.note)]
    drawn = [s for s in shown if empty_curve(context, s, wide=False) is None]
    unmatched = [s for s in drawn if not context.week.benchmark(s).points]
    if unmatched:
        notes.append(
            f"No fair benchmark for {formats.listed([_short(s) for s in unmatched])}."
            if len(unmatched) < len(drawn)
            else "No fair benchmark for any of these series."
        )
    return Block(
        "panels",
        {
            "heading": spans((_heading(context, series),)),
            "sub": spans(
                (
                    "Share of starters who reach each episode within 7 days. "
                    "Orange: paywall. Grey: median of similar series of other studios.",
                )
            ),
            "gutter_mm": GUTTER_MM,
            "gap_mm": theme.PANEL_GAP_MM,
            "panel_mm": width,
            "rows": [panels[i : i + per_row] for i in range(0, len(panels), per_row)],
            "others": _others(context, series[PANELS_BESIDE_OTHERS:]) if crowded else None,
            "notes": notes,
        },
        flexible_rows=rows,
    )


def _short(series: Series) -> str:
    return cut(series.title.text, 24)


def _heading(context: WeeklyContext, series: list[Series]) -> str:
    measures, week = context.measures, context.week
    above = below = judged = 0
    for one in series:
        if one.gate is None:
            continue
        distance = measures.against_benchmark(one, measures.reach(one, one.gate), week.benchmark(one))
        if distance is not None:
            judged += 1
            above += distance.interval.low > 0
            below += distance.interval.high < 0
    if not judged:
        return f"How far viewers get in each of the {len(series)} series"
    in_words = judged <= _LARGEST_IN_WORDS
    tail = "the median of similar series past the paywall"
    if not above and not below:
        return f"No series is clearly above or below {tail}"

    def say(name: str, value: int) -> str:
        figure = Figure(f"R2.{name}", value, _number(value, in_words), "series", how="count of compared series")
        return context.record.text(figure)

    if above and below:
        return (
            f"{say('above', above).capitalize()} of {say('judged', judged)} series {_is(above)} clearly "
            f"above {tail}, {say('below', below)} below"
        )
    side, value = ("above", above) if above else ("below", below)
    whom = "the one series compared" if judged == 1 else f"{say(side, value)} of {say('judged', judged)} series"
    return f"{whom[0].upper()}{whom[1:]} {_is(value)} clearly {side} {tail}"


def _is(value: int) -> str:
    return "is" if value == 1 else "are"


def _number(value: int, in_words: bool) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[value] if in_words else str(value)


def _panel(
    context: WeeklyContext, series: Series, width: float, limits: tuple[float, float, float], first: bool
) -> dict[str, object]:
    week, measures = context.week, context.measures
    benchmark = week.benchmark(series)
    curve = week.curve(series)
    starters = measures.starters(series)
    empty = empty_curve(context, series, wide=False)
    compact = limits == _TWO_ROWS_MM
    lines = ["starters unknown" if starters is None else f"{context.record.text(starters)} starters"]
    gate_line = "no paywall"
    if series.gate is not None:
        measured = measures.reach(series, series.gate)
        gate_line = (
            f"paywall at ep {series.gate}"
            if measured.figure is None
            else f"{context.record.text(measured.figure)} at ep {series.gate}"
        )
        if not compact and measured.figure is not None and series.gate in benchmark.points:
            median = measures.benchmark_figure(series, benchmark, series.gate)
            longer = f"{gate_line}, median {median.text}"
            if week.fonts.text_width(longer, theme.TYPE["meta"]) <= width * PT_PER_MM * _SAFETY:
                gate_line = longer
                context.record.text(median)
    lines = [f"{lines[0]}, {gate_line}"] if compact else [*lines, gate_line]
    alt = f"{series.title.text}: {'; '.join(lines)}." + (f" {' '.join(empty.lines)}" if empty else "")
    content = Panel(
        series.total_episodes,
        max(series.published_episodes, curve.known[-1].episode if curve.known else 0),
        series.gate,
        curve.known,
        benchmark.points,
        empty,
    )
    title = fit(series.title.text, width * PT_PER_MM * _SAFETY, theme.TYPE["h3"], week.fonts, STRONG)
    return {
        "title": {"text": title, "lang": series.title.language},
        "lines": lines,
        "chart": FlexibleChart(
            lambda height: draw_panel(
                content, width_mm=width, height_mm=height, first=first, alt=alt, fonts=week.fonts
            ),
            *limits,
        ),
    }


def _others(context: WeeklyContext, series: list[Series]) -> dict[str, object]:
    measures, room_pt = context.measures, panel_width(_PER_ROW) * PT_PER_MM * _SAFETY
    rows = []
    for one in series[:_OTHERS_LISTED]:
        starters = measures.starters(one)
        reach = measures.reach(one, one.gate).figure if one.gate is not None else None
        title = fit(one.title.text, room_pt, theme.TYPE["meta"], context.week.fonts, STRONG)
        words = [f"{context.record.text(starters)} starters" if starters else "starters unknown"]
        if reach is not None:
            words.append(f"{context.record.text(reach)} at ep {one.gate}")
        rows.append({"title": {"text": title, "lang": one.title.language}, "line": ", ".join(words)})
    unlisted = len(series) - _OTHERS_LISTED
    return {
        "head": "Other series",
        "rows": rows,
        "note": f"and {unlisted} more with fewer starters" if unlisted > 0 else None,
    }
