"""The survival estimates against lifelines and statsmodels, and the laws they must keep on any data."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from scipy.stats import binomtest
from statsmodels.duration.survfunc import SurvfuncRight

from dagster_project.inference.audience import episode_survival
from dagster_project.inference.survival import clopper_pearson, product_limit, wilson, with_incidence

HORIZONS = (5, 12, 30)
# One unit: (time, whether the event was seen then; otherwise it is the end of follow-up).
Unit = tuple[int, bool]


def first_horizon(at: int) -> int | None:
    return next((horizon for horizon in HORIZONS if at <= horizon), None)


def full_table(units: list[Unit]) -> pl.DataFrame:
    """The textbook risk table: one row per distinct event time."""
    rows = []
    for at in sorted({time for time, seen in units if seen}):
        horizon = first_horizon(at)
        if horizon is not None:
            at_risk = sum(time >= at for time, _ in units)
            rows.append((1, horizon, at_risk, sum(seen and time == at for time, seen in units)))
    return risk_frame(rows)


def telescoped_table(units: list[Unit]) -> pl.DataFrame:
    """One row per stretch of events between censorings, cut at the horizons."""
    rows: list[tuple[int, int, int, int]] = []
    stretch: tuple[int, int] | None = None
    # At equal times events come before censorings.
    for position, (time, seen) in enumerate(sorted(units, key=lambda unit: (unit[0], not unit[1]))):
        horizon = first_horizon(time)
        if horizon is None:
            break
        if not seen:
            stretch = None
        elif stretch is not None and stretch[1] == horizon:
            rows[-1] = (*rows[-1][:3], rows[-1][3] + 1)
        else:
            stretch = (position, horizon)
            rows.append((1, horizon, len(units) - position, 1))
    return risk_frame(rows)


def risk_frame(rows: list[tuple[int, int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(("curve", "horizon", "n_before", "n_event"), pl.Int64), orient="row")


def curve(risk: pl.DataFrame, units: list[Unit]) -> pl.DataFrame:
    """Incidence with interval at every horizon."""
    cells = pl.DataFrame({"curve": 1, "horizon": list(HORIZONS)}).with_columns(
        n_at_risk=pl.lit(len(units)),
        n_event=pl.Series([sum(seen and time <= horizon for time, seen in units) for horizon in HORIZONS]),
    )
    return with_incidence(product_limit(risk, cells, ["curve"], "horizon"), "n_event", "n_at_risk")


units_strategy = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60)


@given(units_strategy)
@settings(deadline=None, max_examples=200)
def test_telescoped_table_carries_the_full_table(units: list[Unit]) -> None:
    """Estimate and variance are the same; only the rows are fewer."""
    full, short = full_table(units), telescoped_table(units)
    assert short.height <= full.height
    one, other = curve(full, units), curve(short, units)
    assert one["survival"].to_list() == pytest.approx(other["survival"].to_list(), rel=1e-12)
    assert one["greenwood_sum"].to_list() == pytest.approx(other["greenwood_sum"].to_list(), rel=1e-9)


@given(units_strategy)
@settings(deadline=None, max_examples=200)
def test_incidence_keeps_its_laws(units: list[Unit]) -> None:
    """Within [0, 1], inside its interval, not falling with the horizon, and equal to the exact product."""
    found = curve(telescoped_table(units), units)
    assert found.select(pl.all_horizontal(pl.col("ci_low", "estimate", "ci_high").is_between(0, 1)).all()).item()
    assert ((found["ci_low"] <= found["estimate"] + 1e-12) & (found["estimate"] <= found["ci_high"] + 1e-12)).all()
    assert (found.sort("horizon")["estimate"].diff().drop_nulls() >= -1e-12).all()
    for row in found.iter_rows(named=True):
        survival = Fraction(1)
        for _, horizon, before, events in full_table(units).iter_rows():
            if horizon <= row["horizon"]:
                survival *= 1 - Fraction(events, before)
        assert row["estimate"] == pytest.approx(float(1 - survival), abs=1e-12)


def random_units(seed: int, size: int) -> list[Unit]:
    """Exponential times to the event, uniform follow-up, both in whole units so that ties are many."""
    generator = np.random.default_rng(seed)
    event = generator.exponential(15, size).astype(int)
    follow_up = generator.integers(0, 45, size)
    return [(int(min(t, c)), bool(t <= c)) for t, c in zip(event, follow_up, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_curve_and_interval_equal_lifelines(seed: int) -> None:
    units = random_units(seed, 120)
    fitter = KaplanMeierFitter(alpha=0.05).fit([time for time, _ in units], [seen for _, seen in units])
    bands = fitter.confidence_interval_survival_function_
    for row in curve(telescoped_table(units), units).iter_rows(named=True):
        at = float(bands.index[bands.index <= row["horizon"]].max())
        assert row["survival"] == pytest.approx(fitter.predict(row["horizon"]), abs=1e-12)
        low, high = bands.loc[at]
        assert (1 - row["ci_high"], 1 - row["ci_low"]) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_greenwood_equals_statsmodels(seed: int) -> None:
    units = random_units(seed + 100, 200)
    fit = SurvfuncRight([time for time, _ in units], [int(seen) for _, seen in units])
    for row in curve(telescoped_table(units), units).iter_rows(named=True):
        index = np.searchsorted(fit.surv_times, row["horizon"], side="right") - 1
        assert row["survival"] == pytest.approx(fit.surv_prob[index], abs=1e-12)
        assert row["survival"] * row["greenwood_sum"] ** 0.5 == pytest.approx(fit.surv_prob_se[index], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_survival_with_entries_on_the_way_equals_lifelines(seed: int) -> None:
    """Mid-series entries are at risk from their entry on: delayed entry, as lifelines has it."""
    generator = np.random.default_rng(seed)
    total, size = 12, 300
    entry = np.where(generator.random(size) < 0.7, 1, generator.integers(1, total, size))
    left = entry + generator.geometric(0.15, size) - 1
    drops = left < total
    last = np.minimum(left, total)
    mart = pl.DataFrame(
        [
            {
                "series_id": "s",
                "surface": "all",
                "cohort_week": "all",
                "episode_seq": e,
                "window_days": 7,
                "n_started": int(((entry <= e) & (last >= e)).sum()),
                "n_at_risk": int(((entry <= e) & (last >= e)).sum()),
                "n_drop": int((drops & (last == e)).sum()),
                "is_published": True,
            }
            for e in range(1, total + 1)
        ]
    )
    fitter = KaplanMeierFitter().fit(last, drops, entry=entry - 0.5)
    bands = fitter.confidence_interval_survival_function_
    for row in episode_survival({"mrt_audience__episode_survival": mart}).iter_rows(named=True):
        if row["episode_seq"] == 1:
            continue
        before = row["episode_seq"] - 1
        assert row["estimate"] == pytest.approx(fitter.predict(before), abs=1e-12)
        low, high = bands.loc[float(bands.index[bands.index <= before].max())]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-9)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None, max_examples=100)
def test_share_intervals_equal_scipy(counts: tuple[int, int]) -> None:
    active, eligible = counts
    for interval, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        low, high = interval(pl.Series([active]), pl.Series([eligible]))
        expected = binomtest(active, eligible).proportion_ci(0.95, method=method)
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """400 samples with known incidence 1 - exp(-12/20) at the middle horizon: 95% of intervals hold it."""
    generator = np.random.default_rng(20260301)
    truth, covered, runs = 1 - np.exp(-12 / 20), 0, 400
    for _ in range(runs):
        event = np.floor(generator.exponential(20, 150) * 1000).astype(int)
        follow_up = generator.integers(0, 60_000, 150)
        units = [(int(min(t, c)), bool(t <= c)) for t, c in zip(event, follow_up, strict=True)]
        scaled = [(max(0, -(-time // 1000)), seen) for time, seen in units]
        row = curve(telescoped_table(scaled), scaled).filter(pl.col("horizon") == 12).row(0, named=True)
        covered += row["ci_low"] <= truth <= row["ci_high"]
    # Three standard errors of a share of .95 over 400 runs.
    assert abs(covered / runs - 0.95) < 3 * (0.95 * 0.05 / runs) ** 0.5
