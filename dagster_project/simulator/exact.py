"""Exact money for the truth: half-away-from-zero rounding, largest remainder, tiers. Integers and fractions only.

Written apart from the product's own arithmetic, from the payout rules alone.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction


def round_half_away(value: Fraction) -> int:
    """Round to a whole number, ties away from zero, the same for both signs."""
    size = abs(value)
    whole = (2 * size.numerator + size.denominator) // (2 * size.denominator)
    return whole if value >= 0 else -whole


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split a whole total by non-negative whole weights (Hamilton).

    Left-over units go to the largest remainders, ties to the larger weight, then to the bytewise smaller key. A
    negative total mirrors its absolute value. Raises ValueError when all weights are zero and the total is not.
    """
    everything = sum(weights.values())
    if everything == 0:
        if total:
            raise ValueError(f"cannot split {total} over weights that are all zero")
        return dict.fromkeys(weights, 0)
    size = abs(total)
    shares = {key: size * weight // everything for key, weight in weights.items()}
    order = sorted(weights, key=lambda key: (-(size * weights[key] % everything), -weights[key], key.encode()))
    for key in order[: size - sum(shares.values())]:
        shares[key] += 1
    sign = 1 if total >= 0 else -1
    return {key: sign * share for key, share in shares.items()}


def entitlement(base: Fraction, tiers: Sequence[tuple[int | None, int]], whole: bool) -> Fraction:
    """Return the exact entitlement on a cumulative base, both in minor units.

    `tiers` are (upper bound in minor units or None, rate in parts per million), ascending. Marginal tiers rate each
    slab on its own; a whole tier rates the full base at the rate of the tier it ends in. A negative base earns 0.
    """
    if base <= 0:
        return Fraction(0)
    if whole:
        rate = next(rate for bound, rate in tiers if bound is None or base <= bound)
        return base * rate / 1_000_000
    total, lower = Fraction(0), Fraction(0)
    for bound, rate in tiers:
        upper = base if bound is None else min(base, Fraction(bound))
        if upper > lower:
            total += (upper - lower) * rate / 1_000_000
            lower = upper
    return total
