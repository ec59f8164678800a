"""What every month should be, worked out a second time from the same inputs: the control of a close.

dbt computes the amounts in SQL; this is the same arithmetic on `core.money`, with exact fractions, in the order of the
rounding points: statement to series, series to contract version, entitlement by month, parties. A close posts nothing
unless both agree to the minor unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any, Literal

from dagster_project.core.money import (
    Tier,
    entitlement_by_tier,
    largest_remainder,
    round_half_away,
    round_to_target,
)

UNATTRIBUTED = "UNATTRIBUTED"
Record = Mapping[str, Any]
_NESTED_BASES = ("gross", "net_of_ivt", "net_of_platform_fee")
_STRETCH = ("platform", "statement_no", "statement_version", "activity_period")


@dataclass(frozen=True)
class Terms:
    """Terms of one contract version; `tiers` are in order, `parties` map a party to its share weight."""

    contract_id: str
    version: int
    base: str
    tier_kind: Literal["MARGINAL", "WHOLE"]
    split_mode: str
    tiers: tuple[Tier, ...]
    tier_numbers: tuple[int, ...]
    parties: Mapping[str, int]

    @property
    def pool(self) -> tuple[Any, ...]:
        """Versions with the same pool share contract-to-date together."""
        return (self.split_mode, *sorted(self.parties.items()))


@dataclass(frozen=True)
class Step:
    """The base that one series brings to one contract version in one month."""

    direction: str
    contract_id: str
    version: int
    tier_window: str
    series_id: str
    activity_period: str
    stream: str
    currency: str
    base_minor: int = 0

    @property
    def window(self) -> tuple[str, ...]:
        return (self.direction, self.contract_id, self.tier_window, self.stream, self.currency)


@dataclass(frozen=True)
class TierLine:
    """The entitlement of a step in one tier, all parties together."""

    step: Step
    tier_no: int
    rate_ppm: int
    base_minor: int
    entitlement_minor: int


LineKey = tuple[Any, ...]
"""direction, contract, version, tier window, party, series, month of activity, stream, currency, tier."""


def terms_of(contracts: Iterable[Record], tiers: Iterable[Record], parties: Iterable[Record]) -> list[Terms]:
    """Terms from the records of contracts, tiers and parties; without parties the counterparty receives everything."""
    by_version: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for tier in sorted(tiers, key=lambda record: int(record["tier_no"])):
        by_version[tier["contract_id"], tier["contract_version"]].append(tier)
    shares: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for party in parties:
        shares[party["contract_id"], party["contract_version"]][party["party_id"]] = party["share_weight"]
    found = []
    for contract in contracts:
        key = (contract["contract_id"], contract["contract_version"])
        found.append(
            Terms(
                contract_id=key[0],
                version=key[1],
                base=contract["base"],
                tier_kind=contract["tier_kind"],
                split_mode=contract["split_mode"],
                tiers=tuple(Tier(tier["upto_minor"], tier["rate_ppm"]) for tier in by_version[key]),
                tier_numbers=tuple(tier["tier_no"] for tier in by_version[key]),
                parties=shares.get(key) or {contract["counterparty_id"]: 1},
            )
        )
    return found


def allocate(components: Iterable[Record], segments: Iterable[Record]) -> list[tuple[Record, dict[str, int]]]:
    """Every component with its amounts by series.

    Args:
        components: Components of live statements with their month, the series the platform names, and amount.
        segments: Weights by statement, month, direction, series and contract version.
    """
    weights: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: {UNATTRIBUTED: 0})
    for segment in segments:
        if segment["direction"] == "PAYABLE":
            series = weights[_stretch(segment)]
            series[segment["series_id"]] = series.get(segment["series_id"], 0) + segment["weight"]
    return [(component, _parts(component, weights[_stretch(component)])) for component in components]


def _stretch(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in _STRETCH)


def _parts(component: Record, weights: Mapping[str, int]) -> dict[str, int]:
    amount = int(component["amount_minor"])
    if component["named_series_id"] is not None:
        return {component["named_series_id"]: amount}
    if not any(weights.values()):
        return {**dict.fromkeys(weights, 0), UNATTRIBUTED: amount}
    return largest_remainder(amount, weights)


def sum_bases(
    allocations: Iterable[tuple[Record, Mapping[str, int]]], segments: Iterable[Record], terms: Sequence[Terms]
) -> list[Step]:
    """What confirmed statements bring to each contract version, series and month."""
    held: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for segment in segments:
        held[(*_stretch(segment), segment["series_id"])].append(segment)
    amounts: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_NESTED_BASES, 0))
    for component, parts in allocations:
        if component["stage"] != "CONFIRMED" or component["narrowest_base"] not in _NESTED_BASES:
            continue
        wider = _NESTED_BASES[_NESTED_BASES.index(component["narrowest_base"]) :]
        for series, amount in parts.items():
            place = (*_stretch(component), series, component["stream"], component["currency"])
            for base in wider:
                amounts[place][base] += amount
    base_of = {(one.contract_id, one.version): one.base for one in terms}
    sums: dict[Step, int] = defaultdict(int)
    for place, by_base in amounts.items():
        *stretch, series, stream, currency = place
        for direction in ("PAYABLE", "RECEIVABLE"):
            held_here = held[(*stretch, series)]
            cut = sorted((one for one in held_here if one["direction"] == direction), key=_segment_order)
            if not any(segment["weight"] for segment in cut):
                continue
            ranked = {f"{rank:09d}": segment["weight"] for rank, segment in enumerate(cut)}
            splits = {base: largest_remainder(amount, ranked) for base, amount in by_base.items()}
            for rank, segment in zip(ranked, cut, strict=True):
                contract = (segment["contract_id"], segment["contract_version"])
                if contract in base_of:
                    step = Step(direction, *contract, segment["tier_window"], series, stretch[-1], stream, currency)
                    sums[step] += splits[base_of[contract]][rank]
    return [replace(step, base_minor=amount) for step, amount in sums.items()]


def _segment_order(segment: Record) -> tuple[Any, ...]:
    if segment["contract_id"] is None:
        return (1, b"", 0, b"")
    return (0, segment["contract_id"].encode(), segment["contract_version"], segment["tier_window"].encode())


def entitle(steps: Iterable[Step], terms: Sequence[Terms]) -> list[TierLine]:
    """Tier lines of all steps: exact and cumulative within the tier window, rounded once a month."""
    by_version = {(one.contract_id, one.version): one for one in terms}
    ordered = sorted(steps, key=lambda step: (step.window, step.activity_period, step.version, step.series_id.encode()))
    found: list[TierLine] = []
    for _, window in groupby(ordered, key=lambda step: step.window):
        base, earned = 0, Fraction(0)
        for _, month in groupby(window, key=lambda step: step.activity_period):
            drafts: dict[str, tuple[Step, int, int, int, Fraction]] = {}
            before = earned
            for step in month:
                one = by_version[step.contract_id, step.version]
                lower, upper = base, base + step.base_minor
                exact_before = entitlement_by_tier(lower, one.tiers, one.tier_kind)
                exact_after = entitlement_by_tier(upper, one.tiers, one.tier_kind)
                base_before, base_after = _base_by_tier(lower, one), _base_by_tier(upper, one)
                for number, tier in enumerate(one.tiers):
                    moved = base_after[number] - base_before[number]
                    exact = exact_after[number] - exact_before[number]
                    if moved or exact:
                        drafts[f"{len(drafts):09d}"] = (step, one.tier_numbers[number], tier.rate_ppm, moved, exact)
                    earned += exact
                base = upper
            target = round_half_away(earned) - round_half_away(before)
            rounded = round_to_target({key: draft[-1] for key, draft in drafts.items()}, target) if drafts else {}
            found += [TierLine(*drafts[key][:-1], rounded[key]) for key in drafts]
    return found


def _base_by_tier(base: int, terms: Terms) -> list[int]:
    """The part of a cumulative base in each tier; a negative base stays in the first."""
    parts, lower = [], 0
    for number, tier in enumerate(terms.tiers):
        is_first = number == 0
        if terms.tier_kind == "WHOLE":
            is_reached = (is_first or base > lower) and (tier.upto_minor is None or base <= tier.upto_minor)
            parts.append(base if is_reached else 0)
        else:
            upper = base if tier.upto_minor is None else min(base, tier.upto_minor)
            parts.append(upper if is_first else max(0, upper - lower))
        lower = tier.upto_minor if tier.upto_minor is not None else base
    return parts


def split(lines: Iterable[TierLine], terms: Sequence[Terms]) -> dict[LineKey, tuple[int, int]]:
    """Base and amount of every party's line: contract-to-date is split, what was given before is subtracted."""
    by_version = {(one.contract_id, one.version): one for one in terms}
    ordered = sorted(
        lines,
        key=lambda line: (
            line.step.activity_period,
            line.step.version,
            line.step.tier_window.encode(),
            line.step.series_id.encode(),
            line.tier_no,
        ),
    )
    pools: dict[tuple[Any, ...], int] = defaultdict(int)
    found: dict[LineKey, tuple[int, int]] = {}
    for line in ordered:
        step, one = line.step, by_version[line.step.contract_id, line.step.version]
        month = step.activity_period if one.split_mode == "PER_STATEMENT" else ""
        pool = (step.direction, step.contract_id, step.stream, step.currency, one.pool, month)
        before = largest_remainder(pools[pool], one.parties)
        pools[pool] += line.entitlement_minor
        after = largest_remainder(pools[pool], one.parties)
        for party in one.parties:
            key = (
                step.direction,
                step.contract_id,
                step.version,
                step.tier_window,
                party,
                step.series_id,
                step.activity_period,
                step.stream,
                step.currency,
                line.tier_no,
            )
            found[key] = (line.base_minor, after[party] - before[party])
    return found


def recompute(
    components: Sequence[Record], segments: Sequence[Record], terms: Sequence[Terms]
) -> dict[LineKey, tuple[int, int]]:
    """Base and amount of every line that should be."""
    return split(entitle(sum_bases(allocate(components, segments), segments, terms), terms), terms)


def line_key(record: Record) -> LineKey:
    """The key under which `recompute` knows a line of `mrt_payouts__should_be`."""
    names = ("direction", "contract_id", "contract_version", "tier_window", "party_id", "series_id")
    return (*(record[name] for name in (*names, "activity_period", "stream", "currency", "tier_no")),)


def disagreements(should_be: Iterable[Record], control: Mapping[LineKey, tuple[int, int]]) -> list[str]:
    """Every line on which SQL and the control differ, one sentence each."""
    computed = {line_key(record): (record["base_minor"], record["amount_minor"]) for record in should_be}
    return [
        f"{' '.join(str(part) for part in key)}: SQL has {computed.get(key)}, the control {control.get(key)}"
        for key in sorted({*computed, *control}, key=str)
        if computed.get(key) != control.get(key)
    ]
