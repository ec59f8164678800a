"""The made-up release with everything the executive page reads: tests, launches, paywalls, refused lines, money."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import statement_world
from release_studios import AS_OF, MONDAY, WEEKS

HOSTILE = "<script>alert('x')</script> $x$ #typst =cmd|' /C calc'!A0 霸道总裁"
REASONS = {"conflict": 31, "bad_ts": 12, **{f"reason_{n}": 10 - n for n in range(8)}}
TESTS = (
    # experiment, horizon, status, difference, interval, always valid
    ("exp-clear", 7, "ok", 0.9, (0.5, 1.3), (0.2, 1.6)),
    ("exp-clear", 28, "ok", 0.52, (0.22, 0.82), (0.05, 0.99)),
    ("exp-leans", 28, "ok", -0.45, (-0.75, -0.14), (-0.92, 0.03)),
    ("exp-unclear", 28, "ok", 0.01, (-0.2, 0.22), (-0.4, 0.42)),
    ("exp-young", 7, "ok", 0.4, (0.1, 0.7), (-0.1, 0.9)),
    ("exp-young", 28, "immature", None, (None, None), (None, None)),
    (HOSTILE, 28, "not_identified", None, (None, None), (None, None)),
)
PAYWALLS = (
    # series, estimate, interval, followed
    ("ser_heir", 0.70, (0.67, 0.73), 900),
    ("ser_bride", 0.60, (0.55, 0.65), 500),
    ("ser_lantern", 0.58, (0.50, 0.66), 200),
    ("ser_hostile2", 0.62, (0.50, 0.74), 150),
    ("ser_hostile7", 0.95, (0.80, 0.99), 99),
)


def write_release(path: Path, *, made_after: timedelta = timedelta(hours=3), gone: Iterable[str] = ()) -> Path:
    """The release, made `made_after` its data end; `gone` are tables it does not have."""
    statement_world.write_release(path)
    con = duckdb.connect(str(path))
    con.execute("SET TimeZone = 'UTC'")
    con.execute("UPDATE meta.releases SET created_at = ? WHERE is_current", [AS_OF + made_after])
    con.execute("UPDATE meta.releases SET created_at = ? WHERE NOT is_current", [AS_OF - timedelta(days=1)])
    for schema in ("cannibalization", "discounts", "cliffhanger"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    _table(con, "health.files", {"feed": "VARCHAR", "lines_read": "BIGINT"}, [("views", 90_000), ("ads", 10_000)])
    _table(
        con,
        "health.quarantine",
        {"feed": "VARCHAR", "reason_code": "VARCHAR"},
        [("views", reason) for reason, count in REASONS.items() for _ in range(count)],
    )
    counts = ("n_rows", "n_test", "n_invalid", "n_suspect", "n_late", "n_waiting")
    _table(
        con,
        "health.traffic_quality",
        {"feed": "VARCHAR", **dict.fromkeys(counts, "BIGINT")},
        [("views", 90_000, 300, 200, 700, 50, 0), ("unlocks", 5_000, 20, None, None, 3, 1)],
    )
    _uplift(con)
    _table(
        con,
        "cannibalization.diversion",
        {
            **dict.fromkeys(("scope", "scope_id", "method", "currency", "status", "status_reason"), "VARCHAR"),
            **dict.fromkeys(("kappa", "ci_low", "ci_high"), "DOUBLE"),
            **dict.fromkeys(("displaced_minor", "in_platform_minor", "n_clusters"), "BIGINT"),
        },
        [("all", "all", "staggered_did", "USD", "ok", None, 0.087, -0.028, 0.201, 75_103, 864_126, 23)],
    )
    _table(
        con,
        "cannibalization.market_panel",
        {
            "country": "VARCHAR",
            "week_start": "DATE",
            "own_app_net_micros": "BIGINT",
            "in_platform_net_micros": "BIGINT",
            "currency": "VARCHAR",
        },
        [
            (country, MONDAY - timedelta(days=7 * back), 900_000_000, 100_000_000 * (WEEKS - back), "USD")
            for country in ("US", "BR")
            for back in range(WEEKS)
        ],
    )
    numbers = ("n_followed", "n_opportunities", "n_outcome")
    _table(
        con,
        "cliffhanger.gate_decomposition",
        {
            **dict.fromkeys(("series_id", "surface", "cohort_week", "outcome", "status"), "VARCHAR"),
            **dict.fromkeys(("gate_episode_seq", "window_hours", *numbers), "BIGINT"),
            **dict.fromkeys(("estimate", "ci_low", "ci_high"), "DOUBLE"),
        },
        [
            (series, "all", "all", "gate_bounce", "ok", gate, 168, followed, followed, 1, estimate, low, high)
            for series, estimate, (low, high), followed in PAYWALLS
            for gate in _gate(con, series)
        ],
    )
    for table in gone:
        con.execute(f"DROP TABLE {table}")
    con.close()
    return path


def _gate(con: duckdb.DuckDBPyConnection, series: str) -> list[int]:
    rows = con.execute("SELECT first_gated_episode_seq FROM core.dim_series WHERE series_id = ?", [series]).fetchall()
    # The next lock is there too, and must not be taken for the first.
    return [gate for (gate,) in rows] + [gate + 1 for (gate,) in rows]


def _uplift(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("experiment_id", "arm", "control_arm", "metric", "segment", "currency", "status", "status_reason")
    doubles = (
        "mean_control",
        "difference",
        "ci_low",
        "ci_high",
        "always_valid_low",
        "always_valid_high",
    )
    kinds = {
        **dict.fromkeys(texts, "VARCHAR"),
        **dict.fromkeys(("horizon_days", "n_control", "n_treatment"), "BIGINT"),
        **dict.fromkeys(doubles, "DOUBLE"),
    }
    rows = []
    for metric in ("net_revenue", "conversion"):
        for name, days, status, value, narrow, wide in TESTS:
            reason = None if status == "ok" else "viewers did not split as planned <b>"
            shown = value if metric == "net_revenue" or value is None else 77.77
            mean = None if value is None else 2.0
            texts_of = (name, "discount10", "control", metric, "all", "USD", status, reason)
            rows.append((*texts_of, days, 3_341, 3_254, mean, shown, *narrow, *wide))
    _table(con, "discounts.uplift", kinds, rows)


def _table(
    con: duckdb.DuckDBPyConnection, name: str, kinds: Mapping[str, str], rows: Iterable[tuple[Any, ...]]
) -> None:
    con.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in kinds.items())})")
    con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(kinds))})", [list(row) for row in rows])
