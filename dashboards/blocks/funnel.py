"""U1: where do viewers stop at the paywall? The week's starters of all series of the studio."""

from functools import partial

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.parts import Part
from dashboards.charts.funnel import StepBar, Tone, draw_funnel
from dashboards.compare import Difference, Estimate
from dashboards.document import Chart
from dashboards.figures.findings import SMALLEST_BASE, compared, verb
from dashboards.figures.funnel import STEPS, WINDOW_HOURS, Funnel, change, read_funnel
from dashboards.figures.record import Figure
from dashboards.figures.rows import TableRow
from dashboards.fonts import FontSet
from dashboards.sentences import Sentence

GROUP = "Paywall"
_HEIGHTS_MM = (37.0, 45.0, 60.0)
_LABELS = {
    "start": "Started the last free episode",
    "finish": "Finished it",
    "meet": "Asked for the next: met the paywall",
    "pass": f"Went on within {WINDOW_HOURS} hours",
    "coins": "with coins",
    "ad": "with an ad",
    "membership": "with a membership",
    "promotion": "with a promotion or lifted lock",
}
_CLAIMS = {
    "finish": "of those who start the last free episode finish it",
    "meet": "of those who finish the last free episode ask for the next",
    "pass": "of those who meet the paywall go on",
}


_SHORT = {**_LABELS, "promotion": "with a promotion"}
_RARE = ("membership", "promotion")
_ALWAYS = ("coins", "ad")
"""Shown when nobody took them, too: that is what a studio must know."""
_ROWS = {
    "finish": "Finish the last free episode",
    "meet": "Then ask for the next",
    "pass": f"Then go on within {WINDOW_HOURS} hours",
}


def funnel(context: WeeklyContext) -> Part:
    """The steps at the first locked episode, or why there are none."""
    week = context.week
    this, last = read_funnel(week, week.week), read_funnel(week, week.week.before(1))
    days = formats.day_span(week.week.monday, week.week.sunday)
    if this is None:
        return _nothing(context, days)
    if this.n_followed == 0:
        why = f"None of the viewers who came to the paywall has been followed for {WINDOW_HOURS} hours yet."
        return Part(("Too early to show the paywall's steps",), (why,))
    if last is not None and last.n_followed == 0:
        last = None
    changes = {s: change(this.rate(s), last.rate(s) if last else None) for s in STEPS[1:]}
    bars = [_step(context, this, last, step, changes.get(step)) for step in STEPS]
    bars += [
        _way(context, this, last, way)
        for way, e in this.ways.items()
        if way in _ALWAYS or e.value > 0 or _was(last, way)
    ]
    heading = _heading(context, this, changes)
    provisional = this.n_recent > 0
    notes = _notes(context, this, last)
    alt = f"Bars: viewers at the paywall, starters of {days}. " + " ".join(
        f"{bar.label}: {bar.value}{f', {bar.rate} of the step before' if bar.rate else ''}"
        f"{f', {bar.change}' if bar.change else ''}."
        for bar in bars
    )
    context.tables["U1"] = [
        {"step": step, "viewers": this.counts[step], "last_week": last.counts[step] if last else None} for step in STEPS
    ]
    return Part(
        heading,
        (f"Starters of {days}, all series, at the first locked episode; {WINDOW_HOURS} hours each.",),
        partial(_draw, bars, provisional, alt, week.fonts),
        _HEIGHTS_MM,
        notes,
    )


def _draw(bars: list[StepBar], provisional: bool, alt: str, fonts: FontSet, width_mm: float, height_mm: float) -> Chart:
    return draw_funnel(bars, "of the step before", height_mm, provisional, alt, fonts)


def _nothing(context: WeeklyContext, days: str) -> Part:
    week = context.week
    if not week.has_rows(week.week):
        return Part(
            ("The paywall's steps are not shown",),
            (f"No events were received for {days}. This is missing data, not zero viewers.",),
        )
    if all(series.gate is None for series in week.series):
        return Part(("No paywall to show",), ("None of the studio's series has a locked episode.",))
    starters = context.measures.total("starters", "n_starters", "viewers", "views", "").figure
    of = f" of {context.record.text(starters)} starters" if starters is not None and starters.value else ""
    return Part(("Nobody came to the paywall this week",), (f"None{of} of {days} started a last free episode.",))


def _heading(context: WeeklyContext, this: Funnel, changes: dict[str, Difference | None]) -> Sentence:
    clear = [(step, d) for step, d in changes.items() if d is not None and d.is_clear]
    losses = [(step, d) for step, d in clear if d.value < 0]
    step, difference = max(losses or clear, key=lambda found: found[1].strength, default=("pass", None))
    rate = this.rate(step)
    if rate is None:
        return ("Nobody who started the last free episode met the paywall",)
    said = context.record.text(_share(context, f"funnel.rate.{step}", rate, this, step))
    if difference is None:
        tail = ", no clear change" if changes["pass"] is not None else ""
        if this.counts["pass"] == 0:
            return (f"None of those who met the paywall went on{tail}",)
        return (f"{said} {_CLAIMS[step]}{tail}",)
    last = context.record.text(context.record[f"funnel.rate.{step}.last_week"])
    return (f"{said} {_CLAIMS[step]}, {compared(difference, 'up', 'down', '')} from {last}",)


def _count(context: WeeklyContext, funnel: Funnel, step: str, suffix: str = "") -> Figure:
    """The viewers at a step, with the cells they are counted from."""
    record = context.record
    name = f"funnel.{step}{suffix}"
    text = formats.count(funnel.counts[step])
    if step == "start":
        return record.add(Figure(name, funnel.counts[step], text, "viewers", how="sum", sources=funnel.sources[step]))
    before = STEPS[STEPS.index(step) - 1]
    gone = funnel.counts[before] - funnel.counts[step]
    lost = record.add(
        Figure(f"{name}.lost", gone, formats.count(gone), "viewers", how="sum", sources=funnel.sources[step])
    )
    earlier = _count(context, funnel, before, suffix)
    return record.add(
        Figure(
            name, funnel.counts[step], text, "viewers", how="the first less the second", of=(earlier.name, lost.name)
        )
    )


def _share(
    context: WeeklyContext, name: str, estimate: Estimate, funnel: Funnel, step: str, suffix: str = ""
) -> Figure:
    base = "start" if ".reach." in name else STEPS[STEPS.index(step) - 1]
    return context.record.add(
        Figure(
            f"{name}{suffix}",
            estimate.value,
            formats.percent(estimate.value, formats.rate_decimals(estimate.base)),
            "share",
            "provisional" if funnel.n_recent and not suffix else "ok",
            estimate.interval,
            estimate.base,
            "the first over the second",
            of=(_count(context, funnel, step, suffix).name, _count(context, funnel, base, suffix).name),
        )
    )


def _step(
    context: WeeklyContext, this: Funnel, last: Funnel | None, step: str, difference: Difference | None
) -> StepBar:
    say = context.record.text
    count = say(_count(context, this, step))
    reached = this.reach(step)
    assert reached is not None
    before = last.reach(step) if last else None
    rate, last_rate = this.rate(step), last.rate(step) if last else None
    said = ""
    if rate is not None:
        figure = _share(context, f"funnel.rate.{step}", rate, this, step)
        said = say(figure)
        compare = ""
        if last is not None and last_rate is not None:
            previous = _share(context, f"funnel.rate.{step}", last_rate, last, step, ".last_week")
            compare = f"last week {say(previous)}"
        context.rows.append(
            TableRow(
                GROUP,
                (_ROWS[step],),
                said,
                say(_interval(figure)),
                compare,
                f"{say(_count(context, this, STEPS[STEPS.index(step) - 1]))} viewers",
            )
        )
    value = (
        count
        if step == "start"
        else f"{count} \u00b7 {say(_share(context, f'funnel.reach.{step}', reached, this, step))}"
    )
    text, tone = _moved(context, f"funnel.rate.{step}", difference, rate, last_rate)
    return StepBar(_LABELS[step], reached.value, before.value if before else None, value, said, text, tone, False)


def _moved(
    context: WeeklyContext, name: str, difference: Difference | None, this: Estimate | None, last: Estimate | None
) -> tuple[str, Tone]:
    if difference is None or this is None or last is None:
        return "", "level"
    decimals = formats.rate_decimals(min(this.base, last.base))
    moved = Figure(
        f"{name}.change",
        difference.value,
        formats.points(difference.value, decimals),
        "points",
        interval=difference.interval,
        how="difference of two independent estimates",
        of=(name, f"{name}.last_week"),
    )
    span = Figure(
        f"{name}.change_interval",
        None,
        formats.points_range(difference.interval.low, difference.interval.high, decimals),
        "points",
        interval=difference.interval,
        how="95% interval of the difference",
        of=(moved.name,),
    )
    text = f"{context.record.text(moved)} ({context.record.text(span)})"
    word = verb(difference)
    return text, "gain" if word == "rose" else "loss" if word == "fell" else "level"


def _interval(figure: Figure) -> Figure:
    assert figure.interval is not None
    return Figure(
        f"{figure.name}.interval",
        None,
        formats.percent_range(figure.interval.low, figure.interval.high, formats.rate_decimals(figure.base or 0)),
        figure.unit,
        interval=figure.interval,
        how="95% interval of the figure",
        of=(figure.name,),
    )


def _was(last: Funnel | None, way: str) -> bool:
    return last is not None and way in last.ways and last.ways[way].value > 0


def _way_figure(context: WeeklyContext, funnel: Funnel, way: str, suffix: str = "") -> Figure:
    estimate = funnel.ways[way]
    return context.record.add(
        Figure(
            f"funnel.way.{way}{suffix}",
            estimate.value,
            formats.percent(estimate.value, formats.rate_decimals(estimate.base)),
            "share",
            "provisional" if funnel.n_recent and not suffix else "ok",
            estimate.interval,
            estimate.base,
            "mean of the series' estimates, weighted by their viewers",
        )
    )


def _way(context: WeeklyContext, this: Funnel, last: Funnel | None, way: str) -> StepBar:
    say = context.record.text
    estimate = this.ways[way]
    before = last.ways.get(way) if last else None
    figure = _way_figure(context, this, way)
    compare = ""
    if last is not None and before is not None:
        compare = f"last week {say(_way_figure(context, last, way, '.last_week'))}"
    context.rows.append(
        TableRow(
            GROUP,
            (f"Of all, go on {_SHORT[way]}",),
            say(figure),
            say(_interval(figure)),
            compare,
            is_minor=way in _RARE,
        )
    )
    value = say(figure)
    if estimate.value == 0:
        bound = Figure(
            f"{figure.name}.upper_bound",
            estimate.interval.high,
            formats.percent(estimate.interval.high),
            "share",
            how="upper end of the 95% interval",
            of=(figure.name,),
        )
        value = f"nobody; probably below {say(bound)}"
    text, tone = _moved(context, figure.name, change(estimate, before), estimate, before)
    return StepBar(_LABELS[way], estimate.value, before.value if before else None, value, "", text, tone, True)


def _notes(context: WeeklyContext, this: Funnel, last: Funnel | None) -> list[str]:
    say = context.record.text
    notes = []
    if this.n_recent:
        recent = Figure(
            "funnel.recent", this.n_recent, formats.count(this.n_recent), "viewers", how="started less followed"
        )
        notes.append(f"Hatched: provisional, {say(recent)} more are too recent to have had their {WINDOW_HOURS} hours.")
    if last is None:
        notes.append("There is no earlier week to compare with.")
    elif min(this.n_followed, last.n_followed) < SMALLEST_BASE:
        notes.append(f"Changes are called from {SMALLEST_BASE} viewers a step and week on.")
    else:
        notes.append("Coloured: the 95% interval of the change excludes zero.")
    notes.append("The tile on page 1 counts every offer seen in the week, at whichever episode.")
    return notes
