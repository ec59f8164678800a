"""C1: do cliffhangers hold people? Endings of the lead series."""

from dataclasses import replace
from functools import partial

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.parts import Part
from dashboards.charts.canvas import PT_PER_MM
from dashboards.charts.endings import Losses, describe, draw_endings
from dashboards.document import Chart
from dashboards.figures.endings import WINDOW_SECONDS, Ending, Endings, drop_source, read_endings
from dashboards.figures.findings import SMALLEST_BASE, compared
from dashboards.figures.record import Figure, Source
from dashboards.figures.rows import TableRow
from dashboards.figures.scope import Series
from dashboards.fonts import FontSet
from dashboards.sentences import Sentence
from dashboards.titles import fit_between

GROUP = "Episode endings"
_HEIGHTS_MM = (40.0, 52.0, 76.0)
_HOURS = WINDOW_SECONDS // 3600
_HEADING_PT = theme.FULL_WIDTH_MM * PT_PER_MM * 0.98
_MOST_NAMED = 3


def endings(context: WeeklyContext) -> Part:
    """The chart of the lead series' endings, or why there is none."""
    week, lead = context.week, context.week.lead
    if lead is None:
        days = formats.day_span(week.week.monday, week.week.sunday)
        why = f"no events were received for {days}" if not week.has_rows(week.week) else "nobody started a series"
        return Part(("Episode endings are not shown",), (f"There is no lead series this week: {why}.",))
    found = read_endings(week, lead)
    if found.why == "no_rows":
        before = "No episode endings to show for "
        title = fit_between(before, lead.title, "", _HEADING_PT, theme.TYPE["h3"], week.fonts)
        return Part((before, title), (f"Nobody has been followed for {_HOURS} hours after finishing an episode yet.",))
    figures = {e.episode: _drop(context, lead, e) for e in found.endings}
    content, notes = _content(context, lead, found, figures)
    heading = _heading(context, lead, found, figures)
    context.tables["C1"] = [
        {
            "episode": e.episode,
            "drop": e.drop.value,
            "low": e.drop.interval.low,
            "high": e.drop.interval.high,
            "n_at_risk": e.drop.base,
            "cliffhanger": e.is_cliffhanger,
            "paywall": e.is_paywall,
            "compared": e.is_compared,
        }
        for e in found.endings
    ]
    after = f": share who finish an episode and do not start the next within {_HOURS} hours, with 95% intervals."
    title = fit_between("", lead.title, after, _HEADING_PT, theme.TYPE["sub"], week.fonts)
    return Part(
        heading,
        (title, after),
        partial(_draw, content, _alt(lead, found, content), week.fonts),
        _HEIGHTS_MM,
        notes,
    )


def _draw(content: Losses, alt: str, fonts: FontSet, width_mm: float, height_mm: float) -> Chart:
    return draw_endings(content, height_mm, alt, fonts)


def _drop(context: WeeklyContext, lead: Series, ending: Ending) -> Figure:
    kept = context.record.add(
        Figure(
            f"continuation.{lead.series_id}.{ending.episode}",
            1 - ending.drop.value,
            formats.percent(1 - ending.drop.value, formats.rate_decimals(ending.drop.base)),
            "share",
            base=ending.drop.base,
            sources=(drop_source(lead.series_id, ending.episode),),
        )
    )
    return context.record.add(
        Figure(
            f"ending.{lead.series_id}.{ending.episode}",
            ending.drop.value,
            formats.percent(ending.drop.value, formats.rate_decimals(ending.drop.base)),
            "share",
            interval=ending.drop.interval,
            base=ending.drop.base,
            how="one less the first",
            of=(kept.name,),
        )
    )


def _typical(
    context: WeeklyContext, lead: Series, found: Endings, figures: dict[int, Figure], cliffhanger: bool
) -> Figure | None:
    value = found.typical(cliffhanger=cliffhanger)
    if value is None:
        return None
    return context.record.add(
        Figure(
            f"endings.{lead.series_id}.{'cliffhanger' if cliffhanger else 'other'}",
            value,
            formats.percent(value),
            "share",
            base=len(found.of(cliffhanger=cliffhanger)),
            how="median of those it is of",
            of=tuple(figures[e.episode].name for e in found.of(cliffhanger=cliffhanger)),
        )
    )


def _heading(context: WeeklyContext, lead: Series, found: Endings, figures: dict[int, Figure]) -> Sentence:
    if found.why == "no_tags":
        before = "No cliffhanger tags received for "
        return (before, fit_between(before, lead.title, "", _HEADING_PT, theme.TYPE["h2"], context.week.fonts))
    if found.difference is None:
        before = "Too few cliffhanger endings to compare in "
        return (before, fit_between(before, lead.title, "", _HEADING_PT, theme.TYPE["h2"], context.week.fonts))
    ours, others = (_typical(context, lead, found, figures, kind) for kind in (True, False))
    assert ours is not None
    assert others is not None
    word = compared(found.difference, "more", "fewer", "")
    _rows(context, lead, found, ours, others)
    if not word:
        return ("No clear difference between cliffhangers and other endings",)
    return (
        f"Endings on a cliffhanger lose {word} viewers: typically {context.record.text(ours)}, "
        f"others {context.record.text(others)}",
    )


def _rows(context: WeeklyContext, lead: Series, found: Endings, ours: Figure, others: Figure) -> None:
    assert found.difference is not None
    say = context.record.text
    interval = Figure(
        f"endings.{lead.series_id}.shift_interval",
        None,
        formats.points_range(found.difference.interval.low, found.difference.interval.high),
        "points",
        interval=found.difference.interval,
        how="95% interval of the shift",
        of=(ours.name, others.name),
    )
    shifted = Figure(
        f"endings.{lead.series_id}.shift",
        found.difference.value,
        formats.points(found.difference.value),
        "points",
        interval=found.difference.interval,
        how="median of all differences between the two kinds of endings",
        of=(ours.name, others.name),
    )
    for figure, what in ((ours, "Typical loss, cliffhanger endings"), (others, "Typical loss, other endings")):
        n = Figure(
            f"{figure.name}.n", figure.base, formats.count(figure.base or 0), "episodes", how="episodes compared"
        )
        context.rows.append(TableRow(GROUP, (what,), say(figure), base=f"{say(n)} endings"))
    measure = ("Cliffhangers less others",)
    context.rows.append(TableRow(GROUP, measure, say(shifted), say(interval)))


def _content(
    context: WeeklyContext, lead: Series, found: Endings, figures: dict[int, Figure]
) -> tuple[Losses, list[str]]:
    say = context.record.text
    wall = next((e for e in found.endings if e.is_paywall), None)
    gate_label = "" if lead.gate is None else f"Paywall after episode {lead.gate - 1}"
    if wall is not None:
        gate_label += f": {say(figures[wall.episode])} stop here"
        decimals = formats.rate_decimals(wall.drop.base)
        span = Figure(
            f"{figures[wall.episode].name}.interval",
            None,
            formats.percent_range(wall.drop.interval.low, wall.drop.interval.high, decimals),
            "share",
            interval=wall.drop.interval,
            how="95% interval of the figure",
            of=(figures[wall.episode].name,),
        )
        n = Figure(
            f"{figures[wall.episode].name}.n",
            wall.drop.base,
            formats.count(wall.drop.base),
            "viewers",
            sources=(_at_risk(lead, wall),),
        )
        measure = (f"Stop at the paywall, after episode {wall.episode}",)
        context.rows.append(TableRow(GROUP, measure, say(figures[wall.episode]), say(span), base=f"{say(n)} viewers"))
    largest = sorted((e for e in found.endings if e.is_compared), key=lambda e: -e.drop.value)[:_MOST_NAMED]
    named = {e.episode: describe(e) for e in largest}
    typicals: dict[bool, tuple[float, str] | None] = {True: None, False: None}
    for kind, label in ((True, "Cliffhangers"), (False, "Other endings")):
        figure = _typical(context, lead, found, figures, kind)
        if figure is not None and isinstance(figure.value, float) and (kind or found.n_tagged):
            typicals[kind] = (figure.value, f"{label}|typically {say(figure)}")
    if not found.n_tagged and (other := _typical(context, lead, found, figures, False)) is not None:
        assert isinstance(other.value, float)
        typicals[False] = (other.value, f"All endings|typically {say(other)}")
    notes = ["All viewers since the series began."]
    if found.n_tagged:
        tagged = Figure(
            f"endings.{lead.series_id}.tagged", found.n_tagged, formats.count(found.n_tagged), "episodes", how="tags"
        )
        notes.append(
            f"\u25b2 ends on a cliffhanger: {say(tagged)} of {lead.total_episodes} episodes carry the tag. "
            "Association, not proof: nobody drew lots where to put them."
        )
    if largest:
        # The chart names them where there is room; here they always stand.
        losses = [f"{say(figures[e.episode])} after episode {e.episode}" for e in largest]
        apart = ", the paywall aside" if wall else ""
        notes.append(f"Largest losses{apart}: {formats.listed(losses)}.")
    if any(not e.is_compared and not e.is_paywall for e in found.endings):
        notes.append(f"Hollow: fewer than {SMALLEST_BASE} viewers, without interval and not compared.")
    return (
        Losses(lead.total_episodes, found.endings, lead.gate, gate_label, named, typicals[True], typicals[False]),
        notes,
    )


def _at_risk(lead: Series, ending: Ending) -> Source:
    return replace(drop_source(lead.series_id, ending.episode), column="n_at_risk")


def _alt(lead: Series, found: Endings, content: Losses) -> str:
    parts = [
        f"Dots with 95% intervals: share of viewers lost after each of {len(found.endings)} episodes of "
        f"{lead.title.text} within {_HOURS} hours."
    ]
    if content.gate_label:
        parts.append(f"{content.gate_label}.")
    for typical in (content.cliffhangers_typical, content.others_typical):
        if typical is not None:
            parts.append(f"{typical[1].replace('|', ' ')}.")
    if content.named:
        parts.append(f"Largest drops: {', '.join(content.named.values())}.")
    return " ".join(parts)
