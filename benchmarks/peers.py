"""The hand-written SQL: how it is run, and that its numbers are those of the marts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

SQL_DIR = Path(__file__).resolve().parent / "sql"


@dataclass(frozen=True)
class ComparedMart:
    """A mart, the hand-written table of the same numbers (in schema `direct`), its keys and the numbers compared."""

    mart: str
    peer: str
    keys: tuple[str, ...]
    numbers: tuple[str, ...]


COMPARED_MARTS = (
    ComparedMart(
        "mrt_audience__episode_reach",
        "episode_reach",
        ("series_id", "surface", "cohort_week", "episode_seq", "horizon_hours"),
        ("n_entered", "n_at_risk", "n_event", "n_censored"),
    ),
    ComparedMart(
        "mrt_audience__episode_survival",
        "episode_survival",
        ("series_id", "surface", "cohort_week", "episode_seq", "window_days"),
        ("n_at_risk", "n_drop"),
    ),
    ComparedMart(
        "mrt_audience__cohort_days",
        "cohort_days",
        ("scope", "scope_id", "surface", "cohort_date", "mode", "day"),
        ("n_eligible", "n_active"),
    ),
    ComparedMart(
        "mrt_cliffhanger__continuation",
        "continuation",
        ("series_id", "surface", "episode_seq", "window_seconds", "mode"),
        ("n_at_risk", "n_event", "n_censored"),
    ),
)


@dataclass(frozen=True)
class Comparison:
    """Rows of one mart beside those of its peer; equal when the last two are 0.

    Attributes:
        n_only_mart, n_only_peer: Rows, with keys and numbers, that only one side has.
        examples: A few such rows, each with the side it is on.
    """

    mart: str
    n_mart: int
    n_peer: int
    n_only_mart: int
    n_only_peer: int
    examples: tuple[tuple[Any, ...], ...]

    @property
    def is_equal(self) -> bool:
        return self.n_only_mart == self.n_only_peer == 0 and self.n_mart > 0


def write_peers(warehouse: Path) -> None:
    """Run every file of `sql/` in name order on a warehouse with raw and reference; tables are left in `direct`."""
    with closing(duckdb.connect(str(warehouse), config={"preserve_insertion_order": False})) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema direct")
        for file in sorted(SQL_DIR.glob("*.sql")):
            connection.execute(file.read_text(encoding="utf-8"))


def compare_marts(warehouse: Path, peers: Path) -> list[Comparison]:
    """Every row of the marts in `warehouse` against the hand-written tables in `peers`."""
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, path in (("built", warehouse), ("written", peers)):
            connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {name} (read_only)")
        return [_compare(connection, compared) for compared in COMPARED_MARTS]


def _compare(connection: duckdb.DuckDBPyConnection, compared: ComparedMart) -> Comparison:
    columns = ", ".join((*compared.keys, *compared.numbers))
    mart = f"select {columns} from built.marts.{compared.mart}"
    peer = f"select {columns} from written.direct.{compared.peer}"
    only = {"mart": f"{mart} except all {peer}", "peer": f"{peer} except all {mart}"}

    def count(query: str) -> int:
        return int(connection.execute(f"select count(*) from ({query})").fetchall()[0][0])

    examples = connection.execute(
        f"from (select 'mart' as side, * from ({only['mart']}) union all select 'peer', * from ({only['peer']})) "
        f"order by {', '.join(compared.keys)}, side limit 10"
    ).fetchall()
    return Comparison(
        compared.mart, count(mart), count(peer), count(only["mart"]), count(only["peer"]), tuple(examples)
    )
