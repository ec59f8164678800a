"""D1: did the discount pay? Price tests with the studio's series, measured on everybody who saw a price."""

from functools import partial

from dashboards import formats, theme
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.parts import Part
from dashboards.charts.canvas import PT_PER_MM
from dashboards.charts.forest import ForestRow, draw_forest
from dashboards.document import Chart
from dashboards.figures.benchmark import FEWEST_STUDIOS
from dashboards.figures.discounts import Uplift, claim, read_uplifts
from dashboards.figures.record import Figure
from dashboards.figures.rows import TableRow
from dashboards.fonts import STRONG, FontSet
from dashboards.titles import clean, fit

GROUP = "Discount tests"
MOST_ROWS = 9
_ROW_MM = (5.0, 6.0, 7.4)
_REST_MM = 7.0
_LABEL_PT, _WORDS_PT = 48.0 * PT_PER_MM, 118.0 * PT_PER_MM
SURFACES = {
    "all": "all viewers",
    "tiktok_minis": "TikTok Mini",
    "tiktok_drama_center": "TikTok drama centre",
    "ext_ios": "own app, iOS",
    "ext_android": "own app, Android",
    "ext_web": "own site, web",
}


def discounts(context: WeeklyContext) -> Part:
    """The forest of the tests, or that none ran."""
    _, hidden = context.week.app.experiments()
    uplifts = read_uplifts(context.week.app)
    kept = f" A test that fewer than {FEWEST_STUDIOS} other studios share is not shown." if hidden else ""
    if not uplifts:
        return Part(("No discount test ran",), (f"No price test to show had one of the studio's series in it.{kept}",))
    rows = _chosen(uplifts)
    names = _names(context, uplifts)
    currency = next((u.currency for u in rows if u.effect is not None), "USD")
    bars = [_row(context, u, names[u.experiment_id], currency, place) for place, u in enumerate(rows)]
    whole = [u for u in uplifts if u.segment == "all" and u.effect is not None]
    withheld = sum(u.segment == "all" and u.effect is None for u in uplifts)
    heading = (claim([u.certainty for u in whole], withheld),)
    n = len(rows)
    heights = (_ROW_MM[0] * n + _REST_MM, _ROW_MM[1] * n + _REST_MM, _ROW_MM[2] * n + _REST_MM)
    context.tables["D1"] = [_plain(u) for u in uplifts]
    alt = f"Forest of {n} rows. " + " ".join(f"{b.label}: {b.value or b.words}." for b in bars)
    return Part(
        heading,
        (
            "Change in net unlock revenue per viewer who was shown a price, whoever bought, across the whole app. "
            "Randomised by viewer.",
        ),
        partial(_draw, bars, currency, alt, context.week.fonts),
        heights,
        _notes(uplifts, rows, bool(hidden)),
    )


def _draw(rows: list[ForestRow], currency: str, alt: str, fonts: FontSet, width_mm: float, height_mm: float) -> Chart:
    def tick(value: float) -> str:
        return formats.money_change(value, currency) if abs(value) > 1e-9 else formats.minor(0, currency)

    return draw_forest(rows, tick, height_mm, alt, fonts)


def _chosen(uplifts: list[Uplift]) -> list[Uplift]:
    """All tests; their surfaces only while there is room."""
    # Those with a result first; a test's surfaces stay below it.
    answered = {u.experiment_id for u in uplifts if u.effect is not None}
    ordered = sorted(uplifts, key=lambda u: u.experiment_id not in answered)
    if len(ordered) <= MOST_ROWS:
        return ordered
    return [u for u in ordered if u.segment == "all"][:MOST_ROWS]


def _names(context: WeeklyContext, uplifts: list[Uplift]) -> dict[str, str]:
    """What the page calls each test: its id, unless that names somebody else or cannot be set in the chart."""
    names = {}
    for place, identifier in enumerate(dict.fromkeys(u.experiment_id for u in uplifts), start=1):
        plain = clean(identifier)
        safe = plain and plain.isascii() and not context.week.scope.names_somebody_else(plain)
        names[identifier] = plain if safe else f"Test {place}"
    return names


def _surface(context: WeeklyContext, segment: str) -> str:
    known = SURFACES.get(segment)
    plain = clean(segment)
    return known or (
        plain if plain.isascii() and not context.week.scope.names_somebody_else(plain) else "other surface"
    )


def _row(context: WeeklyContext, uplift: Uplift, name: str, currency: str, place: int) -> ForestRow:
    fonts = context.week.fonts
    part = uplift.segment != "all"
    label = _surface(context, uplift.segment) if part else f"{name}, {uplift.horizon_days} days"
    shown = fit(label, _LABEL_PT, theme.CHART_LABEL_PT, fonts, STRONG)
    measure = (f"{name}, {_surface(context, uplift.segment) if part else f'{uplift.horizon_days} days'}",)
    if uplift.effect is None:
        reason = clean(uplift.reason or f"status {uplift.status}").rstrip(".")
        if context.week.scope.names_somebody_else(reason):
            reason = "the release gives no result"
        lead = {"immature": "Too early", "suppressed": "Suppressed"}.get(uplift.status, "Withheld")
        words = fit(f"{lead}: {reason}", _WORDS_PT, theme.CHART_LABEL_PT, fonts)
        context.rows.append(TableRow(GROUP, measure, lead.lower(), is_minor=part))
        return ForestRow(shown, None, None, "", words, part)
    key = f"uplift.{uplift.experiment_id}.{uplift.arm}.{uplift.control}.{uplift.segment}"
    say = context.record.text
    effect = Figure(
        key,
        uplift.effect.value,
        formats.money_change(uplift.effect.value, uplift.currency),
        f"{uplift.currency} per viewer",
        interval=uplift.effect.interval,
        base=uplift.n_treatment + uplift.n_control,
        sources=(uplift.source("difference"),),
    )
    span = Figure(
        f"{key}.interval",
        None,
        formats.signed_range(uplift.effect.interval.low, uplift.effect.interval.high),
        f"{uplift.currency} per viewer",
        interval=uplift.effect.interval,
        how="95% interval of the figure",
        of=(key,),
    )
    value = f"{say(effect)} ({say(span)})"
    compare = ""
    if uplift.ratio is not None:
        ratio = Figure(
            f"{key}.ratio",
            uplift.ratio - 1,
            formats.relative(uplift.ratio - 1),
            "share",
            how="the release's ratio less one",
        )
        compare = f"{say(ratio)} on control"
    viewers = Figure(
        f"{key}.viewers",
        uplift.n_treatment + uplift.n_control,
        formats.count(uplift.n_treatment + uplift.n_control),
        "viewers",
        how="sum",
        sources=(uplift.source("n_treatment"), uplift.source("n_control")),
    )
    context.rows.append(TableRow(GROUP, measure, say(effect), say(span), compare, f"{say(viewers)} viewers", part))
    if uplift.currency != currency:
        return ForestRow(shown, None, None, "", f"in {uplift.currency}, not on this scale: {value}", part)
    return ForestRow(shown, uplift.effect, uplift.always, value, "", part)


def _notes(uplifts: list[Uplift], rows: list[Uplift], hidden: bool) -> list[str]:
    notes = [
        "Thick line: 95% interval; filled dot: it excludes zero. Thin line: interval that holds however often one "
        "looks; a weekly reader should wait for that one."
    ]
    if len(rows) < len(uplifts):
        notes.append("Surfaces and further tests are in the table behind the chart.")
    if hidden:
        notes.append(f"A test that fewer than {FEWEST_STUDIOS} other studios share is not shown.")
    return notes


def _plain(uplift: Uplift) -> dict[str, object]:
    effect = uplift.effect
    return {
        "arm": uplift.arm,
        "control": uplift.control,
        "segment": uplift.segment,
        "horizon_days": uplift.horizon_days,
        "difference": effect.value if effect else None,
        "low": effect.interval.low if effect else None,
        "high": effect.interval.high if effect else None,
        "always_low": uplift.always.low if uplift.always else None,
        "always_high": uplift.always.high if uplift.always else None,
        "n": uplift.n_treatment + uplift.n_control,
        "status": uplift.status,
    }
