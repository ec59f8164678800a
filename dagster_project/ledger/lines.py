"""A posted line, and the canonical text of it that the hash chain runs over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORMAT_VERSION = 2
# Columns are only ever appended: a chain keeps the version it was written with.
_COLUMNS_V1 = (
    "line_id",
    "statement_id",
    "contract_id",
    "contract_version",
    "series_id",
    "activity_period",
    "posted_period",
    "stream",
    "currency",
    "line_type",
    "reason",
    "base_minor",
    "rate_ppm",
    "amount_minor",
)
COLUMNS: Mapping[int, tuple[str, ...]] = {
    1: _COLUMNS_V1,
    2: (*_COLUMNS_V1, "direction", "party_id", "source_statement", "source_version", "adjusts_line_id"),
}
_ESCAPES = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class LedgerLine:
    """One posted line. Amounts and bases are minor units of `currency`, periods are months `YYYY-MM`.

    Attributes:
        line_type: EARNING (of the posted month itself, tier by tier) or ADJUSTMENT (of an earlier month of activity).
        reason: Why an earlier month is adjusted; empty on earnings.
        base_minor: Base the rate applies to; on adjustments the change of the base.
        posted_before_minor, restated_minor: On adjustments, what stood posted for the same key and what it should be.
        source_statement, source_version: Platform statements behind it and their versions, joined by `;`.
        adjusts_line_id: The first line posted for the same key.
    """

    line_id: str
    statement_id: str
    direction: str
    party_id: str
    contract_id: str
    contract_version: int
    series_id: str
    activity_period: str
    posted_period: str
    stream: str
    currency: str
    line_type: str
    reason: str
    tier_no: int | None
    base_minor: int
    rate_ppm: int | None
    posted_before_minor: int | None
    restated_minor: int | None
    amount_minor: int
    source_statement: str | None
    source_version: str | None
    adjusts_line_id: str | None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LedgerLine:
        """The line of a record as the ledger's files hold it."""
        return cls(**record)

    def record(self) -> dict[str, Any]:
        """The line as a record."""
        return asdict(self)


def canonical_text(lines: Iterable[LedgerLine], format_version: int = FORMAT_VERSION) -> bytes:
    """The bytes that are hashed: one line each, sorted by line id, columns joined by `|`, nothing for null.

    Backslash, bar and line breaks within a value are escaped by a backslash, so that no two lists of lines
    share a text.
    """
    columns = COLUMNS[format_version]
    rows = sorted(lines, key=lambda line: line.line_id.encode())
    return "".join("|".join(_cell(getattr(line, name)) for name in columns) + "\n" for line in rows).encode()


def _cell(value: str | int | None) -> str:
    return "" if value is None else str(value).translate(_ESCAPES)
