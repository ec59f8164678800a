"""Truth of the diversion: own-app revenue with and without the journeys that the Mini took away."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.deals import PLATFORM_FEE_PPM
from dagster_project.simulator.markets import COUNTRIES, MARKETS, launch_days
from dagster_project.simulator.orders import STORE_FEE_PPM, STORES, Orders, settle_wallets, store_of
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import Gates
from dagster_project.simulator.viewers import REAL, Journeys, Persons
from dagster_project.simulator.vocabulary import EXT_IOS, MILLISECONDS_PER_DAY, MINIS

_OBSERVED, _COUNTERFACTUAL, _AFTER_LAUNCH, _PLATFORM = range(4)
_SCHEMA = {
    "scope": pl.String,
    "scope_id": pl.String,
    "method": pl.String,
    "event_week": pl.String,
    "measure": pl.String,
    "truth": pl.Float64,
    "kind": pl.String,
}
STAGED, EVERY = "staged_markets", "all_markets"


class DiversionTruth:
    """Sums coin revenue recognised in the world by market and week, in micro US dollars net of fees.

    Own apps: paid coins at the price of their lots less the store's fee, as observed and as it would have been with
    the diverted journeys. Platform: paid Beans at the reference value less the platform's fee. Refunds, passes and
    advertisements are outside. Test and invalid viewers are left out.
    """

    def __init__(self, parameters: WorldParameters, catalogue: Catalogue) -> None:
        self._parameters, self._catalogue = parameters, catalogue
        self._launch = launch_days(parameters.days)
        weeks = (parameters.days + 6) // 7
        self.net = np.zeros((4, len(MARKETS), weeks))
        """Observed, counterfactual, counterfactual of journeys begun after the launch, platform."""

    def add(self, persons: Persons, journeys: Journeys, gates: Gates, orders: Orders, priced: Orders) -> None:
        """Add one chunk: `orders` are settled without diverted journeys, `priced` are not settled yet."""
        everything, _ = settle_wallets(journeys, gates, priced, np.ones(len(priced.gate), dtype=bool))
        journey = orders.journey
        surface, country = journeys.surface[journey], journeys.country[journey]
        passed = gates.passed_ms[orders.gate]
        week = (passed - self._catalogue.start_ms) // (7 * MILLISECONDS_PER_DAY)
        real = (persons.role[journeys.person[journey]] == REAL) & (passed < self._catalogue.end_ms)
        kept_ppm = 1_000_000 - np.array([STORE_FEE_PPM[name] for name in STORES])[store_of(surface)]
        own = real & (surface >= EXT_IOS)
        launch_ms = self._catalogue.start_ms + self._launch[country] * MILLISECONDS_PER_DAY
        after = own & (journeys.start_ms[journey] >= launch_ms)
        self._sum(_OBSERVED, own & ~journeys.is_ghost[journey], country, week, orders.cash_micros * kept_ppm)
        self._sum(_COUNTERFACTUAL, own, country, week, everything.cash_micros * kept_ppm)
        self._sum(_AFTER_LAUNCH, after, country, week, everything.cash_micros * kept_ppm)
        platform = real & (surface == MINIS)
        self._sum(_PLATFORM, platform, country, week, orders.cash_micros * (1_000_000 - PLATFORM_FEE_PPM))

    def _sum(self, what: int, mask: Array, country: Array, week: Array, micros_ppm: Array) -> None:
        np.add.at(self.net[what], (country[mask], week[mask]), micros_ppm[mask] / 1e6)

    def table(self) -> pl.DataFrame:
        """Return rows of `diversion.csv`: totals after launch per scope, and the effect by week since launch."""
        rows: list[tuple[object, ...]] = []
        launch_week = np.maximum(self._launch // 7, 0)
        weeks = np.arange(self.net.shape[2])
        treated = (weeks[None, :] >= launch_week[:, None]) & (self._launch < self._parameters.days)[:, None]
        staged = np.array([market.wave > 0 for market in MARKETS]) & (self._launch < self._parameters.days)
        rows += self._totals("all", "all", STAGED, treated & staged[:, None])
        rows += self._totals("all", "all", EVERY, treated)
        for index in np.flatnonzero(staged).tolist():
            rows += self._totals(
                "market", COUNTRIES[index], STAGED, treated & (np.arange(len(MARKETS)) == index)[:, None]
            )
        if staged.any():
            rows += self._event_study(staged, weeks[None, :] - launch_week[:, None])
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _totals(self, scope: str, scope_id: str, method: str, cells: Array) -> list[tuple[object, ...]]:
        observed, counterfactual, after, platform = (float(part[cells].sum()) for part in self.net)
        lost = 1 - np.exp(-self._parameters.diversion)
        found: list[tuple[object, ...]] = []
        for kind, displaced in (("realised", counterfactual - observed), ("parametric", lost * after)):
            measures = {
                "displaced_minor": displaced / 10_000,
                "in_platform_minor": platform / 10_000,
                "own_net_minor": observed / 10_000,
            }
            if platform > 0:
                measures["kappa"] = displaced / platform
            found += [(scope, scope_id, method, None, name, value, kind) for name, value in measures.items()]
        return found

    def _event_study(self, staged: Array, event_week: Array) -> list[tuple[object, ...]]:
        """Effect on the log scale, pooled over staged markets, by week since launch; before it the truth is 0."""
        lost = 1 - np.exp(-self._parameters.diversion)
        found: list[tuple[object, ...]] = []
        for week in range(-8, int(event_week[staged].max()) + 1):
            cells = staged[:, None] & (event_week == week)
            observed, counterfactual, after, _ = (float(part[cells].sum()) for part in self.net)
            if counterfactual <= 0 or observed <= 0:
                continue
            share = after / counterfactual if week >= 0 else 0.0
            for kind, value in (
                ("realised", float(np.log(observed / counterfactual))),
                ("parametric", float(np.log1p(-lost * share))),
            ):
                found.append(("all", "all", STAGED, str(week), "att", value, kind))
        found.append(("all", "all", STAGED, "all", "att", -float(self._parameters.diversion), "parametric"))
        return found
