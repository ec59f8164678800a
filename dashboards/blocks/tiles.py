"""How big, which way? Five figures of the week, each with its change on last week and eight weeks of
history.
"""

from collections.abc import Callable

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.charts.canvas import PT_PER_MM
from dashboards.charts.sparkline import draw_sparkline
from dashboards.compare import share
from dashboards.document import Block
from dashboards.figures.measures import FEW_VIEWERS, Measured
from dashboards.figures.record import Figure

_TILE_PT = (theme.FULL_WIDTH_MM - 4 * 3.0) / 5 * PT_PER_MM
_NOTE = (
    "Changes are against last week, taken before rounding. Coloured: beyond the 95% interval or the normal "
    "weekly range. Line: eight weeks. Hollow dot: provisional."
)


def tiles(context: WeeklyContext) -> Block:
    """The row of five tiles."""
    measures = context.measures
    starters = measures.total("starters", "n_starters", "viewers", "views", "no starters reported")
    unlock_revenue = measures.total(
        "unlock_revenue", "unlock_net_micros", "micros", "unlocks", "no unlock log received"
    )
    ad_revenue = measures.total(
        "ad_revenue", "ad_revenue_micros", "micros", "ads", "no ad revenue reported by own apps"
    )
    return Block(
        "tiles",
        {
            "items": [
                _tile(context, "Series starters", starters, formats.count),
                _reach_tile(context),
                _unlock_tile(context, measures.unlock_share()),
                _tile(context, "Net unlock revenue", unlock_revenue, formats.money),
                _tile(context, "Ad revenue, own apps", ad_revenue, formats.money),
            ],
            "note": f"{_NOTE}{_left_out(context)}",
        },
    )


def _left_out(context: WeeklyContext) -> str:
    """What the money tiles cannot count, because nobody knows its value."""
    parts = []
    for column, what in (
        ("n_unpriced_unlocks", "unlocks without a known cash value"),
        ("n_unpriced_impressions", "ad impressions without reported revenue"),
    ):
        total = context.week.total(column)
        if total.value:
            figure = Figure(
                f"left_out.{column}",
                total.value,
                formats.count(total.value),
                "events",
                how="sum",
                sources=total.sources,
            )
            parts.append(f"{context.record.text(figure)} {what}")
    return f" Not in the sums: {formats.listed(parts)}." if parts else ""


def _tile(
    context: WeeklyContext,
    label: str,
    measured: Measured,
    write: Callable[[int], str],
    subject: str | None = None,
) -> dict[str, object]:
    figure = measured.figure
    if figure is None:
        return _unavailable(context, subject or label, label, measured, write)
    say = context.record.text
    reference = f"last week {say(measured.previous)}" if measured.previous else "no earlier week"
    return {
        "label": label,
        "value": say(figure),
        "delta": _delta(context, measured),
        "reference": reference,
        "state": _state(measured),
        "interval": say(measured.interval) if measured.interval else None,
        "spark": _spark(context, subject or label, measured, write),
    }


def _state(measured: Measured) -> str:
    if not measured.provisional:
        return measured.reason or ""
    # Both on one line of a tile.
    short = {FEW_VIEWERS: "few viewers"}.get(measured.reason or "", measured.reason)
    return f"provisional, {short}" if short else "provisional"


def _unavailable(
    context: WeeklyContext, subject: str, label: str, measured: Measured, write: Callable[[int], str]
) -> dict[str, object]:
    last = f"; last week {context.record.text(measured.previous)}" if measured.previous else ""
    return {
        "label": label,
        "value": "n/a",
        "reason": f"{measured.reason}{last}",
        "spark": _spark(context, subject, measured, write),
    }


def _delta(context: WeeklyContext, measured: Measured) -> dict[str, str] | None:
    if measured.change is not None and isinstance(measured.change.value, float):
        change = measured.change.text
        if measured.difference is not None and measured.signal is None:
            # No arrow: the direction is what is not established.
            longer = f"{change}, no clear change"
            fits = context.week.fonts.text_width(longer, theme.TYPE["meta"]) <= _TILE_PT
            if not fits:
                return {"text": "no clear change", "tone": "level"}
            context.record.text(measured.change)
            return {"text": longer, "tone": "level"}
        arrow = formats.arrow(0.0 if change.startswith(formats.LEVEL) else measured.change.value)
        context.record.text(measured.change)
        return {"text": f"{arrow} {change}".strip(), "tone": measured.signal or "level"}
    return None


def _spark(
    context: WeeklyContext, subject: str, measured: Measured, write: Callable[[int], str]
) -> dict[str, object] | None:
    shares = any(isinstance(v, float) for v in measured.history)
    words = [
        "unknown" if v is None else formats.percent(float(v)) if shares else write(int(v)) for v in measured.history
    ]
    alt = f"{subject}, last eight weeks, oldest first: {', '.join(words)}."
    chart = draw_sparkline(measured.history, provisional=measured.provisional, alt=alt, fonts=context.week.fonts)
    return None if chart is None else {"chart": chart}


def _reach_tile(context: WeeklyContext) -> dict[str, object]:
    week, lead = context.week, context.week.lead
    label = "Lead series at the paywall"
    if lead is None:
        reason = "nobody started a series" if week.has_rows(week.week) else "no events received"
        return {"label": label, "value": "n/a", "reason": reason}
    if lead.gate is None:
        return {"label": label, "value": "n/a", "reason": "the lead series has no paywall"}
    label = f"Lead series: reach ep {lead.gate}"
    past = week.reach_history
    history = week.history(lambda w: e.value if (e := past.get(w.monday.isoformat())) else None)
    measured = context.measures.reach(lead, lead.gate, history)
    return _tile(context, label, measured, formats.count, f"Share of starters who reach episode {lead.gate}")


def _unlock_tile(context: WeeklyContext, measured: Measured) -> dict[str, object]:
    label = "Paywall \u2192 unlock"
    figure = measured.figure
    if figure is None or figure.value != 0 or not figure.base:
        return _tile(context, label, measured, formats.count, "Share of offer viewers who unlock")
    exact = share(0, figure.base)
    assert exact is not None
    record = context.record
    viewers = record.add(
        Figure(
            "unlock_share.zero_of",
            figure.base,
            f"0 of {formats.count(figure.base)}",
            "viewers",
            how="viewers who saw an offer",
            of=(figure.name,),
        )
    )
    bound = record.add(
        Figure(
            "unlock_share.upper_bound",
            exact.interval.high,
            formats.percent(exact.interval.high),
            "share",
            how="upper end of the exact 95% interval",
            of=(figure.name,),
        )
    )
    return {
        "label": label,
        "value": record.text(viewers),
        "reason": f"unlocked: the true rate is probably below {record.text(bound)}",
        "spark": _spark(context, "Share of offer viewers who unlock", measured, formats.count),
    }
