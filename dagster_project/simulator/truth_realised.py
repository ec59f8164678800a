"""Realised truth of audience and gate: what the viewers drawn did in full, past the world's end, nothing censored."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.catalogue import MAX_EPISODES, Catalogue, series_id
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import PRELOAD, Gates, Paths
from dagster_project.simulator.viewers import Journeys
from dagster_project.simulator.vocabulary import (
    CONTINUATION_MODES,
    CONTINUATION_WINDOW_SECONDS,
    GATE_BOUNCE,
    GATE_WINDOW_HOURS,
    HORIZON_HOURS,
    MILLISECONDS_PER_DAY,
    MILLISECONDS_PER_HOUR,
    OUTCOMES,
    STORY_EXIT,
    SURFACES,
    SURVIVAL_WINDOW_DAYS,
)

_WIDTH = MAX_EPISODES + 2
_EPOCH_MONDAY_MS = 4 * MILLISECONDS_PER_DAY
ALL = "all"
REALISED = "realised"


class RealisedAudience:
    """Sums counted journeys of all chunks into arrays by series, surface and episode."""

    def __init__(self, parameters: WorldParameters, catalogue: Catalogue) -> None:
        count = catalogue.n_series
        self._catalogue = catalogue
        self._first_week = (catalogue.start_ms - _EPOCH_MONDAY_MS) // (7 * MILLISECONDS_PER_DAY)
        weeks = (catalogue.end_ms - 1 - _EPOCH_MONDAY_MS) // (7 * MILLISECONDS_PER_DAY) - self._first_week + 1
        self._weeks = int(weeks)
        self.entrants = np.zeros((count, 5, self._weeks), dtype=np.int64)
        """Entrants at episode 1."""
        self.all_entrants = np.zeros((count, 5), dtype=np.int64)
        """Entrants at any episode."""
        self.reached = np.zeros((count, 5, self._weeks, _WIDTH, len(HORIZON_HOURS)), dtype=np.int64)
        self.at_risk = np.zeros((count, 5, _WIDTH), dtype=np.int64)
        self.dropped = np.zeros((count, 5, _WIDTH, len(SURVIVAL_WINDOW_DAYS)), dtype=np.int64)
        self.completed = np.zeros((count, 5, _WIDTH), dtype=np.int64)
        self.continued = np.zeros((count, 5, _WIDTH, len(CONTINUATION_WINDOW_SECONDS), 2), dtype=np.int64)
        self.gate_outcomes = np.zeros((count, 5, _WIDTH, len(GATE_WINDOW_HOURS), len(OUTCOMES)), dtype=np.int64)

    def add(self, journeys: Journeys, paths: Paths) -> None:
        """Add one chunk."""
        self._add_starts(journeys, paths)
        self._add_completions(journeys, paths)
        self._add_gates(journeys, paths.gates)

    def _add_starts(self, journeys: Journeys, paths: Paths) -> None:
        plays = paths.playbacks
        rows = np.flatnonzero((plays.shape != PRELOAD) & journeys.is_counted[plays.journey])
        rows = rows[np.lexsort((plays.seq[rows], plays.journey[rows]))]
        journey, seq, at = plays.journey[rows], plays.seq[rows], plays.start_ms[rows]
        series, surface = journeys.series[journey], journeys.surface[journey]
        _count(self.at_risk, series, surface, seq)
        wait = np.full(len(rows), np.iinfo(np.int64).max)
        follows = journey[1:] == journey[:-1]
        wait[:-1][follows] = (at[1:] - at[:-1])[follows]
        has_later = seq < self._catalogue.total_episodes[series]
        for index, days in enumerate(SURVIVAL_WINDOW_DAYS):
            lost = has_later & (wait > days * MILLISECONDS_PER_DAY)
            _count(self.dropped, series[lost], surface[lost], seq[lost], index)

        entries = np.flatnonzero(journeys.is_counted)
        _count(self.all_entrants, journeys.series[entries], journeys.surface[entries])
        entries = entries[journeys.entry_seq[entries] == 1]
        week = (journeys.start_ms - _EPOCH_MONDAY_MS) // (7 * MILLISECONDS_PER_DAY) - self._first_week
        _count(self.entrants, journeys.series[entries], journeys.surface[entries], week[entries])
        on_foot = journeys.entry_seq[journey] == 1
        elapsed = at - journeys.start_ms[journey]
        for index, hours in enumerate(HORIZON_HOURS):
            inside = on_foot & (elapsed <= hours * MILLISECONDS_PER_HOUR)
            _count(self.reached, series[inside], surface[inside], week[journey[inside]], seq[inside], index)

    def _add_completions(self, journeys: Journeys, paths: Paths) -> None:
        done = paths.completions
        rows = np.flatnonzero(journeys.is_counted[done.journey] & (done.is_available != 0))
        journey, seq, gap = done.journey[rows], done.seq[rows], done.gap_ms[rows]
        series, surface = journeys.series[journey], journeys.surface[journey]
        by_hand = (done.is_autoplay[rows] == 0).astype(np.int64)
        _count(self.completed, series, surface, seq)
        for index, seconds in enumerate(CONTINUATION_WINDOW_SECONDS):
            went = (gap >= 0) & (gap <= seconds * 1000)
            _count(self.continued, series[went], surface[went], seq[went], index, by_hand[went])

    def _add_gates(self, journeys: Journeys, gates: Gates) -> None:
        rows = np.flatnonzero(journeys.is_counted[gates.journey])
        journey, seq, outcome = gates.journey[rows], gates.seq[rows], gates.outcome[rows]
        series, surface = journeys.series[journey], journeys.surface[journey]
        offered = gates.offered_ms[rows] - gates.started_ms[rows]
        passed = gates.passed_ms[rows] - gates.started_ms[rows]
        was_offered, has_passed = gates.offered_ms[rows] >= 0, gates.passed_ms[rows] >= 0
        for index, hours in enumerate(GATE_WINDOW_HOURS):
            window = hours * MILLISECONDS_PER_HOUR
            seen = was_offered & (offered <= window)
            settled = np.where(has_passed, passed <= window, True)
            state = np.where(seen, np.where(settled, outcome, GATE_BOUNCE), np.where(was_offered, STORY_EXIT, outcome))
            _count(self.gate_outcomes, series, surface, seq, index, state)

    def reach_table(self) -> pl.DataFrame:
        """Rows of `reach.csv`: by surface and 'all' over all cohorts, and by cohort week for all surfaces."""
        tables = []
        for surface, entrants, reached in _with_all(self.entrants, self.reached):
            tables.append(self._reach_rows(surface, ALL, entrants.sum(axis=1), reached.sum(axis=1)))
        entrants, reached = self.entrants.sum(axis=1), self.reached.sum(axis=1)
        for week in range(self._weeks):
            monday = (self._first_week + week) * 7 * MILLISECONDS_PER_DAY + _EPOCH_MONDAY_MS
            label = str(np.datetime64(int(monday), "ms").astype("datetime64[D]"))
            tables.append(self._reach_rows(ALL, label, entrants[:, week], reached[:, week]))
        return pl.concat(tables)

    def _reach_rows(self, surface: str, cohort_week: str, entrants: Array, reached: Array) -> pl.DataFrame:
        series, seq = self._episodes(entrants)
        n = entrants[series]
        frames = [
            _frame(
                series,
                surface,
                {
                    "cohort_week": cohort_week,
                    "episode_seq": seq,
                    "horizon_hours": hours,
                    "n": n,
                    "truth": reached[series, seq, index] / n,
                },
            )
            for index, hours in enumerate(HORIZON_HOURS)
        ]
        return pl.concat(frames)

    def _episodes(self, population: Array) -> tuple[Array, Array]:
        """Return all (series, episode) pairs of series with a population, shape (n,)."""
        series = np.flatnonzero(population > 0)
        total = self._catalogue.total_episodes[series]
        rows = np.repeat(series, total)
        return rows, np.arange(len(rows)) - np.repeat(np.cumsum(total) - total, total) + 1

    def survival_table(self) -> pl.DataFrame:
        """Rows of `survival.csv` over all cohorts; n is the size of the episode's risk set."""
        tables = []
        for surface, at_risk, dropped in _with_all(self.at_risk, self.dropped):
            hazard = np.divide(
                dropped, at_risk[..., None], out=np.full(dropped.shape, np.nan), where=at_risk[..., None] > 0
            )
            series, seq = self._episodes(at_risk.sum(axis=1))
            for index, days in enumerate(SURVIVAL_WINDOW_DAYS):
                survival = np.ones(at_risk.shape)
                survival[:, 2:] = np.cumprod(1 - hazard[:, 1:-1, index], axis=1)
                truth = survival[series, seq]
                tables.append(
                    _frame(
                        series,
                        surface,
                        {
                            "cohort_week": ALL,
                            "episode_seq": seq,
                            "window_days": days,
                            "n": at_risk[series, seq],
                            "truth": truth,
                        },
                    )
                )
        return pl.concat(tables).filter(pl.col("truth").is_not_nan())

    def continuation_table(self) -> pl.DataFrame:
        """Rows of `continuation.csv`; n is the number of completed, available episodes."""
        tables = []
        for surface, completed, continued in _with_all(self.completed, self.continued):
            series, seq = np.nonzero(completed)
            n = completed[series, seq]
            for index, seconds in enumerate(CONTINUATION_WINDOW_SECONDS):
                autoplay, active = continued[series, seq, index, 0], continued[series, seq, index, 1]
                for mode, events in zip(CONTINUATION_MODES, (autoplay + active, autoplay, active), strict=True):
                    tables.append(
                        _frame(
                            series,
                            surface,
                            {"episode_seq": seq, "window_seconds": seconds, "mode": mode, "n": n, "truth": events / n},
                        )
                    )
        return pl.concat(tables)

    def gate_table(self) -> pl.DataFrame:
        """Rows of `gate.csv` over all cohorts; n is the number of opportunities."""
        tables = []
        for surface, _, outcomes in _with_all(self.at_risk, self.gate_outcomes):
            series, seq = np.nonzero(outcomes[:, :, 0, :].sum(axis=2))
            n = outcomes[series, seq, 0].sum(axis=1)
            for index, hours in enumerate(GATE_WINDOW_HOURS):
                for code, outcome in enumerate(OUTCOMES):
                    tables.append(
                        _frame(
                            series,
                            surface,
                            {
                                "gate_episode_seq": seq,
                                "cohort_week": ALL,
                                "window_hours": hours,
                                "outcome": outcome,
                                "n": n,
                                "truth": outcomes[series, seq, index, code] / n,
                            },
                        )
                    )
        return pl.concat(tables)


def _count(table: Array, *place: Array | int) -> None:
    """Add one to the cells at these places, once for each time a place is named."""
    flat: Array = np.ravel_multi_index(tuple(np.broadcast_arrays(*place)), table.shape)
    table += np.bincount(flat, minlength=table.size).reshape(table.shape)


def _with_all(population: Array, events: Array) -> list[tuple[str, Array, Array]]:
    """Return (surface, population, events) for each surface with anyone and for all of them; axis 1 is the surface."""
    parts = [(SURFACES[code], population[:, code], events[:, code]) for code in range(5) if population[:, code].any()]
    return [*parts, (ALL, population.sum(axis=1), events.sum(axis=1))]


def _frame(series: Array, surface: str, columns: dict[str, Array | str | int]) -> pl.DataFrame:
    ids = pl.Series([series_id(index) for index in series.tolist()], dtype=pl.String)
    size = len(series)
    surfaces = pl.Series([surface], dtype=pl.String).new_from_index(0, size)
    data: dict[str, pl.Series] = {"series_id": ids, "surface": surfaces}
    for name, value in columns.items():
        data[name] = pl.Series(value) if isinstance(value, np.ndarray) else pl.Series([value]).new_from_index(0, size)
    data["kind"] = pl.Series([REALISED]).new_from_index(0, size)
    return pl.DataFrame(data)
