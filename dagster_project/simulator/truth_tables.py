"""Parametric rows of the truth files, by surface and for all surfaces at the mix of entrants drawn."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.catalogue import Catalogue, series_id
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.truth_parametric import ParametricAudience, SeriesLaw
from dagster_project.simulator.truth_realised import ALL, RealisedAudience
from dagster_project.simulator.viewers import MID_ENTRIES, MID_ENTRY_WEIGHTS
from dagster_project.simulator.vocabulary import (
    CONTINUATION_MODES,
    CONTINUATION_WINDOW_SECONDS,
    GATE_WINDOW_HOURS,
    HORIZON_HOURS,
    OUTCOMES,
    SURFACES,
    SURVIVAL_WINDOW_DAYS,
)

PARAMETRIC = "parametric"


class ParametricTables:
    """Writes closed forms in the shape of the truth files; `n` is null, as nobody is drawn."""

    def __init__(
        self, parameters: WorldParameters, catalogue: Catalogue, audience: ParametricAudience, drawn: RealisedAudience
    ) -> None:
        self._parameters, self._catalogue = parameters, catalogue
        self._drawn = drawn
        self._laws = {
            (series, surface): audience.law(series, surface)
            for series in range(catalogue.n_series)
            for surface in range(5)
            if drawn.all_entrants[series, surface]
        }

    def _cells(self) -> Iterator[tuple[int, str, SeriesLaw, SeriesLaw]]:
        """Yield series, surface, the law of entrants at 1 and the law of risk sets with mid-series entrants."""
        for series in range(self._catalogue.n_series):
            parts = []
            complete = True
            for surface in range(5):
                if (series, surface) not in self._laws:
                    continue
                law = self._laws[series, surface]
                if law is None:
                    complete = False
                    continue
                yield series, SURFACES[surface], law, law
                first = float(self._drawn.entrants[series, surface].sum())
                parts.append((law, first, float(self._drawn.all_entrants[series, surface])))
            if parts and complete:
                on_foot = _mix([(law, np.full(law.last + 1, first)) for law, first, _ in parts])
                pooled = _mix([(law, entrants * self._inflow(law)) for law, _, entrants in parts])
                yield series, ALL, on_foot, pooled

    def _inflow(self, law: SeriesLaw) -> Array:
        """Return by episode how many entrants at 1 would give the risk set that mid-series entries swell."""
        share = self._parameters.mid_entry_share
        factor = np.full(law.last + 1, 1.0 - share)
        for entry, weight in zip(
            MID_ENTRIES.tolist(), (MID_ENTRY_WEIGHTS / MID_ENTRY_WEIGHTS.sum()).tolist(), strict=True
        ):
            if entry <= law.last:
                factor[entry:] += share * weight / law.reach_mass[entry]
        return factor

    def reach(self) -> pl.DataFrame:
        """Parametric rows of `reach.csv`."""
        tables = []
        for series, surface, law, _ in self._cells():
            if law.reach_mass[1] == 0:
                continue
            seq = np.arange(1, law.last + 1)
            for index, hours in enumerate(HORIZON_HOURS):
                truth = law.reach_by_horizon[1:, index] / law.reach_mass[1]
                tables.append(
                    _frame(series, surface, {"cohort_week": ALL, "episode_seq": seq, "horizon_hours": hours}, truth)
                )
        return pl.concat(tables)

    def survival(self) -> pl.DataFrame:
        """Parametric rows of `survival.csv`."""
        tables = []
        for series, surface, _, law in self._cells():
            seq = np.arange(1, law.last + 1)
            for index, days in enumerate(SURVIVAL_WINDOW_DAYS):
                stay = _ratio(law.continue_by_days[1:-1, index], law.reach_mass[1:-1])
                truth = np.concatenate([[1.0], np.cumprod(stay)])
                tables.append(
                    _frame(series, surface, {"cohort_week": ALL, "episode_seq": seq, "window_days": days}, truth)
                )
        return pl.concat(tables)

    def continuation(self) -> pl.DataFrame:
        """Parametric rows of `continuation.csv`."""
        tables = []
        for series, surface, _, law in self._cells():
            seq = np.arange(1, law.last)
            for index, seconds in enumerate(CONTINUATION_WINDOW_SECONDS):
                autoplay, active = law.continue_by_seconds[1:-1, index, 0], law.continue_by_seconds[1:-1, index, 1]
                for mode, events in zip(CONTINUATION_MODES, (autoplay + active, autoplay, active), strict=True):
                    keys: dict[str, Array | str | int] = {"episode_seq": seq, "window_seconds": seconds, "mode": mode}
                    tables.append(_frame(series, surface, keys, _ratio(events, law.complete_mass[1:-1])))
        return pl.concat(tables)

    def gate(self) -> pl.DataFrame:
        """Parametric rows of `gate.csv`; the locked episode is the one after the boundary."""
        tables = []
        for series, surface, _, law in self._cells():
            boundaries = np.flatnonzero(law.gate_mass > 0)
            for index, hours in enumerate(GATE_WINDOW_HOURS):
                for code, outcome in enumerate(OUTCOMES):
                    truth = law.gate_outcomes[boundaries, index, code] / law.gate_mass[boundaries]
                    keys: dict[str, Array | str | int] = {
                        "gate_episode_seq": boundaries + 1,
                        "cohort_week": ALL,
                        "window_hours": hours,
                        "outcome": outcome,
                    }
                    tables.append(_frame(series, surface, keys, truth))
        return pl.concat(tables)


def _mix(parts: list[tuple[SeriesLaw, Array]]) -> SeriesLaw:
    """Add laws with a weight per episode, up to the shortest of them."""
    last = min(law.last for law, _ in parts)

    def add(name: str) -> Array:
        total = np.zeros(getattr(parts[0][0], name)[: last + 1].shape)
        for law, weight in parts:
            values = getattr(law, name)[: last + 1]
            total += values * weight[: last + 1].reshape(-1, *([1] * (values.ndim - 1)))
        return total

    return replace(
        parts[0][0], last=last, **{name: add(name) for name in SeriesLaw.__dataclass_fields__ if name != "last"}
    )


def _frame(series: int, surface: str, keys: dict[str, Array | str | int], truth: Array) -> pl.DataFrame:
    size = len(truth)
    columns: dict[str, Array | str | int] = {"series_id": series_id(series), "surface": surface, **keys}
    data = {
        name: pl.Series(value) if isinstance(value, np.ndarray) else pl.Series([value]).new_from_index(0, size)
        for name, value in columns.items()
    }
    defined = pl.col("truth").is_not_nan()
    data["n"] = pl.Series([None], dtype=pl.Int64).new_from_index(0, size)
    data["truth"] = pl.Series(truth, dtype=pl.Float64)
    data["kind"] = pl.Series([PARAMETRIC]).new_from_index(0, size)
    return pl.DataFrame(data).filter(defined)


def _ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, not a number where nobody is left to ask."""
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))
