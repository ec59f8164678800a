"""Persons of one chunk and the series journeys they open."""

from dataclasses import dataclass

import numpy as np

from dagster_project.simulator.arrays import VIEWER_STREAM, Array, draw_code, random_stream
from dagster_project.simulator.behaviour import EXEMPT_SHARE, Behaviour, entry_class_mix
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.markets import MARKETS, launch_days
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.vocabulary import (
    ANONYMOUS,
    DRAMA_CENTER,
    EXT_ANDROID,
    EXT_IOS,
    EXT_WEB,
    MILLISECONDS_PER_DAY,
    MINIS,
)

CHUNK_PERSONS = 8192
REAL, TEST, INVALID = range(3)
TIKTOK_ONLY, OWN_ONLY, BOTH = range(3)
_KIND_WEIGHTS = np.array([0.50, 0.30, 0.20])
MID_ENTRIES = np.array([2, 3, 4, 5])
MID_ENTRY_WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
LAST_MID_ENTRY = 5
_WEEKDAY = np.array([0.95, 0.93, 0.94, 0.97, 1.05, 1.12, 1.08])
_LOCAL_HOUR = np.array([5, 3, 2, 1.2, 1, 1, 1.5, 2.5, 3, 3, 3.2, 4, 5, 4.5, 4, 4, 4.2, 5, 6, 7.5, 9, 10, 9.5, 7.5])
_DAYS_BETWEEN_JOURNEYS = 12.0
_DRAMA_CENTER_SHARE = 0.07
_WEB_DETOUR_SHARE = 0.05


@dataclass(frozen=True)
class Persons:
    """Persons of one chunk, arrays of shape (P,). `number` is unique in the world."""

    number: Array
    role: Array
    country: Array
    kind: Array
    viewer_class: Array
    is_ios: Array
    own_surface: Array
    is_linked: Array
    is_consented: Array
    is_suspect: Array
    arms: Array
    """Arm bit by experiment (3, P): 1 is the discount arm."""


@dataclass(frozen=True)
class Journeys:
    """One viewer's way through one series, arrays of shape (J,), ordered by person and time."""

    person: Array
    """Row in the chunk's persons."""
    series: Array
    surface: Array
    country: Array
    viewer_class: Array
    entry_seq: Array
    start_ms: Array
    is_exempt: Array
    is_ghost: Array
    """A journey that the Mini diverted: it exists in the counterfactual only and leaves no row."""
    is_counted: Array
    """A real viewer's journey that took place: what truth is computed from."""
    number: Array
    """Unique in the world."""
    entry_point: Array

    def __len__(self) -> int:
        return len(self.person)


def total_persons(parameters: WorldParameters) -> tuple[int, int, int]:
    """Return the numbers of real, test and invalid persons."""
    return (
        parameters.viewers,
        round(parameters.test_share * parameters.viewers),
        round(parameters.invalid_share * parameters.viewers),
    )


def draw_persons(parameters: WorldParameters, first: int, last: int) -> Persons:
    """Draw the persons numbered first..last-1; one stream per chunk, so chunks can be drawn in any order."""
    generator = random_stream(parameters.seed, VIEWER_STREAM, first // CHUNK_PERSONS)
    size = last - first
    number = np.arange(first, last)
    real, test, _ = total_persons(parameters)
    country = draw_code(generator, np.array([market.weight for market in MARKETS]), size)
    kind = draw_code(generator, _KIND_WEIGHTS, size)
    never = np.array([market.wave < 0 for market in MARKETS])[country]
    kind = np.where(never, OWN_ONLY, kind)
    is_ios = generator.random(size) < np.array([market.ios_share for market in MARKETS])[country]
    on_web = generator.random(size) < 0.16
    linked = (generator.random(size) < parameters.linked_share) & (kind == BOTH)
    arms = np.stack(
        [
            generator.random(size) < 0.5,
            generator.random(size) < 0.5,
            generator.random(size) >= parameters.broken_split_share,
        ]
    )
    return Persons(
        number=number,
        role=np.where(number < real, REAL, np.where(number < real + test, TEST, INVALID)),
        country=country,
        kind=kind,
        viewer_class=draw_code(generator, np.array(parameters.class_weights), size),
        is_ios=is_ios,
        own_surface=np.where(on_web, EXT_WEB, np.where(is_ios, EXT_IOS, EXT_ANDROID)),
        is_linked=linked,
        is_consented=linked & (generator.random(size) < 0.9),
        is_suspect=generator.random(size) < parameters.suspect_share,
        arms=arms,
    )


class JourneyPlanner:
    """Draws the journeys of chunks of persons; holds the tables that all chunks share."""

    def __init__(self, parameters: WorldParameters, catalogue: Catalogue, behaviour: Behaviour) -> None:
        self._parameters = parameters
        self._catalogue = catalogue
        self._class_weights = behaviour.class_weights
        self._mix = np.cumsum(entry_class_mix(behaviour, catalogue, LAST_MID_ENTRY), axis=3)
        self._launch_ms = catalogue.start_ms + launch_days(parameters.days) * MILLISECONDS_PER_DAY
        day = np.arange(parameters.days)
        weekday = (parameters.start.weekday() + day) % 7
        self._day_weights = (1 + parameters.weekly_growth) ** (day / 7) * _WEEKDAY[weekday]
        self._offset_ms = np.array([market.utc_offset_hours for market in MARKETS]) * 3.6e6
        self._has_drama_center = np.array([market.has_drama_center for market in MARKETS])

    def draw(self, persons: Persons) -> Journeys:
        """Draw the journeys of these persons."""
        parameters, catalogue = self._parameters, self._catalogue
        generator = random_stream(parameters.seed, VIEWER_STREAM, int(persons.number[0]) // CHUNK_PERSONS, 1)
        person, at = self._draw_times(generator, persons)
        series = self._draw_series(generator, at)
        surface = self._draw_surface(generator, persons, person, at)
        keep = surface >= 0
        person, at, series, surface = person[keep], at[keep], series[keep], surface[keep]

        ghost = (
            (surface >= EXT_IOS)
            & (at >= self._launch_ms[persons.country[person]])
            & (generator.random(len(person)) < 1.0 - np.exp(-parameters.diversion))
        )
        moved = np.flatnonzero(ghost & (persons.kind[person] == BOTH))
        person, at = np.concatenate([person, person[moved]]), np.concatenate([at, at[moved]])
        series = np.concatenate([series, series[moved]])
        surface = np.concatenate([surface, np.full(len(moved), MINIS)])
        ghost = np.concatenate([ghost, np.zeros(len(moved), dtype=bool)])
        order = np.lexsort((surface, at, person))
        person, at, series, surface, ghost = (part[order] for part in (person, at, series, surface, ghost))
        at = self._leave_delisted(series, surface, at)
        keep = self._first_of_key(person, series, surface) & (at < catalogue.end_ms)
        person, at, series, surface, ghost = (part[keep] for part in (person, at, series, surface, ghost))

        entry, viewer_class = self._draw_entry(generator, persons, person, series, surface)
        size = len(person)
        exempt = (viewer_class != ANONYMOUS) & (generator.random(size) < EXEMPT_SHARE[surface])
        exempt &= persons.role[person] != INVALID
        entry_point = draw_code(generator, np.array([40, 12, 10, 9, 14, 7, 6, 2.0]), size)
        return Journeys(
            person=person,
            series=series,
            surface=surface,
            country=persons.country[person],
            viewer_class=viewer_class,
            entry_seq=entry,
            start_ms=at,
            is_exempt=exempt,
            is_ghost=ghost,
            is_counted=~ghost & (persons.role[person] == REAL),
            number=int(persons.number[0]) * 64 + np.arange(len(person)),
            entry_point=entry_point,
        )

    def _draw_times(self, generator: np.random.Generator, persons: Persons) -> tuple[Array, Array]:
        size = len(persons.number)
        span = self._catalogue.end_ms - self._catalogue.start_ms
        day = draw_code(generator, self._day_weights, size)
        hour = draw_code(generator, _LOCAL_HOUR, size)
        local = day * MILLISECONDS_PER_DAY + hour * 3_600_000 + generator.integers(0, 3_600_000, size)
        first = (local - self._offset_ms[persons.country]).astype(np.int64) % span
        more = np.minimum(generator.poisson(self._parameters.journeys_per_viewer - 1.0, size), 12)
        person = np.repeat(np.arange(size), more + 1)
        ordinal = np.arange(len(person)) - np.repeat(np.cumsum(more + 1) - more - 1, more + 1)
        wait = generator.exponential(_DAYS_BETWEEN_JOURNEYS * MILLISECONDS_PER_DAY, len(person))
        wait[ordinal == 0] = 0.0
        total = np.cumsum(wait)
        since_first = total - np.repeat(total[ordinal == 0], more + 1)
        at = self._catalogue.start_ms + first[person] + since_first.astype(np.int64)
        keep = at < self._catalogue.end_ms
        return person[keep], at[keep]

    def _draw_series(self, generator: np.random.Generator, at: Array) -> Array:
        series = draw_code(generator, self._catalogue.popularity, len(at))
        for _ in range(4):
            early = np.flatnonzero(self._catalogue.published_ms[series, 1] > at)
            series[early] = draw_code(generator, self._catalogue.popularity, len(early))
        series[self._catalogue.published_ms[series, 1] > at] = 0
        return series

    def _draw_surface(self, generator: np.random.Generator, persons: Persons, person: Array, at: Array) -> Array:
        """Return the surface of each journey, -1 where the platform is not open in the market yet."""
        size = len(person)
        kind, country = persons.kind[person], persons.country[person]
        on_own = (kind == OWN_ONLY) | ((kind == BOTH) & (generator.random(size) < 0.5))
        detour = generator.random(size) < _WEB_DETOUR_SHARE
        own = np.where(detour, EXT_WEB, persons.own_surface[person])
        center = (generator.random(size) < _DRAMA_CENTER_SHARE) & self._has_drama_center[country]
        live = at >= self._launch_ms[country]
        tiktok = np.where(center, DRAMA_CENTER, np.where(live, MINIS, -1))
        return np.where(on_own, own, tiktok)

    def _draw_entry(
        self, generator: np.random.Generator, persons: Persons, person: Array, series: Array, surface: Array
    ) -> tuple[Array, Array]:
        """Draw entry episodes and classes.

        A mid-series entrant's class follows the mix of those who reached that episode on foot: so the mix at every
        boundary is the same for both, whatever the calendar time.
        """
        size = len(person)
        is_mid = generator.random(size) < self._parameters.mid_entry_share
        entry = np.where(is_mid, MID_ENTRIES[draw_code(generator, MID_ENTRY_WEIGHTS, size)], 1)
        anonymous = generator.random(size) < self._class_weights[surface, ANONYMOUS]
        on_foot = np.where(anonymous, ANONYMOUS, persons.viewer_class[person])
        draw = generator.random(size)
        inside = (draw[:, None] >= self._mix[series, surface, entry]).sum(axis=1)
        viewer_class = np.where(is_mid, np.minimum(inside, ANONYMOUS), on_foot)
        known = persons.role[person] != REAL
        return entry, np.where(known & (viewer_class == ANONYMOUS), 0, viewer_class)

    def _leave_delisted(self, series: Array, surface: Array, at: Array) -> Array:
        return leave_delisted(self._catalogue, series, surface, at)

    @staticmethod
    def _first_of_key(person: Array, series: Array, surface: Array) -> Array:
        """Keep the first journey per person, series and app, whoever the person turns out to be there.

        Deciding this before classes are drawn keeps the class mix of what is left as planted.
        """
        app = np.minimum(surface, EXT_IOS)
        key = (person * 4 + app) * 100_000 + series
        keep = np.zeros(len(key), dtype=bool)
        keep[np.unique(key, return_index=True)[1]] = True
        return keep


def leave_delisted(catalogue: Catalogue, series: Array, surface: Array, at: Array) -> Array:
    """Move times that fall where the series is delisted to as long after the listing's return."""
    inside = (
        (series == catalogue.roles.get("delisted", -1))
        & (surface == MINIS)
        & (at >= catalogue.delisted_from_ms)
        & (at < catalogue.delisted_to_ms)
    )
    return at + np.where(inside, catalogue.delisted_to_ms - catalogue.delisted_from_ms, 0)
