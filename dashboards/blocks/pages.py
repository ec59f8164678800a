"""Where the parts of pages two and three go. What has nothing to draw gives its place to what has."""

from dashboards.blocks.ad_share import ad_share
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.discounts import discounts
from dashboards.blocks.endings import endings
from dashboards.blocks.funnel import funnel
from dashboards.blocks.notes import data_notes
from dashboards.blocks.numbers import numbers
from dashboards.blocks.parts import Part, briefs, side_by_side, whole
from dashboards.blocks.rollout import rollout
from dashboards.document import Block


def second_page(context: WeeklyContext) -> list[Block]:
    """What holds viewers, what makes them pay, what it brought."""
    wide = [endings(context), funnel(context), discounts(context)]
    narrow = [rollout(context), ad_share(context)]
    if not context.week.has_rows(context.week.week) and all(part.draw is None for part in (*wide, narrow[1])):
        # A week without data needs no chart of the whole app.
        narrow[0] = Part(narrow[0].heading, narrow[0].sub)
    blocks = [whole(part) for part in wide if part.draw is not None]
    drawn = [part for part in narrow if part.draw is not None]
    if len(drawn) == 2:
        blocks.append(side_by_side(*drawn))
    else:
        blocks += [whole(part) for part in drawn]
    empty: list[Part] = [part for part in (*wide, *narrow) if part.draw is None]
    return [*blocks, briefs(empty)] if empty else blocks


def third_page(context: WeeklyContext) -> list[Block]:
    """The numbers once more, and what stands behind them; built after the other pages."""
    table = numbers(context)
    return [*([table] if table is not None else []), data_notes(context)]
