"""X1: what did the Mini take from the own apps? One figure for the whole app, modelled, not the studio's own."""

from functools import partial

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.parts import Part
from dashboards.charts.since_launch import draw_since_launch
from dashboards.compare import Difference
from dashboards.document import Chart
from dashboards.figures.benchmark import FEWEST_STUDIOS
from dashboards.figures.record import Figure
from dashboards.figures.rollout import Rollout, WeekSinceLaunch, read_rollout
from dashboards.figures.rows import TableRow
from dashboards.fonts import FontSet
from dashboards.sentences import Sentence
from dashboards.titles import clean

GROUP = "Own-app revenue"
_HEIGHTS_MM = (38.0, 46.0, 66.0)


def rollout(context: WeeklyContext) -> Part:
    """The event study with the diversion in its heading, or why there is none."""
    app = context.week.app
    if not app.is_shown:
        return Part(
            ("What the Mini takes from the own apps is not shown",),
            (f"Fewer than {FEWEST_STUDIOS} other studios are in the app, so its figures could be read as theirs.",),
        )
    found = read_rollout(app)
    if found is None:
        return Part(("No rollout of the Mini to compare",), ("The release has no market launched one after another.",))
    if found.diversion is None:
        reason = clean(found.reason or "the release gives no result").rstrip(".")
        if context.week.scope.names_somebody_else(reason):
            reason = "the release gives no result"
        return Part(
            ("What the Mini takes from the own apps cannot be told yet",),
            (f"Across all series of the app: {reason}.",),
        )
    heading = _heading(context, found, found.diversion)
    sub = (_sentence(context, found, found.diversion),)
    if len(found.weeks) < 2:
        return Part(heading, sub)
    alt = (
        "Dots with 95% intervals: own-app revenue by week since the Mini was launched in a market, against what it "
        f"would have been, weeks {found.weeks[0].week} to {found.weeks[-1].week}, across all series of the app."
    )
    context.tables["X1"] = [
        {"week": w.week, "change": w.change, "low": w.interval.low, "high": w.interval.high} for w in found.weeks
    ]
    notes = [
        "Dots: own-app revenue against what the model expects without the Mini; before launch they should lie on 0."
    ]
    if any(w.band is not None for w in found.weeks):
        notes.append("Lines: each week's 95% interval; grey: all weeks at once.")
    return Part(heading, sub, partial(_draw, found.weeks, alt, context.week.fonts), _HEIGHTS_MM, notes)


def _draw(weeks: list[WeekSinceLaunch], alt: str, fonts: FontSet, width_mm: float, height_mm: float) -> Chart:
    return draw_since_launch(weeks, width_mm, height_mm, alt, fonts)


def _heading(context: WeeklyContext, found: Rollout, diversion: Difference) -> Sentence:
    if not diversion.is_clear:
        return ("No clear effect of the Mini on the own apps",)
    cents = Figure(
        "diversion.size",
        abs(diversion.value),
        _cents(abs(diversion.value)),
        "share",
        how="size of the first",
        of=("diversion",),
    )
    context.record.add(_kappa(found, diversion))
    if diversion.value > 0:
        return (f"Each Mini dollar displaces {context.record.text(cents)}, modelled",)
    return (f"Each Mini dollar adds {context.record.text(cents)}, modelled",)


def _kappa(found: Rollout, diversion: Difference) -> Figure:
    return Figure(
        "diversion",
        diversion.value,
        _cents(diversion.value),
        "share",
        interval=diversion.interval,
        sources=(found.source("kappa"),),
    )


def _sentence(context: WeeklyContext, found: Rollout, diversion: Difference) -> str:
    say = context.record.text
    kappa = say(_kappa(found, diversion))
    span = say(
        Figure(
            "diversion.interval",
            None,
            f"{_cents(diversion.interval.low)} to {_cents(diversion.interval.high)}",
            "share",
            interval=diversion.interval,
            how="95% interval of the figure",
            of=("diversion",),
        )
    )
    launched = say(
        Figure(
            "diversion.markets",
            found.n_launched,
            formats.count(found.n_launched),
            "markets",
            sources=(found.source("n_launched_markets"),),
        )
    )
    context.rows.append(
        TableRow(GROUP, ("Taken per dollar in the Mini, whole app",), kappa, span, "", f"{launched} markets")
    )
    return (
        f"Across all series of the app, not this studio's alone: own-app revenue lost for each dollar in the Mini "
        f"{kappa} (95% interval {span}). Modelled from {launched} markets launched at different times."
    )


def _cents(share: float) -> str:
    """A share of a dollar in cents: `9c`."""
    text = formats.points(share, 0).removesuffix(" pts")
    plain = text.lstrip("+" + formats.LEVEL)
    return f"{plain}\u00a2"
