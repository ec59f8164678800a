"""A made-up released file for the report tests.

Everything is arithmetic on the studios of `release_studios`, so that the file is the same on every run.
Counts and estimates agree with each other the way the real tables do (events, censored and left add up to
the entrants).
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import release_paywall
from release_studios import (
    AS_OF,
    CHECKS,
    HOSTILE_TITLES,
    LANTERN,
    MONDAY,
    PEERS,
    STARFALL,
    WEEK,
    WEEKS,
    WORLD,
    SeriesSpec,
    StudioSpec,
    World,
)


def reach_curve(spec: SeriesSpec, weeks_ago: int) -> list[float]:
    """The true reach of each episode for starters of a week."""
    gate_loss = spec.gate_loss if weeks_ago == 0 or spec.last_gate_loss is None else spec.last_gate_loss
    gate_loss += 0.008 * math.sin(weeks_ago * 1.7) if weeks_ago > 1 else 0.0
    shares = [1.0]
    for k in range(2, spec.total + 1):
        if k == spec.gate:
            loss = gate_loss
        elif spec.gate is not None and k > spec.gate:
            loss = spec.late_loss * (1 + 8 / (k - spec.gate + 3))
        else:
            loss = spec.early_loss * (0.45 + 1.1 / k)
        shares.append(shares[-1] * (1 - loss))
    return shares


def weekly_starters(spec: SeriesSpec, weeks_ago: int) -> int:
    wobble = 1 + 0.02 * math.sin(weeks_ago * 2.1 + len(spec.series_id))
    return round(spec.starters * (1 - spec.growth) ** weeks_ago * (wobble if weeks_ago else 1))


def _reach_rows(world: World, spec: SeriesSpec) -> Iterable[tuple[object, ...]]:
    published = spec.total if spec.published is None else spec.published
    for weeks_ago in range(spec.weeks):
        if weeks_ago == 0 and spec.curve == "missing":
            continue
        monday = MONDAY - timedelta(days=7 * weeks_ago)
        start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
        entered = weekly_starters(spec, weeks_ago)
        ripe_share = min(max(((world.as_of - start).total_seconds() / 86400 - 7) / 7, 0.0), 1.0)
        ripe = round(entered * ripe_share)
        for k, truth in enumerate(reach_curve(spec, weeks_ago), start=1):
            key = (spec.series_id, "all", monday.isoformat(), k, 168)
            if k > published:
                yield (*key, entered, entered, 0, 0, None, None, None, "not_applicable", None)
                continue
            young = round((entered - ripe) * truth * (0.97 if k < 20 else 0.9)) if k > 1 else entered - ripe
            events = round(ripe * truth) + young
            censored = entered - ripe - young
            if weeks_ago == 0 and spec.curve in ("suppressed", "immature"):
                status = "suppressed" if spec.curve == "suppressed" else "not_identified"
                yield (*key, entered, entered, events, censored, None, None, None, status, None)
                continue
            if entered == 0:
                yield (*key, 0, 0, 0, 0, None, None, None, "not_identified", None)
                continue
            low, high = _loglog(truth, entered - 0.45 * censored)
            yield (*key, entered, entered, events, censored, truth, low, high, "ok", events / entered)


def _loglog(reach: float, base: float) -> tuple[float, float]:
    survival = 1 - reach
    if survival <= 0 or survival >= 1:
        return (0.025 ** (1 / max(base, 1)), 1.0) if survival <= 0 else (0.0, 1 - 0.025 ** (1 / max(base, 1)))
    spread = 1.96 * math.sqrt(reach / (survival * base)) / abs(math.log(survival))
    return 1 - survival ** math.exp(-spread), 1 - survival ** math.exp(spread)


def _weekly_rows(spec: SeriesSpec, studio_id: str) -> Iterable[tuple[object, ...]]:
    for weeks_ago in range(spec.weeks):
        if weeks_ago == 0 and not spec.present:
            continue
        monday = MONDAY - timedelta(days=7 * weeks_ago)
        starters = weekly_starters(spec, weeks_ago)
        reached = reach_curve(spec, weeks_ago)[spec.gate - 2] if spec.gate else 0.0
        viewers = round(starters * reached * 0.62)
        rate = spec.unlock_rate if weeks_ago == 0 or spec.last_unlock_rate is None else spec.last_unlock_rate
        unlockers = round(viewers * rate * (1 + 0.02 * math.sin(weeks_ago * 2.9)))
        ads = round(starters * 141_113.7) if spec.ads else None
        yield (
            spec.series_id,
            studio_id,
            monday.isoformat(),
            starters,
            round(starters * 1.3),
            starters * 14,
            starters * 12,
            starters * 900,
            viewers,
            unlockers,
            unlockers * 1_903_411,
            1204 if spec.series_id == "ser_heir" else 0,
            starters * 4,
            starters if ads is not None else starters * 4,
            ads,
            True,
        )


def connect(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection in which the file's schemas need no prefix; its own name would hide the one it shares."""
    con = duckdb.connect(":memory:")
    con.execute(f"ATTACH '{path}' AS made {'(READ_ONLY)' if read_only else ''}")
    con.execute("USE made")
    return con


def write_release(path: Path, world: World = WORLD, *, payouts: bool = True) -> Path:
    """Write the world as a released file, with its payouts unless a test brings its own, and return its path."""
    con = connect(path)
    con.execute("SET TimeZone = 'UTC'")
    for schema in (
        "audience",
        "cannibalization",
        "cliffhanger",
        "core",
        "discounts",
        "health",
        "meta",
        "weekly",
        *(("payouts",) if payouts else ()),
    ):
        con.execute(f"CREATE SCHEMA {schema}")

    def table(name: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
        con.execute(f"CREATE TABLE {name} ({columns})")
        found = list(rows)
        if found:
            names = [part.split()[0] for part in columns.split(", ")]
            batch = pa.table({n: pa.array(list(v)) for n, v in zip(names, zip(*found, strict=True), strict=True)})
            con.register("batch", batch)
            con.execute(f"INSERT INTO {name} SELECT * FROM batch")
            con.unregister("batch")

    series = [(studio, spec) for studio in world.studios for spec in studio.series]
    table(
        "core.dim_studio",
        "studio_id VARCHAR, name VARCHAR, legal_name VARCHAR, country VARCHAR, payout_currency VARCHAR, "
        "timezone VARCHAR, locale VARCHAR",
        ((s.studio_id, s.name, s.legal_name, "US", "USD", "UTC", s.locale) for s in world.studios),
    )
    table(
        "core.dim_series",
        "series_id VARCHAR, studio_id VARCHAR, title VARCHAR, language VARCHAR, genre VARCHAR, "
        "total_episodes INTEGER, published_episodes INTEGER, first_gated_episode_seq INTEGER, "
        "released_on DATE",
        (
            (
                x.series_id,
                s.studio_id,
                x.title,
                x.language,
                x.genre,
                x.total,
                x.total if x.published is None else x.published,
                x.gate,
                MONDAY - timedelta(days=7 * x.weeks),
            )
            for s, x in series
        ),
    )
    table(
        "core.dim_episode",
        "series_id VARCHAR, episode_seq INTEGER, title VARCHAR, duration_ms BIGINT, "
        "published_at TIMESTAMPTZ, cliffhanger_label VARCHAR",
        (
            (
                x.series_id,
                k,
                f"Episode {k}",
                75_000,
                world.as_of - timedelta(days=90),
                "cliffhanger" if k in x.cliffhangers else None,
            )
            for _, x in series
            for k in range(1, x.total + 1)
        ),
    )
    table(
        "audience.episode_reach",
        "series_id VARCHAR, surface VARCHAR, cohort_week VARCHAR, episode_seq INTEGER, "
        "horizon_hours INTEGER, n_entered BIGINT, n_at_risk BIGINT, n_event BIGINT, n_censored BIGINT, "
        "estimate DOUBLE, ci_low DOUBLE, ci_high DOUBLE, status VARCHAR, naive_share DOUBLE",
        (row for _, x in series for row in _reach_rows(world, x)),
    )
    table(
        "weekly.series_week",
        "series_id VARCHAR, studio_id VARCHAR, week_start VARCHAR, n_starters BIGINT, n_viewers BIGINT, "
        "n_starts BIGINT, n_completions BIGINT, watch_seconds BIGINT, n_gate_viewers BIGINT, "
        "n_gate_unlockers BIGINT, unlock_net_micros BIGINT, n_unpriced_unlocks BIGINT, "
        "ad_impressions BIGINT, n_unpriced_impressions BIGINT, ad_revenue_micros BIGINT, "
        "is_complete_week BOOLEAN",
        (row for s, x in series for row in _weekly_rows(x, s.studio_id)),
    )
    table(
        "meta.releases",
        "release_id VARCHAR, created_at TIMESTAMPTZ, content_hash VARCHAR, as_of TIMESTAMPTZ, is_current BOOLEAN",
        [
            ("rel_0042", world.as_of, "9f3c2b7a55d0e1", world.as_of, True),
            ("rel_0041", world.as_of, "00aa11bb22cc33", world.as_of - timedelta(days=1), False),
        ],
    )
    table(
        "meta.checks",
        "release_id VARCHAR, check_name VARCHAR, asset VARCHAR, severity VARCHAR, passed BOOLEAN, detail VARCHAR",
        (("rel_0042", *check) for check in world.checks),
    )
    table(
        "health.freshness",
        "source VARCHAR, as_of TIMESTAMPTZ, n_rows BIGINT, n_late BIGINT, late_share DOUBLE, status VARCHAR",
        [
            ("views", world.as_of, 9_000_000, 4100, 0.00046, "ok"),
            ("unlocks", world.unlocks_as_of or world.as_of, 310_000, 210, 0.0007, "ok"),
            ("ads", world.ads_as_of or world.as_of - timedelta(hours=34), 640_000, 900, 0.0014, "ok"),
        ],
    )
    for name, columns, rows in release_paywall.tables(world, reach_curve, weekly_starters):
        if payouts or not name.startswith("payouts."):
            table(name, columns, rows)
    con.close()
    return path


__all__ = [
    "AS_OF",
    "CHECKS",
    "HOSTILE_TITLES",
    "LANTERN",
    "MONDAY",
    "PEERS",
    "STARFALL",
    "WEEK",
    "WEEKS",
    "WORLD",
    "SeriesSpec",
    "StudioSpec",
    "World",
    "write_release",
]
