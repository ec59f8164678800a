"""Strip 3, "What needs a decision?": tests that can be read, what was displaced, leaky paywalls, waiting money."""

from statistics import median

from dashboards import formats
from dashboards.compare import Interval
from dashboards.executive.context import PageContext, View
from dashboards.executive.scale import Scale
from dashboards.published import Filter, Row
from dashboards.statement import amounts, words
from dashboards.statement.month import Month
from dashboards.titles import clean, cut, printable

ENOUGH_FOLLOWED = 100
"""Fewer viewers followed at a lock do not judge a series."""
WINDOW_HOURS = 168
_MOST_SERIES = 10
_TEST_COLUMNS = (
    "experiment_id",
    "arm",
    "control_arm",
    "horizon_days",
    "n_control",
    "n_treatment",
    "currency",
    "mean_control",
    "difference",
    "ci_low",
    "ci_high",
    "always_valid_low",
    "always_valid_high",
    "status",
    "status_reason",
)


def tests(context: PageContext) -> View:
    """Every discount test at its longest horizon: net revenue per exposed viewer, and whether it may be read."""
    rows = _longest(
        context.release.read(
            "discounts.uplift",
            list(_TEST_COLUMNS),
            {"metric": "net_revenue", "segment": "all"},
            ["experiment_id", "arm", "horizon_days"],
        )
        if context.release.has("discounts.uplift")
        else []
    )
    ends = [row[c] for row in rows if row["status"] == "ok" for c in ("always_valid_low", "always_valid_high")]
    ends += [row[c] for row in rows if row["status"] == "ok" for c in ("ci_low", "ci_high")]
    scale = Scale([*(end for end in ends if end is not None), 0.0])
    out = [_test(context, row, scale) for row in rows]
    ready = [one for one in out if one["is_ready"]]
    # What can be decided comes first, what cannot be read last.
    out.sort(key=lambda one: (not one["is_ready"], one["mark"] is None))
    context.say("tests.ready", len(ready), str(len(ready)), "tests", "whose always-valid interval excludes 0")
    if not rows:
        claim = "No discount test ran"
    elif ready:
        claim = f"{len(ready)} of {formats.plural(len(rows), 'discount test')} can be decided"
    else:
        claim = f"None of {formats.plural(len(rows), 'discount test')} can be decided yet"
    return {"claim": claim, "rows": out, "zero": scale.at(0.0)}


def _longest(rows: list[Row]) -> list[Row]:
    # Of each test the longest horizon that stands, else the longest there is.
    best: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["experiment_id"], row["arm"])
        known = best.get(key)
        if known is None or (row["status"] == "ok", row["horizon_days"]) >= (
            known["status"] == "ok",
            known["horizon_days"],
        ):
            best[key] = row
    return list(best.values())


def _test(context: PageContext, row: Row, scale: Scale) -> View:
    view: View = {
        "name": cut(clean(str(row["experiment_id"])), 40),
        "arm": f"{cut(clean(str(row['arm'])), 24)} against {cut(clean(str(row['control_arm'])), 24)}",
        "n": f"{row['horizon_days']} days, {formats.count(row['n_treatment'])} + "
        f"{formats.count(row['n_control'])} viewers",
        "is_ready": False,
        "mark": None,
        "interval": None,
    }
    if row["status"] != "ok":
        reason = cut(clean(row["status_reason"] or row["status"]), 120)
        return {**view, "verdict": "Cannot be read", "tone": "warn", "text": f"{reason[:1].upper()}{reason[1:]}."}
    narrow = Interval(row["ci_low"], row["ci_high"])
    wide = Interval(row["always_valid_low"], row["always_valid_high"])
    value = row["difference"]
    name = f"test.{row['experiment_id']}.{row['arm']}.net_revenue.{row['horizon_days']}"
    text = context.say(name, value, _per_viewer(value, row["currency"]), "currency units per viewer")
    interval = f"{_per_viewer(narrow.low, row['currency'])} to {_per_viewer(narrow.high, row['currency'])}"
    if wide.excludes(0.0):
        verdict, tone = ("Decide: it earns more", "gain") if value > 0 else ("Decide: it earns less", "loss")
    elif narrow.excludes(0.0):
        side = "more" if value > 0 else "less"
        verdict, tone = f"Leans to {side}; keep it running", "level"
    else:
        verdict, tone = "No clear effect yet", "level"
    return {
        **view,
        "is_ready": wide.excludes(0.0),
        "verdict": verdict,
        "tone": tone,
        "text": f"{text} per viewer",
        "interval": interval,
        "mark": {
            "dot": scale.at(value),
            "narrow": scale.bar(narrow),
            "wide": scale.bar(wide),
            "is_clear": narrow.excludes(0.0),
        },
    }


def _per_viewer(value: float, currency: str | None) -> str:
    sign = "+" if value > 0 else formats.MINUS if value < 0 else ""
    return f"{sign}{'$' if currency == 'USD' else f'{currency} '}{abs(value):,.2f}"


def diversion(context: PageContext) -> View:
    """How much own-app revenue the platform displaced."""
    columns = ["kappa", "ci_low", "ci_high", "displaced_minor", "in_platform_minor", "currency", "n_clusters"]
    table = "cannibalization.diversion"
    rows = (
        context.release.read(table, [*columns, "status", "status_reason"], {"scope": "all", "method": "staggered_did"})
        if context.release.has(table)
        else []
    )
    if not rows:
        return {"claim": "No market launch to judge diversion by", "big": None, "text": ""}
    row = rows[0]
    if row["status"] != "ok":
        return {
            "claim": "Diversion is not known",
            "big": None,
            "text": _sentence(row["status_reason"] or row["status"]),
        }
    low, high = row["ci_low"], row["ci_high"]
    big = context.say("diversion.kappa", row["kappa"], formats.percent(abs(row["kappa"])), "share")
    big = f"{formats.MINUS}{big}" if row["kappa"] < 0 else big
    if low > 0:
        claim = "The platform takes some of what the own apps would have earned"
    elif high < 0:
        claim = "The own apps earn more where the platform is live"
    else:
        claim = "No clear diversion from the own apps"
    currency = row["currency"] or "USD"
    displaced = context.say(
        "diversion.displaced", row["displaced_minor"], amounts.amount(row["displaced_minor"], currency), "minor units"
    )
    earned = amounts.amount(row["in_platform_minor"], currency)
    return {
        "claim": claim,
        "big": big,
        "interval": f"{_signed_percent(low)} to {_signed_percent(high)}",
        "text": f"of each dollar earned on the platform was displaced: {displaced} of {earned}. Modelled from the "
        f"launches in {formats.plural(row['n_clusters'], 'market')}, not randomised.",
    }


def _signed_percent(value: float) -> str:
    return f"{formats.MINUS if value < 0 else ''}{formats.percent(abs(value))}"


def paywalls(context: PageContext) -> View:
    """First locks at which more viewers turn away than at the median series."""
    series = context.release.read("core.dim_series", ["series_id", "title", "language", "first_gated_episode_seq"])
    gates = {row["series_id"]: row for row in series if row["first_gated_episode_seq"] is not None}
    table = "cliffhanger.gate_decomposition"
    columns = ["series_id", "gate_episode_seq", "n_followed", "estimate", "ci_low", "ci_high"]
    where: Filter = {
        "surface": "all",
        "cohort_week": "all",
        "outcome": "gate_bounce",
        "window_hours": WINDOW_HOURS,
        "status": "ok",
    }
    rows = [
        row
        for row in (context.release.read(table, columns, where, ["series_id"]) if context.release.has(table) else [])
        if row["series_id"] in gates
        and row["gate_episode_seq"] == gates[row["series_id"]]["first_gated_episode_seq"]
        and row["n_followed"] >= ENOUGH_FOLLOWED
    ]
    if len(rows) < 2:
        return {
            "claim": "Too few series with a paywall to compare",
            "rows": [],
            "sub": "",
            "middle": None,
            "median": None,
        }
    middle = median(row["estimate"] for row in rows)
    rows.sort(key=lambda row: (-row["estimate"], row["series_id"]))
    worse = [row for row in rows if row["ci_low"] > middle]
    shown = rows[:_MOST_SERIES]
    scale = Scale([*(row["ci_low"] for row in shown), *(row["ci_high"] for row in shown), middle])
    told = context.say("paywall.median", middle, formats.percent(middle), "share", "median over series")
    count = context.say("paywall.worse", len(worse), str(len(worse)), "series", "whose interval lies above the median")
    claim = (
        f"{count} of {len(rows)} series {'loses' if len(worse) == 1 else 'lose'} more viewers at the paywall than the "
        "median series"
        if worse
        else f"No series clearly loses more viewers at the paywall than the median of {len(rows)}"
    )
    return {
        "claim": claim,
        "sub": f"Saw the offer and were gone 7 days later: the {len(shown)} highest. Of {len(rows)} series about "
        f"{max(round(len(rows) * 0.025), 1)} would stand out by chance alone.",
        "middle": scale.at(middle),
        "median": told,
        "rows": [_paywall(context, gates[row["series_id"]], row, scale, middle) for row in shown],
    }


def _paywall(context: PageContext, series: Row, row: Row, scale: Scale, middle: float) -> View:
    title = printable(series["title"], series["series_id"], "Series", series["language"], context.fonts)
    decimals = formats.rate_decimals(row["n_followed"])
    text = formats.percent(row["estimate"], decimals)
    context.say(f"paywall.{series['series_id']}", row["estimate"], text, "share")
    return {
        "name": cut(title.text, 60),
        "episode": f"ep {row['gate_episode_seq']}",
        "text": text,
        "interval": formats.percent_range(row["ci_low"], row["ci_high"], decimals),
        "n": formats.count(row["n_followed"]),
        "dot": scale.at(row["estimate"]),
        "bar": scale.bar(Interval(row["ci_low"], row["ci_high"])),
        "is_worse": row["ci_low"] > middle,
    }


def money(context: PageContext) -> View:
    """What is due and not posted, by month, and what is blocked."""
    if not context.release.has("payouts.pending"):
        return {"claim": "This release holds no ledger", "rows": [], "blockers": []}
    columns = ["direction", "activity_period", "currency", "line_type", "party_id", "pending_minor"]
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in context.release.read("payouts.pending", columns):
        key = (row["activity_period"], row["direction"], row["line_type"], row["currency"])
        groups.setdefault(key, []).append(row)
    blockers = context.release.read("payouts.blockers", ["kind", "reason", "subject"], order_by=["kind", "subject"])
    totals: dict[str, int] = {}
    out = []
    for (period, direction, kind, currency), rows in sorted(groups.items()):
        total = sum(row["pending_minor"] for row in rows)
        if direction == "PAYABLE":
            totals[currency] = totals.get(currency, 0) + total
        name = f"pending.{direction}.{period}.{kind}.{currency}"
        out.append(
            {
                "month": Month.parse(period).name,
                "side": "we owe" if direction == "PAYABLE" else "owed to us",
                "why": "month open" if kind == "EARNING" else "closed: a correction",
                "payees": formats.count(len({row["party_id"] for row in rows})),
                "amount": context.say(name, total, amounts.amount(total, currency), f"minor {currency}", "sum"),
            }
        )
    sums = formats.listed([amounts.amount(total, code) for code, total in sorted(totals.items())]) if totals else ""
    claim = f"{sums} owed waits to be posted" if totals else "Nothing waits to be posted"
    blocked = formats.plural(len(blockers), "matter")
    return {
        "claim": f"{claim}; {'nothing is blocked' if not blockers else f'{blocked} blocked'}",
        "rows": out,
        "blockers": [
            f"{row['kind'].capitalize()} {cut(clean(row['subject']), 80)} {words.blocker(row['reason'])}."
            for row in blockers
        ],
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
