"""Which lines a close posts: what should be, less what was posted, with the reason of every difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dagster_project.ledger.lines import LedgerLine

Record = Mapping[str, Any]
Source = tuple[str, str]
"""Number and version of a platform statement."""
_KEY = (
    "direction",
    "contract_id",
    "contract_version",
    "party_id",
    "series_id",
    "activity_period",
    "stream",
    "currency",
)


@dataclass(frozen=True)
class Key:
    """What is compared between should-be and posted: everything but tiers."""

    direction: str
    contract_id: str
    contract_version: int
    party_id: str
    series_id: str
    activity_period: str
    stream: str
    currency: str

    @property
    def matter(self) -> tuple[str, ...]:
        """The key without version and party: one matter may move between versions, and concerns all parties."""
        return (
            self.direction,
            self.contract_id,
            self.series_id,
            self.activity_period,
            self.stream,
            self.currency,
        )


@dataclass
class _Position:
    """Where one key stands: base and amount by should-be and by the ledger, and the statements behind each."""

    base: int = 0
    amount: int = 0
    posted_base: int = 0
    posted_amount: int = 0
    sources: tuple[Source, ...] = ()
    posted_sources: tuple[Source, ...] = ()
    first_line_id: str | None = None
    tiers: list[Record] = field(default_factory=list)

    @property
    def base_moved(self) -> int:
        return self.base - self.posted_base

    @property
    def amount_moved(self) -> int:
        return self.amount - self.posted_amount

    @property
    def is_settled(self) -> bool:
        return not self.base_moved and not self.amount_moved


def plan_close(
    period: str,
    should_be: Iterable[Record],
    posted: Iterable[LedgerLine],
    *,
    bases: Iterable[Record],
    live: Iterable[Source],
) -> list[LedgerLine]:
    """The lines that a close of `period` posts; empty when nothing has changed.

    Activity of the period itself becomes EARNING lines, tier by tier; earlier activity ADJUSTMENT lines; later activity
    waits for its own close.

    Args:
        should_be: Rows of `mrt_payouts__should_be`.
        posted: All lines posted so far.
        bases: Rows of `int_contract_bases_summed`: what each statement brings, and its reason.
        live: Number and version of every statement that no later version has replaced.
    """
    positions = _positions(should_be, posted)
    due = {key: position for key, position in positions.items() if key.activity_period <= period}
    reasons = _Reasons(due, bases, set(live))
    drafts: list[dict[str, Any]] = []
    for key, position in due.items():
        if position.is_settled:
            continue
        if key.activity_period == period:
            drafts += [_earning(key, tier) for tier in position.tiers]
        else:
            drafts.append(_adjustment(key, position, reasons.of(key)))
    return _numbered(period, drafts)


def _positions(should_be: Iterable[Record], posted: Iterable[LedgerLine]) -> dict[Key, _Position]:
    positions: dict[Key, _Position] = defaultdict(_Position)
    for row in should_be:
        position = positions[Key(**{name: row[name] for name in _KEY})]
        position.base += row["base_minor"]
        position.amount += row["amount_minor"]
        position.tiers.append(row)
        found = _sources(row["source_statement"], row["source_version"])
        position.sources = tuple(sorted({*position.sources, *found}))
    for line in sorted(posted, key=lambda one: (one.posted_period, one.line_id.encode())):
        position = positions[Key(**{name: getattr(line, name) for name in _KEY})]
        position.posted_base += line.base_minor
        position.posted_amount += line.amount_minor
        # Every line names all statements behind its key at the time, so the latest line tells what was known last.
        position.posted_sources = _sources(line.source_statement, line.source_version)
        position.first_line_id = position.first_line_id or line.line_id
    return dict(positions)


def _sources(numbers: str | None, versions: str | None) -> tuple[Source, ...]:
    if not numbers or not versions:
        return ()
    return tuple(zip(numbers.split(";"), versions.split(";"), strict=True))


class _Reasons:
    """Why each matter differs from what was posted."""

    def __init__(self, due: Mapping[Key, _Position], bases: Iterable[Record], live: set[Source]) -> None:
        self._live = live
        self._matters: dict[tuple[str, ...], list[tuple[Key, _Position]]] = defaultdict(list)
        for key, position in due.items():
            self._matters[key.matter].append((key, position))
        self._moved_contracts = {(key.contract_id, key.matter) for key, position in due.items() if position.base_moved}
        self._by_source: dict[tuple[tuple[str, ...], Source], dict[str, int]] = defaultdict(dict)
        for row in bases:
            matter = (
                row["direction"],
                row["contract_id"],
                row["series_id"],
                row["activity_period"],
                row["stream"],
                row["currency"],
            )
            sums = self._by_source[matter, (row["statement_no"], str(row["statement_version"]))]
            reason = row["reason"] or "RESTATEMENT"
            sums[reason] = sums.get(reason, 0) + abs(row["base_minor"])

    def of(self, key: Key) -> str:
        """The reason of an adjustment, the first that holds.

        STATEMENT_REPLACED: a statement behind it is void; CONTRACT_AMENDMENT: other versions of the contract hold now;
        the statement's own reason, such as IVT_SPAM, when a further statement brings money for the month; RESTATEMENT
        when the base moved otherwise; ROUNDING when only a minor unit went from one party to another; TIER_RESTATE when
        money of another month or series moved it to another place in the tiers; else RESTATEMENT.
        """
        keyed = self._matters[key.matter]
        posted_sources = {source for _, position in keyed for source in position.posted_sources}
        if posted_sources - self._live:
            return "STATEMENT_REPLACED"
        versions = {one.contract_version for one, position in keyed if position.base}
        posted_versions = {one.contract_version for one, position in keyed if position.posted_base}
        if versions and posted_versions and versions != posted_versions:
            return "CONTRACT_AMENDMENT"
        sources = {source for _, position in keyed for source in position.sources}
        if sources - posted_sources:
            return self._leading_reason(key.matter, sources - posted_sources)
        if any(position.base_moved for _, position in keyed):
            return "RESTATEMENT"
        moved = [position.amount_moved for one, position in keyed if one.contract_version == key.contract_version]
        if len(moved) > 1 and sum(moved) == 0:
            return "ROUNDING"
        if any(contract == key.contract_id and matter != key.matter for contract, matter in self._moved_contracts):
            return "TIER_RESTATE"
        return "RESTATEMENT"

    def _leading_reason(self, matter: tuple[str, ...], sources: set[Source]) -> str:
        sums: dict[str, int] = defaultdict(int)
        for source in sources:
            for reason, size in self._by_source[matter, source].items():
                sums[reason] += size
        return min(sums, key=lambda reason: (-sums[reason], reason)) if sums else "RESTATEMENT"


def _earning(key: Key, tier: Record) -> dict[str, Any]:
    return {
        **vars(key),
        "line_type": "EARNING",
        "reason": "",
        "tier_window": tier["tier_window"],
        "tier_no": tier["tier_no"],
        "base_minor": tier["base_minor"],
        "rate_ppm": tier["rate_ppm"],
        "posted_before_minor": None,
        "restated_minor": None,
        "amount_minor": tier["amount_minor"],
        "source_statement": tier["source_statement"],
        "source_version": tier["source_version"],
        "adjusts_line_id": None,
    }


def _adjustment(key: Key, position: _Position, reason: str) -> dict[str, Any]:
    numbers, versions = zip(*position.sources, strict=True) if position.sources else ((), ())
    return {
        **vars(key),
        "line_type": "ADJUSTMENT",
        "reason": reason,
        "tier_window": "",
        "tier_no": None,
        "base_minor": position.base_moved,
        "rate_ppm": None,
        "posted_before_minor": position.posted_amount,
        "restated_minor": position.amount,
        "amount_minor": position.amount_moved,
        "source_statement": ";".join(numbers) or None,
        "source_version": ";".join(versions) or None,
        "adjusts_line_id": position.first_line_id,
    }


def _numbered(period: str, drafts: Sequence[dict[str, Any]]) -> list[LedgerLine]:
    """Lines with their ids: numbered within contract and month, oldest activity first."""
    ordered = sorted(
        drafts,
        key=lambda draft: (
            draft["contract_id"].encode(),
            draft["activity_period"],
            draft["contract_version"],
            draft["series_id"].encode(),
            draft["tier_window"].encode(),
            draft["tier_no"] or 0,
            draft["party_id"].encode(),
            draft["currency"],
        ),
    )
    lines = []
    for contract, group in groupby(ordered, key=lambda draft: draft["contract_id"]):
        for number, draft in enumerate(group, 1):
            fields = {name: value for name, value in draft.items() if name != "tier_window"}
            lines.append(
                LedgerLine(
                    line_id=f"L-{period}-{contract}-{number:04d}",
                    statement_id=f"ST-{contract}-{period}-v1",
                    posted_period=period,
                    **fields,
                )
            )
    return sorted(lines, key=lambda line: line.line_id.encode())
