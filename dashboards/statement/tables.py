"""The numbered lines, and what is due but not posted."""

from itertools import groupby

from dashboards import formats, theme
from dashboards.charts.canvas import PT_PER_MM
from dashboards.document import Block
from dashboards.statement import words
from dashboards.statement.account import Balance, PendingItem, PostedLine
from dashboards.statement.amounts import NOTHING, amount, plain, rate
from dashboards.statement.context import StatementContext
from dashboards.statement.month import Month
from dashboards.titles import Title

_TITLE_MM, _PENDING_TITLE_MM = 62.0, 58.0
_SHOWN_PENDING = 12
_COLUMN_GAP_MM = 3.0
_LEAST_MM = {"number": 6.0, "line_id": 40.0, "activity": 16.0, "base": 15.0, "rate": 13.0, "pool": 15.0, "amount": 15.0}


def lines_table(context: StatementContext, balance: Balance) -> Block | None:
    """Every posted line of the month, by statement and series; None when there is none."""
    if not balance.lines:
        return None
    code = balance.currency
    posted = context.total(f"posted.{code}", list(balance.lines), code)
    totals = [{"label": "Posted this month", "amount": context.record.text(posted)}]
    if balance.carried_minor:
        totals += [
            {"label": "Carried from earlier months", "amount": plain(balance.carried_minor, code)},
            {"label": "Due" if balance.due_minor >= 0 else "Carried on", "amount": plain(balance.due_minor, code)},
        ]
    groups = _groups(context, balance)
    return Block(
        "ledger", {"currency": code, "groups": groups, "totals": totals, "widths_mm": _widths(context, groups)}
    )


def _widths(context: StatementContext, groups: list[dict[str, object]]) -> dict[str, float]:
    """Columns as wide as what stands in them: the groups are set one by one and must still line up."""
    found = dict(_LEAST_MM)
    for group in groups:
        rows = group["rows"]
        assert isinstance(rows, list)
        for row in rows:
            for name, least in found.items():
                width_pt = context.account.fonts.text_width(row[name], theme.TYPE["meta"])
                found[name] = max(least, round(width_pt / PT_PER_MM + _COLUMN_GAP_MM, 2))
    return found


def _groups(context: StatementContext, balance: Balance) -> list[dict[str, object]]:
    number = 0
    groups: list[dict[str, object]] = []
    for (statement_id, series_id), found in groupby(
        balance.lines, key=lambda line: (line.statement_id, line.series_id)
    ):
        lines = list(found)
        rows = []
        for line in lines:
            number += 1
            rows.append(_row(context, number, line, lines))
        subtotal = context.total(f"statement.{statement_id}.{series_id}", lines, balance.currency)
        groups.append(
            {
                "title": _run(_title(context, series_id, _TITLE_MM)),
                "stream": formats.listed(sorted({words.stream(line.stream) for line in lines})),
                "statement": statement_id,
                "contract": _contract(lines),
                "subtotal": context.record.text(subtotal) if len(lines) > 1 else None,
                "rows": rows,
            }
        )
    return groups


def _contract(lines: list[PostedLine]) -> str:
    versions = sorted({line.contract_version for line in lines})
    names = formats.listed([str(version) for version in versions])
    return f"contract {lines[0].contract_id} version{'s' if len(versions) > 1 else ''} {names}"


def _row(context: StatementContext, number: int, line: PostedLine, group: list[PostedLine]) -> dict[str, str]:
    return {
        "number": str(number),
        "line_id": line.line_id,
        "activity": Month.parse(line.activity_period).short,
        "what": _what(context, line, group),
        "base": plain(line.base_minor, line.currency),
        "rate": NOTHING if line.rate_ppm is None else rate(line.rate_ppm),
        "pool": NOTHING if line.pool_minor is None else plain(line.pool_minor, line.currency),
        "amount": context.line_amount(line),
    }


def _what(context: StatementContext, line: PostedLine, group: list[PostedLine]) -> str:
    if line.is_earning:
        tier = "" if line.tier_no is None else f", tier {line.tier_no}"
        higher = [
            other.tier_no
            for other in group
            if other.tier_no is not None and line.tier_no is not None and other.tier_no > line.tier_no
        ]
        is_whole = (line.contract_id, line.contract_version) in context.account.whole_tiers
        moved = f", base moves to tier {max(higher)}" if line.base_minor < 0 and higher and is_whole else ""
        return f"Earning{tier}{moved}"
    before, now = line.posted_before_minor, line.restated_minor
    change = (
        "" if before is None or now is None else f", {plain(before, line.currency)} \u2192 {plain(now, line.currency)}"
    )
    return f"Correction, {words.reason(line.reason)}{change}"


def pending_table(context: StatementContext) -> Block:
    """What is due and not posted, and what is blocked; said in words when there is neither."""
    account = context.account
    rows = [_pending_row(context, item) for item in account.pending[:_SHOWN_PENDING]]
    unlisted = account.pending[_SHOWN_PENDING:]
    notes = []
    if unlisted:
        sums = [
            amount(sum(item.pending_minor for item in unlisted if item.currency == code), code)
            for code in sorted({item.currency for item in unlisted})
        ]
        notes.append(f"and {formats.count(len(unlisted))} more, together {formats.listed(sums)}")
    return Block(
        "pending",
        {
            "heading": _pending_heading(context),
            "sub": f"As of {formats.moment(account.identity.as_of)}; confirmed by the platform, for later statements.",
            "rows": rows,
            "notes": notes,
            "blockers": [_blocker_sentence(one.kind, one.reason, one.subject) for one in account.blockers],
        },
    )


def _pending_heading(context: StatementContext) -> str:
    items = context.account.pending
    blocked = context.account.blockers
    if not items:
        return "Nothing waits to be posted" if not blocked else "Nothing waits to be posted, but something is blocked"
    sums = []
    for code in sorted({item.currency for item in items}):
        total = sum(item.pending_minor for item in items if item.currency == code)
        sums.append(context.money(f"pending.{code}", total, code, "sum of what is due and not posted"))
    return f"{formats.listed(sums)} more {'is' if len(sums) == 1 else 'are'} due and not posted yet"


def _pending_row(context: StatementContext, item: PendingItem) -> dict[str, object]:
    month = Month.parse(item.activity_period)
    is_open = item.line_type == "EARNING"
    return {
        "title": _run(_title(context, item.series_id, _PENDING_TITLE_MM)),
        "stream": words.stream(item.stream),
        "activity": month.short,
        "why": f"open: posted when {month.name} is closed"
        if is_open
        else f"{month.name} is closed: posted as a correction by the next close",
        "amount": amount(item.pending_minor, item.currency),
    }


def _blocker_sentence(kind: str, reason: str, subject: str | None) -> str:
    if kind == "contract":
        return f"Blocked: contract {subject} {words.blocker(reason)}."
    return f"Blocked: a platform statement {words.blocker(reason)}; its revenue is not in any amount above."


def _title(context: StatementContext, series_id: str, width_mm: float) -> Title:
    account = context.account
    return account.titles[series_id].fitted(width_mm * PT_PER_MM, theme.TYPE["meta"], account.fonts)


def _run(title: Title) -> dict[str, str]:
    return {"text": title.text, "lang": title.language}


def title_notes(context: StatementContext) -> list[str]:
    """What could not be printed of names and titles."""
    shown = [context.account.payee, *context.account.titles.values()]
    return sorted({title.note for title in shown if title.note is not None})
