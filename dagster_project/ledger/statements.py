"""Payout statements: posted lines by contract, month and party, with totals and the head of the chain."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dagster_project.core.money import exponent
from dagster_project.ledger.lines import LedgerLine

CSV_COLUMNS = (
    "line_id",
    "statement_id",
    "direction",
    "party_id",
    "contract_id",
    "contract_version",
    "series_id",
    "activity_period",
    "posted_period",
    "stream",
    "line_type",
    "reason",
    "tier_no",
    "base_minor",
    "rate_ppm",
    "posted_before_minor",
    "restated_minor",
    "amount_minor",
    "amount",
    "currency",
    "exponent",
    "source_statement",
    "source_version",
    "adjusts_line_id",
)
# A cell that starts like a formula is one for a spreadsheet; ids and titles come from outside.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Statement:
    """What one party is told of one contract for one posted month; amounts in minor units."""

    statement_id: str
    direction: str
    party_id: str
    contract_id: str
    posted_period: str
    currency: str
    lines: Sequence[LedgerLine]

    @property
    def earnings_minor(self) -> int:
        """Sum of the month's own earnings."""
        return sum(line.amount_minor for line in self.lines if line.line_type == "EARNING")

    @property
    def adjustments_minor(self) -> dict[str, int]:
        """Sum of the adjustments of earlier months by reason."""
        sums: dict[str, int] = {}
        for line in self.lines:
            if line.line_type == "ADJUSTMENT":
                sums[line.reason] = sums.get(line.reason, 0) + line.amount_minor
        return dict(sorted(sums.items()))

    @property
    def total_minor(self) -> int:
        """Sum of all lines."""
        return sum(line.amount_minor for line in self.lines)

    def record(self) -> dict[str, Any]:
        """The statement as data."""
        return {
            "statement_id": self.statement_id,
            "direction": self.direction,
            "party_id": self.party_id,
            "contract_id": self.contract_id,
            "posted_period": self.posted_period,
            "currency": self.currency,
            "earnings_minor": self.earnings_minor,
            "adjustments_minor": self.adjustments_minor,
            "total_minor": self.total_minor,
            "total": decimal_text(self.total_minor, self.currency),
            "lines": [line.record() for line in self.lines],
        }


def statements_of(lines: Iterable[LedgerLine], party_id: str | None = None) -> list[Statement]:
    """Statements of these lines, in order of statement and party; of one party when it is named."""

    def place(line: LedgerLine) -> tuple[str, str, str, str, str, str]:
        return (line.statement_id, line.direction, line.party_id, line.contract_id, line.posted_period, line.currency)

    chosen = sorted(
        (line for line in lines if party_id is None or line.party_id == party_id),
        key=lambda line: (place(line), line.line_id),
    )
    return [Statement(*names, list(group)) for names, group in groupby(chosen, key=place)]


def decimal_text(amount_minor: int, currency: str) -> str:
    """An amount with the decimals of its currency and a point."""
    decimals = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def statements_csv(statements: Iterable[Statement]) -> str:
    """All lines of the statements as CSV (RFC 4180); the same lines give the same bytes."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for statement in statements:
        for line in statement.lines:
            record = {
                **line.record(),
                "amount": decimal_text(line.amount_minor, line.currency),
                "exponent": exponent(line.currency),
            }
            writer.writerow([_cell(record[name]) for name in CSV_COLUMNS])
    return target.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS) and not _is_number(value):
        return f"'{value}"
    return "" if value is None else value


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()
