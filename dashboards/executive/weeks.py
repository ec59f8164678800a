"""Strip 2, "How are we doing?": six figures over thirteen weeks, and the studios behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards import formats
from dashboards.compare import Interval, normal_share_range, normal_weekly_range, share
from dashboards.executive.charts import draw_kpi, draw_mix
from dashboards.executive.context import PageContext, View
from dashboards.executive.svg import inline
from dashboards.published import Row, aware
from dashboards.titles import printable

WEEKS = 13
MOST_STUDIOS = 20
MOST_MOVERS = 8
_TABLE = "weekly.series_week"
_PPM = 1_000_000
_COLUMNS = (
    "n_starters",
    "n_viewers",
    "n_starts",
    "n_completions",
    "n_gate_viewers",
    "n_gate_unlockers",
    "unlock_net_micros",
    "ad_revenue_micros",
)
Sums = dict[str, int | None]


@dataclass(frozen=True)
class Measure:
    """One figure of the strip: a sum, or a share of two sums in millionths. `is_people` asks for a P-chart."""

    name: str
    label: str
    write: Callable[[int], str]
    over: str
    under: str | None = None
    is_people: bool = False

    def value(self, sums: Sums) -> int | None:
        top = sums[self.over]
        if self.under is None or top is None:
            return top
        bottom = sums[self.under]
        return top * _PPM // bottom if bottom else None


def _percent(ppm: int) -> str:
    return formats.percent(ppm / _PPM)


MEASURES = (
    Measure("starters", "Series starters", formats.count, "n_starters"),
    Measure("viewers", "Viewers, once per series", formats.count, "n_viewers"),
    Measure("completion", "Completions per start", _percent, "n_completions", "n_starts"),
    Measure("unlock", "Offer viewers who unlock", _percent, "n_gate_unlockers", "n_gate_viewers", True),
    Measure("unlock_revenue", "Net unlock revenue", formats.money, "unlock_net_micros"),
    Measure("ad_revenue", "Ad revenue, own apps", formats.money, "ad_revenue_micros"),
)


class Weeks:
    """The weekly rows of all studios, summed by week and by studio and week. An empty cell is left out of its sum,
    and a sum of nothing but empty cells is unknown.
    """

    def __init__(self, context: PageContext) -> None:
        self.names = [str(context.week.before(back).monday) for back in range(WEEKS - 1, -1, -1)]
        rows = context.release.read(_TABLE, ["studio_id", "week_start", *_COLUMNS], {"week_start": self.names})
        self.by_week = {name: _sums([row for row in rows if row["week_start"] == name]) for name in self.names}
        studios = sorted({row["studio_id"] for row in rows})
        self.by_studio = {
            studio: {
                name: _sums([row for row in rows if row["studio_id"] == studio and row["week_start"] == name])
                for name in self.names[-2:]
            }
            for studio in studios
        }

    @property
    def this(self) -> Sums:
        return self.by_week[self.names[-1]]

    @property
    def last(self) -> Sums:
        return self.by_week[self.names[-2]]


def _sums(rows: Sequence[Row]) -> Sums:
    sums: Sums = {}
    for column in _COLUMNS:
        known = [row[column] for row in rows if row[column] is not None]
        sums[column] = sum(known) if known else None
    return sums


def kpis(context: PageContext, weeks: Weeks) -> View:
    """The six figures, each against its own normal weekly range."""
    tiles = [_tile(context, weeks, measure) for measure in MEASURES]
    odd = [str(tile["label"]) for tile in tiles if tile["tone"] in ("up", "down")]
    if all(tile["value"] is None for tile in tiles):
        claim = "No figures for this week"
    elif odd:
        claim = f"{len(odd)} of {len(tiles)} figures are outside their normal weekly range"
    else:
        claim = "Nothing changed by more than its normal weekly range"
    return {"claim": claim, "tiles": tiles}


def _tile(context: PageContext, weeks: Weeks, measure: Measure) -> View:
    values = [measure.value(weeks.by_week[name]) for name in weeks.names]
    limits = [_limits(weeks, measure, name) for name in weeks.names]
    value, previous, normal = values[-1], values[-2], limits[-1]
    context.tables[f"kpi.{measure.name}"] = [
        {"week_start": name, "value": one} for name, one in zip(weeks.names, values, strict=True)
    ]
    if value is None:
        return {"label": measure.label, "value": None, "tone": "level", "verdict": "n/a", "delta": "", "chart": None}
    text = context.say(f"kpi.{measure.name}", value, measure.write(value), _unit(measure), "sum over series")
    tone, verdict = _verdict(value, normal, measure)
    told = ", ".join("unknown" if one is None else measure.write(one) for one in values)
    alt = f"{measure.label}, thirteen weeks, oldest first: {told}. {verdict}."
    return {
        "label": measure.label,
        "value": text,
        "delta": "" if previous is None else f"last week {measure.write(previous)}",
        "tone": tone,
        "verdict": verdict,
        "chart": inline(draw_kpi(values, limits, tone, alt, context.fonts), f"kpi-{measure.name}"),
    }


def _unit(measure: Measure) -> str:
    return "ppm" if measure.under else "micros" if measure.over.endswith("_micros") else "count"


def _limits(weeks: Weeks, measure: Measure, name: str) -> Interval | None:
    # One centre, from the weeks before this one; a share's limits widen where fewer people stand behind it.
    earlier = [weeks.by_week[one] for one in weeks.names[:-1]]
    if measure.is_people and measure.under is not None:
        pairs = [(one[measure.over] or 0, one[measure.under] or 0) for one in earlier]
        of = weeks.by_week[name][measure.under]
        found = normal_share_range(pairs, of or 0)
        return None if found is None else Interval(found.low * _PPM, found.high * _PPM)
    known = [value for one in earlier if (value := measure.value(one)) is not None]
    return normal_weekly_range(known)


def _verdict(value: int, normal: Interval | None, measure: Measure) -> tuple[str, str]:
    if normal is None:
        return "level", "too few weeks to know what is normal"
    low, high = measure.write(round(normal.low)), measure.write(round(normal.high))
    if value > normal.high:
        return "up", f"\u25b2 above normal, {low} to {high}"
    if value < normal.low:
        return "down", f"\u25bc below normal, {low} to {high}"
    return "level", f"normal: {low} to {high}"


def studios(context: PageContext, weeks: Weeks) -> View:
    """Studios by net unlock revenue of the week, with the share of offer viewers who unlock."""
    this, last = weeks.names[-1], weeks.names[-2]
    rows = []
    for studio, sums in weeks.by_studio.items():
        now, before = sums[this], sums[last]
        if any(value is not None for value in now.values()):
            rows.append((studio, now, before))
    rows.sort(key=lambda row: (-(row[1]["unlock_net_micros"] or 0), row[0]))
    most = max((row[1]["unlock_net_micros"] or 0 for row in rows), default=0) or 1
    shown, rest = rows[:MOST_STUDIOS], rows[MOST_STUDIOS:]
    names = _names(context)
    out = [_studio_row(context, names.get(studio, studio), studio, now, before, most) for studio, now, before in shown]
    total = sum(row[1]["unlock_net_micros"] or 0 for row in rows)
    top = sum(row[1]["unlock_net_micros"] or 0 for row in rows[:3])
    claim = "No studio had viewers this week" if not rows else f"{formats.plural(len(rows), 'studio')} this week"
    if len(rows) > 3 and total:
        claim = f"Three of {len(rows)} studios bring {formats.percent(top / total, 0)} of net unlock revenue"
    others = sum(row[1]["unlock_net_micros"] or 0 for row in rest)
    more = f"and {formats.plural(len(rest), 'studio')} more with {formats.money(others)} together" if rest else None
    return {"claim": claim, "rows": out, "more": more}


def _studio_row(context: PageContext, name: str, studio: str, now: Sums, before: Sums, most: int) -> View:
    revenue, starters = now["unlock_net_micros"], now["n_starters"]
    rate = share(now["n_gate_unlockers"] or 0, now["n_gate_viewers"] or 0)
    decimals = formats.rate_decimals(rate.base) if rate else 0
    previous = before["unlock_net_micros"]
    change = None if revenue is None or previous is None else revenue - previous
    return {
        "name": name,
        "starters": formats.EN_DASH if starters is None else formats.count(starters),
        "rate": formats.EN_DASH if rate is None else formats.percent(rate.value, decimals),
        "interval": "" if rate is None else formats.percent_range(rate.interval.low, rate.interval.high, decimals),
        "revenue": formats.EN_DASH
        if revenue is None
        else context.say(f"studio.{studio}.unlock_net", revenue, formats.money(revenue), "micros", "sum over series"),
        "width": round(100 * max(revenue or 0, 0) / most, 1),
        "change": formats.EN_DASH if change is None else _change(change),
        "tone": "level" if not change else "gain" if change > 0 else "loss",
        "ads": formats.EN_DASH if now["ad_revenue_micros"] is None else formats.money(now["ad_revenue_micros"]),
    }


def _change(micros: int) -> str:
    return f"+{formats.money(micros)}" if micros > 0 else formats.money(micros)


def _names(context: PageContext) -> dict[str, str]:
    rows = context.release.read("core.dim_studio", ["studio_id", "name", "locale"])
    return {
        row["studio_id"]: printable(row["name"], row["studio_id"], "Studio", row["locale"], context.fonts).text
        for row in rows
    }


def movers(context: PageContext, weeks: Weeks) -> View | None:
    """The change of net unlock revenue on last week, studio by studio; None when either week is unknown."""
    now, before = weeks.this["unlock_net_micros"], weeks.last["unlock_net_micros"]
    if now is None or before is None:
        return None
    names = _names(context)
    changes = [
        ((sums[weeks.names[-1]]["unlock_net_micros"] or 0) - (sums[weeks.names[-2]]["unlock_net_micros"] or 0), studio)
        for studio, sums in weeks.by_studio.items()
    ]
    changes.sort(key=lambda one: (-abs(one[0]), one[1]))
    shown = [(names.get(studio, studio), change) for change, studio in changes[:MOST_MOVERS] if change]
    rest = sum(change for change, _ in changes[MOST_MOVERS:])
    if rest:
        shown.append((f"{len(changes) - MOST_MOVERS} other studios", rest))
    reach = max((abs(change) for _, change in shown), default=0) or 1
    change = now - before
    context.say("movers.change", change, _change(change), "micros", "this week less last week")
    side = "higher" if change > 0 else "lower"
    size = formats.money(abs(change))
    return {
        "claim": f"Net unlock revenue is {size} {side} than last week" if change else "Net unlock revenue is unchanged",
        "rows": [
            {
                "name": name,
                "text": _change(value),
                "tone": "gain" if value > 0 else "loss",
                "left": round(50 - 50 * abs(value) / reach, 1) if value < 0 else 50.0,
                "width": round(50 * abs(value) / reach, 1),
            }
            for name, value in shown
        ],
        "sums": f"{formats.money(before)} last week, {formats.money(now)} this week",
    }


def mix(context: PageContext, weeks: Weeks) -> View | None:
    """Coin revenue of the platform and of the own apps, thirteen weeks; None where the panel does not reach."""
    if not context.release.has("cannibalization.market_panel"):
        return None
    columns = ["week_start", "own_app_net_micros", "in_platform_net_micros", "currency"]
    rows = context.release.read("cannibalization.market_panel", columns)
    own: dict[str, int] = {}
    platform: dict[str, int] = {}
    for row in rows:
        monday = str(aware(row["week_start"]).date())
        if monday in weeks.names and row["currency"] == "USD":
            own[monday] = own.get(monday, 0) + (row["own_app_net_micros"] or 0)
            platform[monday] = platform.get(monday, 0) + (row["in_platform_net_micros"] or 0)
    here = [name for name in weeks.names if name in own]
    if len(here) < 2 or here[-1] != weeks.names[-1]:
        return None
    now, then = (platform[w] / ((platform[w] + own[w]) or 1) for w in (here[-1], here[0]))
    context.say("mix.platform", platform[here[-1]], formats.money(platform[here[-1]]), "micros", "sum over markets")
    context.say("mix.own_apps", own[here[-1]], formats.money(own[here[-1]]), "micros", "sum over markets")
    claim = (
        f"The platform brings {formats.percent(now, 0)} of coin revenue; {len(here) - 1} weeks ago it was "
        f"{formats.percent(then, 0)}"
    )
    chart = draw_mix(
        here,
        [platform[name] for name in here],
        [own[name] for name in here],
        f"{claim}. Coins spent, at the cash value of the paid ones, less refunds and fees.",
        context.fonts,
    )
    return {"claim": claim, "chart": inline(chart, "mix")}
