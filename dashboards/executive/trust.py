"""Strip 1, "Can we trust today?": how fresh, what was checked, what was refused."""

from collections import Counter
from datetime import datetime, timedelta

from dashboards import formats
from dashboards.document import State
from dashboards.executive.context import PageContext, View
from dashboards.published import Row, aware
from dashboards.titles import clean, cut

DATA_MAY_BE_OLD = timedelta(hours=48)
"""Data that end longer than this before their release was made are stale."""
RELEASE_MAY_BE_OLD = timedelta(hours=36)
"""A release older than this by the clock passed in means that a run is missing."""
FEED_SLA = timedelta(hours=24)
SLA_AT = 50
"""Where 24 hours lie on the line of a feed, in percent; what lies beyond leaves room for its label."""
_RELEASES = 6
_REASONS = 8
_KINDS = {"unique": "Keys", "relationships": "Links"}
_COLUMNS = ("Keys", "Links", "Rules")


def staleness(context: PageContext) -> str | None:
    """Why the page does not speak of today, or None when it does."""
    release = _current(context)
    made, identity = release["created_at"], context.release.identity
    snapshot = f"Last good snapshot: release {identity.release_id}, data to {_minute(identity.as_of)}"
    if context.now is not None and made is not None and context.now - aware(made) > RELEASE_MAY_BE_OLD:
        return f"No run since {_minute(aware(made))}. {snapshot}, made {age(context.now - aware(made))} ago."
    if made is not None and aware(made) - identity.as_of > DATA_MAY_BE_OLD:
        late = age(aware(made) - identity.as_of)
        return f"The data are old. {snapshot}: {late} before the release was made ({_minute(aware(made))})."
    return None


def age(span: timedelta) -> str:
    """`145 days`, `30 hours`, `5 minutes`."""
    if span >= timedelta(days=2):
        return formats.plural(span.days, "day")
    if span >= timedelta(hours=2):
        return formats.plural(int(span.total_seconds() // 3600), "hour")
    return formats.plural(int(span.total_seconds() // 60), "minute")


def checks(context: PageContext) -> tuple[State, View]:
    """The state of the release's checks, and the matrix of what was checked where."""
    rows = context.release.read(
        "meta.checks",
        ["check_name", "asset", "severity", "passed", "detail"],
        {"release_id": context.release.identity.release_id},
        ["asset", "check_name"],
    )
    areas: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        kind = _KINDS.get(str(row["check_name"]).split("_")[0], "Rules")
        areas.setdefault(_area(str(row["asset"])), {}).setdefault(kind, []).append(row)
    failed = [row for row in rows if not row["passed"]]
    critical = any(row["severity"] == "critical" for row in failed)
    total = context.say("checks.total", len(rows), formats.count(len(rows)), "checks", "rows of meta.checks")
    wrong = context.say("checks.failed", len(failed), formats.count(len(failed)), "checks", "rows not passed")
    if not rows:
        claim = "No check is recorded for this release"
    elif failed:
        claim = f"{wrong} of {total} checks failed"
    else:
        claim = f"All {total} checks passed"
    view: View = {
        "claim": claim,
        "columns": _COLUMNS,
        "rows": [
            {"area": area, "cells": [_cell(found.get(column, [])) for column in _COLUMNS]}
            for area, found in sorted(areas.items())
        ],
        "failed": [
            {"severity": row["severity"], "asset": row["asset"], "text": _told(row)} for row in failed[:_REASONS]
        ],
    }
    return ("red" if critical else "amber" if failed or not rows else "green"), view


def _area(asset: str) -> str:
    room, _, name = asset.partition("/")
    # mrt_<topic>__<name>: a mart belongs to its topic.
    return name.removeprefix("mrt_").split("__")[0] if room == "marts" else room


def _cell(rows: list[Row]) -> View:
    failed = [row for row in rows if not row["passed"]]
    if not rows:
        return {"sign": formats.EN_DASH, "text": "", "tone": "none", "label": "no such check"}
    if not failed:
        return {"sign": "\u2713", "text": str(len(rows)), "tone": "good", "label": f"all {len(rows)} passed"}
    critical = any(row["severity"] == "critical" for row in failed)
    return {
        "sign": "\u2715" if critical else "\u25b3",
        "text": f"{len(failed)} of {len(rows)}",
        "tone": "bad" if critical else "warn",
        "label": f"{len(failed)} of {len(rows)} failed",
    }


def _told(row: Row) -> str:
    detail = clean(row["detail"] or "")
    return cut(detail, 160) if detail else clean(str(row["check_name"])).replace("_", " ")


def feeds(context: PageContext) -> tuple[State, View]:
    """Every feed with how far it has come, measured against the one that has come furthest."""
    rows = context.release.read(
        "health.freshness", ["source", "as_of", "n_rows", "late_share", "status"], order_by=["source"]
    )
    marks = [aware(row["as_of"]) for row in rows if row["as_of"] is not None]
    newest = max(marks, default=None)
    out: list[View] = []
    slow: list[str] = []
    for row in rows:
        behind = None if newest is None or row["as_of"] is None else newest - aware(row["as_of"])
        late = row["late_share"]
        status = str(row["status"])
        if status == "ok" and behind is not None and behind > FEED_SLA:
            status = "behind"
        if status != "ok":
            slow.append(str(row["source"]))
        out.append(
            {
                "name": row["source"],
                "sign": {"ok": "\u2713", "behind": "\u25b3"}.get(status, "\u2715"),
                "tone": {"ok": "good", "behind": "warn"}.get(status, "bad"),
                "status": status,
                "as_of": "no rows" if row["as_of"] is None else _minute(aware(row["as_of"])),
                "behind": "" if behind is None else _hours(behind),
                "width": 0.0 if behind is None else round(min(behind / FEED_SLA, 1.3) * SLA_AT, 1),
                "rows": context.say(f"feed.{row['source']}.rows", row["n_rows"], formats.count(row["n_rows"]), "rows"),
                "late": formats.EN_DASH if late is None else formats.percent(late, 2),
            }
        )
    if not rows:
        claim = "No feed has been taken in"
    elif slow:
        claim = f"The {formats.listed(slow)} {'feed is' if len(slow) == 1 else 'feeds are'} behind or empty"
    else:
        claim = (
            f"All {len(rows)} feeds are within 24 hours of each other" if len(rows) > 1 else "The feed is up to date"
        )
    return ("amber" if slow or not rows else "green"), {"claim": claim, "rows": out}


def releases(context: PageContext) -> View:
    """The last releases, newest first."""
    columns = ["release_id", "created_at", "content_hash", "as_of", "is_current"]
    rows = context.release.read("meta.releases", columns)
    rows.sort(key=lambda row: (aware(row["created_at"]), row["release_id"]), reverse=True)
    newest = rows[:_RELEASES]
    same = len({row["content_hash"] for row in newest}) == 1 and len(newest) > 1
    claim = f"{formats.plural(len(rows), 'release')} so far"
    return {
        "claim": f"{claim}; the last {len(newest)} hold the same figures" if same else claim,
        "rows": [
            {
                "id": row["release_id"],
                "made": formats.moment(aware(row["created_at"])).removesuffix(" UTC"),
                "as_of": formats.moment(aware(row["as_of"])).removesuffix(" UTC"),
                "hash": str(row["content_hash"])[:8],
                "mark": "\u25cf this one" if row["is_current"] else "",
            }
            for row in newest
        ],
    }


def quarantine(context: PageContext) -> View:
    """Refused lines by reason, the most frequent first."""
    if not context.release.has("health.quarantine"):
        return {"claim": "This release does not say what was refused", "rows": [], "more": None}
    rows = context.release.read("health.quarantine", ["feed", "reason_code"])
    reasons = Counter(str(row["reason_code"]) for row in rows)
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    most = ranked[0][1] if ranked else 1
    read = sum(row["lines_read"] for row in context.release.read("health.files", ["lines_read"]))
    total = context.say("quarantine.total", len(rows), formats.count(len(rows)), "lines", "rows of health.quarantine")
    lines = context.say("files.lines_read", read, formats.count(read), "lines", "sum over health.files")
    context.tables["quarantine"] = [{"reason_code": reason, "n_lines": n} for reason, n in ranked]
    rest = ranked[_REASONS:]
    return {
        "claim": f"{total} of {lines} lines were refused" if rows else f"None of {lines} lines was refused",
        "rows": [
            {
                "name": reason,
                "text": context.say(f"quarantine.{reason}", n, formats.count(n), "lines", "rows with this reason"),
                "width": round(100 * n / most, 1),
            }
            for reason, n in ranked[:_REASONS]
        ],
        "more": f"{len(rest)} more reasons: {formats.count(sum(n for _, n in rest))} lines" if rest else None,
    }


def traffic(context: PageContext) -> View:
    """What is kept out of metrics, by feed."""
    if not context.release.has("health.traffic_quality"):
        return {"claim": "This release does not say what is kept out", "rows": []}
    columns = ["feed", "n_rows", "n_test", "n_invalid", "n_suspect", "n_late", "n_waiting"]
    rows = context.release.read("health.traffic_quality", columns, order_by=["feed"])
    out = sum((row["n_test"] or 0) + (row["n_invalid"] or 0) for row in rows)
    total = sum(row["n_rows"] for row in rows)
    share = formats.percent(out / total, 2) if total else formats.EN_DASH
    kept_out = context.say("traffic.kept_out", out, formats.count(out), "rows", "sum of n_test and n_invalid")
    return {
        "claim": f"{kept_out} rows ({share}) are test or invalid traffic and count nowhere",
        "rows": [
            {"name": row["feed"], "cells": [_part(row[column], row["n_rows"]) for column in columns[2:]]}
            for row in rows
        ],
    }


def _part(n: int | None, of: int) -> View:
    if n is None:
        return {"n": "no verdict", "share": ""}
    return {"n": formats.count(n), "share": formats.percent(n / of, 2) if of and n else ""}


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f} h"


def _current(context: PageContext) -> Row:
    (row,) = context.release.read("meta.releases", ["created_at"], {"is_current": True})
    return row


def _minute(value: datetime) -> str:
    return f"{formats.day_year(value)} {value:%H:%M} UTC"
