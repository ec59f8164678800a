"""Whose statement, which month, how much, and how the amount came about."""

from collections.abc import Sequence

from dashboards import formats, theme
from dashboards.document import Block
from dashboards.statement import words
from dashboards.statement.account import Balance, version_of
from dashboards.statement.amounts import amount
from dashboards.statement.context import StatementContext
from dashboards.statement.month import Month
from dashboards.statement.waterfall import Stage, draw_waterfall, folded

_NAME_PT = 500.0


def header(context: StatementContext) -> Block:
    """The statement's head."""
    account = context.account
    name = account.payee.fitted(_NAME_PT, theme.TYPE["h1"], account.fonts)
    statements = sorted({line.statement_id for line in account.lines})
    versions = sorted({version_of(one) for one in statements})
    currencies = [balance.currency for balance in account.balances]
    return Block(
        "header",
        {
            "kicker": "Payout statement",
            "title": {"text": name.text, "lang": name.language},
            "facts": [
                [{"text": account.month.name, "strong": True}, {"text": f", {account.month.days}, UTC days"}],
                [{"text": "Payee "}, {"text": account.party_id, "strong": True}],
                [{"text": _numbered(statements), "strong": True}, {"text": _versions(versions)}],
                [{"text": f"Money in {formats.listed(currencies)}" if currencies else "No money posted"}],
            ],
        },
    )


def _numbered(statements: Sequence[str]) -> str:
    if not statements:
        return "No statement number"
    return statements[0] if len(statements) == 1 else f"{len(statements)} statements"


def _versions(versions: Sequence[int]) -> str:
    if not versions:
        return ": nothing was posted"
    return f", version{'s' if len(versions) > 1 else ''} {formats.listed([str(v) for v in versions])}"


def summary(context: StatementContext, balance: Balance) -> Block:
    """The amount, what it rests on, and the waterfall."""
    month = context.account.month
    due = context.due(balance)
    return Block(
        "amount",
        {
            "label": f"Due for {month.name}" if balance.due_minor >= 0 else f"Balance for {month.name}",
            "amount": due,
            "tone": "loss" if balance.due_minor < 0 else "ink",
            "verdict": _verdict(context, balance),
            "facts": _facts(context, balance),
            "chart": _chart(context, balance),
            "claim": _claim(context, balance),
        },
    )


def nothing_yet(context: StatementContext) -> Block:
    """For a payee to whom nothing was ever posted, in no currency."""
    return Block(
        "amount",
        {
            "label": f"Due for {context.account.month.name}",
            "amount": "0",
            "tone": "ink",
            "verdict": "Nothing earned",
            "facts": ["Nothing was posted to this payee so far."],
            "chart": None,
            "claim": "Nothing earned",
        },
    )


def _verdict(context: StatementContext, balance: Balance) -> str | None:
    if balance.due_minor < 0:
        return f"No payout: {context.due(balance)} carried"
    if not balance.lines:
        return "Nothing earned"
    return None


def _claim(context: StatementContext, balance: Balance) -> str:
    code = balance.currency
    if not balance.lines:
        return "No line was posted this month"
    has_corrections = any(not line.is_earning for line in balance.lines)
    if not has_corrections and not balance.carried_minor:
        return _sources_claim(context, balance)
    parts = []
    earnings = [line for line in balance.lines if line.is_earning]
    if earnings:
        earned = context.total(f"earned.{code}", earnings, code)
        context.record.text(earned)
        parts.append(f"{amount(_whole(earned.value), code)} earned")
    if has_corrections:
        corrected = context.total(f"corrected.{code}", [line for line in balance.lines if not line.is_earning], code)
        context.record.text(corrected)
        parts.append(f"{amount(_whole(corrected.value), code)} from corrections of earlier months")
    if balance.carried_minor:
        parts.append(f"{amount(balance.carried_minor, code)} carried in")
    ending = f"{context.due(balance)} is due" if balance.due_minor >= 0 else "nothing is paid"
    return f"{', '.join(parts)}: {ending}"


def _sources_claim(context: StatementContext, balance: Balance) -> str:
    code = balance.currency
    steps = [stage for stage in stages_of(context, balance) if not stage.is_total]
    most = max(steps, key=lambda stage: stage.minor)
    due = context.due(balance)
    if len(steps) == 1:
        return f"{most.label} account{'' if most.label.endswith('s') else 's'} for all of it"
    if balance.due_minor > 0 and all(stage.minor >= 0 for stage in steps):
        return f"{most.label} brought {amount(most.minor, code)} of the {due}"
    return f"{formats.listed([f'{stage.label} {amount(stage.minor, code)}' for stage in steps])} come to {due}"


def _facts(context: StatementContext, balance: Balance) -> list[str]:
    code, account = balance.currency, context.account
    facts = []
    if balance.lines:
        statements = {line.statement_id for line in balance.lines}
        series = {line.series_id for line in balance.lines}
        facts.append(
            f"{formats.plural(len(balance.lines), 'line')} on {formats.plural(len(statements), 'statement')}, "
            f"{len(series)} series"
        )
    if balance.carried_minor:
        carried = context.money(f"carried.{code}", balance.carried_minor, code, "running balance of months below zero")
        facts.append(f"{carried} carried from earlier months")
    first = min((line.posted_period for line in account.history if line.currency == code), default=None)
    if first is not None and first < str(account.month):
        to_date = context.money(f"to_date.{code}", balance.to_date_minor, code, "sum of all lines posted so far")
        facts.append(f"{to_date} posted since {Month.parse(first).short}")
    return facts


def _chart(context: StatementContext, balance: Balance) -> object:
    stages = folded(stages_of(context, balance))
    if len(stages) < 2:
        return None
    code = balance.currency
    told = "; ".join(f"{stage.label} {amount(stage.minor, code)}" for stage in stages)
    return draw_waterfall(stages, code, f"How the amount came about: {told}.", context.account.fonts)


def stages_of(context: StatementContext, balance: Balance) -> list[Stage]:
    """Carried in, earnings by source, corrections by reason, due: those that the ledger has, and no others."""
    code = balance.currency
    stages = [Stage("Carried in", balance.carried_minor)] if balance.carried_minor else []
    earnings = [line for line in balance.lines if line.is_earning]
    corrections = [line for line in balance.lines if not line.is_earning]
    for stream in sorted({line.stream for line in earnings}, key=words.stream_order):
        own = [line for line in earnings if line.stream == stream]
        total = context.total(f"earned.{code}.{stream}", own, code)
        context.record.text(total)
        stages.append(Stage(words.stream(stream), _whole(total.value)))
    for reason in sorted({line.reason for line in corrections}):
        own = [line for line in corrections if line.reason == reason]
        total = context.total(f"corrected.{code}.{reason}", own, code)
        context.record.text(total)
        stages.append(Stage(f"Correction: {words.reason(reason)}", _whole(total.value)))
    if stages:
        stages.append(Stage("Due" if balance.due_minor >= 0 else "Carried on", balance.due_minor, is_total=True))
    return stages


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
