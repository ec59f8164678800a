"""R1: where do viewers of the lead series leave?"""

from functools import partial

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.empties import empty_curve
from dashboards.charts.canvas import PT_PER_MM
from dashboards.charts.empty import EmptyState
from dashboards.charts.retention import (
    Line,
    Retention,
    count_episodes,
    draw_retention,
    draw_retention_empty,
)
from dashboards.document import Block, Chart, FlexibleChart
from dashboards.figures.benchmark import Benchmark
from dashboards.figures.curves import Curve, CurvePoint
from dashboards.figures.findings import compared
from dashboards.figures.record import Figure
from dashboards.figures.scope import Series
from dashboards.sentences import Sentence, plain, spans
from dashboards.titles import fit_between

_HEIGHTS_MM, _ALONE_HEIGHTS_MM, _EMPTY_HEIGHTS_MM = (
    (50.0, 66.0, 92.0),
    (50.0, 92.0, 140.0),
    (34.0, 40.0, 46.0),
)
"""Least, preferred and greatest height of the chart: among others, as the only one, and without a curve."""
_HEADING_PT = theme.FULL_WIDTH_MM * PT_PER_MM * 0.98


def lead_retention(context: WeeklyContext) -> Block:
    """The retention curve of the series with most starters, or why there is none."""
    week, lead = context.week, context.week.lead
    if lead is None:
        return _nothing(context)
    empty = empty_curve(context, lead, wide=True)
    if empty is not None:
        before = "No retention curve yet for "
        title = fit_between(before, lead.title, "", _HEADING_PT, theme.TYPE["h2"], week.fonts)
        heading: Sentence = (before, title)
        return _empty_block(context, heading, empty)
    content, notes = _content(context, lead)
    heading = _heading(context, lead)
    days = formats.day_span(week.week.monday, week.week.sunday)
    alt = _alt(context, lead, content)
    context.tables["R1"] = _table(week.curve(lead), week.curve(lead, 1), week.benchmark(lead))
    return Block(
        "chart",
        {
            "heading": spans(heading),
            "sub": spans(
                (
                    "Share of starters who reach each episode within 7 days of their first. "
                    f"Starters of {days}. Band: 95% interval. Dashed: last week.",
                )
            ),
            "chart": FlexibleChart(
                partial(draw_retention, content, alt=alt, fonts=week.fonts),
                *(_HEIGHTS_MM if len(week.series) > 1 else _ALONE_HEIGHTS_MM),
            ),
            "notes": notes,
        },
    )


def _heading(context: WeeklyContext, lead: Series) -> Sentence:
    before, after = "How far viewers get in ", ""
    if lead.gate is not None:
        measured, say = context.measures.reach(lead, lead.gate), context.record.text
        if measured.figure is not None:
            before = f"{say(measured.figure)} of starters get past the paywall of "
        if measured.difference is not None and measured.previous is not None:
            moved = compared(measured.difference, ", up from ", ", down from ", "")
            after = moved + say(measured.previous) if moved else ", no clear change"
    title = fit_between(before, lead.title, after, _HEADING_PT, theme.TYPE["h2"], context.week.fonts)
    return (before, title, after)


def _content(context: WeeklyContext, lead: Series) -> tuple[Retention, list[str]]:
    week, record = context.week, context.record
    curve, before = week.curve(lead), week.curve(lead, 1)
    benchmark = week.benchmark(lead)
    known = curve.known
    end = known[-1]
    notes: list[str] = []
    shown = {
        episode: _counts(context, curve, curve.points[episode])
        for episode in count_episodes(lead.total_episodes, lead.gate, end.episode)
        if episode in curve.points
    }
    provisional = any(point.n_censored > 0 for point in known)
    benchmark_line = None
    if benchmark.points:
        last = max(benchmark.points)
        at_end = context.measures.benchmark_figure(lead, benchmark, last)
        benchmark_line = Line(sorted(benchmark.points.items()), f"Similar series {record.text(at_end)}")
        series, studios = (
            record.text(Figure(f"benchmark.{lead.series_id}.{name}", n, str(n), name, how="counted for the median"))
            for name, n in (("series", benchmark.n_series), ("studios", benchmark.n_studios))
        )
        notes.append(
            f"Similar series: the median of {series} of the same genre and length from {studios} "
            "other studios" + (", lined up at the paywall and at the finale." if lead.gate is not None else ".")
        )
    else:
        notes.append(f"No fair benchmark: {benchmark.reason}.")
    last_week = None
    if before.known:
        final = before.known[-1]
        figure = _end_figure(context, before, final, ".last_week")
        last_week = Line(_pairs(before), f"Last week {record.text(figure)}")
    else:
        notes.append("No curve for last week.")
    content = Retention(
        lead.total_episodes,
        max(lead.published_episodes, end.episode),
        lead.gate,
        f"Paywall: episode {lead.gate}" if lead.gate is not None else "",
        known,
        Line(_pairs(curve), f"This week {record.text(_end_figure(context, curve, end))}"),
        last_week,
        benchmark_line,
        week.cliffhangers(lead),
        _drop(context, lead, curve),
        shown,
        provisional,
        "not yet released",
    )
    return content, [_ripeness(context, lead, curve), *notes]


def _ripeness(context: WeeklyContext, lead: Series, curve: Curve) -> str:
    at = lead.gate if lead.gate is not None and curve.estimate(lead.gate) else curve.known[-1].episode
    point = curve.points[at]
    record = context.record
    entered = record.text(_count_figure(curve, at, "n_entered", point.n_entered))
    if point.n_censored == 0:
        return f"All {entered} starters have had their 7 days."
    recent = record.text(_count_figure(curve, at, "n_censored", point.n_censored))
    return (
        f"{recent} of {entered} starters are too recent to know whether they reach episode {at} within 7 "
        "days; the curve allows for them (Kaplan\u2013Meier) and will still move."
    )


def _pairs(curve: Curve) -> list[tuple[int, float]]:
    return [(p.episode, p.estimate.value) for p in curve.known if p.estimate is not None]


def _end_figure(context: WeeklyContext, curve: Curve, point: CurvePoint, suffix: str = "") -> Figure:
    assert point.estimate is not None
    estimate = point.estimate
    provisional = point.n_censored > 0 and not suffix
    return context.record.add(
        Figure(
            f"reach.{curve.series_id}.{point.episode}{suffix}",
            estimate.value,
            formats.percent(estimate.value, formats.rate_decimals(estimate.base)),
            "share",
            "provisional" if provisional else "ok",
            estimate.interval,
            estimate.base,
            sources=(curve.source(point.episode, "estimate"),),
        )
    )


def _count_figure(curve: Curve, episode: int, column: str, value: int) -> Figure:
    return Figure(
        f"counts.{curve.series_id}.{episode}.{column}",
        value,
        formats.count(value),
        "viewers",
        sources=(curve.source(episode, column),),
    )


def _counts(context: WeeklyContext, curve: Curve, point: CurvePoint) -> tuple[str, str, str]:
    k, record = point.episode, context.record
    entered = record.add(_count_figure(curve, k, "n_entered", point.n_entered))
    watching = record.add(_count_figure(curve, k, "n_event", point.n_event))
    recent = record.add(_count_figure(curve, k, "n_censored", point.n_censored))
    left = record.add(
        Figure(
            f"counts.{curve.series_id}.{k}.n_left",
            point.n_left,
            formats.count(point.n_left),
            "viewers",
            how="the first less the other two",
            of=(entered.name, watching.name, recent.name),
        )
    )
    return record.text(watching), record.text(left), record.text(recent)


def _drop(context: WeeklyContext, lead: Series, curve: Curve) -> tuple[str, str] | None:
    if lead.gate is None or lead.gate < 2:
        return None
    before, after = curve.estimate(lead.gate - 1), curve.estimate(lead.gate)
    if before is None or after is None or before.value <= 0 or after.value > before.value:
        return None
    decimals = formats.rate_decimals(after.base)
    if formats.points(after.value - before.value, decimals).startswith(formats.LEVEL):
        return None
    names = (f"reach.{lead.series_id}.{lead.gate - 1}", f"reach.{lead.series_id}.{lead.gate}")
    for point in (curve.points[lead.gate - 1], curve.points[lead.gate]):
        _end_figure(context, curve, point)
    size = context.record.add(
        Figure(
            f"drop.{lead.series_id}",
            after.value - before.value,
            formats.points(after.value - before.value, decimals),
            "points",
            how="the second less the first",
            of=names,
        )
    )
    stopped = context.record.add(
        Figure(
            f"stopped.{lead.series_id}",
            1 - after.value / before.value,
            formats.percent(1 - after.value / before.value, decimals),
            "share",
            how="one less the second over the first",
            of=names,
        )
    )
    return (
        f"{context.record.text(size)} at the paywall",
        f"{context.record.text(stopped)} of those who reach episode {lead.gate - 1} stop here",
    )


def _alt(context: WeeklyContext, lead: Series, content: Retention) -> str:
    parts = [
        f"Step line: share of starters of {lead.title.text} who reach each of {lead.total_episodes} "
        f"episodes within 7 days, with 95% band. {content.this_week.end_label} at episode "
        f"{content.points[-1].episode}."
    ]
    if content.last_week is not None:
        parts.append(f"{content.last_week.end_label}.")
    if content.benchmark is not None:
        parts.append(f"{content.benchmark.end_label}.")
    if content.drop is not None:
        parts.append(f"{content.drop[0]} before episode {lead.gate}; {content.drop[1]}.")
    if content.cliffhangers:
        parts.append(f"Cliffhanger endings: episodes {formats.listed([str(k) for k in content.cliffhangers])}.")
    if lead.published_episodes < lead.total_episodes:
        parts.append(f"Episodes after {lead.published_episodes} are not yet released.")
    return " ".join(parts)


def _table(curve: Curve, before: Curve, benchmark: Benchmark) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for episode in sorted(curve.points):
        point, last = curve.points[episode], before.estimate(episode)
        estimate = point.estimate
        rows.append(
            {
                "episode": episode,
                "watching": point.n_event,
                "left": point.n_left,
                "too_recent": point.n_censored,
                "estimate": estimate.value if estimate else None,
                "low": estimate.interval.low if estimate else None,
                "high": estimate.interval.high if estimate else None,
                "last_week": last.value if last else None,
                "benchmark": benchmark.points.get(episode),
                "status": point.status,
            }
        )
    return rows


def _nothing(context: WeeklyContext) -> Block:
    week = context.week
    days = formats.day_span(week.week.monday, week.week.sunday)
    if week.has_rows(week.week):
        starters = context.measures.total("starters", "n_starters", "viewers", "views", "").figure
        big = context.record.text(starters) if starters is not None else None
        state = EmptyState("zero", (f"viewers started one of the studio's series in the week {days}.",), big)
        return _empty_block(context, ("Nobody started a series this week",), state)
    state = EmptyState("missing", (f"No events received for {days}. This is missing data, not zero viewers.",))
    return _empty_block(context, ("Retention cannot be shown: no events were received",), state)


def _empty_block(context: WeeklyContext, heading: Sentence, state: EmptyState) -> Block:
    alt = f"{plain(heading)}. {state.big or ''} {' '.join(state.lines)}".strip()
    return Block(
        "chart",
        {
            "heading": spans(heading),
            "sub": [],
            "chart": FlexibleChart(partial(_draw_empty, context, state, alt), *_EMPTY_HEIGHTS_MM),
            "notes": [],
        },
    )


def _draw_empty(context: WeeklyContext, state: EmptyState, alt: str, height_mm: float) -> Chart:
    return draw_retention_empty(state, height_mm, alt, context.week.fonts)
