"""What should I know? At most three claims, each true by the condition written beside it."""

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.compare import FEWEST_WEEKS, Difference
from dashboards.document import Block
from dashboards.figures.findings import SMALLEST_BASE, Finding, choose, compared
from dashboards.figures.measures import Measured, Measures
from dashboards.figures.record import Figure
from dashboards.figures.scope import Series
from dashboards.sentences import Sentence, spans

# A change is news; a standing distance from other series is context.
_SEVERITY_CHANGE, _SEVERITY_TOTAL, _SEVERITY_LEVEL = 3, 2, 1
_QUIET = "Nothing changed by more than its normal weekly range."
_TITLE_PT = 270.0


def find(context: WeeklyContext) -> list[Finding]:
    """The findings to print, strongest first; never empty."""
    week = context.week
    if not week.has_rows(week.week):
        days = formats.day_span(week.week.monday, week.week.sunday)
        return [
            _plain_finding(
                "no_data",
                f"No events were received for {days}.",
                "This is missing data, not zero viewers.",
                is_negative=True,
            )
        ]
    measures = context.measures
    candidates: list[Finding] = []
    comparisons = unjudged = 0
    for series in week.series:
        if series.gate is None:
            continue
        measured = measures.reach(series, series.gate)
        comparisons += measured.difference is not None
        finding = _reach(context, measures, series, measured)
        if finding is not None:
            candidates.append(finding)
    unlock = measures.unlock_share()
    comparisons += unlock.difference is not None
    candidates += _unlock(context, unlock)
    for name, column, subject, source, unit in (
        ("starters", "n_starters", "Series starters", "views", "viewers"),
        ("unlock_revenue", "unlock_net_micros", "Net unlock revenue", "unlocks", "micros"),
        ("ad_revenue", "ad_revenue_micros", "Ad revenue on own apps", "ads", "micros"),
    ):
        measured = measures.total(name, column, "viewers" if unit == "viewers" else "micros", source, "")
        comparisons += measured.normal is not None
        unjudged += measured.figure is not None and measured.normal is None and not measured.provisional
        candidates += _outside_range(context, name, subject, measured)
    chosen = choose(candidates)
    if chosen:
        return chosen
    if not week.has_rows(week.week.before(1)):
        claim, why = (
            "There is no earlier week to compare with yet.",
            "Changes are called from the second week on.",
        )
        return [_plain_finding("nothing_to_compare", claim, why)]
    if unjudged or not comparisons:
        rest = "; what could be compared shows no clear change" if comparisons else ""
        return [
            _plain_finding(
                "too_little_history",
                "Too few earlier weeks or viewers to know what is normal.",
                f"Totals are judged from {FEWEST_WEEKS} earlier weeks on, shares from {SMALLEST_BASE} "
                f"viewers on{rest}.",
            )
        ]
    said = context.record.text(
        Figure(
            "findings.compared",
            comparisons,
            formats.count(comparisons),
            "comparisons",
            how="comparisons made",
        )
    )
    evidence = (
        "The one comparison made is within its interval or normal range."
        if comparisons == 1
        else f"All {said} comparisons with earlier weeks are within their intervals or normal ranges."
    )
    return [_plain_finding("quiet_week", _QUIET, evidence)]


def findings_block(context: WeeklyContext, findings: list[Finding]) -> Block:
    """The numbered list."""
    for finding in findings:
        for name in finding.figures:
            context.record.text(context.record[name])
    return Block(
        "findings",
        {"items": [{"claim": spans(f.claim), "evidence": spans(f.evidence)} for f in findings]},
    )


def _plain_finding(identifier: str, claim: str, evidence: str, is_negative: bool = False) -> Finding:
    return Finding(
        identifier,
        "state",
        (claim,),
        (evidence,),
        "no candidate passed its condition",
        None,
        None,
        None,
        None,
        None,
        0,
        0.0,
        is_negative,
        is_negative,
        None,
    )


def _reach(context: WeeklyContext, measures: Measures, series: Series, measured: Measured) -> Finding | None:
    figure, change = measured.figure, measured.difference
    if figure is None or series.gate is None or (figure.base or 0) < SMALLEST_BASE:
        return None
    benchmark = context.week.benchmark(series)
    distance = measures.against_benchmark(series, measured, benchmark)
    by_week = change is not None and change.is_clear
    by_benchmark = distance is not None and distance.is_clear
    if not by_week and not by_benchmark:
        return None
    title = series.title.fitted(_TITLE_PT, theme.TYPE["h3"], context.week.fonts)
    effect: Difference
    if by_week:
        assert change is not None
        effect = change
        claim: Sentence = (
            f"A {compared(change, 'larger', 'smaller', '')} share of viewers gets past the paywall of ",
            title,
            " than last week.",
        )
        condition = "the interval of the difference to last week excludes zero"
    else:
        assert distance is not None
        effect = distance
        word = compared(distance, "larger", "smaller", "")
        claim = (title, f" gets a {word} share of viewers past the paywall than similar series.")
        condition = "the interval of the figure excludes the median of similar series"
    name = f"finding.reach.{series.series_id}"
    used = [figure.name]
    text = f"{figure.text} of starters reach episode {series.gate} within 7 days"
    text += f": {_week_part(context, measured, used)}" if by_week else ""
    if distance is not None:
        at_gate = measures.benchmark_figure(series, benchmark, series.gate)
        used.append(at_gate.name)
        join = " and " if by_week else ": "
        if distance.is_clear:
            size = context.record.add(
                Figure(
                    f"{name}.benchmark_size",
                    abs(distance.value),
                    formats.points_size(distance.value, formats.rate_decimals(figure.base or 0)),
                    "points",
                    interval=distance.interval,
                    how="size of the difference",
                    of=(figure.name, at_gate.name),
                )
            )
            used.append(size.name)
            side = compared(distance, "above", "below", "")
            text += f"{join}{size.text} points {side} the median of similar series ({at_gate.text})"
        else:
            text += f"; not clearly different from the median of similar series ({at_gate.text})"
    return Finding(
        f"reach.{series.series_id}",
        "reach",
        claim,
        (f"{text}.",),
        condition,
        figure.value if not isinstance(figure.value, str) else None,
        change.value if change else None,
        distance.value if distance else None,
        effect.interval,
        figure.base,
        _SEVERITY_CHANGE if by_week else _SEVERITY_LEVEL,
        effect.strength,
        effect.value < 0,
        True,
        "R1" if series is context.week.lead else "R2",
        tuple(used),
    )


def _week_part(context: WeeklyContext, measured: Measured, used: list[str]) -> str:
    assert measured.figure is not None
    assert measured.difference is not None
    assert measured.change is not None
    change, base = measured.difference, measured.figure.base or 0
    decimals = formats.rate_decimals(base)
    interval = context.record.add(
        Figure(
            f"{measured.figure.name}.change_interval",
            None,
            formats.points_range(change.interval.low, change.interval.high, decimals),
            "points",
            interval=change.interval,
            how="95% interval of the difference",
            of=(measured.change.name,),
        )
    )
    used += [measured.change.name, interval.name]
    if not change.is_clear:
        return f"no clear change on last week ({interval.text} points)"
    size = context.record.add(
        Figure(
            f"{measured.figure.name}.change_size",
            abs(change.value),
            formats.points_size(change.value, decimals),
            "points",
            how="size of the difference",
            of=(measured.change.name,),
        )
    )
    used.append(size.name)
    return f"{size.text} points {compared(change, 'up', 'down', '')} on last week (95% interval {interval.text})"


def _unlock(context: WeeklyContext, measured: Measured) -> list[Finding]:
    figure, change = measured.figure, measured.difference
    if figure is None or change is None or not change.is_clear or measured.provisional:
        return []
    if (figure.base or 0) < SMALLEST_BASE:
        return []
    week = context.week
    unlockers, viewers = week.total("n_gate_unlockers"), week.total("n_gate_viewers")
    counts = [
        context.record.add(
            Figure(
                name,
                total.value,
                formats.count(total.value or 0),
                "viewers",
                how="sum",
                sources=total.sources,
            )
        )
        for name, total in (("unlock_share.unlockers", unlockers), ("unlock_share.viewers", viewers))
    ]
    used = [figure.name, *(c.name for c in counts)]
    word = compared(change, "larger", "smaller", "")
    claim = (f"A {word} share of the viewers who see an unlock offer unlocks.",)
    evidence = (
        f"{figure.text} unlocked within the week ({counts[0].text} of {counts[1].text}): "
        f"{_week_part(context, measured, used)}.",
    )
    return [
        Finding(
            "unlock_share",
            "unlock",
            claim,
            evidence,
            "the interval of the difference to last week excludes zero",
            figure.value if not isinstance(figure.value, str) else None,
            change.value,
            None,
            change.interval,
            figure.base,
            _SEVERITY_CHANGE,
            change.strength,
            change.value < 0,
            True,
            None,
            tuple(used),
        )
    ]


def _outside_range(context: WeeklyContext, name: str, subject: str, measured: Measured) -> list[Finding]:
    figure, normal = measured.figure, measured.normal
    if figure is None or normal is None or measured.signal is None or not isinstance(figure.value, int):
        return []
    write = formats.money if figure.unit == "micros" else formats.count
    ends = [
        context.record.add(
            Figure(
                f"{name}.normal_{end}",
                round(value),
                write(round(value)),
                figure.unit,
                how="limit of the normal weekly range of the weeks before",
            )
        )
        for end, value in (("low", normal.low), ("high", normal.high))
    ]
    used = (figure.name, *(e.name for e in ends))
    side = "above" if measured.signal == "up" else "below"
    plural = "are" if subject.endswith("s") and name == "starters" else "is"
    claim = (f"{subject} {plural} {side} the normal weekly range.",)
    tail = f", {measured.change.text} on last week" if measured.change else ""
    evidence = (
        f"{figure.text} this week{tail}; the weeks before make {ends[0].text} to {ends[1].text} the normal range.",
    )
    centre = (normal.low + normal.high) / 2
    return [
        Finding(
            name,
            name,
            claim,
            evidence,
            "the total lies outside the natural process limits of the weeks before",
            figure.value,
            None
            if measured.previous is None or not isinstance(measured.previous.value, int)
            else figure.value - measured.previous.value,
            None,
            normal,
            None,
            _SEVERITY_TOTAL,
            abs(figure.value - centre) / normal.width if normal.width else 1.0,
            measured.signal == "down",
            True,
            None,
            used,
        )
    ]
