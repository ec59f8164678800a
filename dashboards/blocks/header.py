"""Whose report, which week, how fresh."""

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.document import Block
from dashboards.titles import Title

_NAME_PT = 500.0


def week_span(context: WeeklyContext) -> str:
    """`Mon 9 - Sun 15 Nov 2026`, with an en dash."""
    week = context.week.week
    first = f"Mon {week.monday.day}" if week.monday.month == week.sunday.month else f"Mon {formats.day(week.monday)}"
    return f"{first} {formats.EN_DASH} Sun {formats.day_year(week.sunday)}"


def studio_name(context: WeeklyContext) -> Title:
    """The studio's name, cut to what a heading holds."""
    return context.week.scope.studio_name.fitted(_NAME_PT, theme.TYPE["h1"], context.week.fonts)


def header(context: WeeklyContext) -> Block:
    """The report's head."""
    week, identity = context.week.week, context.week.scope.identity
    name = studio_name(context)
    return Block(
        "header",
        {
            "kicker": "Weekly studio report",
            "title": {"text": name.text, "lang": name.language},
            "facts": [
                [
                    {"text": f"Week {week.number}, {week_span(context)}", "strong": True},
                    {"text": ", UTC days"},
                ],
                [{"text": "Views to "}, {"text": formats.moment(identity.as_of), "strong": True}],
                [{"text": "Release "}, {"text": identity.content_hash[:8], "strong": True}],
                [{"text": "Money in USD"}],
            ],
        },
    )
