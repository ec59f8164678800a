"""One close: read what should be and what was posted, prove the amounts, write the month once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster_project.core.errors import BlockedByChecks, NothingToDo, UsageError
from dagster_project.ledger.chain import GENESIS, Seal, make_seal, next_period, sha256
from dagster_project.ledger.lines import LedgerLine
from dagster_project.ledger.plan import plan_close
from dagster_project.ledger.recompute import disagreements, recompute, terms_of
from dagster_project.ledger.verify import LedgerCheck, verify_ledger
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import (
    LINES,
    SEAL,
    WEIGHTS,
    CloseInputs,
    lines_parquet,
    read_close_inputs,
    read_weights,
    weights_parquet,
    write_period,
)
from dagster_project.storage.warehouse import Connection

_SHOWN = 5


@dataclass(frozen=True)
class Closed:
    """A closed month.

    Attributes:
        lines: What this close posted; empty for a month that was closed before.
        is_new: False when the month was closed before.
        open_statements: Live statements of the month that are not confirmed yet; they will post as adjustments.
    """

    seal: Seal
    lines: list[LedgerLine]
    is_new: bool
    open_statements: tuple[str, ...] = ()


def check_period(text: str) -> str:
    """The month as written.

    Raises:
        UsageError: It is not `YYYY-MM`.
    """
    try:
        datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"{text} is not a month", why="it reads YYYY-MM", fix="give, for example, 2026-05") from error
    if len(text) != len("YYYY-MM"):
        raise UsageError(f"{text} is not a month", why="it reads YYYY-MM", fix="give, for example, 2026-05")
    return text


def genuine_ledger(layout: DataLayout) -> LedgerCheck:
    """The ledger, verified.

    Raises:
        BlockedByChecks: A file was changed.
    """
    ledger = verify_ledger(layout)
    if not ledger.is_genuine:
        bad = next(check for check in ledger.periods if check.problems)
        raise BlockedByChecks(
            f"the ledger was changed in {bad.period}",
            where=str(layout.ledger / bad.period),
            why=bad.problems[0],
            fix="run `cliffhanger verify` and restore the folder from a copy; nothing was posted",
        )
    return ledger


def complete_periods(layout: DataLayout, connection: Connection) -> list[str]:
    """The months that can be closed now, in their order: those after the last closed one that the data cover whole.

    Raises:
        BlockedByChecks: The ledger was changed.
    """
    ledger = genuine_ledger(layout)
    inputs = read_close_inputs(connection)
    due = _due_period(ledger, inputs)
    found = []
    while due is not None and inputs.as_of is not None and _end_of(due) <= inputs.as_of:
        found.append(due)
        due = next_period(due)
    return found


def close_period(layout: DataLayout, connection: Connection, period: str, closed_at: datetime) -> Closed:
    """Close one month: post what should be less what was posted, freeze its weights, seal and chain it.

    The caller holds the writer lock. Closing a closed month posts nothing.

    Raises:
        NothingToDo: The month cannot be closed now: another comes first, it is not over, or nothing is there.
        BlockedByChecks: Files wait to be released, a statement or contract must be mended, the ledger was changed, or
            the control does not agree; nothing was posted.
    """
    ledger = genuine_ledger(layout)
    for check in ledger.periods:
        if check.period == period and check.seal is not None:
            return Closed(check.seal, [], is_new=False)
    inputs = read_close_inputs(connection)
    _check_order(period, ledger, inputs)
    _check_inputs(layout, connection, ledger, inputs)
    lines = plan_close(
        period,
        inputs.should_be,
        ledger.lines,
        bases=inputs.bases,
        live=[(row["statement_no"], str(row["statement_version"])) for row in inputs.statements if row["is_live"]],
    )
    _check_completeness(period, inputs, [*ledger.lines, *lines])
    weights = read_weights(connection, period)
    files = {LINES: lines_parquet([line.record() for line in lines]), WEIGHTS: weights_parquet(weights)}
    seal = make_seal(
        period,
        lines,
        previous=ledger.last_seal,
        files=files,
        weight_count=len(weights),
        closed_at=closed_at.astimezone(UTC),
    )
    write_period(layout, period, {**files, SEAL: seal.content()})
    waiting = tuple(
        sorted(
            row["statement_no"]
            for row in inputs.statements
            if row["stage"] == "STATED" and row["activity_period"] == period
        )
    )
    return Closed(seal, lines, is_new=True, open_statements=waiting)


def _check_order(period: str, ledger: LedgerCheck, inputs: CloseInputs) -> None:
    due = _due_period(ledger, inputs)
    if due is None:
        raise NothingToDo(
            f"{period} cannot be closed",
            why="no platform statement was taken in",
            fix="put statements into landing/statements/platform and run `cliffhanger run`",
        )
    first = ledger.periods[0].period if ledger.periods else due
    if period < first:
        raise NothingToDo(
            f"{period} cannot be closed",
            why=f"the ledger begins with {first}",
            fix="what is learned of earlier months is posted by the next close",
        )
    if period != due:
        raise NothingToDo(f"{period} cannot be closed yet", why="months close in order", fix=f"close {due} first")
    if inputs.as_of is None or inputs.as_of < _end_of(period):
        known = f"the released data end at {inputs.as_of:%Y-%m-%d %H:%M} UTC" if inputs.as_of else "nothing is released"
        raise NothingToDo(
            f"{period} cannot be closed yet",
            why=f"{known}, before the month is over",
            fix="take in the logs up to the end of the month with `cliffhanger run`, then close it",
        )


def _due_period(ledger: LedgerCheck, inputs: CloseInputs) -> str | None:
    """The month that closes next; None while nothing was ever closed or stated."""
    if ledger.periods:
        return next_period(ledger.periods[-1].period)
    stated = [row["activity_period"] for row in inputs.statements if row["is_live"] and row["activity_period"]]
    return min(stated, default=None)


def _end_of(period: str) -> datetime:
    year, month = (int(part) for part in next_period(period).split("-"))
    return datetime(year, month, 1, tzinfo=UTC)


def _check_inputs(layout: DataLayout, connection: Connection, ledger: LedgerCheck, inputs: CloseInputs) -> None:
    if inputs.pending_batches:
        raise BlockedByChecks(
            "nothing was posted: files were taken in that no release holds yet",
            where=str(layout.warehouse),
            why=f"{len(inputs.pending_batches)} batches are pending",
            fix="run `cliffhanger run`, then close",
        )
    if not inputs.is_reference_released:
        raise BlockedByChecks(
            "nothing was posted: reference tables have changed since the last release",
            where=str(layout.reference),
            why="terms that no release holds would be posted",
            fix="run `cliffhanger run`, then close",
        )
    if inputs.blockers:
        matters = [f"{row['kind']} {row['subject']}: {row['reason']}" for row in inputs.blockers]
        more = f" and {len(matters) - _SHOWN} more" if len(matters) > _SHOWN else ""
        raise BlockedByChecks(
            "nothing was posted: statements or contracts must be mended first",
            where="payouts.blockers",
            why="; ".join(sorted(matters)[:_SHOWN]) + more,
            fix="correct them, run `cliffhanger run`, then close",
        )
    _check_frozen(connection, ledger, inputs.loaded_head)
    control = recompute(inputs.components, inputs.segments, terms_of(inputs.contracts, inputs.tiers, inputs.parties))
    differences = disagreements(inputs.should_be, control)
    if differences:
        raise BlockedByChecks(
            "nothing was posted: the control does not agree with the warehouse",
            where="payouts.should_be",
            why=f"{len(differences)} lines differ, the first: {differences[0]}",
            fix="report this; amounts must be the same in SQL and in the control",
        )


def _check_frozen(connection: Connection, ledger: LedgerCheck, loaded_head: str) -> None:
    """What the warehouse was computed with is what the closed months have frozen."""
    heads = [GENESIS, *(check.seal.hash for check in ledger.periods if check.seal)]
    if (loaded_head or GENESIS) not in heads:
        raise BlockedByChecks(
            "nothing was posted: the warehouse was computed with another ledger",
            why="the last month it had loaded is none of this ledger",
            fix="run `cliffhanger run`, then close",
        )
    for check in ledger.periods[heads.index(loaded_head or GENESIS) :]:
        frozen = check.seal.files[WEIGHTS] if check.seal else ""
        if sha256(weights_parquet(read_weights(connection, check.period))) != frozen:
            raise BlockedByChecks(
                f"nothing was posted: the weights of {check.period} are not those its close has frozen",
                why="the warehouse was computed before that close, and logs have changed since",
                fix="run `cliffhanger run`, then close",
            )


def _check_completeness(period: str, inputs: CloseInputs, posted: list[LedgerLine]) -> None:
    """After the close, posted-to-date is what should be, for every month up to this one."""
    left: dict[tuple[str, ...], int] = defaultdict(int)
    for row in inputs.should_be:
        if row["activity_period"] <= period:
            left[row["direction"], row["contract_id"], row["party_id"], row["activity_period"], row["currency"]] += row[
                "amount_minor"
            ]
    for line in posted:
        left[line.direction, line.contract_id, line.party_id, line.activity_period, line.currency] -= line.amount_minor
    wrong = {key: amount for key, amount in left.items() if amount}
    if wrong:
        key, amount = next(iter(wrong.items()))
        raise BlockedByChecks(
            "nothing was posted: the lines would not add up to what should be",
            why=f"{' '.join(key)} would be off by {amount} minor units",
            fix="report this",
        )
