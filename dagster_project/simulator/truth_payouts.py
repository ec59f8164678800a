"""Truth of the payouts, exact: live statements to series, series to contracts, contracts to parties.

Amounts are what each activity period should be with everything known at the world's end, whichever period a
ledger posts them in.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import polars as pl

from dagster_project.simulator.deals import ContractVersion
from dagster_project.simulator.exact import entitlement, largest_remainder, round_half_away
from dagster_project.simulator.statements import Statement

SCHEMA: dict[str, type[pl.DataType]] = {
    "table": pl.String,
    "statement_no": pl.String,
    "component": pl.String,
    "direction": pl.String,
    "contract_id": pl.String,
    "series_id": pl.String,
    "stream": pl.String,
    "activity_period": pl.String,
    "party_id": pl.String,
    "currency": pl.String,
    "weight": pl.Int64,
    "truth": pl.Int64,
    "kind": pl.String,
}
HOUSE = "house"


def components(statement: Statement) -> dict[str, int]:
    """Return the signed parts of a statement for its own period; they are split each on its own."""
    parts = {
        "gross": statement.gross,
        "refund": -statement.refund,
        "test": -statement.test,
        "platform_fee": -statement.platform_fee,
        "adjustment": statement.adjustment,
    }
    return {name: minor for name, minor in parts.items() if minor or name == "gross"}


def payouts_table(
    statements: Sequence[Statement], contracts: Sequence[ContractVersion], months: Sequence[str]
) -> pl.DataFrame:
    """Return rows of `payouts.csv`.

    table = allocations: amount of a live statement's component per series (UNATTRIBUTED included).
    table = lines: per contract, series, activity month and party the entitlement, and the house's rest; only for
    the complete months given.
    """
    live = sorted((one for one in statements if one.is_live), key=lambda one: (one.starts_on, one.number))
    rows: list[tuple[object, ...]] = []
    base: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    for statement in live:
        total: dict[str, int] = defaultdict(int)
        for component, minor in components(statement).items():
            for series, share in largest_remainder(minor, statement.weights).items():
                total[series] += share
                rows.append(_allocation(statement, component, series, statement.weights[series], share))
        for series, share in total.items():
            base[statement.stream, series].append((statement.activity_period, statement.starts_on.isoformat(), share))
        for cut in statement.deductions:
            rows.append(_allocation(statement, "deduction", cut.series, None, cut.minor))
            first = f"{cut.activity_period}-01"
            base[statement.stream, cut.series].append((cut.activity_period, first, cut.minor))
    by_contract: dict[str, list[ContractVersion]] = defaultdict(list)
    for version in contracts:
        by_contract[version.contract_id].append(version)
    for versions in by_contract.values():
        rows += _contract_lines(versions, base[versions[0].stream, versions[0].series], months)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _allocation(
    statement: Statement, component: str, series: str, weight: int | None, minor: int
) -> tuple[object, ...]:
    return (
        "allocations",
        statement.number,
        component,
        None,
        None,
        series,
        statement.stream,
        statement.activity_period,
        None,
        "USD",
        weight,
        minor,
        "realised",
    )


def _contract_lines(
    versions: list[ContractVersion], segments: list[tuple[str, str, int]], months: Sequence[str]
) -> list[tuple[object, ...]]:
    """Return a contract's lines by month: cumulative entitlement, rounded once a month, split cumulatively."""
    rows: list[tuple[object, ...]] = []
    cumulative_base, cumulative = 0, Fraction(0)
    pool_before, given = 0, dict.fromkeys((party for party, _ in versions[0].parties), 0)
    weights = dict(versions[0].parties)
    for month in months:
        month_base = 0
        for period, day, minor in sorted(segments):
            if period != month:
                continue
            terms = next(
                one for one in versions if one.valid_from <= day and (one.valid_to is None or day < one.valid_to)
            )
            whole = terms.tier_kind == "WHOLE"
            after = entitlement(Fraction(cumulative_base + minor), terms.tiers, whole)
            cumulative += after - entitlement(Fraction(cumulative_base), terms.tiers, whole)
            cumulative_base += minor
            month_base += minor
        pool = round_half_away(cumulative)
        shares = largest_remainder(pool, weights)
        for party in weights:
            amount = shares[party] - given[party]
            if amount or month_base:
                rows.append(_line(versions[0], month, party, amount))
        if month_base:
            rows.append(_line(versions[0], month, HOUSE, month_base - (pool - pool_before)))
        given, pool_before = shares, pool
    return rows


def _line(contract: ContractVersion, month: str, party: str, minor: int) -> tuple[object, ...]:
    return (
        "lines",
        None,
        None,
        "PAYABLE",
        contract.contract_id,
        contract.series,
        contract.stream,
        month,
        party,
        "USD",
        None,
        minor,
        "realised",
    )
