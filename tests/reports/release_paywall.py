"""Rows of the made-up release about endings, the paywall, discounts, the rollout and payouts."""

import math
from collections.abc import Iterable
from datetime import timedelta

from release_studios import LANTERN, MONDAY, NEWCUT, PEERS, STARFALL, SeriesSpec, World

Row = tuple[object, ...]
PASSES = {"ad_unlock": 0.09, "subscription_pass": 0.02, "promo_pass": 0.0}
EXITS = {"in_episode_exit": 0.04, "story_exit": 0.05, "ad_failed": 0.02}
OUTCOMES = ("ad_failed", "ad_unlock", "coin_unlock", "gate_bounce", "in_episode_exit", "promo_pass", "story_exit")


def _interval(share: float, base: int) -> tuple[float, float]:
    half = 1.96 * math.sqrt(max(share * (1 - share), 0.5 / base) / base)
    return max(share - half, 0.0), min(share + half, 1.0)


def ending_drop(spec: SeriesSpec, k: int) -> float:
    """The true share lost after episode k."""
    if spec.gate is not None and k == spec.gate - 1:
        return spec.gate_loss
    wobble = 1 + 0.25 * math.sin(k * 2.3 + len(spec.series_id))
    return min(0.045 * (0.55 + 1.2 / k) * wobble * (0.55 if k in spec.cliffhangers else 1.0), 0.9)


def continuation_rows(spec: SeriesSpec, curve: list[float]) -> Iterable[Row]:
    published = spec.total if spec.published is None else spec.published
    for k in range(1, spec.total):
        base = round(spec.starters * spec.weeks * 0.8 * curve[k - 1])
        for mode, window in (("all", 86_400), ("active", 86_400), ("all", 604_800)):
            key = (spec.series_id, "all", k, window, mode)
            if k >= published or base == 0 or spec.curve == "immature":
                status = "not_applicable" if k >= published else "not_identified"
                yield (*key, base, base, 0, 0, None, None, None, status)
                continue
            kept = (1 - ending_drop(spec, k)) * (1.0 if (mode, window) == ("all", 86_400) else 0.9)
            yield (*key, base, base, round(base * kept), 0, kept, *_interval(kept, base), "ok")


def gate_rows(spec: SeriesSpec, starters: list[int], curve: list[float]) -> Iterable[Row]:
    """`starters` by weeks ago; the first locked episode by week, and a later one for all weeks together."""
    if spec.gate is None or spec.gate < 2:
        return
    for weeks_ago, entered in enumerate(starters):
        if weeks_ago == 0 and not spec.present:
            continue
        monday = (MONDAY - timedelta(days=7 * weeks_ago)).isoformat()
        rate = spec.unlock_rate if weeks_ago == 0 or spec.last_unlock_rate is None else spec.last_unlock_rate
        started = round(entered * curve[spec.gate - 2] * 0.9)
        recent = round(started * 0.03) if weeks_ago == 0 and spec.language == "ja" else 0
        if spec.curve in ("immature", "suppressed"):
            recent = started
        for window in (24, 72):
            yield from _outcomes(spec, spec.gate, monday, window, started, recent, rate * (1 if window == 24 else 1.2))
    yield from _outcomes(spec, spec.gate + 1, "all", 24, 7_777, 0, 0.5)


def _outcomes(
    spec: SeriesSpec, gate: int, week: str, window: int, started: int, recent: int, rate: float
) -> Iterable[Row]:
    followed = started - recent
    counts = {name: round(followed * share) for name, share in {**PASSES, **EXITS}.items()}
    counts["coin_unlock"] = round(followed * rate * 0.8)
    counts["gate_bounce"] = followed - sum(counts.values())
    for outcome in (*OUTCOMES, "subscription_pass"):
        key = (spec.series_id, "all", gate, week, window, outcome, started, counts[outcome], recent, followed)
        if followed == 0:
            yield (*key, None, None, None, "not_identified", "nobody was followed")
            continue
        share = counts[outcome] / followed
        yield (*key, share, *_interval(share, followed), "ok", None)


EXPERIMENTS = {
    "exp-winter10": [STARFALL, LANTERN, NEWCUT, *PEERS],
    "exp-broken-split": [STARFALL],
    "exp-two-house": [STARFALL, PEERS[1]],
    "exp-canaryword-solo": [PEERS[0]],
}


def offer_rows(world: World) -> Iterable[Row]:
    present = {s.studio_id for s in world.studios}
    for experiment, studios in EXPERIMENTS.items():
        for studio in studios:
            if studio.studio_id in present:
                for spec in studio.series:
                    yield (experiment, spec.series_id)
                    yield (experiment, spec.series_id)


EFFECTS = {
    "exp-winter10": ((0.31, 0.12, 0.50, 0.04, 0.58), 1.21),
    "exp-two-house": ((9.87, 9.12, 10.62, 8.8, 10.9), 5.43),
    "exp-canaryword-solo": ((7.65, 7.1, 8.2, 6.9, 8.4), 4.32),
}


def uplift_rows(world: World) -> Iterable[Row]:
    for experiment in sorted({str(row[0]) for row in offer_rows(world)}):
        for metric in ("conversion", "net_revenue"):
            for days in (7, 28):
                for segment in ("all", "ext_ios", "ext_web"):
                    yield _uplift(experiment, metric, days, segment)


def _uplift(experiment: str, metric: str, days: int, segment: str) -> Row:
    n = {"all": (5_210, 5_180), "ext_ios": (2_100, 2_140), "ext_web": (3_110, 3_040)}[segment]
    key = (experiment, "discount10", "control", metric, days, segment, *n)
    if experiment == "exp-broken-split":
        reason = "viewers did not split over the arms as planned (sample ratio mismatch)"
        return (*key, "USD", *([None] * 6), "not_identified", reason)
    (value, low, high, always_low, always_high), ratio = EFFECTS[experiment]
    shift = {"all": 0.0, "ext_ios": 0.02, "ext_web": -0.3}[segment] + (0.001 if days == 7 else 0.0)
    factor = 1.0 if metric == "net_revenue" else 0.1
    numbers = [(x + shift) * factor for x in (value, low, high, always_low, always_high)]
    return (*key, "USD" if metric == "net_revenue" else None, *numbers, ratio, "ok", None)


def diversion_rows() -> Iterable[Row]:
    key = ("all", "all", "staggered_did", 28, 15)
    yield (*key, 0.183, 0.072, 0.294, 987_654_321, 5_397_018_142, "ok", None)
    yield ("all", "all", "staggered_did_log", 28, 15, None, None, None, None, None, "not_applicable", "no logarithm")


def event_study_rows() -> Iterable[Row]:
    for week in range(-6, 9):
        value = 0.02 * math.sin(week) if week < 0 else -0.2 + 0.05 * math.sin(week)
        band = (value - 0.4, value + 0.4)
        yield ("all", "all", "staggered_did", week, 15, 876_543_210, value, value - 0.15, value + 0.15, *band, "ok")


def line_rows() -> Iterable[Row]:
    """Closed months, an adjustment, and a co-producer's line on the studio's own series."""
    for n, (month, amount) in enumerate((("2026-08", 410_255), ("2026-09", 512_043), ("2026-10", 498_817))):
        for spec in STARFALL.series[:2]:
            yield _line(f"L{n}-{spec.series_id}", "std_starfall", spec.series_id, month, month, "EARNING", amount)
        yield _line(f"L{n}-beans", "std_starfall", "ser_heir", month, month, "EARNING", 7_070_707, "iap_beans")
        yield _line(f"L{n}-peer", "std_peer0", "ser_heir", month, month, "EARNING", 6_060_606)
    yield (
        *_line("L9-adj", "std_starfall", "ser_heir", "2026-08", "2026-10", "ADJUSTMENT", -1_205)[:9],
        *("IVT_SPAM", 410_255, 409_050, -1_205),
    )


def _line(
    line: str, party: str, series: str, month: str, posted: str, kind: str, amount: int, stream: str = "iaa"
) -> Row:
    return (line, "PAYABLE", party, series, month, posted, stream, "USD", kind, "", None, None, amount)


def pending_rows() -> Iterable[Row]:
    for place, (party, spec, amount) in enumerate(
        [
            ("std_starfall", STARFALL.series[0], 201_733),
            ("std_starfall", STARFALL.series[1], 88_104),
            ("std_starfall", STARFALL.series[2], 12_001),
            ("std_peer0", STARFALL.series[0], 5_050_505),
            ("std_newcut", NEWCUT.series[0], 99),
        ]
    ):
        yield ("PAYABLE", f"C{place}", 1, party, spec.series_id, "2026-11", "iaa", "USD", "EARNING", amount)


def tables(world: World, curve: object, starters: object) -> Iterable[tuple[str, str, list[Row]]]:
    """Name, columns and rows of every table here; `curve` and `starters` make those of a series by weeks ago."""
    assert callable(curve)
    assert callable(starters)
    series = [spec for studio in world.studios for spec in studio.series]
    estimate = "estimate DOUBLE, ci_low DOUBLE, ci_high DOUBLE, status VARCHAR"
    yield (
        "cliffhanger.continuation",
        "series_id VARCHAR, surface VARCHAR, episode_seq BIGINT, window_seconds BIGINT, mode VARCHAR, "
        f"n_completed BIGINT, n_at_risk BIGINT, n_event BIGINT, n_censored BIGINT, {estimate}",
        [row for x in series for row in continuation_rows(x, curve(x, 0))],
    )
    yield (
        "cliffhanger.gate_decomposition",
        "series_id VARCHAR, surface VARCHAR, gate_episode_seq BIGINT, cohort_week VARCHAR, window_hours BIGINT, "
        "outcome VARCHAR, n_opportunities BIGINT, n_outcome BIGINT, n_censored BIGINT, n_followed BIGINT, "
        f"{estimate}, status_reason VARCHAR",
        [row for x in series for row in gate_rows(x, [starters(x, n) for n in range(x.weeks)], curve(x, 0))],
    )
    yield ("core.fct_offer", "experiment_id VARCHAR, series_id VARCHAR", list(offer_rows(world)))
    yield (
        "discounts.uplift",
        "experiment_id VARCHAR, arm VARCHAR, control_arm VARCHAR, metric VARCHAR, horizon_days BIGINT, "
        "segment VARCHAR, n_control BIGINT, n_treatment BIGINT, currency VARCHAR, difference DOUBLE, "
        "ci_low DOUBLE, ci_high DOUBLE, always_valid_low DOUBLE, always_valid_high DOUBLE, ratio DOUBLE, "
        "status VARCHAR, status_reason VARCHAR",
        list(uplift_rows(world)),
    )
    yield (
        "cannibalization.diversion",
        "scope VARCHAR, scope_id VARCHAR, method VARCHAR, n_markets BIGINT, n_launched_markets BIGINT, kappa DOUBLE, "
        "ci_low DOUBLE, ci_high DOUBLE, displaced_minor BIGINT, in_platform_minor BIGINT, status VARCHAR, "
        "status_reason VARCHAR",
        list(diversion_rows()),
    )
    yield (
        "cannibalization.event_study",
        "scope VARCHAR, scope_id VARCHAR, method VARCHAR, event_week BIGINT, n_markets BIGINT, "
        "own_app_net_micros BIGINT, att DOUBLE, ci_low DOUBLE, ci_high DOUBLE, band_low DOUBLE, band_high DOUBLE, "
        "status VARCHAR",
        list(event_study_rows()),
    )
    money = "activity_period VARCHAR"
    yield (
        "payouts.lines",
        f"line_id VARCHAR, direction VARCHAR, party_id VARCHAR, series_id VARCHAR, {money}, posted_period VARCHAR, "
        "stream VARCHAR, currency VARCHAR, line_type VARCHAR, reason VARCHAR, posted_before_minor BIGINT, "
        "restated_minor BIGINT, amount_minor BIGINT",
        list(line_rows()),
    )
    yield (
        "payouts.pending",
        "direction VARCHAR, contract_id VARCHAR, contract_version BIGINT, party_id VARCHAR, "
        f"series_id VARCHAR, {money}, "
        "stream VARCHAR, currency VARCHAR, line_type VARCHAR, pending_minor BIGINT",
        list(pending_rows()),
    )


__all__ = ["ending_drop", "tables"]
