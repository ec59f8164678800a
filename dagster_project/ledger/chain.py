"""The hash chain over closed months, and the seal that closes each.

`H(n) = sha256(H(n-1) + newline + canonical lines)`, beginning from 64 zeros. Seals are chained too, so that a change of
anything a seal vouches for (weights, totals, time of closing) shows even where the lines are untouched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster_project.ledger.lines import FORMAT_VERSION, LedgerLine, canonical_text

GENESIS = "0" * 64


def chain_hash(previous: str, lines: Iterable[LedgerLine], format_version: int = FORMAT_VERSION) -> str:
    """The hash of a month after the month with hash `previous`."""
    return hashlib.sha256(f"{previous}\n".encode() + canonical_text(lines, format_version)).hexdigest()


def sha256(content: bytes) -> str:
    """The sha-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Seal:
    """What closes a month: the state of the chain and the identity of its files.

    Attributes:
        previous_seal_sha256: `seal_sha256` of the month before, 64 zeros for the first.
        files: File name to sha-256, the seal itself left out.
        totals: Direction, then currency, to the sum of the month's lines in minor units.
    """

    period: str
    format_version: int
    previous_hash: str
    hash: str
    previous_seal_sha256: str
    files: Mapping[str, str]
    line_count: int
    weight_count: int
    totals: Mapping[str, Mapping[str, int]]
    closed_at: str

    @property
    def seal_sha256(self) -> str:
        """sha-256 over everything the seal says."""
        return sha256(_json(vars(self)))

    def content(self) -> bytes:
        """The bytes of `seal.json`: the fields and their sha-256."""
        return _json({**vars(self), "seal_sha256": self.seal_sha256})


def _json(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse_seal(content: bytes) -> Seal:
    """Read a seal back.

    Raises:
        ValueError: The bytes are not exactly those of a seal.
    """
    try:
        fields: dict[str, Any] = json.loads(content)
        stated = fields.pop("seal_sha256")
        seal = Seal(**fields)
    except (TypeError, AttributeError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if stated != seal.seal_sha256:
        raise ValueError("its own sha-256 does not fit")
    if seal.content() != content:
        raise ValueError("it is not written as seals are")
    return seal


def make_seal(
    period: str,
    lines: Sequence[LedgerLine],
    *,
    previous: Seal | None,
    files: Mapping[str, bytes],
    weight_count: int,
    closed_at: datetime,
) -> Seal:
    """The seal of a month with these lines and files, after the month sealed by `previous`."""
    previous_hash = previous.hash if previous else GENESIS
    return Seal(
        period=period,
        format_version=FORMAT_VERSION,
        previous_hash=previous_hash,
        hash=chain_hash(previous_hash, lines),
        previous_seal_sha256=previous.seal_sha256 if previous else GENESIS,
        files={name: sha256(content) for name, content in files.items()},
        line_count=len(lines),
        weight_count=weight_count,
        totals=totals(lines),
        closed_at=closed_at.isoformat(),
    )


def totals(lines: Iterable[LedgerLine]) -> dict[str, dict[str, int]]:
    """Sum of the lines by direction and currency."""
    sums: dict[str, dict[str, int]] = {}
    for line in lines:
        by_currency = sums.setdefault(line.direction, {})
        by_currency[line.currency] = by_currency.get(line.currency, 0) + line.amount_minor
    return sums


def next_period(period: str) -> str:
    """The month after `YYYY-MM`."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"
