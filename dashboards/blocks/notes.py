"""Data notes: what changed since last week's report, what was checked, what the words mean, whom to ask."""

from datetime import date

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.state import failed_checks
from dashboards.document import Block
from dashboards.figures.accrual import LINES
from dashboards.figures.endings import WINDOW_SECONDS
from dashboards.figures.funnel import WINDOW_HOURS
from dashboards.figures.record import Figure, Source
from dashboards.titles import clean, cut

_MOST_RESTATED = 4
_MOST_AREAS = 10
_FEW_TERMS = 4
_STREAMS = {"iaa": "ad share", "iap_beans": "unlock share", "iap": "unlock share", "license_fee": "licence fee"}
_REASONS = {
    "IVT_SPAM": "invalid traffic",
    "LATE_LOGS": "late logs",
    "RESTATEMENT": "a restated platform statement",
    "CONTRACT_AMENDMENT": "an amended contract",
    "TIER_RESTATE": "another tier of the contract",
    "REFUND": "refunds",
}
_AREAS = {
    "raw": "Logs as received",
    "staging": "Logs, cleaned",
    "intermediate": "Steps between",
    "marts": "Published tables",
    "measures": "Estimates",
    "core": "Facts and dimensions",
    "audience": "Retention",
    "cliffhanger": "Endings and paywall",
    "discounts": "Discount tests",
    "cannibalization": "Own-app revenue",
    "payouts": "Payouts",
    "health": "Data health",
    "weekly": "Weekly figures",
    "meta": "Release",
}
_DEFINITIONS: tuple[tuple[str, str, str], ...] = (
    (
        "Week",
        "Starter",
        "A viewer who plays a series' first episode for at least a second, in the week of that first play.",
    ),
    (
        "Week",
        "Reach",
        "Share of starters who start an episode, or a later one, within 7 days. Those too recent to know are allowed "
        "for (Kaplan\u2013Meier).",
    ),
    (
        "Episode endings",
        "Ending lost",
        "One less the share of viewers who finish an episode (90% of it played) and start the next within "
        f"{WINDOW_SECONDS // 3600} hours.",
    ),
    (
        "Paywall",
        "Paywall steps",
        "Viewers who start the last free episode while the next is locked for them; each ends in one state "
        f"{WINDOW_HOURS} hours later.",
    ),
    (
        "Week",
        "Net unlock revenue",
        "Cash value of the paid coins spent on episodes, less refunds. Bonus coins count nothing.",
    ),
    (
        "Discount tests",
        "Discount effect",
        "Difference between viewers drawn to the lower and to the usual price, over everybody who was shown a price.",
    ),
    (
        "Own-app revenue",
        "Taken from own apps",
        "Own-app revenue displaced for each dollar earned in the Mini, over markets launched at different times.",
    ),
    (
        "Ad share",
        "Ad share",
        "The studio's part of ad revenue by contract, from the platform's confirmed statements; open until the month "
        "is closed.",
    ),
)


def data_notes(context: WeeklyContext) -> Block:
    """The page's notes in two columns."""
    identity = context.week.scope.identity
    left = [
        {"head": "Since last week\u2019s report", "lines": _changes(context)},
        {"head": "Checks of this release", "lines": [_verdict(context)], "table": _areas(context)},
        {
            "head": "Reading an interval",
            "lines": [
                "Intervals built this way contain the true figure about 19 times in 20. Where two weeks differ and the "
                "interval of the difference contains zero, the page says \u201cno clear change\u201d: the data cannot "
                "tell the direction."
            ],
        },
        {
            "head": "Questions",
            "lines": [
                "Answer the message that brought this report, and quote the page and the release.",
                f"Release {identity.release_id}, content {identity.content_hash[:12]}, views to "
                f"{formats.moment(identity.as_of)}.",
            ],
        },
    ]
    printed = {row.group for row in context.rows} | ({"Week"} if context.week.has_rows(context.week.week) else set())
    terms = [{"term": term, "text": text} for group, term, text in _DEFINITIONS if group in printed]
    # Few words to explain leave room on the right for the sections that would stand last.
    last = 4 if len(terms) > _FEW_TERMS else 2
    return Block(
        "notes",
        {
            "heading": "Data notes",
            "left": left[:last],
            "right": left[last:],
            "definitions_head": "What the words mean",
            "terms": terms,
        },
    )


def _changes(context: WeeklyContext) -> list[str]:
    lines = _restated(context) or ["No amount that was already posted for the studio has been restated."]
    late = context.week.scope.shared("health.freshness", ["source", "late_share"], {"source": "views"})
    if late and late[0]["late_share"] is not None:
        share = float(late[0]["late_share"])
        figure = Figure(
            "late.views",
            share,
            formats.percent(share),
            "share",
            sources=(Source("health.freshness", "late_share", {"source": "views"}),),
        )
        lines.append(
            f"{context.record.text(figure)} of viewing rows came more than 24 hours after their event. They are "
            "counted in the week they belong to, so earlier weeks may read differently from last week\u2019s report."
        )
    lines.append(
        "Last week\u2019s figures on these pages are counted afresh from this release; no earlier release was at hand "
        "to list viewing figures old against new."
    )
    return lines


def _restated(context: WeeklyContext) -> list[str]:
    columns = ["line_id", "activity_period", "posted_period", "stream", "currency", "reason"]
    amounts = ["posted_before_minor", "restated_minor"]
    rows = context.week.scope.own_money(
        LINES, [*columns, *amounts], {"direction": "PAYABLE", "line_type": "ADJUSTMENT"}
    )
    if not rows:
        return []
    last = max(str(row["posted_period"]) for row in rows)
    recent = [
        row for row in rows if str(row["posted_period"]) == last and None not in (row[amounts[0]], row[amounts[1]])
    ]
    say = context.record.text
    lines = []
    for row in recent[:_MOST_RESTATED]:
        old, new = (
            Figure(
                f"restated.{row['line_id']}.{column}",
                int(row[column]),
                formats.minor(int(row[column]), str(row["currency"])),
                "minor",
                sources=(Source(LINES, column, {"line_id": row["line_id"]}),),
            )
            for column in amounts
        )
        stream = _STREAMS.get(str(row["stream"]), clean(str(row["stream"])))
        reason = _REASONS.get(str(row["reason"]), clean(str(row["reason"] or "")).replace("_", " ").lower())
        why = f" ({reason})" if reason and not context.week.scope.names_somebody_else(reason) else ""
        lines.append(
            f"Restated in the close of {_month(last)}: {stream} of {_month(row['activity_period'])}, {say(old)} is now "
            f"{say(new)}{why}."
        )
    if len(recent) > _MOST_RESTATED:
        more = Figure(
            "restated.more", len(recent) - _MOST_RESTATED, str(len(recent) - _MOST_RESTATED), "lines", how="more"
        )
        lines.append(f"{say(more)} more lines were restated; the payout statement lists them.")
    return lines


def _month(period: object) -> str:
    """`August 2026` for `2026-08` and for its half-months."""
    text = str(period)
    first = date(int(text[:4]), int(text[5:7]), 1)
    return f"{formats.month(first)} {first.year}"


def _verdict(context: WeeklyContext) -> str:
    total, failed = failed_checks(context.week.scope)
    if not total:
        return "No check is recorded for this release."
    if not failed:
        return "All passed."
    severe = sum(check.severity == "critical" for check in failed)
    return "Some failed; none is critical." if not severe else "A critical check failed."


def _areas(context: WeeklyContext) -> list[dict[str, str]]:
    scope, say = context.week.scope, context.record.text
    rows = scope.shared("meta.checks", ["asset", "passed"], {"release_id": scope.identity.release_id}, ["asset"])
    counts: dict[str, list[int]] = {}
    for row in rows:
        found = counts.setdefault(_area(context, str(row["asset"] or "")), [0, 0])
        found[0 if row["passed"] else 1] += 1
    # Areas with a failure first, so that none of them is cut off.
    ranked = sorted(counts.items(), key=lambda item: (-item[1][1], item[0]))
    table = []
    for place, (area, (passed, failed)) in enumerate(ranked[:_MOST_AREAS]):
        ok, bad = (
            Figure(f"checks.area{place}.{name}", n, formats.count(n), "checks", how=f"{name} checks of the area")
            for name, n in (("passed", passed), ("failed", failed))
        )
        status = f"\u2713 {say(ok)} passed" if not failed else f"\u25b3 {say(bad)} failed, {say(ok)} passed"
        table.append({"area": area, "status": status})
    return table


def _area(context: WeeklyContext, asset: str) -> str:
    head = clean(asset).split("/")[0]
    if head in _AREAS:
        return _AREAS[head]
    return "Other" if not head or context.week.scope.names_somebody_else(head) else cut(head, 30)
