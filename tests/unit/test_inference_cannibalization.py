"""The staggered comparison against diff-diff and a slow likelihood, and the rules of the released rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from diff_diff import CallawaySantAnna, WooldridgeDiD
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.inference.cannibalization import (
    DIVERSION_COLUMNS,
    DIVERSION_KEYS,
    EVENT_COLUMNS,
    EVENT_KEYS,
    diversion,
    event_study,
)
from dagster_project.inference.staggered import (
    Method,
    Panel,
    estimate_diversion,
    log_counterfactual,
    poisson_counterfactual,
)

WEEKS = 14
LAUNCH = np.array([5, 5, 5, 7, 7, 7, 7, 9, 9, 9, 9, 10, 10, 99, 99, 99])
FACTORS = Method(poisson_counterfactual, leads_need_refit=True)
LOGS = Method(log_counterfactual, leads_need_refit=False, needs_revenue_everywhere=True)


def drawn(seed: int, effect: float = -0.3, noise: float = 0.2) -> Panel:
    generator = np.random.default_rng(seed)
    treated = np.arange(WEEKS)[None, :] >= LAUNCH[:, None]
    size, week = generator.lognormal(3, 1, (len(LAUNCH), 1)), np.exp(0.03 * np.arange(WEEKS))
    own = size * week * np.exp(effect * treated + noise * generator.standard_normal((len(LAUNCH), WEEKS)))
    return Panel(own, np.where(treated, 2 * size * week, 0.0), LAUNCH, np.zeros(len(LAUNCH), dtype=bool))


def long(panel: Panel) -> pd.DataFrame:
    markets, weeks = panel.own.shape
    return pd.DataFrame(
        {
            "market": np.repeat(np.arange(markets), weeks),
            "week": np.tile(np.arange(1, weeks + 1), markets),
            "own": panel.own.ravel(),
            "log_own": np.log(np.maximum(panel.own, 1e-300)).ravel(),
            "launch": np.repeat(np.where(panel.launch < weeks, panel.launch + 1, 0), weeks),
        }
    )


def test_factors_are_the_extended_two_way_poisson() -> None:
    panel = drawn(1)
    panel.own[3, 2] = panel.own[14, 6] = 0.0
    fitted = poisson_counterfactual(panel, panel.launch)
    reference = WooldridgeDiD(method="poisson").fit(
        long(panel), outcome="own", unit="market", time="week", first_treat="launch"
    )
    for (launch, week), cell in reference.group_time_effects.items():
        rows = panel.launch == launch - 1
        effect = (panel.own - fitted)[rows, int(week) - 1].mean()
        assert effect == pytest.approx(cell["att"], rel=1e-5, abs=1e-6)


def test_factors_maximise_the_likelihood() -> None:
    """Against a Poisson regression with a dummy for every market and week, on the cells before launch."""
    panel = drawn(2)
    frame = long(panel)
    is_before = (frame["launch"] == 0) | (frame["week"] < frame["launch"])
    design = pd.get_dummies(frame[["market", "week"]].astype(str), drop_first=True).astype(float)
    design.insert(0, "constant", 1.0)
    fit = sm.GLM(frame["own"][is_before], design[is_before], family=sm.families.Poisson()).fit()
    reference = np.asarray(fit.predict(design)).reshape(panel.own.shape)
    assert poisson_counterfactual(panel, panel.launch) == pytest.approx(reference, rel=1e-6)


def test_logs_are_the_group_time_effects() -> None:
    panel = drawn(3)
    fitted = log_counterfactual(panel, np.minimum(panel.launch, WEEKS))
    reference = CallawaySantAnna(control_group="not_yet_treated", base_period="universal").fit(
        long(panel), outcome="log_own", unit="market", time="week", first_treat="launch"
    )
    # By hand for one cell: cohort of week 6, two weeks in, against whoever is not live by then.
    cohort, controls = panel.launch == 5, panel.launch > 7
    change = np.log(panel.own[:, 7] / panel.own[:, 4])
    effect = change[cohort].mean() - change[controls].mean()
    assert np.log(panel.own / fitted)[cohort, 7] == pytest.approx(effect)
    assert reference.group_time_effects[(6, 8)]["effect"] == pytest.approx(effect)


@pytest.mark.parametrize("method", [FACTORS, LOGS])
def test_an_exact_effect_is_found_exactly(method: Method) -> None:
    panel = drawn(4, effect=-0.25, noise=0.0)
    found = estimate_diversion(panel, method)
    treated = panel.is_treated
    displaced = (panel.own[treated] * (np.exp(0.25) - 1)).sum()
    assert found.displaced == pytest.approx(displaced, rel=1e-6)
    assert found.kappa == pytest.approx(displaced / panel.platform[treated].sum(), rel=1e-6)
    assert found.n_clusters == len(LAUNCH)
    assert all(effect.att == pytest.approx(-0.25, abs=1e-6) for week, effect in found.effects.items() if week >= 0)


def test_the_jackknife_is_that_of_its_definition() -> None:
    panel = drawn(5)
    found = estimate_diversion(panel, FACTORS)

    def kappa(part: Panel) -> float:
        fitted = poisson_counterfactual(part, part.launch)
        return float((fitted - part.own)[part.is_treated].sum() / part.platform[part.is_treated].sum())

    spread = np.array([kappa(panel.without(market)) for market in range(len(LAUNCH))]) - found.kappa
    error = np.sqrt((len(LAUNCH) - 1) / len(LAUNCH) * (spread**2).sum())
    assert found.high - found.kappa == pytest.approx(2.1314495 * error, rel=1e-6)  # t(15)


def test_a_partial_launch_week_is_neither_before_nor_after() -> None:
    whole = drawn(6)
    midweek = Panel(whole.own.copy(), whole.platform, whole.launch, np.ones(len(LAUNCH), dtype=bool))
    rows = np.flatnonzero(LAUNCH < WEEKS)
    midweek.own[rows, LAUNCH[rows]] *= 50.0
    found, reference = estimate_diversion(midweek, FACTORS), estimate_diversion(whole, FACTORS)
    assert 0 not in found.effects
    for week in (1, 2, 3):
        assert found.effects[week].att == pytest.approx(reference.effects[week].att)


def test_leads_are_held_out() -> None:
    """What happens in the weeks before launch moves the leads and the pre-trend, with revenue moved far ahead."""
    calm = drawn(7, effect=0.0)
    early = Panel(calm.own.copy(), calm.platform, calm.launch, calm.starts_midweek)
    weeks = early.event_week
    early.own[(weeks >= -2) & (weeks < 0)] *= np.exp(-0.8)
    found, reference = estimate_diversion(early, FACTORS), estimate_diversion(calm, FACTORS)
    assert found.effects[-1].att == pytest.approx(reference.effects[-1].att - 0.8, abs=0.05)
    assert reference.pretrend_p is not None
    assert reference.pretrend_p > 0.01
    assert found.pretrend_p is not None
    assert found.pretrend_p < 0.01


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 100.0), st.integers(0, 1000))
def test_the_unit_of_money_does_not_matter(scale: float, seed: int) -> None:
    panel = drawn(seed)
    scaled = Panel(panel.own * scale, panel.platform * scale, panel.launch, panel.starts_midweek)
    one, other = estimate_diversion(panel, FACTORS), estimate_diversion(scaled, FACTORS)
    assert other.kappa == pytest.approx(one.kappa, rel=1e-6)
    assert other.displaced == pytest.approx(one.displaced * scale, rel=1e-6)


FIRST_WEEK = date(2026, 3, 2)


def market_rows(panel: Panel, **columns: Any) -> pl.DataFrame:
    """The panel as SQL delivers it."""
    rows = []
    for market in range(panel.own.shape[0]):
        launch = int(panel.launch[market])
        for week in range(panel.own.shape[1]):
            rows.append(
                {
                    "country": f"M{market:02}",
                    "week_start": FIRST_WEEK + timedelta(weeks=week),
                    "own_app_net_micros": round(panel.own[market, week] * 1e6),
                    "in_platform_net_micros": round(panel.platform[market, week] * 1e6),
                    "n_lines": 10,
                    "n_unvalued_lines": 0,
                    "launch_week": FIRST_WEEK + timedelta(weeks=launch) if launch < 90 else None,
                    "is_midweek_launch": False,
                    "is_launch_known": True,
                    **columns,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"launch_week": pl.Date})


def marts(panel: pl.DataFrame) -> dict[str, pl.DataFrame]:
    methods = ("staggered_did", "staggered_did_log")
    return {
        "mrt_cannibalization__market_panel": panel,
        "mrt_cannibalization__diversion": pl.DataFrame(
            [{"scope": "all", "scope_id": "all", "method": method, "currency": "USD"} for method in methods]
        ),
        "mrt_cannibalization__event_study": pl.DataFrame(
            [
                {"scope": "all", "scope_id": "all", "method": method, "event_week": week}
                for method in methods
                for week in range(-8, 9)
            ]
        ),
    }


def test_released_rows_carry_the_estimate() -> None:
    panel = drawn(8)
    sources = marts(market_rows(panel))
    found = diversion(sources)
    assert found.columns == [*DIVERSION_KEYS, *DIVERSION_COLUMNS]
    row = found.row(0, named=True)
    reference = estimate_diversion(panel, FACTORS)
    assert row["status"] == "ok"
    assert row["kappa"] == pytest.approx(reference.kappa, rel=1e-4)
    assert row["displaced_minor"] == pytest.approx(reference.displaced * 100, rel=1e-4)
    assert isinstance(row["in_platform_minor"], int)
    weeks = event_study(sources)
    assert weeks.columns == [*EVENT_KEYS, *EVENT_COLUMNS]
    by_week = {(one["method"], one["event_week"]): one for one in weeks.iter_rows(named=True)}
    assert by_week["staggered_did", 2]["att"] == pytest.approx(reference.effects[2].att, rel=1e-3)
    assert by_week["staggered_did_log", -1]["status"] == "not_applicable"
    # Nobody keeps a base of three weeks before a lead that far ahead.
    assert by_week["staggered_did", -8]["status"] == "not_identified"
    assert by_week["staggered_did", -8]["att"] is None


def test_a_week_without_revenue_rules_out_logs_only() -> None:
    panel = drawn(9)
    panel.own[2, 1] = 0.0
    found = diversion(marts(market_rows(panel)))
    assert found["status"].to_list() == ["ok", "not_applicable"]
    assert found["kappa"][1] is None


def reasons(panel: pl.DataFrame) -> set[str]:
    """The one status of all rows, which give no number."""
    sources = marts(panel)
    found, weeks = diversion(sources), event_study(sources)
    numbers = found.select(name for name in DIVERSION_COLUMNS if not name.startswith("status"))
    assert all(column.is_null().all() for column in numbers)
    assert weeks["att"].is_null().all()
    assert found["status_reason"].is_not_null().all()
    assert weeks["status_reason"].is_not_null().all()
    return {*found["status"], *weeks["status"]}


def test_too_little_to_compare_is_not_identified() -> None:
    panel = drawn(10)
    rows = market_rows(panel)
    some = [f"M{market:02}" for market in range(3, 16)]
    # Ten launched markets; one control; no weeks before.
    assert reasons(rows.filter(pl.col("country").is_in(some))) == {"not_identified"}
    assert reasons(rows.filter(~pl.col("country").is_in(["M13", "M14"]))) == {"not_identified"}
    assert reasons(rows.filter(pl.col("week_start") >= FIRST_WEEK + timedelta(weeks=3))) == {"not_identified"}
    assert reasons(rows.clear()) == {"not_identified"}
    assert reasons(rows.with_columns(n_unvalued_lines=pl.lit(1))) == {"not_identified"}
    assert reasons(rows.with_columns(in_platform_net_micros=pl.lit(0))) == {"not_identified"}


def test_a_market_whose_launch_is_unknown_is_left_out() -> None:
    panel = drawn(11)
    rows = market_rows(panel)
    odd = rows.filter(pl.col("country") == "M15").with_columns(
        country=pl.lit("ZZ"), own_app_net_micros=pl.lit(10**12), is_launch_known=pl.lit(False)
    )
    with_it, without = diversion(marts(pl.concat([rows, odd]))), diversion(marts(rows))
    assert with_it.equals(without)
