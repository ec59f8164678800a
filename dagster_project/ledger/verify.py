"""Whether the ledger still is what the closes wrote: from its files alone, month by month from the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from dagster_project.ledger.chain import GENESIS, Seal, chain_hash, next_period, parse_seal, sha256, totals
from dagster_project.ledger.lines import COLUMNS, LedgerLine
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.ledger_files import (
    FILES,
    LINES,
    SEAL,
    WEIGHTS,
    PeriodFiles,
    closed_periods,
    line_records,
    read_period,
    weight_count,
)

# What reading a Parquet file of another make can raise.
_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError)


@dataclass
class PeriodCheck:
    """What was found in one closed month; genuine when `problems` is empty."""

    period: str
    seal: Seal | None = None
    lines: list[LedgerLine] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LedgerCheck:
    """All closed months in order."""

    periods: Sequence[PeriodCheck]

    @property
    def is_genuine(self) -> bool:
        """True when no month has a problem; an empty ledger is genuine."""
        return not any(check.problems for check in self.periods)

    @property
    def head(self) -> str:
        """Hash of the last month, 64 zeros for an empty ledger; meaningful when the ledger is genuine."""
        last = self.periods[-1].seal if self.periods else None
        return last.hash if last else GENESIS

    @property
    def last_seal(self) -> Seal | None:
        """The seal of the last month, or None."""
        return self.periods[-1].seal if self.periods else None

    @property
    def lines(self) -> list[LedgerLine]:
        """All posted lines, oldest month first."""
        return [line for check in self.periods for line in check.lines]


def verify_ledger(layout: DataLayout) -> LedgerCheck:
    """Recompute every hash of the ledger from its files.

    Raises:
        WarehouseError: A file cannot be read for want of permission or by a fault of the disk.
    """
    return verify_periods([read_period(layout, period) for period in closed_periods(layout)])


def verify_periods(periods: Sequence[PeriodFiles]) -> LedgerCheck:
    """As `verify_ledger`, on bytes that were read already; months must be given in order."""
    checks: list[PeriodCheck] = []
    for files in periods:
        checks.append(_check(files, checks[-1] if checks else None))
    return LedgerCheck(checks)


def _check(files: PeriodFiles, before: PeriodCheck | None) -> PeriodCheck:
    check = PeriodCheck(files.period)
    problems = check.problems
    if before is not None and files.period != next_period(before.period):
        problems.append(f"the months between {before.period} and {files.period} are missing")
    problems += [f"{name} is missing" for name in FILES if name not in files.contents]
    problems += [f"{name} does not belong there" for name in files.strangers]
    if SEAL not in files.contents:
        return check
    try:
        seal = parse_seal(files.contents[SEAL])
    except ValueError as error:
        problems.append(f"{SEAL} was changed: {error}")
        return check
    check.seal = seal
    _check_place(check, seal, before)
    intact = {name: content for name, content in files.contents.items() if seal.files.get(name) == sha256(content)}
    problems += [
        f"{name} was changed: its sha-256 is not the sealed one"
        for name in (LINES, WEIGHTS)
        if name in files.contents and name not in intact
    ]
    if LINES in intact:
        _check_lines(check, seal, intact[LINES])
    if WEIGHTS in intact:
        _check_weights(check, seal, intact[WEIGHTS])
    return check


def _check_place(check: PeriodCheck, seal: Seal, before: PeriodCheck | None) -> None:
    if seal.period != check.period:
        check.problems.append(f"it is sealed as {seal.period}")
    if seal.format_version not in COLUMNS:
        check.problems.append(f"format version {seal.format_version} is not known")
    previous = before.seal if before else None
    if before is not None and previous is None:
        return  # told of the month before
    if seal.previous_hash != (previous.hash if previous else GENESIS):
        check.problems.append("the chain is broken before it: the previous hash is not that of the month before")
    if seal.previous_seal_sha256 != (previous.seal_sha256 if previous else GENESIS):
        check.problems.append("the chain is broken before it: the seal of the month before is another")


def _check_lines(check: PeriodCheck, seal: Seal, content: bytes) -> None:
    try:
        check.lines = [LedgerLine.from_record(record) for record in line_records(content)]
    except _UNREADABLE as error:
        check.problems.append(f"{LINES} cannot be read: {error}")
        return
    if seal.format_version in COLUMNS and chain_hash(seal.previous_hash, check.lines, seal.format_version) != seal.hash:
        check.problems.append("its lines do not give the sealed hash")
    if len(check.lines) != seal.line_count:
        check.problems.append(f"it has {len(check.lines)} lines, {seal.line_count} were sealed")
    if totals(check.lines) != seal.totals:
        check.problems.append("its totals are not the sealed ones")
    if any(line.posted_period != check.period for line in check.lines):
        check.problems.append("it carries lines of another month")


def _check_weights(check: PeriodCheck, seal: Seal, content: bytes) -> None:
    try:
        count = weight_count(content)
    except _UNREADABLE as error:
        check.problems.append(f"{WEIGHTS} cannot be read: {error}")
        return
    if count != seal.weight_count:
        check.problems.append(f"{WEIGHTS} has {count} rows, {seal.weight_count} were sealed")
