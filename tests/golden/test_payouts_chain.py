"""Vectors of the hash chain: the bytes, the hashes, and that any other byte gives another hash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagster_project.ledger.chain import GENESIS, chain_hash
from dagster_project.ledger.lines import LedgerLine, canonical_text

FIRST_FORMAT = """\
L-2026-11-C1-0001|ST-C1-2026-11-v1|C1|1|S1|2026-09|2026-11|IAA|USD|ADJUSTMENT|IVT_SPAM|-50000||-15000
L-2026-11-C1-0002|ST-C1-2026-11-v1|C1|1|S1|2026-10|2026-11|IAA|USD|ADJUSTMENT|TIER_RESTATE|0||-5000
L-2026-11-C1-0003|ST-C1-2026-11-v1|C1|1|S1|2026-11|2026-11|IAA|USD|EARNING||200000|400000|80000
"""
SECOND_FORMAT = """\
L-2026-11-C1-0001|ST-C1-2026-11-v1|C1|1|S1|2026-09|2026-11|IAA|USD|ADJUSTMENT|IVT_SPAM|-50000||-15000|PAYABLE|P1|NOV;SEP|1;2|L-2026-09-C1-0001
L-2026-11-C1-0002|ST-C1-2026-11-v1|C1|1|S1|2026-10|2026-11|IAA|USD|ADJUSTMENT|TIER_RESTATE|0||-5000|PAYABLE|P1|OCT|1|L-2026-10-C1-0001
L-2026-11-C1-0003|ST-C1-2026-11-v1|C1|1|S1|2026-11|2026-11|IAA|USD|EARNING||200000|400000|80000|PAYABLE|P1|NOV|1|
"""
FIRST_HASH = "f5168f70904d50e8e7504d0d6adc6a8a9e11373625202f2044cc99507e6b33d4"
FIRST_HASH_OF_EMPTY_MONTH_AFTER = "b5364f3e39c400b23173296a0a851bd07e65035b66612910eb9b133aa8d4225a"
SECOND_HASH = "d8c897e91bdcfab89a190f5ed63a91ce43874339ce89cc8dd08f156139afcb9d"


def _line(number: int, activity: str, base: int, amount: int, **more: object) -> LedgerLine:
    fields: dict[str, object] = {
        "line_id": f"L-2026-11-C1-{number:04d}",
        "statement_id": "ST-C1-2026-11-v1",
        "direction": "PAYABLE",
        "party_id": "P1",
        "contract_id": "C1",
        "contract_version": 1,
        "series_id": "S1",
        "activity_period": activity,
        "posted_period": "2026-11",
        "stream": "IAA",
        "currency": "USD",
        "line_type": "ADJUSTMENT",
        "reason": "",
        "tier_no": None,
        "base_minor": base,
        "rate_ppm": None,
        "posted_before_minor": None,
        "restated_minor": None,
        "amount_minor": amount,
        "source_statement": None,
        "source_version": None,
        "adjusts_line_id": None,
    }
    return LedgerLine.from_record({**fields, **more})


LINES = [
    _line(
        1,
        "2026-09",
        -50_000,
        -15_000,
        reason="IVT_SPAM",
        source_statement="NOV;SEP",
        source_version="1;2",
        adjusts_line_id="L-2026-09-C1-0001",
    ),
    _line(
        2,
        "2026-10",
        0,
        -5_000,
        reason="TIER_RESTATE",
        source_statement="OCT",
        source_version="1",
        adjusts_line_id="L-2026-10-C1-0001",
    ),
    _line(
        3,
        "2026-11",
        200_000,
        80_000,
        line_type="EARNING",
        rate_ppm=400_000,
        source_statement="NOV",
        source_version="1",
    ),
]


def test_first_format() -> None:
    assert canonical_text(reversed(LINES), 1) == FIRST_FORMAT.encode()
    assert len(FIRST_FORMAT) == 298
    assert chain_hash(GENESIS, LINES, 1) == FIRST_HASH
    assert chain_hash(FIRST_HASH, [], 1) == FIRST_HASH_OF_EMPTY_MONTH_AFTER


def test_second_format_says_who_is_paid_for_what() -> None:
    assert canonical_text(reversed(LINES), 2) == SECOND_FORMAT.encode()
    assert chain_hash(GENESIS, LINES) == SECOND_HASH


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": -5_001},
        {"party_id": "P2"},
        {"direction": "RECEIVABLE"},
        {"source_statement": "OCT-B"},
        {"source_version": "2"},
        {"adjusts_line_id": "L-2026-10-C1-0002"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_redirecting_a_line_breaks_the_chain(change: dict[str, object]) -> None:
    forged = [LINES[0], replace(LINES[1], **change), LINES[2]]
    assert chain_hash(GENESIS, forged) != SECOND_HASH


def test_values_cannot_pass_for_columns_or_lines() -> None:
    apart = [replace(LINES[0], party_id="P|1", source_statement="x"), LINES[1]]
    together = [replace(LINES[0], party_id="P", source_statement="1|x"), LINES[1]]
    assert canonical_text(apart) != canonical_text(together)
    broken = canonical_text([replace(LINES[0], reason="a\nb\\n|")])
    assert broken.count(b"\n") == 1
    assert rb"a\nb\\n\|" in broken
