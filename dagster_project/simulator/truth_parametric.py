"""Parametric truth: reach, survival, continuation and gate shares computed from the planted laws alone.

A recursion carries the mass of every (class, access mode) state from episode to episode. Only boundaries under one
time-free law are computed (`Catalogue.steady_boundaries`); the mix over surfaces uses the entrants drawn.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.signal import fftconvolve
from scipy.stats import binom

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.behaviour import (
    AD_DELAY,
    EARLY_STOP_SHARE,
    EXEMPT_SHARE,
    FIRST_PAYMENT_DELAY,
    PAUSE_FLOOR_MS,
    PAUSE_MEAN_MS,
    REPEAT_AD_FAILED,
    REPEAT_BOUNCE,
    REPEAT_PAYMENT_DELAY,
    Behaviour,
    GapLaw,
    first_gate_probabilities,
)
from dagster_project.simulator.catalogue import MAX_EPISODES, Catalogue
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.vocabulary import (
    AD,
    AD_FAILED,
    AD_UNLOCK,
    ANONYMOUS,
    BLOCK_EPISODES,
    COIN_ALL,
    COIN_BLOCK,
    COIN_SINGLE,
    COIN_UNLOCK,
    CONTINUATION_WINDOW_SECONDS,
    EXEMPT,
    GATE_BOUNCE,
    GATE_WINDOW_HOURS,
    HORIZON_HOURS,
    IN_EPISODE_EXIT,
    MINIS,
    OPEN,
    OUTCOMES,
    PROMO,
    PROMO_PASS,
    STORY_EXIT,
    SUBSCRIPTION,
    SUBSCRIPTION_PASS,
    SURVIVAL_WINDOW_DAYS,
)

_GRID_MS = 120_000
_MOST_RETURNS = 30
# Against windows of a day or more the exact length of an episode before a gate moves nothing that can be seen.
_TYPICAL_EPISODE_MS = 75_000
_OUTCOME_OF_MODE = {
    COIN_SINGLE: COIN_UNLOCK,
    COIN_BLOCK: COIN_UNLOCK,
    COIN_ALL: COIN_UNLOCK,
    AD: AD_UNLOCK,
    SUBSCRIPTION: SUBSCRIPTION_PASS,
    PROMO: PROMO_PASS,
}
_WINDOWS_MS = np.array(CONTINUATION_WINDOW_SECONDS, dtype=np.float64) * 1000


@dataclass(frozen=True)
class SeriesLaw:
    """Closed forms of one series on one surface, by episode 1..last (index 0 unused); masses per entrant at 1."""

    last: int
    reach_mass: Array
    """(last + 1,) probability of ever reaching the episode."""
    reach_by_horizon: Array
    """(last + 1, horizons)."""
    continue_by_days: Array
    """(last + 1, survival windows): mass that starts the next episode within the window of this one's start."""
    complete_mass: Array
    """(last + 1,)"""
    continue_by_seconds: Array
    """(last + 1, windows, 2): autoplay and active mass."""
    gate_mass: Array
    """(last + 1,) mass of opportunities at the boundary after the episode."""
    gate_outcomes: Array
    """(last + 1, gate windows, outcomes)."""


class ReturnSums:
    """Distribution of the sum of come-back-later gaps over a number of boundaries, on a fine grid up to 28 days."""

    def __init__(self, law: GapLaw) -> None:
        cells = HORIZON_HOURS[-1] * 3_600_000 // _GRID_MS
        edges = (np.arange(-1, cells + 1) + 0.5) * _GRID_MS
        self._edges = edges[1:]
        single = np.diff(law.later_cdf(np.maximum(edges, 0.0)))
        mass = np.zeros(len(single))
        mass[0] = 1.0
        tables = [np.ones(len(single))]
        for _ in range(_MOST_RETURNS):
            mass = np.maximum(fftconvolve(mass, single)[: len(single)], 0.0)
            tables.append(np.cumsum(mass))
        self._tables = np.stack(tables)
        counts = np.arange(_MOST_RETURNS + 1)
        self._weights = binom.pmf(counts[None, :], np.arange(MAX_EPISODES + 1)[:, None], law.later)

    def cdf(self, boundaries: int, at_ms: Array) -> Array:
        """Return P(sum of the returns among `boundaries` gaps <= at), in the shape of `at_ms`."""
        place = np.clip((at_ms - self._edges[0]) / _GRID_MS, 0.0, len(self._edges) - 1.000001)
        cell = place.astype(np.int64)
        part = place - cell
        tables = self._tables[:, cell] * (1 - part) + self._tables[:, cell + 1] * part
        found = np.tensordot(self._weights[boundaries], tables, axes=1)
        return np.asarray(np.where(at_ms >= 0, found, 0.0))


class ParametricAudience:
    """Computes `SeriesLaw`s for every series and surface of a world."""

    def __init__(self, parameters: WorldParameters, catalogue: Catalogue, behaviour: Behaviour) -> None:
        self._parameters, self._catalogue, self._behaviour = parameters, catalogue, behaviour
        self._sums = {law: ReturnSums(law) for law in dict.fromkeys(behaviour.gaps)}
        self._delayed = cache(lambda law, at, delay: law.delayed_cdf(at, delay))

    def law(self, series: int, surface: int) -> SeriesLaw | None:
        """Return the closed forms, None where no boundary follows a time-free law."""
        last = self._catalogue.steady_boundaries(series, surface)
        if last < 2:
            return None
        behaviour, gap = self._behaviour, self._behaviour.gaps[surface]
        classes = np.arange(4)
        exempt = _exempt_share(surface)
        mass = np.zeros((4, 8))
        mass[:, OPEN] = behaviour.class_weights[surface] * (1 - exempt)
        mass[:, EXEMPT] = behaviour.class_weights[surface] * exempt
        shift = np.zeros(8)
        result = _empty_law(last)
        horizons = np.array(HORIZON_HOURS, dtype=np.float64) * 3.6e6
        for seq in range(1, last + 1):
            reached = mass.sum(axis=0)
            result.reach_mass[seq] = reached.sum()
            inside = self._sums[gap].cdf(seq - 1, horizons[None, :] - shift[:, None])
            result.reach_by_horizon[seq] = reached @ inside
            if seq == last:
                break
            duration = float(self._catalogue.duration_ms[series, seq])
            free = int(self._catalogue.free_episodes[series, surface])
            exits = behaviour.exit_hazard[:, series, seq]
            story = behaviour.story(classes, np.full(4, series), np.full(4, surface), np.full(4, seq))
            gated = _gated_modes(seq, free)
            mass = self._boundary(result, seq, mass, exits, story, gated, gap, duration, series, surface)
            shift = shift + self._mean_step(duration, gap) + np.where(gated, _mean_delay(seq == free), 0.0)
            if seq == free:
                shift[list(_OUTCOME_OF_MODE)] += _FIRST_DELAY_MEANS
        return result

    def _boundary(
        self,
        result: SeriesLaw,
        seq: int,
        mass: Array,
        exits: Array,
        story: Array,
        gated: Array,
        gap: GapLaw,
        duration: float,
        series: int,
        surface: int,
    ) -> Array:
        """Move the mass over one boundary; writes what happens into `result` at `seq` and returns the new mass."""
        skip = self._behaviour.skip_share
        stay = (1 - exits)[:, None]
        keen = (1 - story)[:, None]
        flowing = mass * ~gated
        waiting = mass * gated
        going = flowing * stay * (skip + (1 - skip) * keen)
        finished = flowing * stay * (1 - skip)
        days = np.array(SURVIVAL_WINDOW_DAYS, dtype=np.float64) * 8.64e7
        result.continue_by_days[seq] += going.sum() * gap.cdf(days - duration)
        result.complete_mass[seq] += finished.sum()
        went_on = (finished * keen).sum()
        result.continue_by_seconds[seq, :, 0] += went_on * gap.autoplay_cdf(_WINDOWS_MS)
        result.continue_by_seconds[seq, :, 1] += went_on * gap.active_cdf(_WINDOWS_MS)

        new = going.copy()
        if not waiting.any():
            return np.asarray(new)
        keen = keen.copy()
        keen[ANONYMOUS] = 0.0
        complete = waiting * stay
        wants = (complete * keen).sum(axis=0)
        arriving = np.zeros((4, 8))
        hours = np.array(GATE_WINDOW_HOURS, dtype=np.float64) * 3.6e6
        offered = gap.cdf(hours - duration)
        result.gate_mass[seq] = waiting.sum()
        result.complete_mass[seq] += complete.sum()
        outcomes = result.gate_outcomes[seq]
        outcomes[:, IN_EPISODE_EXIT] = (waiting * (1 - stay)).sum()
        outcomes[:, STORY_EXIT] = (complete * (1 - keen)).sum() + wants.sum() * (1 - offered)
        for held in np.flatnonzero(gated & (waiting.sum(axis=0) > 0)).tolist():
            share = (complete * keen)[:, held]
            for mode, probability, delay in self._ways(held, series, surface):
                amount = probability * share.sum()
                if mode < 0:
                    outcomes[:, GATE_BOUNCE if mode == -1 else AD_FAILED] += amount * offered
                    continue
                outcome = _OUTCOME_OF_MODE[mode]
                arriving[:, mode] += probability * share
                passed = np.array([self._delayed(gap, float(at) - _TYPICAL_EPISODE_MS, delay) for at in hours])
                outcomes[:, outcome] += amount * passed
                outcomes[:, GATE_BOUNCE] += amount * (offered - passed)
                within = np.array([self._delayed(gap, float(at), delay) for at in _WINDOWS_MS])
                result.continue_by_seconds[seq, :, 1] += amount * within
                result.continue_by_days[seq] += amount * np.array(
                    [self._delayed(gap, float(at) - _TYPICAL_EPISODE_MS, delay) for at in days]
                )
        return np.asarray(new + arriving)

    def _ways(self, held: int, series: int, surface: int) -> list[tuple[int, float, tuple[float, float]]]:
        """Return (new mode, probability, delay) at a gate; mode -1 is the bounce, -2 the failed advertisement."""
        if held != OPEN:
            bounce = REPEAT_BOUNCE[held]
            failed = REPEAT_AD_FAILED if held == AD else 0.0
            delay = AD_DELAY if held == AD else REPEAT_PAYMENT_DELAY
            return [(held, 1 - bounce - failed, delay), (-1, bounce, delay), (-2, failed, delay)]
        lifted = surface == MINIS and series != self._catalogue.roles.get("broken_split", -1)
        lift = self._behaviour.discount_effect if lifted else 0.0
        mean = (
            first_gate_probabilities(self._behaviour, surface, 0.0)
            + first_gate_probabilities(self._behaviour, surface, lift)
        ) / 2
        ways = [(mode, float(mean[mode]), AD_DELAY if mode == AD else FIRST_PAYMENT_DELAY) for mode in _OUTCOME_OF_MODE]
        return [*ways, (-2, float(mean[0]), AD_DELAY), (-1, float(1 - mean.sum()), FIRST_PAYMENT_DELAY)]

    def _mean_step(self, duration: float, gap: GapLaw) -> float:
        """Mean time from one start to the next, without returns and gate delays, of a viewer who goes on."""
        behaviour = self._behaviour
        pause = behaviour.pause_share * (PAUSE_FLOOR_MS + PAUSE_MEAN_MS)
        whole = duration * (1 - EARLY_STOP_SHARE * 0.035) + pause
        return (1 - behaviour.skip_share) * whole + behaviour.skip_share * 0.375 * duration + gap.short_mean_ms


def _gated_modes(seq: int, free: int) -> Array:
    """Return for each access mode whether the episode after `seq` is locked for it."""
    gated = np.zeros(8, dtype=bool)
    gated[OPEN] = seq == free
    gated[[COIN_SINGLE, AD]] = seq > free
    gated[COIN_BLOCK] = seq > free and (seq - free) % BLOCK_EPISODES == 0
    return gated


def _mean_delay(is_first: bool) -> Array:
    """Mean delay in ms at a repeated gate by the mode held; the first gate's delay depends on the mode taken."""
    delays = np.zeros(8)
    if not is_first:
        delays[[COIN_SINGLE, COIN_BLOCK]] = sum(REPEAT_PAYMENT_DELAY) * 1000
        delays[AD] = sum(AD_DELAY) * 1000
    return delays


_FIRST_DELAY_MEANS = 1000 * np.array(
    [sum(AD_DELAY) if mode == AD else sum(FIRST_PAYMENT_DELAY) for mode in _OUTCOME_OF_MODE]
)


def _exempt_share(surface: int) -> Array:
    share = np.full(4, EXEMPT_SHARE[surface])
    share[ANONYMOUS] = 0.0
    return share


def _empty_law(last: int) -> SeriesLaw:
    size = last + 1
    return SeriesLaw(
        last=last,
        reach_mass=np.zeros(size),
        reach_by_horizon=np.zeros((size, len(HORIZON_HOURS))),
        continue_by_days=np.zeros((size, len(SURVIVAL_WINDOW_DAYS))),
        complete_mass=np.zeros(size),
        continue_by_seconds=np.zeros((size, len(_WINDOWS_MS), 2)),
        gate_mass=np.zeros(size),
        gate_outcomes=np.zeros((size, len(GATE_WINDOW_HOURS), len(OUTCOMES))),
    )
