"""A1: what has the studio earned from ads so far in the month?"""

from datetime import date
from functools import partial

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.parts import Part
from dashboards.charts.months import MonthBar, draw_months
from dashboards.document import Chart
from dashboards.figures.accrual import Accrual, Month, read_accrual
from dashboards.figures.record import Figure
from dashboards.figures.rows import TableRow
from dashboards.fonts import FontSet
from dashboards.sentences import Sentence
from dashboards.titles import Title, cut

GROUP = "Ad share"
MONTHS_SHOWN = 6
_FEWEST_SLOTS = 4
_SERIES_NAMED = 2
_HEIGHTS_MM = (38.0, 46.0, 66.0)


def ad_share(context: WeeklyContext) -> Part:
    """The studio's ad share by month, or why there is none."""
    found = read_accrual(context.week)
    name = formats.month(_first_day(found.month))
    currencies = found.currencies()
    current = found.current(currencies[0]) if currencies else None
    if not currencies or (current is None and found.impressions == 0):
        return _nothing(context, found, name)
    currency = currencies[0]
    months = found.of(currency)[-MONTHS_SHOWN:]
    bars = [_bar(context, month, found.month) for month in months]
    context.tables["A1"] = [
        {"month": m.month, "currency": m.currency, "posted_minor": m.posted, "pending_minor": m.pending}
        for m in found.months
    ]
    alt = "Bars: ad share by month of activity. " + " ".join(
        f"{b.label} {b.amount}{', provisional' if b.pending else ''}." for b in bars
    )
    if len(months) == 1:  # one bar compares nothing; its number is in the heading
        return Part(_heading(context, current, name), _sub(context, current, name))
    slots = max(_FEWEST_SLOTS, len(bars))
    notes = ["Hatched: provisional until the month is closed."]
    others = [m for c in currencies[1:] if (m := found.current(c)) is not None]
    for month in others:
        notes.append(f"Also {context.record.text(_total(context, month))} in {month.currency}.")
    return Part(
        _heading(context, current, name),
        _sub(context, current, name),
        partial(_draw, bars, slots, alt, context.week.fonts),
        _HEIGHTS_MM,
        notes,
    )


def _draw(bars: list[MonthBar], slots: int, alt: str, fonts: FontSet, width_mm: float, height_mm: float) -> Chart:
    return draw_months(bars, slots, width_mm, height_mm, alt, fonts)


def _first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:7]), 1)


def _nothing(context: WeeklyContext, found: Accrual, name: str) -> Part:
    if found.impressions is None:
        return Part((f"No ad share is known for {name}",), ("No ad log was received. This is missing data, not zero.",))
    if found.impressions == 0:
        served = "No ad was shown beside the studio's series in the month's weeks so far."
        return Part((f"No ads served in {name}",), (served,))
    return Part(
        (f"Too early to show the ad share of {name}",),
        ("Ads were shown; the platform's confirmed statement, from which the share is taken, is not here yet.",),
    )


def _total(context: WeeklyContext, month: Month) -> Figure:
    record = context.record
    parts = [
        record.add(
            Figure(
                f"ad_share.{month.month}.{month.currency}.{kind}",
                amount,
                formats.minor(amount, month.currency),
                "minor",
                "provisional" if kind == "pending" else "ok",
                how="sum",
                sources=month.sources.get(kind, ()),
            )
        )
        for kind, amount in (("posted", month.posted), ("pending", month.pending))
    ]
    return record.add(
        Figure(
            f"ad_share.{month.month}.{month.currency}",
            month.total,
            formats.minor(month.total, month.currency),
            "minor",
            "provisional" if month.pending else "ok",
            how="the first and the second",
            of=tuple(part.name for part in parts),
        )
    )


def _bar(context: WeeklyContext, month: Month, current: str) -> MonthBar:
    say = context.record.text
    total = _total(context, month)
    first = _first_day(month.month)
    context.rows.append(
        TableRow(
            GROUP,
            (f"{formats.month(first)} {first.year}",),
            say(total),
            "exact",
            "provisional" if month.pending else "closed",
            is_minor=month.month != current,
        )
    )
    return MonthBar(formats.month(first)[:3], month.posted, month.pending, say(total), month.month == current)


def _heading(context: WeeklyContext, current: Month | None, name: str) -> Sentence:
    if current is None:
        return (f"No ad share is confirmed for {name} yet",)
    total = context.record.text(_total(context, current))
    if not current.pending:
        return (f"Ad share for {name} is {total}, closed",)
    if not current.posted:
        return (f"Ad share is {total} so far in {name}",)
    part = context.record.text(context.record[f"ad_share.{current.month}.{current.currency}.pending"])
    return (f"Ad share is {total} in {name}, {part} of it open",)


def _sub(context: WeeklyContext, current: Month | None, name: str) -> Sentence:
    lead = "The studio's share after platform fees, from confirmed statements"
    if current is None:
        return (f"{lead}. Ads of {name} are not in a confirmed statement yet.",)
    parts: list[str | Title] = [f"{lead}. Of it "]
    ranked = sorted(current.by_series.items(), key=lambda item: (-item[1], item[0]))
    own = [(context.week.scope.series[s], amount) for s, amount in ranked if s in context.week.scope.series]
    for place, (series, amount) in enumerate(own[:_SERIES_NAMED]):
        title = series.title
        figure = Figure(
            f"ad_share.{current.month}.{current.currency}.{series.series_id}",
            amount,
            formats.minor(amount, current.currency),
            "minor",
            "provisional" if current.pending else "ok",
            how="the series' part of the month",
        )
        separator = ", " if place else ""
        parts += [separator, Title(cut(title.text, 30), None, title.language), f" {context.record.text(figure)}"]
    rest = current.total - sum(amount for _, amount in own[:_SERIES_NAMED])
    if rest:
        figure = Figure(
            f"ad_share.{current.month}.{current.currency}.others",
            rest,
            formats.minor(rest, current.currency),
            "minor",
            how="the month less the series named",
        )
        parts.append(f", others {context.record.text(figure)}")
    parts.append(".")
    return tuple(parts) if own else (f"{lead}.",)
