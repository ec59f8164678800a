"""The laws viewers follow: exit hazards, gaps between episodes, what happens at a gate.

Sampling and closed forms stand side by side here, so that the parametric truth uses the very laws the paths use.
The gap law does not depend on the viewer's class: whoever goes on, goes on equally fast. That makes the class mix
of a boundary-clock risk set free of time, and episode survival a plain recursion over classes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.catalogue import MAX_EPISODES, Catalogue
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.vocabulary import (
    AD,
    COIN_ALL,
    COIN_BLOCK,
    COIN_SINGLE,
    DRAMA_CENTER,
    MINIS,
    PROMO,
    SUBSCRIPTION,
)

AUTOPLAY_SPREAD_MS = 3000
ACTIVE_MEDIAN_MS = 15_000
ACTIVE_SIGMA = 1.0

ANONYMOUS_SHARE = np.array([0.02, 0.02, 0.02, 0.03, 0.22])
EXEMPT_SHARE = np.array([0.02, 0.0, 0.04, 0.04, 0.03])
"""Share of known viewers who hold a pass for the whole series before they open it."""
SURFACE_STORY = np.array([1.1, 1.2, 0.95, 1.0, 1.15])

# Probability of each way through the first gate: columns coin_single, coin_block, coin_all, ad, subscription, promo.
PASSING_MODES = (COIN_SINGLE, COIN_BLOCK, COIN_ALL, AD, SUBSCRIPTION, PROMO)
FIRST_GATE = np.array(
    [
        [0.060, 0.055, 0.030, 0.150, 0.012, 0.012],
        [0.000, 0.000, 0.000, 0.280, 0.000, 0.000],
        [0.060, 0.060, 0.050, 0.080, 0.035, 0.015],
        [0.050, 0.050, 0.035, 0.110, 0.025, 0.015],
        [0.045, 0.045, 0.030, 0.090, 0.030, 0.015],
    ]
)
EARLY_STOP_SHARE = 0.10
"""Completions that end between 93% and 100% of the episode."""
PAUSE_FLOOR_MS, PAUSE_MEAN_MS = 5_000, 30_000
FIRST_GATE_AD_FAILED = np.array([0.030, 0.050, 0.020, 0.025, 0.025])
REPEAT_BOUNCE = {COIN_SINGLE: 0.030, COIN_BLOCK: 0.080, AD: 0.025}
REPEAT_AD_FAILED = 0.008

# Seconds between wanting the locked episode and having it: a fixed part and the mean of an exponential part.
FIRST_PAYMENT_DELAY = (8.0, 20.0)
REPEAT_PAYMENT_DELAY = (2.0, 4.0)
AD_DELAY = (34.0, 8.0)


@dataclass(frozen=True)
class GapLaw:
    """The wait after an episode, of a viewer who goes on: autoplay, at once by hand, or later."""

    autoplay: float
    later: float
    later_median_ms: float
    later_sigma: float

    def draw(self, generator: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Return gaps in whole ms and whether autoplay started the next episode, both of shape (size,)."""
        kind = generator.random(size)
        spread = generator.random(size)
        normal = generator.standard_normal(size)
        is_autoplay = kind < self.autoplay
        is_later = kind >= 1.0 - self.later
        gap = np.exp(np.log(ACTIVE_MEDIAN_MS) + ACTIVE_SIGMA * normal)
        gap = np.where(is_later, np.exp(np.log(self.later_median_ms) + self.later_sigma * normal), gap)
        gap = np.where(is_autoplay, spread * AUTOPLAY_SPREAD_MS, gap)
        return np.rint(gap).astype(np.int64), is_autoplay

    def autoplay_cdf(self, at_ms: Array) -> Array:
        """Return P(gap <= at and autoplay)."""
        return np.asarray(self.autoplay * np.clip(np.asarray(at_ms, dtype=np.float64) / AUTOPLAY_SPREAD_MS, 0.0, 1.0))

    def active_cdf(self, at_ms: Array) -> Array:
        """Return P(gap <= at and not autoplay)."""
        at = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9)
        soon = ndtr((np.log(at) - np.log(ACTIVE_MEDIAN_MS)) / ACTIVE_SIGMA)
        return np.asarray((1.0 - self.autoplay - self.later) * soon + self.later * self.later_cdf(at))

    def later_cdf(self, at_ms: Array) -> Array:
        """Return the distribution function of a come-back-later gap."""
        at = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9)
        return np.asarray(ndtr((np.log(at) - np.log(self.later_median_ms)) / self.later_sigma))

    def cdf(self, at_ms: Array) -> Array:
        """Return P(gap <= at)."""
        return self.autoplay_cdf(at_ms) + self.active_cdf(at_ms)

    def delayed_cdf(self, at_ms: float, delay: tuple[float, float]) -> float:
        """Return P(gap + delay <= at), the delay being a fixed part plus an exponential one (seconds)."""
        fixed, mean = delay
        left = at_ms - fixed * 1000.0
        if left <= 0:
            return 0.0
        quantiles = (np.arange(4000) + 0.5) / 4000
        delays = -np.log1p(-quantiles) * mean * 1000.0
        return float(np.where(delays < left, self.cdf(left - delays), 0.0).mean())

    @property
    def short_mean_ms(self) -> float:
        """Mean of the part of a gap that is not a come-back-later gap, over all gaps."""
        active_mean = ACTIVE_MEDIAN_MS * np.exp(ACTIVE_SIGMA**2 / 2)
        return float(self.autoplay * AUTOPLAY_SPREAD_MS / 2 + (1 - self.autoplay - self.later) * active_mean)


@dataclass(frozen=True)
class Behaviour:
    """All laws of one world. Hazards are by class, series and episode: (4, S, MAX_EPISODES + 2)."""

    class_weights: Array
    """By surface and class, (5, 4)."""
    exit_hazard: Array
    story_hazard: Array
    """Before the surface's factor; use `story`."""
    skip_share: float
    scrub_share: float
    pause_share: float
    preload_share: float
    gaps: tuple[GapLaw, ...]
    """By surface."""
    first_gate: Array
    first_gate_ad_failed: Array
    discount_effect: float

    def story(self, viewer_class: Array, series: Array, surface: Array, seq: Array) -> Array:
        """Return the probability of leaving for good after completing episode `seq`."""
        return np.asarray(np.minimum(self.story_hazard[viewer_class, series, seq] * SURFACE_STORY[surface], 0.9))


def build_behaviour(parameters: WorldParameters, catalogue: Catalogue) -> Behaviour:
    """Compute the laws from the planted parameters."""
    weights = np.array(parameters.class_weights) / sum(parameters.class_weights)
    by_surface = np.concatenate([np.outer(1.0 - ANONYMOUS_SHARE, weights), ANONYMOUS_SHARE[:, None]], axis=1)
    multipliers = np.array([*parameters.class_multipliers, 2.0 * parameters.class_multipliers[0]])
    seq = np.arange(MAX_EPISODES + 2, dtype=np.float64)
    exit_curve = parameters.exit_level + parameters.exit_opening * np.exp(-(seq - 1) / 2)
    story_curve = parameters.story_level + parameters.story_opening * np.exp(-(seq - 1) / 4)
    exit_hazard = multipliers[:, None, None] * catalogue.appeal[None, :, None] * exit_curve
    story_hazard = (
        multipliers[:, None, None]
        * catalogue.appeal[None, :, None]
        * story_curve
        * catalogue.story_multiplier[None, :, :]
    )
    tiktok = GapLaw(
        parameters.autoplay_share_tiktok,
        parameters.later_share_tiktok,
        parameters.later_median_hours * 3.6e6,
        parameters.later_spread,
    )
    own = GapLaw(
        parameters.autoplay_share_own,
        parameters.later_share_own,
        parameters.later_median_hours * 3.6e6,
        parameters.later_spread,
    )
    first_gate = FIRST_GATE * parameters.gate_scale
    failed = FIRST_GATE_AD_FAILED * parameters.gate_scale
    lifted = first_gate[MINIS].sum() + first_gate[MINIS, :3].sum() * max(parameters.discount_effect, 0.0)
    if lifted + failed[MINIS] > 1 or (first_gate.sum(axis=1) + failed).max() > 1:
        raise ValueError("gate_scale and discount_effect together make more than everyone pass the gate; lower one")
    return Behaviour(
        class_weights=by_surface,
        exit_hazard=np.minimum(exit_hazard, 0.6),
        story_hazard=story_hazard,
        skip_share=parameters.skip_share,
        scrub_share=parameters.scrub_share,
        pause_share=parameters.pause_share,
        preload_share=parameters.preload_share,
        gaps=tuple(tiktok if surface in (MINIS, DRAMA_CENTER) else own for surface in range(5)),
        first_gate=first_gate,
        first_gate_ad_failed=failed,
        discount_effect=parameters.discount_effect,
    )


def first_gate_probabilities(behaviour: Behaviour, surface: int, coin_lift: float) -> Array:
    """Return P of each access mode at a first gate, by mode code (8,), with a failed advertisement at index 0.

    Coin modes are multiplied by 1 + coin_lift; what is left to one is the bounce.
    """
    found = np.zeros(8)
    found[list(PASSING_MODES)] = behaviour.first_gate[surface]
    found[[COIN_SINGLE, COIN_BLOCK, COIN_ALL]] *= 1.0 + coin_lift
    found[0] = behaviour.first_gate_ad_failed[surface]
    return found


def entry_class_mix(behaviour: Behaviour, catalogue: Catalogue, last_seq: int) -> Array:
    """Return the class mix of those who reach each free episode, (S, 5, last_seq + 1, 4); row 0 unused.

    Only story and in-episode exits act before the first gate, so this needs no gate law.
    """
    mix = np.zeros((catalogue.n_series, 5, last_seq + 1, 4))
    mix[:, :, 1, :] = behaviour.class_weights[None]
    classes = np.arange(4)
    for seq in range(1, last_seq):
        for surface in range(5):
            story = behaviour.story(
                classes[:, None], np.arange(catalogue.n_series)[None], np.full(1, surface), np.full(1, seq)
            )
            exits = behaviour.exit_hazard[:, :, seq]
            stay = (1 - exits) * (behaviour.skip_share + (1 - behaviour.skip_share) * (1 - story))
            mix[:, surface, seq + 1, :] = mix[:, surface, seq, :] * stay.T
    total = mix.sum(axis=3, keepdims=True)
    return np.asarray(np.divide(mix, total, out=np.zeros_like(mix), where=total > 0))
