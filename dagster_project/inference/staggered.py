"""Staggered launches in markets: what revenue would have been without the launch, and how sure that is.

Two estimators of the same counterfactual. `poisson_counterfactual` multiplies markets and weeks, fitted by Poisson
likelihood on the cells before launch and on markets without one; its effects are those of Wooldridge's (2023) extended
two-way fixed effects Poisson. `log_counterfactual` takes Callaway and Sant'Anna's (2021) group-time effects on logs.
Revenue grows by factors, so trends are parallel in factors and not in differences (Roth and Sant'Anna 2023), and a zero
cell has no log, nor one plus it a meaning (Chen and Roth 2024).

Uncertainty is the jackknife over markets (the cluster estimator CV3 of MacKinnon, Nielsen and Webb 2023) with t(G - 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from dagster_project.inference.results import CONFIDENCE_LEVEL

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAD_WEEKS = 8
"""Weeks before launch that the event study shows, where enough weeks are left before them."""
BASE_WEEKS = 3
"""Weeks before the first lead that a cohort keeps to be fitted on."""
_ITERATIONS, _TOLERANCE = 20_000, 1e-12
_BAND_DRAWS, _BAND_SEED = 20_000, 20_260_101


@dataclass(frozen=True)
class Panel:
    """Revenue of G markets in T consecutive full weeks, currency units.

    Attributes:
        own: Own-app net revenue, shape (G, T).
        platform: In-platform net revenue, shape (G, T).
        launch: Index of the launch week, shape (G,); T or more for markets not launched within the panel.
        starts_midweek: The launch week is not a whole week of treatment and is left out, shape (G,).
    """

    own: Floats
    platform: Floats
    launch: Whole
    starts_midweek: Flags

    @property
    def event_week(self) -> Whole:
        """Weeks since launch, shape (G, T); of no meaning for markets that are not treated."""
        return np.arange(self.own.shape[1])[None, :] - self.launch[:, None]

    @property
    def is_launched(self) -> Flags:
        """Launched within the panel, shape (G,)."""
        return np.asarray(self.launch < self.own.shape[1])

    @property
    def is_treated(self) -> Flags:
        """Whole weeks after launch, shape (G, T)."""
        return np.asarray((self.event_week > 0) | ((self.event_week == 0) & ~self.starts_midweek[:, None]))

    def without(self, market: int) -> Panel:
        """The panel less one market."""
        return Panel(
            np.delete(self.own, market, axis=0),
            np.delete(self.platform, market, axis=0),
            np.delete(self.launch, market),
            np.delete(self.starts_midweek, market),
        )


@dataclass(frozen=True)
class EventEffect:
    """Log of observed over counterfactual revenue in one week since launch, pointwise and simultaneous 95% limits."""

    att: float
    low: float
    high: float
    band_low: float
    band_high: float


@dataclass(frozen=True)
class Diversion:
    """What a launch displaced; `kappa` is displaced over in-platform revenue of the same markets and weeks."""

    kappa: float
    low: float
    high: float
    displaced: float
    in_platform: float
    n_clusters: int
    pretrend_p: float | None
    effects: dict[int, EventEffect]


Counterfactual = Callable[[Panel, Whole], Floats]
"""From a panel and the first week of each market that is not to be fitted on, shape (G,), to revenue without launch,
shape (G, T); cells before that week may hold anything."""


@dataclass(frozen=True)
class Method:
    """A way to the counterfactual.

    Attributes:
        counterfactual: The way.
        leads_need_refit: It fits on all weeks before launch, so the leads must be held out in a fit of their own;
            otherwise the week before launch is the base, which is no lead itself.
        needs_revenue_everywhere: It takes logarithms.
    """

    counterfactual: Counterfactual
    leads_need_refit: bool
    needs_revenue_everywhere: bool = False


def poisson_counterfactual(panel: Panel, held_out_from: Whole) -> Floats:
    """Market and week factors by Poisson likelihood on the cells before `held_out_from`.

    The two margins are fitted in turn (iterative proportional scaling, Darroch and Ratcliff 1972), which climbs to the
    maximum; amounts need not be counts (Gourieroux, Monfort and Trognon 1984). A market without revenue there gets 0.
    """
    weeks = np.arange(panel.own.shape[1])
    is_fitted = (weeks[None, :] < held_out_from[:, None]).astype(np.float64)
    observed = panel.own * is_fitted
    level, factor = observed.sum(axis=1), np.ones(len(weeks))
    for _ in range(_ITERATIONS):
        previous = level
        level = _quotient(observed.sum(axis=1), is_fitted @ factor)
        factor = _quotient(observed.sum(axis=0), level @ is_fitted)
        if np.allclose(level, previous, rtol=_TOLERANCE, atol=0.0):
            break
    return np.asarray(level[:, None] * factor[None, :])


def log_counterfactual(panel: Panel, held_out_from: Whole) -> Floats:
    """Observed revenue divided by the group-time effect, with not-yet-treated markets as controls.

    The base is the week before `held_out_from` for every week, so earlier weeks are leads against it. Needs revenue in
    every cell.
    """
    # The library takes seconds to import, and only this method needs it.
    library = import_module("diff_diff")
    n_markets, n_weeks = panel.own.shape
    frame = pd.DataFrame(
        {
            "market": np.repeat(np.arange(n_markets), n_weeks),
            "week": np.tile(np.arange(1, n_weeks + 1), n_markets),
            "log_revenue": np.log(panel.own).ravel(),
            "launch": np.repeat(np.where(held_out_from < n_weeks, held_out_from + 1, 0), n_weeks),
        }
    )
    estimator = library.CallawaySantAnna(control_group="not_yet_treated", base_period="universal")
    fitted = estimator.fit(frame, outcome="log_revenue", unit="market", time="week", first_treat="launch")
    effect = np.full((n_markets, n_weeks), np.nan)
    for (launch, week), cell in fitted.group_time_effects.items():
        effect[held_out_from == int(launch) - 1, int(week) - 1] = cell["effect"]
    return np.asarray(panel.own * np.exp(-effect))


def estimate_diversion(panel: Panel, method: Method) -> Diversion:
    """Displaced revenue, its ratio to in-platform revenue, and the event study, all with jackknife limits.

    Args:
        panel: At least one launched market and one that is not, each week with a market before its launch.
        method: The way to the counterfactual.
    """
    weeks = _event_weeks(panel)
    point = _statistics(panel, method, weeks)
    n_markets = panel.own.shape[0]
    replicates = np.stack([_statistics(panel.without(market), method, weeks) for market in range(n_markets)])
    deviations = (replicates - point) * np.sqrt((n_markets - 1) / n_markets)
    errors = np.sqrt((deviations**2).sum(axis=0))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE_LEVEL / 2, n_markets - 1))
    known = [index for index in range(3, len(point)) if np.isfinite(point[index]) and 0 < errors[index] < np.inf]
    band = _band_reach(deviations[:, known] / errors[known], n_markets) if known else reach
    lead_mean, lead_error = float(point[2]), float(errors[2])
    has_leads = np.isfinite(lead_mean) and 0 < lead_error < np.inf
    return Diversion(
        kappa=float(point[0]),
        low=float(point[0] - reach * errors[0]),
        high=float(point[0] + reach * errors[0]),
        displaced=float(point[1]),
        in_platform=float(panel.platform[panel.is_treated].sum()),
        n_clusters=n_markets,
        pretrend_p=float(2 * stats.t.sf(abs(lead_mean) / lead_error, n_markets - 1)) if has_leads else None,
        effects={
            weeks[index - 3]: EventEffect(
                att=float(point[index]),
                low=float(point[index] - reach * errors[index]),
                high=float(point[index] + reach * errors[index]),
                band_low=float(point[index] - band * errors[index]),
                band_high=float(point[index] + band * errors[index]),
            )
            for index in known
        },
    )


def _event_weeks(panel: Panel) -> list[int]:
    last = int(panel.event_week[panel.is_launched].max())
    return list(range(-LEAD_WEEKS, last + 1))


def _lead_starts(panel: Panel) -> Whole:
    """First held-out week of each market when leads are to be shown: some weeks before launch, a base kept."""
    leads = np.clip(panel.launch - BASE_WEEKS, 0, LEAD_WEEKS)
    return np.where(panel.is_launched, panel.launch - leads, panel.own.shape[1])


def _statistics(panel: Panel, method: Method, weeks: list[int]) -> Floats:
    """kappa, displaced, mean lead effect, then the effect of each event week; NaN where nothing is known."""
    launch = np.where(panel.is_launched, panel.launch, panel.own.shape[1])
    fitted = method.counterfactual(panel, launch)
    displaced = float((fitted - panel.own)[panel.is_treated].sum())
    in_platform = float(panel.platform[panel.is_treated].sum())
    starts = _lead_starts(panel)
    before = method.counterfactual(panel, starts) if method.leads_need_refit else fitted
    is_lead = panel.is_launched[:, None] & (panel.event_week < 0) & (panel.event_week >= -LEAD_WEEKS)
    # With a fit of their own the leads begin where the base ends; without, the week before launch is the base itself.
    is_lead &= (
        (panel.event_week >= (starts - panel.launch)[:, None]) if method.leads_need_refit else (panel.event_week < -1)
    )
    effects = [
        _log_effect(panel.own, fitted, panel.is_treated & (panel.event_week == week))
        if week >= 0
        else _log_effect(panel.own, before, is_lead & (panel.event_week == week))
        for week in weeks
    ]
    return np.array(
        [
            displaced / in_platform if in_platform > 0 else np.nan,
            displaced,
            _log_effect(panel.own, before, is_lead),
            *effects,
        ]
    )


def _log_effect(observed: Floats, counterfactual: Floats, cells: Flags) -> float:
    seen, expected = float(observed[cells].sum()), float(counterfactual[cells].sum())
    return float(np.log(seen / expected)) if seen > 0 and expected > 0 else np.nan


def _band_reach(scaled: Floats, n_markets: int) -> float:
    """How many standard errors hold all effects at once: the 95% point of the largest of the correlated t values.

    Args:
        scaled: Jackknife deviations over their standard errors, shape (G, effects): columns of length one.
        n_markets: G.
    """
    generator = np.random.default_rng(_BAND_SEED)
    normal = generator.standard_normal((_BAND_DRAWS, scaled.shape[0])) @ scaled
    spread = np.sqrt(generator.chisquare(n_markets - 1, _BAND_DRAWS) / (n_markets - 1))
    return float(np.quantile(np.abs(normal).max(axis=1) / spread, CONFIDENCE_LEVEL))


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient that is 0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
