"""Truth of the discount experiments, per viewer assigned at the first priced offer."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.behaviour import Behaviour, first_gate_probabilities
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.orders import Orders
from dagster_project.simulator.paths import EXPERIMENTS, Gates
from dagster_project.simulator.purchases import ARMS, assignment_times
from dagster_project.simulator.viewers import Journeys
from dagster_project.simulator.vocabulary import COIN_ALL, COIN_BLOCK, COIN_SINGLE, MILLISECONDS_PER_DAY

UPLIFT_HORIZON_DAYS = (7, 28)
METRICS = ("conversion", "paid_units", "coin_value_usd")
_COIN_MODES = [COIN_SINGLE, COIN_BLOCK, COIN_ALL]


class UpliftTruth:
    """Sums over viewers whose horizon ended inside the world, by experiment, horizon and arm.

    conversion: any coin unlock under the experiment within the horizon of assignment; paid_units: episodes so
    unlocked by orders with any paid token; coin_value_usd: cash value of the paid tokens. Viewers who never met a
    priced offer are not exposed.
    """

    def __init__(self, catalogue: Catalogue, behaviour: Behaviour) -> None:
        self._catalogue, self._behaviour = catalogue, behaviour
        shape = (len(EXPERIMENTS), len(UPLIFT_HORIZON_DAYS), 2)
        self.viewers = np.zeros(shape, dtype=np.int64)
        self.sums = np.zeros((*shape, len(METRICS)))
        self.expected = np.zeros(shape)
        """Sum over the viewers of both arms of the conversion probability each would have in the arm."""

    def add(self, journeys: Journeys, gates: Gates, orders: Orders) -> None:
        """Add one chunk."""
        assigned = assignment_times(journeys, gates)
        counted = (assigned >= 0) & journeys.is_counted[gates.journey]
        key = journeys.person[gates.journey] * len(EXPERIMENTS) + gates.experiment
        paid = orders.gate[orders.token_paid > 0]
        units = np.zeros(len(key), dtype=np.int64)
        units[paid] = gates.cover_to[paid] - gates.seq[paid] + 1
        cash = np.zeros(len(key))
        cash[orders.gate] = orders.cash_micros / 1e6
        is_order = np.zeros(len(key), dtype=bool)
        is_order[orders.gate] = True
        for index, days in enumerate(UPLIFT_HORIZON_DAYS):
            horizon = days * MILLISECONDS_PER_DAY
            mature = np.flatnonzero(counted & (assigned + horizon <= self._catalogue.end_ms))
            if len(mature) == 0:
                continue
            viewer, place = np.unique(key[mature], return_inverse=True)
            inside = is_order[mature] & (gates.passed_ms[mature] - assigned[mature] <= horizon)
            offers = gates.is_first[mature] & (gates.offered_ms[mature] - assigned[mature] <= horizon)
            arm = np.zeros(len(viewer), dtype=np.int64)
            arm[place] = gates.arm[mature]
            experiment = viewer % len(EXPERIMENTS)
            outcomes = np.stack(
                [
                    np.bincount(place, weights=inside, minlength=len(viewer)) > 0,
                    np.bincount(place, weights=inside * units[mature], minlength=len(viewer)),
                    np.bincount(place, weights=inside * cash[mature], minlength=len(viewer)),
                ],
                axis=1,
            )
            np.add.at(self.viewers[:, index], (experiment, arm), 1)
            np.add.at(self.sums[:, index], (experiment, arm), outcomes)
            self._expect(index, experiment, place, offers, journeys.surface[gates.journey[mature]])

    def _expect(self, index: int, experiment: Array, place: Array, offers: Array, surface: Array) -> None:
        """Add each viewer's chance to convert at the first gates met, under either arm."""
        for arm in range(2):
            chance = np.zeros((len(EXPERIMENTS), 5))
            for code in range(len(EXPERIMENTS)):
                lift = self._behaviour.discount_effect if code == 0 and arm == 1 else 0.0
                for one in range(5):
                    chance[code, one] = first_gate_probabilities(self._behaviour, one, lift)[_COIN_MODES].sum()
            miss = np.where(offers, np.log1p(-chance[experiment[place], surface]), 0.0)
            none = np.exp(np.bincount(place, weights=miss, minlength=len(experiment)))
            np.add.at(self.expected[:, index, arm], experiment, 1 - none)

    def table(self) -> pl.DataFrame:
        """Return rows of `uplift.csv`; truth is the difference in means, treatment minus control."""
        rows: list[tuple[object, ...]] = []
        for code, experiment in enumerate(EXPERIMENTS):
            for index, days in enumerate(UPLIFT_HORIZON_DAYS):
                control, treatment = self.viewers[code, index].tolist()
                if control == 0 or treatment == 0:
                    continue
                means = self.sums[code, index] / self.viewers[code, index][:, None]
                for metric_index, metric in enumerate(METRICS):
                    low, high = means[:, metric_index].tolist()
                    rows.append(
                        (
                            experiment,
                            ARMS[1],
                            ARMS[0],
                            metric,
                            days,
                            "all",
                            control,
                            treatment,
                            low,
                            high,
                            high - low,
                            "realised",
                        )
                    )
                low, high = (self.expected[code, index] / (control + treatment)).tolist()
                rows.append(
                    (
                        experiment,
                        ARMS[1],
                        ARMS[0],
                        "conversion",
                        days,
                        "all",
                        control,
                        treatment,
                        low,
                        high,
                        high - low,
                        "parametric",
                    )
                )
        return pl.DataFrame(
            rows,
            schema={
                "experiment_id": pl.String,
                "arm": pl.String,
                "control_arm": pl.String,
                "metric": pl.String,
                "horizon_days": pl.Int64,
                "segment": pl.String,
                "n_control": pl.Int64,
                "n_treatment": pl.Int64,
                "mean_control": pl.Float64,
                "mean_treatment": pl.Float64,
                "truth": pl.Float64,
                "kind": pl.String,
            },
            orient="row",
        )
