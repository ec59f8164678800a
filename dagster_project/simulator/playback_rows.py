"""Player events of playbacks: compact rows with codes and numbers, rendered as text only when files are written."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array, random_stream
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import FULL, FULL_STOP, PARTIAL, PRELOAD, REWATCH, SCRUB, Paths
from dagster_project.simulator.viewers import CHUNK_PERSONS, INVALID, TEST, Journeys, Persons
from dagster_project.simulator.vocabulary import (
    ANONYMOUS,
    COMPLETE,
    EXT_IOS,
    EXT_WEB,
    PAUSE,
    PROGRESS,
    RESUME,
    SEEK,
    START,
    STOP,
)

_PLAYBACK_STREAM = 9
_SLOTS = 7
_SESSION_GAP_MS = 30 * 60_000
PLAYBACKS_PER_JOURNEY = 512


def playback_rows(
    parameters: WorldParameters, catalogue: Catalogue, persons: Persons, journeys: Journeys, paths: Paths
) -> pl.DataFrame:
    """Return the events of all playbacks that took place, one row each, ordered by playback and event.

    Columns are numbers and codes; `feeds.render_views` turns them into the feed's columns.
    """
    generator = random_stream(parameters.seed, _PLAYBACK_STREAM, int(persons.number[0]) // CHUNK_PERSONS)
    table = _with_rewatches(generator, parameters, catalogue, journeys, paths)
    journey, shape = table["journey"], table["shape"]
    series, seq = journeys.series[journey], table["seq"]
    duration = catalogue.duration_ms[series, seq]
    played = np.rint(table["fraction"] * duration).astype(np.int64)
    size = len(journey)

    third, two_thirds = duration // 3, 2 * (duration // 3)
    scrub, preload, pause = shape == SCRUB, shape == PRELOAD, table["pause_ms"]
    mask = np.zeros((size, _SLOTS), dtype=bool)
    mask[:, 0] = mask[:, 6] = True
    mask[:, 1] = ~scrub & (played > third + 400)
    mask[:, 2] = ~scrub & (played > two_thirds + 400)
    mask[:, 3] = mask[:, 4] = pause > 0
    mask[:, 5] = scrub
    position = np.zeros((size, _SLOTS), dtype=np.int64)
    position[:, 1], position[:, 2] = third, two_thirds
    position[:, 3] = position[:, 4] = two_thirds + 200
    jump = np.rint(0.93 * duration).astype(np.int64)
    tail = np.rint(0.04 * duration).astype(np.int64)
    position[:, 5] = jump
    position[:, 6] = np.where(scrub, jump + tail, played)
    watched = position.copy()
    watched[:, 5] = played
    watched[:, 6] = np.where(scrub, played + tail, played)
    event = table["start_ms"][:, None] + watched
    event[:, 4] += pause
    event[:, 6] += pause
    unmeasured = (generator.random(size) < parameters.unmeasured_share) & ~preload
    kinds = np.tile(np.array([START, PROGRESS, PROGRESS, PAUSE, RESUME, SEEK, STOP]), (size, 1))
    kinds[:, 6] = np.where(shape == FULL, COMPLETE, STOP)

    row, slot = np.nonzero(mask)
    owner = journey[row]
    person = journeys.person[owner]
    anonymous = journeys.viewer_class[owner] == ANONYMOUS
    surface = journeys.surface[owner]
    role = persons.role[person]
    number = persons.number[person]
    own = surface >= EXT_IOS
    os_code = np.where(surface == EXT_WEB, 2, np.where(own, surface == EXT_IOS, persons.is_ios[person])).astype(
        np.int64
    )
    return pl.DataFrame(
        {
            "event_ms": event[row, slot],
            "playback": table["playback"][row],
            "slot": slot.astype(np.uint8),
            "session": table["session"][row],
            "surface": surface.astype(np.uint8),
            "person": number,
            "anonymous_journey": np.where(anonymous, journeys.number[owner], -1),
            "series": series[row].astype(np.uint16),
            "seq": seq[row].astype(np.uint8),
            "kind": kinds[row, slot].astype(np.uint8),
            "position_ms": position[row, slot].astype(np.int32),
            "watched_ms": np.where(unmeasured[row], -1, watched[row, slot]).astype(np.int32),
            "is_autoplay": table["is_autoplay"][row].astype(bool),
            "entry_point": table["entry_point"][row].astype(np.int8),
            "access": table["access"][row].astype(np.uint8),
            "order": table["order"][row],
            "country": journeys.country[owner].astype(np.uint8),
            "os": os_code.astype(np.uint8),
            "version": (number % 4).astype(np.uint8),
            "is_test": (role == TEST) & (number % 2 == 0),
            "ivt": np.where(role == INVALID, 2, persons.is_suspect[person]).astype(np.uint8),
        }
    )


def _with_rewatches(
    generator: np.random.Generator, parameters: WorldParameters, catalogue: Catalogue, journeys: Journeys, paths: Paths
) -> dict[str, Array]:
    """Return the playbacks of real journeys with rewatches of completed episodes, ordered, with ids and sessions."""
    base = paths.playbacks
    keep = ~journeys.is_ghost[base.journey]
    order = np.full(len(keep), -1)
    unlocked = base.gate >= 0
    order[unlocked] = gate_number(journeys, base.journey[unlocked], paths.gates.seq[base.gate[unlocked]])
    columns = {
        "journey": base.journey[keep],
        "seq": base.seq[keep],
        "start_ms": base.start_ms[keep],
        "fraction": base.fraction[keep],
        "shape": base.shape[keep],
        "pause_ms": base.pause_ms[keep],
        "is_autoplay": base.is_autoplay[keep].astype(np.int64),
        "access": base.access[keep],
        "order": order[keep],
    }
    completed = (columns["shape"] == FULL) | (columns["shape"] == FULL_STOP)
    again = np.flatnonzero(completed & (generator.random(len(completed)) < parameters.rewatch_share))
    size = len(again)
    whole = generator.random(size) < 0.5
    hours = generator.uniform(2.0, 60.0, size)
    extra = {name: values[again] for name, values in columns.items()}
    duration = catalogue.duration_ms[journeys.series[extra["journey"]], extra["seq"]]
    extra["start_ms"] = extra["start_ms"] + duration + (hours * 3.6e6).astype(np.int64)
    extra["fraction"] = np.where(whole, 1.0, generator.uniform(0.05, 0.85, size))
    extra["shape"] = np.where(whole, FULL, PARTIAL)
    extra["pause_ms"] = np.zeros(size, dtype=np.int64)
    extra["is_autoplay"] = np.zeros(size, dtype=np.int64)
    table = {name: np.concatenate([values, extra[name]]) for name, values in columns.items()}
    is_rewatch = np.repeat([0, REWATCH], [len(completed), size])

    arrangement = np.lexsort((is_rewatch, table["start_ms"], table["journey"]))
    table = {name: values[arrangement] for name, values in table.items()}
    journey, start = table["journey"], table["start_ms"]
    total = len(journey)
    is_first = np.ones(total, dtype=bool)
    is_first[1:] = journey[1:] != journey[:-1]
    first_row = np.maximum.accumulate(np.where(is_first, np.arange(total), 0))
    ordinal = np.arange(total) - first_row
    if total and ordinal.max() >= PLAYBACKS_PER_JOURNEY:
        raise ValueError(
            f"a journey has {ordinal.max() + 1} playbacks, more than {PLAYBACKS_PER_JOURNEY} ids; lower rewatch_share"
        )
    table["playback"] = journeys.number[journey] * PLAYBACKS_PER_JOURNEY + ordinal
    span = catalogue.duration_ms[journeys.series[journey], table["seq"]]
    opens = is_first.copy()
    opens[1:] |= start[1:] - (start + span)[:-1] > _SESSION_GAP_MS
    session_row = np.maximum.accumulate(np.where(opens, np.arange(total), 0))
    table["session"] = table["playback"][session_row] if total else table["playback"]
    table["entry_point"] = np.where(opens, np.where(is_first, journeys.entry_point[journey], 4), -1)
    return table


def gate_number(journeys: Journeys, journey: Array, seq: Array) -> Array:
    """Return the world-wide number of a gate opportunity, from which offer and order ids are made."""
    return np.asarray(journeys.number[journey] * 128 + seq)
