"""The page as one HTML file: strips into the template, styles and typeface inside it."""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dashboards import formats, theme
from dashboards.document import State
from dashboards.executive import decisions, trust, weeks
from dashboards.executive.context import PageContext, View
from dashboards.executive.queries import queries
from dashboards.executive.typeface import embedded

_STATES: dict[State, int] = {"green": 0, "amber": 1, "red": 2}
_SIGNS: Mapping[State, str] = {"green": "\u2713", "amber": "\u25b3", "red": "\u2715"}

_TEMPLATES = Environment(
    loader=PackageLoader("dashboards"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def compose(context: PageContext, title: str) -> tuple[str, State]:
    """The whole file, and the state its bar shows."""
    checked, matrix = trust.checks(context)
    fed, feeds = trust.feeds(context)
    stale = trust.staleness(context)
    state: State = "red" if stale else max(checked, fed, key=lambda one: _STATES[one])
    found = weeks.Weeks(context)
    identity = context.release.identity
    week = context.week
    view: View = {
        "title": title,
        "tokens": theme.tokens(),
        "bar": {
            "state": state,
            "sign": _SIGNS[state],
            "is_stale": stale is not None,
            "text": stale or f"{matrix['claim']}. {feeds['claim']}.",
        },
        "week": f"Week {week.number}, {formats.day_span(week.monday, week.sunday)} {week.sunday.year}",
        "as_of": f"{formats.day_year(identity.as_of)} {identity.as_of:%H:%M} UTC",
        "release": identity.release_id,
        "content_hash": identity.content_hash,
        "trust": {
            "feeds": feeds,
            "checks": matrix,
            "releases": trust.releases(context),
            "quarantine": trust.quarantine(context),
            "traffic": trust.traffic(context),
        },
        "weeks": {
            "kpis": weeks.kpis(context, found),
            "mix": weeks.mix(context, found),
            "movers": weeks.movers(context, found),
            "studios": weeks.studios(context, found),
        },
        "decisions": {
            "tests": decisions.tests(context),
            "diversion": decisions.diversion(context),
            "paywalls": decisions.paywalls(context),
            "money": decisions.money(context),
        },
        "queries": queries(week, weeks.WEEKS),
    }
    template = _TEMPLATES.get_template("executive.html.j2")
    # Once without the typeface, to see which letters it needs.
    bare = template.render(**view, typeface="")
    return template.render(**view, typeface=Markup(embedded(bare, context.fonts))), state
