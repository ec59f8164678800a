"""Exact money: integer minor units, one rounding rule, nothing lost in a split.

Amounts are minor units of a currency (cents; JPY and KRW have none), weights are non-negative integers, rates are
parts per million. Rounding is half away from zero, symmetric for negatives: what DuckDB's and a spreadsheet's ROUND do,
so that a person can recompute a statement by hand. Python's `round` and `decimal` round half to even and are not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

PPM = 1_000_000
_EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "UGX": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}


def exponent(currency: str) -> int:
    """Decimals of an ISO 4217 currency."""
    return _EXPONENTS.get(currency, 2)


def round_half_away(value: Fraction) -> int:
    """The nearest integer, ties away from zero."""
    magnitude = abs(value)
    rounded = (2 * magnitude.numerator + magnitude.denominator) // (2 * magnitude.denominator)
    return rounded if value >= 0 else -rounded


def to_minor(amount: Decimal, currency: str) -> int:
    """A decimal amount in minor units, exactly.

    Raises:
        ValueError: The amount has more decimals than the currency.
    """
    scaled = amount.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency} has a fraction of a minor unit")
    return int(scaled)


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split `total` in proportion to `weights` so that the parts add up (Hamilton's method).

    Every part is the floor of its exact share; the units left over go to the largest remainders, ties to the larger
    weight, then to the key that comes first bytewise. A negative total is the mirror of its absolute value.

    Raises:
        ValueError: A weight is negative, or all are 0 while there is something to split.
    """
    if any(weight < 0 for weight in weights.values()):
        raise ValueError("a weight is negative")
    whole = sum(weights.values())
    if whole == 0:
        if total:
            raise ValueError(f"{total} cannot be split: all weights are 0")
        return dict.fromkeys(weights, 0)
    size = abs(total)
    shares = {key: divmod(size * weight, whole) for key, weight in weights.items()}
    left = size - sum(floor for floor, _ in shares.values())
    order = sorted(weights, key=lambda key: (-shares[key][1], -weights[key], key.encode()))
    extra = set(order[:left])
    sign = 1 if total >= 0 else -1
    return {key: sign * (floor + (key in extra)) for key, (floor, _) in shares.items()}


def round_to_target(exact: Mapping[str, Fraction], target: int) -> dict[str, int]:
    """Round exact parts to integers that add up to `target`, each within one unit of its exact value.

    The floors are raised by one in order of their fractions, largest first, ties to the key that comes first bytewise.

    Raises:
        ValueError: `target` is not within reach of the floors and ceilings.
    """
    floors = {key: value.numerator // value.denominator for key, value in exact.items()}
    left = target - sum(floors.values())
    if not 0 <= left <= len(exact):
        raise ValueError(f"{target} is not the rounded sum of these parts")
    order = sorted(exact, key=lambda key: (-(exact[key] - floors[key]), key.encode()))
    extra = set(order[:left])
    return {key: floor + (key in extra) for key, floor in floors.items()}


@dataclass(frozen=True)
class Tier:
    """One tier: the rate that holds up to a cumulative base.

    Attributes:
        upto_minor: Upper end of the tier, or None for no limit.
        rate_ppm: Rate in parts per million.
    """

    upto_minor: int | None
    rate_ppm: int


def entitlement_by_tier(base_minor: int, tiers: Sequence[Tier], kind: Literal["MARGINAL", "WHOLE"]) -> list[Fraction]:
    """Exact entitlement of a cumulative base, tier by tier.

    MARGINAL pays each slab at its own rate; WHOLE pays the whole base at the rate of the tier it has reached. A
    negative base earns nothing: the hole refills by itself.

    Args:
        base_minor: Cumulative base within the tier window.
        tiers: In order, the last without limit.
    """
    base = max(0, base_minor)
    earned = [Fraction(0)] * len(tiers)
    lower = 0
    for number, tier in enumerate(tiers):
        upper = base if tier.upto_minor is None else min(base, tier.upto_minor)
        is_reached = tier.upto_minor is None or base <= tier.upto_minor
        if kind == "MARGINAL":
            earned[number] = Fraction(max(0, upper - lower) * tier.rate_ppm, PPM)
        elif is_reached:
            earned[number] = Fraction(base * tier.rate_ppm, PPM)
            return earned
        lower = tier.upto_minor if tier.upto_minor is not None else base
    return earned


def entitlement(base_minor: int, tiers: Sequence[Tier], kind: Literal["MARGINAL", "WHOLE"]) -> Fraction:
    """Exact entitlement of a cumulative base."""
    return sum(entitlement_by_tier(base_minor, tiers, kind), Fraction(0))
