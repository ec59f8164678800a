"""T1: the report's figures once more, each with its interval. They are the record's, so they cannot differ."""

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.document import Block
from dashboards.figures.measures import Measured
from dashboards.figures.record import Figure
from dashboards.figures.rows import TableRow
from dashboards.sentences import spans
from dashboards.titles import Title, cut

FEWEST_ROWS, MOST_ROWS = 3, 25
_HEADS = ("", "Figure", "Value", "95% interval", "Compared with", "Rests on")


def numbers(context: WeeklyContext) -> Block | None:
    """The table, its rows grouped by the chart they belong to; None for too few. Made after all charts."""
    rows = [*_week_rows(context), *context.rows]
    shown = _fitting(rows)
    notes = ["A change is in colour on the pages before only when its 95% interval excludes zero."]
    if len(rows) > len(shown):
        left = Figure("T1.left_out", len(rows) - len(shown), str(len(rows) - len(shown)), "rows", how="rows not shown")
        more = "more row is" if left.value == 1 else "more rows are"
        notes.append(f"{context.record.text(left)} {more} in the pack's record of figures.")
    if len(rows) < FEWEST_ROWS:
        return None
    context.tables["T1"] = [_plain(row) for row in rows]
    cells = []
    for place, row in enumerate(shown):
        first = place == 0 or shown[place - 1].group != row.group
        cells.append(
            {
                "first": first,
                "group": row.group if first else "",
                "measure": spans(row.measure),
                "texts": [row.value, row.interval or "\u2013", row.compared or "\u2013", row.base or "\u2013"],
            }
        )
    return Block(
        "table",
        {
            "heading": [{"text": "The week in numbers", "lang": "en"}],
            "sub": [{"text": "The figures of the pages before, each with its interval.", "lang": "en"}],
            "heads": list(_HEADS),
            "rows": cells,
            "notes": notes,
        },
    )


def _fitting(rows: list[TableRow]) -> list[TableRow]:
    """At most MOST_ROWS: minor rows give way first, from the end; then the last."""
    excess = len(rows) - MOST_ROWS
    if excess <= 0:
        return rows
    minor = [place for place, row in enumerate(rows) if row.is_minor][-excess:]
    return [row for place, row in enumerate(rows) if place not in minor][:MOST_ROWS]


def _week_rows(context: WeeklyContext) -> list[TableRow]:
    measures, lead = context.measures, context.week.lead
    rows = []
    for label, measured, exact in (
        ("Series starters", measures.total("starters", "n_starters", "viewers", "views", ""), True),
        ("See an unlock offer and unlock", measures.unlock_share(), False),
        ("Net unlock revenue", measures.total("unlock_revenue", "unlock_net_micros", "micros", "unlocks", ""), True),
        ("Ad revenue, own apps", measures.total("ad_revenue", "ad_revenue_micros", "micros", "ads", ""), True),
    ):
        row = _row(context, (label,), measured, exact)
        rows += [row] if row else []
    if lead is not None and lead.gate is not None:
        title = Title(cut(lead.title.text, 26), None, lead.title.language)
        row = _row(context, (f"Reach episode {lead.gate} of ", title), measures.reach(lead, lead.gate), False)
        rows += [row] if row else []
    return rows


def _row(context: WeeklyContext, measure: tuple[str | Title, ...], measured: Measured, exact: bool) -> TableRow | None:
    figure, say = measured.figure, context.record.text
    if figure is None:
        return None
    interval = say(measured.interval) if measured.interval else "exact" if exact else ""
    compared = f"last week {say(measured.previous)}" if measured.previous else ""
    base = ""
    if figure.base and not exact:
        viewers = Figure(f"{figure.name}.base", figure.base, formats.count(figure.base), "viewers", how="its base")
        base = f"{say(viewers)} viewers"
    return TableRow("Week", measure, say(figure), interval, compared, base)


def _plain(row: TableRow) -> dict[str, object]:
    measure = "".join(part if isinstance(part, str) else part.text for part in row.measure)
    return {
        "group": row.group,
        "measure": measure,
        "value": row.value,
        "interval": row.interval,
        "compared": row.compared,
        "base": row.base,
    }
