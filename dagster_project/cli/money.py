"""`cliffhanger close`, `verify` and `statement`: posting a month, proving the ledger, telling a party."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from dagster_project.cli.console import err, out, print_json
from dagster_project.core.errors import NothingToDo, UsageError
from dagster_project.ledger.closing import Closed, check_period, close_period, complete_periods, genuine_ledger
from dagster_project.ledger.statements import Statement, decimal_text, statements_csv, statements_of
from dagster_project.ledger.verify import LedgerCheck, PeriodCheck, verify_ledger
from dagster_project.settings import load_settings
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse, writer_lock

LOCK_WAIT_SECONDS = 60.0
_FIRST_NUMBER = 5
LastPeriod = typer.Argument(metavar="[PERIOD]", help="Posted month; default the last closed.")
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def close(
    period: Annotated[str | None, typer.Argument(metavar="PERIOD", help="Month to close, YYYY-MM.")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Close every month the data cover whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a month: post what it should pay, correct earlier months, freeze its weights, seal it for good."""
    if (period is None) != complete:
        raise UsageError(
            "it is not clear what to close", why="give one month, or --complete", fix="cliffhanger close 2026-05"
        )
    if period is not None:
        check_period(period)
    settings = load_settings()
    layout = DataLayout(settings.data_root)
    with writer_lock(layout, LOCK_WAIT_SECONDS):
        known = {check.period: check.seal for check in genuine_ledger(layout).periods}
        seal = known.get(period) if period else None
        if seal is not None:
            months = [Closed(seal, [], is_new=False)]
        else:
            if not layout.warehouse.exists():
                raise NothingToDo(
                    f"{period or 'no month'} {'cannot' if period else 'can'} be closed",
                    where=str(layout.warehouse),
                    why="nothing was taken in so far",
                    fix="run `cliffhanger run` first",
                )
            with closing(open_warehouse(layout)) as connection:
                due = [period] if period else complete_periods(layout, connection)
                months = [close_period(layout, connection, one, settings.now()) for one in due]
    for closed in months:
        if closed.open_statements:
            err.print(
                f"not confirmed yet, to be posted by a later close: {', '.join(closed.open_statements)}", markup=False
            )
    if as_json:
        records = [_closed_record(closed) for closed in months]
        print_json(records if complete else records[0])
        return
    for closed in months:
        _print_closed(closed)
    if not months:
        out.print("no further month is complete", markup=False)


def verify(as_json: AsJson = False) -> None:
    """Recompute the hashes of every closed month from the ledger's files alone."""
    layout = DataLayout(load_settings().data_root)
    check = verify_ledger(layout)
    if as_json:
        print_json(_check_record(check))
    else:
        for period in check.periods:
            out.print(f"{period.period}  {_verdict(period)}", markup=False)
        if not check.periods:
            out.print("no month is closed yet", markup=False)
        for period in check.periods:
            if period.problems:
                err.print(f"the ledger was changed in {period.period}", markup=False)
    if not check.is_genuine:
        raise typer.Exit(1)


def statement(
    period: Annotated[str | None, LastPeriod] = None,
    party: Annotated[str | None, typer.Option(help="Id of one party; default all.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the lines as CSV.")] = False,
) -> None:
    """What was posted in a month, by contract and party, with the head of the chain."""
    layout = DataLayout(load_settings().data_root)
    ledger = genuine_ledger(layout)
    closed = [check.period for check in ledger.periods]
    wanted = check_period(period) if period else (closed[-1] if closed else "")
    if wanted not in closed:
        raise NothingToDo(
            f"there are no statements of {wanted or 'any month'}",
            where=str(layout.ledger),
            why=f"closed are: {', '.join(closed) or 'none'}",
            fix="close the month with `cliffhanger close`",
        )
    check = next(one for one in ledger.periods if one.period == wanted)
    statements = statements_of(check.lines, party)
    if party is not None and not statements:
        raise NothingToDo(
            f"nothing was posted to {party} in {wanted}",
            where=str(layout.ledger / wanted),
            fix="look at all parties without --party",
        )
    head = check.seal.hash if check.seal else ""
    if as_csv:
        typer.echo(statements_csv(statements), nl=False)
    elif as_json:
        print_json({"posted_period": wanted, "head": head, "statements": [one.record() for one in statements]})
    else:
        for one in statements:
            _print_statement(one)
        out.print(f"chain {head}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("close")(close)
    app.command("verify")(verify)
    app.command("statement")(statement)


def _closed_record(closed: Closed) -> dict[str, object]:
    return {
        "period": closed.seal.period,
        "state": "closed" if closed.is_new else "already closed",
        "lines_posted": len(closed.lines),
        "totals_minor": closed.seal.totals if closed.is_new else {},
        "not_confirmed": list(closed.open_statements),
        "hash": closed.seal.hash,
        "closed_at": closed.seal.closed_at,
    }


def _print_closed(closed: Closed) -> None:
    seal = closed.seal
    if not closed.is_new:
        out.print(f"{seal.period} was closed at {seal.closed_at}; nothing was posted", markup=False)
        return
    earnings = sum(line.line_type == "EARNING" for line in closed.lines)
    out.print(f"closed {seal.period}: {earnings} earnings, {len(closed.lines) - earnings} adjustments", markup=False)
    for direction, by_currency in sorted(seal.totals.items()):
        for currency, amount in sorted(by_currency.items()):
            out.print(f"  {direction} {decimal_text(amount, currency)} {currency}", markup=False)
    out.print(f"chain {seal.hash}", markup=False)


def _verdict(check: PeriodCheck) -> str:
    if check.problems or check.seal is None:
        return "; ".join(check.problems)
    return f"genuine, {check.seal.line_count:,} lines, {check.seal.hash}"


def _check_record(check: LedgerCheck) -> dict[str, object]:
    return {
        "genuine": check.is_genuine,
        "head": check.head,
        "periods": [
            {
                "period": one.period,
                "genuine": not one.problems,
                "problems": one.problems,
                "lines": one.seal.line_count if one.seal else None,
                "hash": one.seal.hash if one.seal else None,
            }
            for one in check.periods
        ],
    }


def _print_statement(one: Statement) -> None:
    out.print(f"{one.statement_id}  {one.direction}  {one.party_id}", markup=False)
    rows = [("line", "series", "activity", "type", "reason", "base", "rate", one.currency)]
    for line in one.lines:
        rate = "" if line.rate_ppm is None else f"{line.rate_ppm // 10_000}.{line.rate_ppm % 10_000:04d} %"
        base, amount = (decimal_text(minor, line.currency) for minor in (line.base_minor, line.amount_minor))
        rows.append(
            (line.line_id, line.series_id, line.activity_period, line.line_type, line.reason, base, rate, amount)
        )
    rows.append(("", "", "", "total", "", "", "", decimal_text(one.total_minor, one.currency)))
    # Ids are never cut short, however narrow the terminal.
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if place >= _FIRST_NUMBER else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        out.print("  ".join(cells).rstrip(), markup=False)
