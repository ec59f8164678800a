"""A made-up ledger beside the made-up studios: every kind of line, and a party for every kind of month."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import release_world
from release_studios import HOSTILE_TITLES

from dagster_project.ledger.lines import LedgerLine

MONTH = "2026-10"
MIXED, ZERO, NEGATIVE, RECOVERED, HOSTILE, YEN, WHALE, CANARY = (
    "std_starfall",
    "std_lantern",
    "writer-fund",
    "co-producer-north",
    "std_hostile",
    "tokyo-partner",
    "whale-partner",
    "canary-party",
)
CANARY_CONTRACT, CANARY_CENTS = "PAY-CANARY-IAA", 77_777_77
CHAIN_HASH = "f5168f70904d50e8e7504d0d6adc6a8a9e11373625202f2044cc99507e6b33d4"


def line(
    party: str,
    contract: str,
    number: int,
    cents: int,
    *,
    posted: str = MONTH,
    activity: str | None = None,
    series: str = "ser_heir",
    stream: str = "iap_beans",
    reason: str = "",
    base: int | None = None,
    rate: int | None = 300_000,
    tier: int | None = 1,
    before: int | None = None,
    currency: str = "USD",
    direction: str = "PAYABLE",
) -> LedgerLine:
    """One posted line; an adjustment when it has a reason."""
    return LedgerLine(
        line_id=f"L-{posted}-{contract}-{number:04d}",
        statement_id=f"ST-{contract}-{posted}-v1",
        direction=direction,
        party_id=party,
        contract_id=contract,
        contract_version=1,
        series_id=series,
        activity_period=activity or posted,
        posted_period=posted,
        stream=stream,
        currency=currency,
        line_type="ADJUSTMENT" if reason else "EARNING",
        reason=reason,
        tier_no=None if reason else tier,
        base_minor=cents * 3 if base is None else base,
        rate_ppm=None if reason else rate,
        posted_before_minor=before,
        restated_minor=None if before is None else before + cents,
        amount_minor=cents,
        source_statement="TT-1",
        source_version="1",
        adjusts_line_id=None,
    )


LINES: tuple[LedgerLine, ...] = (
    # An amount beyond what a float holds exactly.
    line(WHALE, "PAY-WHALE-IAA", 1, 9_007_199_254_740_993, base=30_023_997_515_803_310, stream="iaa"),
    # Everything at once: sources, tiers that move, corrections.
    line(MIXED, "PAY-HEIR-IAP", 1, -4_674, base=-15_579),
    line(MIXED, "PAY-HEIR-IAP", 2, 15_012, base=42_890, rate=350_000, tier=2),
    line(MIXED, "PAY-HEIR-IAA", 1, 80_000, base=200_000, rate=400_000, stream="iaa"),
    line(MIXED, "PAY-HEIR-IAA", 2, -15_000, stream="iaa", activity="2026-09", reason="IVT_SPAM", before=141_540),
    line(MIXED, "PAY-HEIR-IAA", 3, -5_000, stream="iaa", activity="2026-09", reason="TIER_RESTATE", before=129_180),
    line(MIXED, "PAY-BRIDE-OWN", 1, 7, series="ser_bride", stream="own_app", rate=333_333),
    line(MIXED, "PAY-HEIR-IAP", 1, 100, posted="2026-09"),
    # Something in September, nothing in October.
    line(ZERO, "PAY-LANTERN-IAP", 1, 12_345, posted="2026-09", series="ser_lantern"),
    # Below zero in October; below zero in September and not quite made up for in October; made up for.
    line(NEGATIVE, "PAY-WRITER-IAA", 1, -1_230, stream="iaa", reason="IVT_SPAM", activity="2026-09", before=2_000),
    line(RECOVERED, "PAY-NORTH-IAA", 1, -500, posted="2026-08", stream="iaa"),
    line(RECOVERED, "PAY-NORTH-IAA", 1, -250, posted="2026-09", stream="iaa"),
    line(RECOVERED, "PAY-NORTH-IAA", 1, 2_000, stream="iaa"),
    *(
        line(HOSTILE, f"PAY-H{place}-IAP", 1, 100 + place, series=f"ser_hostile{place}")
        for place in range(len(HOSTILE_TITLES))
    ),
    line(YEN, "PAY-TOKYO-IAA", 1, 15_733, currency="JPY", series="ser_bride"),
    line(YEN, "PAY-TOKYO-IAP", 1, 5, series="ser_bride"),
    line(CANARY, CANARY_CONTRACT, 1, CANARY_CENTS, series="ser_canary"),
    line("house", "LIC-HEIR", 1, 5_000_000, direction="RECEIVABLE", stream="licence"),
)

# party, contract, series, month, type, should be, posted
PENDING = (
    (MIXED, "PAY-HEIR-IAA", "ser_heir", "2026-11", "EARNING", 4_321, 0),
    (MIXED, "PAY-HEIR-IAP", "ser_heir", "2026-09", "ADJUSTMENT", 75, 100),
    (CANARY, CANARY_CONTRACT, "ser_canary", "2026-11", "EARNING", 999_999, 0),
)
BLOCKERS = (
    ("contract", "no_open_tier", "PAY-HEIR-IAP version 1"),
    ("contract", "overlap", f"{CANARY_CONTRACT} version 1, ser_canary in 2026-10"),
    ("statement", "no_activity_of_named_series", "tiktok TT-9 version 1, ser_canary in 2026-10"),
)


def write_release(path: Path, *, lines: Iterable[LedgerLine] = LINES, sealed: bool = False) -> Path:
    """The made-up release with a ledger in it; with the hashes of closed months when `sealed`."""
    release_world.write_release(path, payouts=False)
    con = duckdb.connect(str(path))
    con.execute("CREATE SCHEMA IF NOT EXISTS payouts")
    text = "VARCHAR"
    big = "BIGINT"
    kinds = {
        name: big if name.endswith(("_minor", "_ppm", "_no")) or name == "contract_version" else text
        for name in LedgerLine.__dataclass_fields__
    }
    _table(con, "payouts.lines", kinds, [one.record() for one in lines])
    _table(
        con,
        "payouts.pending",
        {
            **dict.fromkeys(("direction", "contract_id", "party_id", "series_id", "activity_period", "stream"), text),
            **dict.fromkeys(("currency", "line_type"), text),
            **dict.fromkeys(("contract_version", "should_be_minor", "posted_minor", "pending_minor"), big),
        },
        [
            {
                "direction": "PAYABLE",
                "contract_id": contract,
                "party_id": party,
                "series_id": series,
                "activity_period": month,
                "stream": "iaa",
                "currency": "USD",
                "line_type": kind,
                "contract_version": 1,
                "should_be_minor": should_be,
                "posted_minor": posted,
                "pending_minor": should_be - posted,
            }
            for party, contract, series, month, kind, should_be, posted in PENDING
        ],
    )
    names = ("direction", "contract_id", "party_id", "series_id", "activity_period", "stream", "currency")
    numbers = ("contract_version", "tier_no", "amount_minor", "entitlement_minor")
    _table(
        con,
        "payouts.should_be",
        {**dict.fromkeys(names, text), **dict.fromkeys(numbers, big)},
        [
            # The pool of the bride's contract is known; that of the heir's has changed since it was posted.
            {**_key(LINES[6]), "amount_minor": 7, "entitlement_minor": 21},
            {**_key(LINES[1]), "amount_minor": -4_000, "entitlement_minor": -4_000},
        ],
    )
    _table(con, "payouts.blockers", dict.fromkeys(("kind", "reason", "subject"), text), BLOCKERS)
    _table(
        con,
        "core.dim_contract",
        {"contract_id": text, "contract_version": big, "tier_kind": text},
        [("PAY-HEIR-IAP", 1, "WHOLE"), ("PAY-HEIR-IAA", 1, "MARGINAL")],
    )
    if sealed:
        _table(con, "payouts.closes", {"posted_period": text, "hash": text}, [(MONTH, CHAIN_HASH)])
    con.close()
    return path


def _key(one: LedgerLine) -> dict[str, Any]:
    names = ("direction", "contract_id", "party_id", "series_id", "activity_period", "stream", "currency")
    return {**{name: getattr(one, name) for name in names}, "contract_version": 1, "tier_no": one.tier_no}


def _table(con: duckdb.DuckDBPyConnection, name: str, kinds: dict[str, str], rows: Iterable[Any]) -> None:
    con.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in kinds.items())})")
    values = [[row[c] for c in kinds] if isinstance(row, dict) else list(row) for row in rows]
    if values:
        con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(kinds))})", values)
