"""Studios, series and episodes of a world, with the rules that say which episode is locked for whom and when."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from dagster_project.simulator.arrays import CATALOGUE_STREAM, Array, random_stream
from dagster_project.simulator.markets import COUNTRIES
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.titles import CLIFFHANGER_LABELS
from dagster_project.simulator.vocabulary import DRAMA_CENTER, EXT_IOS, MILLISECONDS_PER_DAY, MINIS

MAX_EPISODES = 100
FAR_FUTURE_MS = 1 << 50
ROLES = ("recent", "releasing", "delisted", "free_change", "country_variant", "broken_split")
"""Series that play a special part; they exist when a world has at least eight series."""
COUNTRY_VARIANT = ("JP", "US")
"""Markets where one series gives two more free episodes."""


@dataclass(frozen=True)
class Catalogue:
    """Arrays by series (S,) or series x episode_seq (S, MAX_EPISODES + 2; column 0 unused); times in epoch ms."""

    start_ms: int
    end_ms: int
    studio: Array
    total_episodes: Array
    duration_ms: Array
    published_ms: Array
    initial_episodes: Array
    label: Array
    """Index into CLIFFHANGER_LABELS, -1 without a label."""
    story_multiplier: Array
    bad_ending: Array
    appeal: Array
    popularity: Array
    price_tokens: Array
    """List price of one episode, a multiple of ten so that a tenth off is whole."""
    free_episodes: Array
    """Free episodes by series and surface, (S, 5), before any change or country variant."""
    roles: dict[str, int]
    free_change_ms: int
    free_change_to: int
    delisted_from_ms: int
    delisted_to_ms: int

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.studio)

    def free_count(self, series: Array, surface: Array, country: Array, at_ms: Array) -> Array:
        """Return the free episodes that hold for each (series, surface, country) at a time, all of shape (n,)."""
        free = self.free_episodes[series, surface].copy()
        changed = self.roles.get("free_change", -1)
        free[(series == changed) & (surface == MINIS) & (at_ms >= self.free_change_ms)] = self.free_change_to
        variant = self.roles.get("country_variant", -1)
        generous = np.isin(country, [COUNTRIES.index(code) for code in COUNTRY_VARIANT])
        free[(series == variant) & generous] += 2
        return free

    def steady_boundaries(self, series: int, surface: int) -> int:
        """Return the number of leading episodes whose transitions follow one time-free law.

        Past it (a changed or market-dependent lock, an episode still to be published, a delisting) there is no
        closed form and only realised truth is given.
        """
        if series == self.roles.get("delisted", -1) and surface == MINIS:
            return 0
        if series == self.roles.get("free_change", -1) and surface == MINIS:
            return int(min(self.free_episodes[series, surface], self.free_change_to))
        if series == self.roles.get("country_variant", -1):
            return int(self.free_episodes[series, surface])
        return int(self.initial_episodes[series])


def series_id(index: int) -> str:
    """Return the id of a series: text, short, stable."""
    return f"S{index + 1:03d}"


def studio_id(index: int) -> str:
    """Return the id of a studio."""
    return f"studio-{index + 1:02d}"


def episode_id(series: int, seq: int) -> str:
    """Return the id of an episode."""
    return f"S{series + 1:03d}-E{seq:03d}"


def build_catalogue(parameters: WorldParameters) -> Catalogue:
    """Draw the catalogue of a world from its seed."""
    generator = random_stream(parameters.seed, CATALOGUE_STREAM)
    count, days = parameters.series, parameters.days
    start = datetime.combine(parameters.start, time(), tzinfo=UTC)
    start_ms = int(start.timestamp() * 1000)
    roles = {role: count - 1 - position for position, role in enumerate(ROLES)} if count >= 8 else {}
    width = MAX_EPISODES + 2

    total = generator.integers(60, 81, count)
    total[generator.random(count) < 0.25] = generator.integers(81, MAX_EPISODES + 1)
    free = 8 + np.arange(count) % 3
    duration = generator.integers(60_000, 90_001, (count, width))
    duration = duration // 40 * 40
    released_day = np.where(np.arange(count) % 3 == 2, generator.integers(3, max(4, days // 2), count), -30)
    released_day[: min(2, count)] = -45
    for role in roles.values():
        released_day[role] = -20
    if roles:
        released_day[roles["recent"]] = days - 21 if days > 28 else days // 2
        released_day[roles["releasing"]] = -8
    published = np.repeat((start_ms + released_day * MILLISECONDS_PER_DAY + 9 * 3_600_000)[:, None], width, axis=1)
    initial = total.copy()
    if roles:
        _stagger_release(roles["releasing"], initial, total, published, start_ms, days)
    for index in range(count):
        published[index, total[index] + 1 :] = FAR_FUTURE_MS

    label, bad = _plan_endings(generator, total, free)
    multiplier = np.where(label >= 0, parameters.cliff_multiplier, 1.0)
    multiplier[bad] = parameters.bad_ending_multiplier
    appeal = np.exp(generator.normal(0, 0.15, count))
    popularity = np.exp(generator.normal(0, 0.45, count))
    if roles:
        popularity[roles["recent"]] *= 3.0
        popularity[roles["broken_split"]] = 0.7 * popularity.mean()
    price = generator.choice(np.array([30, 40, 50]), count)
    by_surface = np.repeat(free[:, None], 5, axis=1)
    by_surface[np.arange(count) % 4 == 1, EXT_IOS:] += 1
    by_surface[:, DRAMA_CENTER] = free

    change_day = int(days * 0.4)
    while (start + timedelta(days=change_day)).weekday() != 2:
        change_day += 1
    delisted_day = int(days * 0.42)
    return Catalogue(
        start_ms=start_ms,
        end_ms=start_ms + days * MILLISECONDS_PER_DAY,
        studio=np.arange(count) % parameters.studios,
        total_episodes=total,
        duration_ms=duration,
        published_ms=published,
        initial_episodes=initial,
        label=label,
        story_multiplier=multiplier,
        bad_ending=bad,
        appeal=appeal,
        popularity=popularity,
        price_tokens=price,
        free_episodes=by_surface,
        roles=roles,
        free_change_ms=start_ms + change_day * MILLISECONDS_PER_DAY + MILLISECONDS_PER_DAY // 2,
        free_change_to=int(free[roles["free_change"]]) - 2 if roles else 0,
        delisted_from_ms=start_ms + delisted_day * MILLISECONDS_PER_DAY,
        delisted_to_ms=start_ms + (delisted_day + max(1, min(4, days // 10))) * MILLISECONDS_PER_DAY,
    )


def _stagger_release(series: int, initial: Array, total: Array, published: Array, start_ms: int, days: int) -> None:
    """Publish the first episodes at once and the others one by one, some of them after the world's end."""
    first = 24
    initial[series] = first
    waiting = int(total[series]) - first
    begin, finish = 5.0, days + 12.0
    for position in range(waiting):
        day = begin + (finish - begin) * position / (waiting - 1)
        published[series, first + 1 + position] = start_ms + int(day) * MILLISECONDS_PER_DAY + 9 * 3_600_000


def _plan_endings(generator: np.random.Generator, total: Array, free: Array) -> tuple[Array, Array]:
    """Label cliffhangers (a quarter of the endings, always the last free one) and plant bad endings elsewhere."""
    width = MAX_EPISODES + 2
    label = np.where(
        generator.random((len(total), width)) < 0.25,
        generator.integers(0, len(CLIFFHANGER_LABELS), (len(total), width)),
        -1,
    )
    bad = np.zeros((len(total), width), dtype=bool)
    for index in range(len(total)):
        label[index, free[index]] = index % len(CLIFFHANGER_LABELS)
        label[index, 0] = label[index, total[index] :] = -1
        for low, high in ((3, int(free[index]) - 1), (int(free[index]) + 3, 30)):
            spot = int(generator.integers(low, high))
            if index % 2 == 0:
                bad[index, spot] = True
                label[index, spot] = -1
    return label, bad
