"""Walk every journey through its episodes: playbacks, completions and gate opportunities, followed to the end.

Paths are complete: they run past the world's end. What is received by then is decided later, on delivery.
"""

import numpy as np

from dagster_project.simulator.arrays import JOURNEY_STREAM, Array, random_stream
from dagster_project.simulator.behaviour import (
    AD_DELAY,
    EARLY_STOP_SHARE,
    FIRST_PAYMENT_DELAY,
    PAUSE_FLOOR_MS,
    PAUSE_MEAN_MS,
    REPEAT_AD_FAILED,
    REPEAT_BOUNCE,
    REPEAT_PAYMENT_DELAY,
    Behaviour,
    first_gate_probabilities,
)
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.paths import (
    FULL,
    FULL_STOP,
    NO_EXPERIMENT,
    PARTIAL,
    PRELOAD,
    SCRUB,
    Columns,
    Completions,
    Gates,
    Paths,
    Playbacks,
)
from dagster_project.simulator.viewers import CHUNK_PERSONS, INVALID, Journeys, Persons, leave_delisted
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
    EXEMPT,
    EXT_IOS,
    GATE_BOUNCE,
    IN_EPISODE_EXIT,
    MINIS,
    OPEN,
    PROMO,
    PROMO_PASS,
    STORY_EXIT,
    SUBSCRIPTION,
    SUBSCRIPTION_PASS,
)

_OUTCOME_OF_MODE = np.array(
    [
        GATE_BOUNCE,
        STORY_EXIT,
        COIN_UNLOCK,
        COIN_UNLOCK,
        COIN_UNLOCK,
        AD_UNLOCK,
        SUBSCRIPTION_PASS,
        PROMO_PASS,
    ]
)


def walk(
    parameters_seed: int, catalogue: Catalogue, behaviour: Behaviour, persons: Persons, journeys: Journeys
) -> Paths:
    """Walk all journeys of a chunk to their ends."""
    generator = random_stream(parameters_seed, JOURNEY_STREAM, int(persons.number[0]) // CHUNK_PERSONS)
    return _Walk(generator, catalogue, behaviour, persons, journeys).run()


class _Walk:
    def __init__(
        self,
        generator: np.random.Generator,
        catalogue: Catalogue,
        behaviour: Behaviour,
        persons: Persons,
        journeys: Journeys,
    ) -> None:
        self.generator, self.catalogue, self.behaviour = generator, catalogue, behaviour
        self.persons, self.journeys = persons, journeys
        size = len(journeys)
        self.seq = journeys.entry_seq.copy()
        self.at = journeys.start_ms.copy()
        self.mode = np.where(journeys.is_exempt, EXEMPT, OPEN)
        self.cover_to = np.where(journeys.is_exempt, 1 << 20, 0)
        self.gate = np.full(size, -1)
        self.autoplay = np.zeros(size, dtype=bool)
        self.experiment = np.where(
            journeys.surface == MINIS, 0, np.where(journeys.surface >= EXT_IOS, 1, NO_EXPERIMENT)
        )
        self.experiment[(journeys.surface == MINIS) & (journeys.series == catalogue.roles.get("broken_split", -1))] = 2
        self.arm = np.where(
            self.experiment >= 0, persons.arms[np.maximum(self.experiment, 0), journeys.person], 0
        ).astype(np.int64)
        self.never_pays = (journeys.viewer_class == ANONYMOUS) | (persons.role[journeys.person] == INVALID)
        self.playbacks, self.completions, self.gates = Columns(), Columns(), Columns()
        self.gate_probabilities = np.stack(
            [
                np.stack([first_gate_probabilities(behaviour, surface, lift) for surface in range(5)])
                for lift in (0.0, behaviour.discount_effect)
            ]
        )

    def run(self) -> Paths:
        active = np.arange(len(self.journeys))
        while len(active):
            active = self._step(active)
        return Paths(self.playbacks.build(Playbacks), self.completions.build(Completions), self.gates.build(Gates))

    def _step(self, who: Array) -> Array:
        """Play one episode for each active journey and return those that go on to the next."""
        generator, catalogue, behaviour = self.generator, self.catalogue, self.behaviour
        series, surface = self.journeys.series[who], self.journeys.surface[who]
        viewer_class, country = self.journeys.viewer_class[who], self.journeys.country[who]
        seq, at, size = self.seq[who], self.at[who], len(who)
        has_next = seq < catalogue.total_episodes[series]
        free = catalogue.free_count(series, surface, country, at)
        gated = has_next & (seq + 1 > free) & (seq + 1 > self.cover_to[who])

        leaves = generator.random(size) < behaviour.exit_hazard[viewer_class, series, seq]
        skips = ~leaves & (generator.random(size) < behaviour.skip_share) & has_next & ~gated
        completes = ~leaves & ~skips
        part = generator.random(size)
        stops_early = generator.random(size) < EARLY_STOP_SHARE
        scrubs = generator.random(size) < behaviour.scrub_share
        shape = np.where(
            completes, np.where(stops_early, FULL_STOP, FULL), np.where(leaves & scrubs & (part < 0.9), SCRUB, PARTIAL)
        )
        fraction = np.where(
            completes, np.where(stops_early, 0.93 + 0.07 * part, 1.0), 0.05 + np.where(skips, 0.65, 0.80) * part
        )
        pause = np.where(
            completes & (generator.random(size) < behaviour.pause_share),
            PAUSE_FLOOR_MS + generator.exponential(PAUSE_MEAN_MS, size),
            0,
        ).astype(np.int64)
        self.playbacks.add(
            journey=who,
            seq=seq,
            start_ms=at,
            fraction=fraction,
            shape=shape,
            pause_ms=pause,
            is_autoplay=self.autoplay[who],
            access=self._access(who, seq, free),
            gate=self._current_gate(who, seq, free),
        )
        played_to = at + np.rint(fraction * catalogue.duration_ms[series, seq]).astype(np.int64) + pause

        story = generator.random(size) < behaviour.story(viewer_class, series, surface, seq)
        story |= gated & self.never_pays[who]
        wants = has_next & (skips | (completes & ~story))
        gap, by_autoplay = self._draw_gap(surface, size)
        wanted_at = played_to + gap
        wants, wanted_at, by_autoplay = self._wait_for_release(wants, series, seq, wanted_at, by_autoplay)
        wanted_at = leave_delisted(catalogue, series, surface, wanted_at)

        passed, next_at = wants.copy(), wanted_at.copy()
        outcome = np.where(leaves, IN_EPISODE_EXIT, STORY_EXIT)
        at_gate = np.flatnonzero(gated)
        if len(at_gate):
            meets = at_gate[wants[at_gate]]
            self._resolve_gates(who[meets], seq[meets] + 1, meets, wanted_at, passed, next_at, outcome)
            by_autoplay = by_autoplay & ~gated
            first_gate_row = self.gates.size
            journey = who[at_gate]
            self.gates.add(
                journey=journey,
                seq=seq[at_gate] + 1,
                started_ms=at[at_gate],
                outcome=outcome[at_gate],
                offered_ms=np.where(wants[at_gate], wanted_at[at_gate], -1),
                passed_ms=np.where(passed[at_gate], next_at[at_gate] - 500, -1),
                cover_to=np.where(
                    passed[at_gate], np.minimum(self.cover_to[journey], catalogue.total_episodes[series[at_gate]]), 0
                ),
                mode=self.mode[journey],
                is_first=self.gate[journey] < 0,
                experiment=self.experiment[journey],
                arm=self.arm[journey],
            )
            self.gate[journey] = np.where(passed[at_gate], first_gate_row + np.arange(len(at_gate)), self.gate[journey])

        self._preload(who, completes & has_next & story & ~gated, played_to)
        self._record_completions(who, completes & has_next, played_to, passed, next_at, by_autoplay)
        onward = who[passed]
        self.seq[onward] += 1
        self.at[onward] = next_at[passed]
        self.autoplay[onward] = by_autoplay[passed]
        return onward

    def _preload(self, who: Array, may: Array, ended_at: Array) -> None:
        """The player fetches the next episode although the viewer leaves: under a second played, no start."""
        drawn = self.generator.random(len(who)) < self.behaviour.preload_share
        played = self.generator.integers(120, 900, len(who))
        series, seq = self.journeys.series[who], self.seq[who] + 1
        at = ended_at + 150
        listed = leave_delisted(self.catalogue, series, self.journeys.surface[who], at) == at
        rows = np.flatnonzero(may & drawn & listed & (self.catalogue.published_ms[series, seq] <= at))
        if len(rows) == 0:
            return
        duration = self.catalogue.duration_ms[series[rows], seq[rows]]
        self.playbacks.add(
            journey=who[rows],
            seq=seq[rows],
            start_ms=at[rows],
            fraction=played[rows] / duration,
            shape=np.full(len(rows), PRELOAD),
            pause_ms=np.zeros(len(rows), dtype=np.int64),
            is_autoplay=np.ones(len(rows), dtype=bool),
            access=np.zeros(len(rows), dtype=np.int64),
            gate=np.full(len(rows), -1),
        )

    def _draw_gap(self, surface: Array, size: int) -> tuple[Array, Array]:
        """Draw from both gap laws, so that the stream does not depend on who is where."""
        tiktok_gap, tiktok_autoplay = self.behaviour.gaps[MINIS].draw(self.generator, size)
        own_gap, own_autoplay = self.behaviour.gaps[EXT_IOS].draw(self.generator, size)
        own = surface >= EXT_IOS
        return np.where(own, own_gap, tiktok_gap), np.where(own, own_autoplay, tiktok_autoplay)

    def _wait_for_release(
        self, wants: Array, series: Array, seq: Array, wanted_at: Array, by_autoplay: Array
    ) -> tuple[Array, Array, Array]:
        """Half of those who meet an episode not yet out come back for it within days of its release."""
        published = self.catalogue.published_ms[series, seq + 1]
        early = wants & (published > wanted_at)
        if not early.any():
            return wants, wanted_at, by_autoplay
        patient = self.generator.random(len(series)) < 0.5
        wait = self.generator.exponential(1.2 * 86_400_000, len(series)).astype(np.int64)
        wanted_at = np.where(early, published + wait, wanted_at)
        return wants & ~(early & ~patient), wanted_at, by_autoplay & ~early

    def _resolve_gates(
        self,
        journey: Array,
        locked_seq: Array,
        position: Array,
        wanted_at: Array,
        passed: Array,
        next_at: Array,
        outcome: Array,
    ) -> None:
        """Decide what each offered gate leads to; writes into passed, next_at and outcome at `position`."""
        draw = self.generator.random(len(journey))
        fixed_draw = self.generator.exponential(1.0, len(journey))
        surface = self.journeys.surface[journey]
        is_first = self.mode[journey] == OPEN
        lifted = ((self.experiment[journey] == 0) & (self.arm[journey] == 1)).astype(np.int64)
        cumulative = np.cumsum(self.gate_probabilities[lifted, surface], axis=1)
        mode = (draw[:, None] >= cumulative).sum(axis=1)
        # Column 0 holds the failed advertisement, 8 is past the last mode: the bounce.
        first_outcome = np.where(
            mode == 0, AD_FAILED, np.where(mode == 8, GATE_BOUNCE, _OUTCOME_OF_MODE[np.minimum(mode, 7)])
        )
        held = self.mode[journey]
        bounce = np.select([held == code for code in REPEAT_BOUNCE], list(REPEAT_BOUNCE.values()), 0.0)
        failed = np.where(held == AD, REPEAT_AD_FAILED, 0.0)
        repeat_outcome = np.where(
            draw < bounce, GATE_BOUNCE, np.where(draw < bounce + failed, AD_FAILED, _OUTCOME_OF_MODE[held])
        )
        found = np.where(is_first, first_outcome, repeat_outcome)
        passes = (found != GATE_BOUNCE) & (found != AD_FAILED)
        new_mode = np.where(is_first & passes, np.minimum(mode, 7), held)
        self.mode[journey] = new_mode
        total = self.catalogue.total_episodes[self.journeys.series[journey]]
        cover = np.where(
            np.isin(new_mode, (COIN_ALL, SUBSCRIPTION, PROMO)),
            total,
            np.where(new_mode == COIN_BLOCK, np.minimum(locked_seq + BLOCK_EPISODES - 1, total), locked_seq),
        )
        self.cover_to[journey] = np.where(passes, cover, self.cover_to[journey])
        coin = np.isin(new_mode, (COIN_SINGLE, COIN_BLOCK, COIN_ALL))
        delay = np.where(
            new_mode == AD,
            AD_DELAY[0] + AD_DELAY[1] * fixed_draw,
            np.where(
                coin & ~is_first,
                REPEAT_PAYMENT_DELAY[0] + REPEAT_PAYMENT_DELAY[1] * fixed_draw,
                FIRST_PAYMENT_DELAY[0] + FIRST_PAYMENT_DELAY[1] * fixed_draw,
            ),
        )
        outcome[position] = found
        passed[position] = passes
        next_at[position] = wanted_at[position] + np.rint(delay * 1000).astype(np.int64)

    def _record_completions(
        self, who: Array, completes: Array, at: Array, passed: Array, next_at: Array, by_autoplay: Array
    ) -> None:
        catalogue = self.catalogue
        rows = np.flatnonzero(completes)
        journey = who[rows]
        series, done_at = self.journeys.series[journey], at[rows]
        published = catalogue.published_ms[series, self.seq[journey] + 1] <= done_at
        listed = leave_delisted(catalogue, series, self.journeys.surface[journey], done_at) == done_at
        self.completions.add(
            journey=journey,
            seq=self.seq[journey],
            at_ms=done_at,
            gap_ms=np.where(passed[rows], next_at[rows] - done_at, -1),
            is_autoplay=by_autoplay[rows],
            is_available=published & listed,
        )

    def _access(self, who: Array, seq: Array, free: Array) -> Array:
        """Return the access type code of the episode now played."""
        own = self.journeys.surface[who] >= EXT_IOS
        coin = np.where(own, 2, 1)
        by_mode = np.select([self.mode[who] == code for code in (EXEMPT, AD, SUBSCRIPTION, PROMO)], [5, 3, 4, 6], 0)
        paid = np.where(np.isin(self.mode[who], (COIN_SINGLE, COIN_BLOCK, COIN_ALL)), coin, by_mode)
        return np.where(seq > free, paid, 0)

    def _current_gate(self, who: Array, seq: Array, free: Array) -> Array:
        return np.where((seq > free) & (seq <= self.cover_to[who]), self.gate[who], -1)
