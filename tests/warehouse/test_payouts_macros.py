"""The money macros by themselves, on input no world would have: SQL and Python agree to the minor unit."""

from __future__ import annotations

import random
from fractions import Fraction

import duckdb
import polars as pl
import pytest
from payouts_world import MoneyWorld

from dagster_project.core import money


def _compiled(world: MoneyWorld, inline: str) -> str:
    from dbt.cli.main import dbtRunner
    from payouts_world import manifest

    from dagster_project.settings import DBT_DIR

    target = str(world.layout.dbt_target)
    arguments = [
        "compile",
        "--quiet",
        "--project-dir",
        str(DBT_DIR),
        "--profiles-dir",
        str(DBT_DIR),
        "--inline",
        inline,
    ]
    result = dbtRunner(manifest=manifest(world.layout)).invoke(
        [*arguments, "--target-path", target, "--log-path", target]
    )
    assert result.success, result.exception
    return str(result.result.results[0].node.compiled_code)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> MoneyWorld:
    return MoneyWorld(tmp_path_factory.mktemp("plain") / "data")


def test_largest_remainder_is_the_same_in_sql_and_python(plain: MoneyWorld) -> None:
    draw = random.Random(3)
    wanted: dict[tuple[int, str], int] = {}
    rows: list[tuple[int, str, int, int]] = []
    for number in range(1_500):
        keys = draw.sample(["S1", "S10", "S2", "a", "É", "中", "UNATTRIBUTED", "S-1"], draw.randint(1, 8))
        scale = draw.choice((3, 10, 10**6, 2**62))
        weights = {key: draw.randint(0, scale) for key in keys}
        if not any(weights.values()):
            weights[keys[0]] = 1
        if sum(weights.values()) >= 2**63:
            weights = {key: weight // 8 for key, weight in weights.items()}
        total = draw.randint(-(10 ** draw.randint(1, 15)), 10 ** draw.randint(1, 15))
        rows += [(number, key, total, weight) for key, weight in weights.items()]
        wanted |= {(number, key): part for key, part in money.largest_remainder(total, weights).items()}
    draw.shuffle(rows)
    sql = _compiled(
        plain,
        "with {{ split_by_largest_remainder(name='parts', rows='splits', partition_by=['number'], total='total', "
        "weight='weight', tie_break=['part'], amount='amount') }} "
        "select number, part, amount, typeof(amount) from parts",
    )
    connection = duckdb.connect()
    connection.register(
        "splits", pl.DataFrame(rows, schema=["number", "part", "total", "weight"], orient="row").to_arrow()
    )
    found = connection.execute(sql).fetchall()
    assert {(number, part): amount for number, part, amount, _ in found} == wanted
    assert {kind for *_, kind in found} == {"BIGINT"}


def test_rounding_to_a_target_is_the_same_in_sql_and_python(plain: MoneyWorld) -> None:
    draw = random.Random(4)
    wanted: dict[tuple[int, int], int] = {}
    rows: list[tuple[int, int, int, int]] = []
    for number in range(1_500):
        exact = [
            draw.choice((draw.randint(-(10**12), 10**12), draw.randint(-3, 3) * 500_000))
            for _ in range(draw.randint(1, 6))
        ]
        target = money.round_half_away(Fraction(sum(exact), 1_000_000))
        rounded = money.round_to_target(
            {f"{place:03d}": Fraction(value, 1_000_000) for place, value in enumerate(exact)}, target
        )
        rows += [(number, place, value, target) for place, value in enumerate(exact)]
        wanted |= {(number, int(place)): part for place, part in rounded.items()}
    sql = _compiled(
        plain,
        "with {{ round_to_target(name='parts', rows='lines', partition_by=['number'], exact='exact', target='target', "
        "tie_break=['place'], amount='amount') }} select number, place, amount from parts",
    )
    connection = duckdb.connect()
    connection.register(
        "lines", pl.DataFrame(rows, schema=["number", "place", "exact", "target"], orient="row").to_arrow()
    )
    assert {(number, place): amount for number, place, amount in connection.execute(sql).fetchall()} == wanted


@pytest.mark.parametrize("value", [0, 1, 499_999, 500_000, 500_001, 1_500_000, 144_370_500_000, 10**18])
@pytest.mark.parametrize("sign", [1, -1])
def test_quotients_round_halves_away_from_zero(value: int, sign: int, plain: MoneyWorld) -> None:
    sql = _quotients(plain)
    dividend = sign * value
    assert duckdb.connect().execute(sql.replace("$value", str(dividend))).fetchone() == (
        money.round_half_away(Fraction(dividend, 1_000_000)),
        dividend // 1_000_000,
    )


_quotient_sql: list[str] = []


def _quotients(world: MoneyWorld) -> str:
    if not _quotient_sql:
        _quotient_sql.append(
            _compiled(
                world,
                "select {{ rounded_quotient('cast($value as hugeint)', 1000000) }}, "
                "{{ floor_quotient('cast($value as hugeint)', 1000000) }}",
            )
        )
    return _quotient_sql[0]


def test_exponents_are_those_of_the_vocabulary(plain: MoneyWorld) -> None:
    sql = _compiled(plain, "select {{ minor_units_in('currency') }} from (select $1 as currency)")
    for currency in ("USD", "EUR", "JPY", "KRW", "VND", "CLP", "ISK", "UGX", "BHD", "JOD", "KWD", "OMR", "TND"):
        assert duckdb.connect().execute(sql, [currency]).fetchone() == (10 ** money.exponent(currency),)
