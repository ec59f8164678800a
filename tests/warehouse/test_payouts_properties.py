"""SQL and Python agree to the minor unit on random input; no floating point touches a payout; nothing is lost."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlglot
from dbt.cli.main import dbtRunnerResult
from payouts_world import MoneyWorld, ad, contract, parties, platform_statement, price, tiers
from sqlglot import exp

from dagster_project.core import money
from dagster_project.ledger.recompute import disagreements, recompute, terms_of
from dagster_project.storage.exports import export_models
from dagster_project.storage.ledger_files import read_close_inputs
from dagster_project.storage.manifest import ExportedModel

COUNTRIES = {"AA": "AMS", "AB": "AMS", "AC": "AMS", "BA": "EU", "BB": "EU"}
SERIES = [f"S{number}" for number in range(1, 13)]
MONTHS = [f"2026-{month:02d}" for month in range(1, 7)]
LAST_DAYS = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30), strict=True))


def _random_world(world: MoneyWorld, seed: int) -> None:
    """Half-month statements of two regions over half a year, with contracts of every kind."""
    draw = random.Random(seed)
    days = [f"{month}-{day:02d}" for month in MONTHS for day in range(1, LAST_DAYS[month] + 1)]
    ads = []
    for number in range(900):
        series = draw.choice([*SERIES, *SERIES[:3] * 4, None])
        ads.append(ad(number, series, draw.choice(list(COUNTRIES)), draw.choice(days)))
    world.write("raw.ads", ads)
    world.write("reference.reference_value", [price(one, draw.choice((1_000, 7_777, 3_333_333))) for one in COUNTRIES])
    world.write(
        "reference.region_map", [{"region_entity": region, "country": one} for one, region in COUNTRIES.items()]
    )

    contracts: list[dict[str, Any]] = []
    for series in SERIES[:-1]:
        name = f"C-{series}"
        start = draw.choice(days[30:150])
        terms = {
            "base": draw.choice(("gross", "net_of_ivt", "net_of_platform_fee")),
            "tier_kind": draw.choice(("MARGINAL", "WHOLE")),
            "tier_window": "LIFETIME" if series in SERIES[:2] else draw.choice(("LIFETIME", "CONTRACT_YEAR", "MONTH")),
            "split_mode": draw.choice(("CUMULATIVE", "CUMULATIVE", "PER_STATEMENT")),
            "territories": draw.choice(("*", "AA;BA", "AB; AC")),
            "valid_from": draw.choice(("2025-03-17", "2026-01-01")),
        }
        contracts.append({**contract(name, series, **terms)})
        if series not in SERIES[:2] and draw.random() < 0.5:
            contracts.append({**contract(name, series, **{**terms, "valid_from": start, "version": 2})})
    contracts.append({**contract("R-all", "*", direction="RECEIVABLE", base="gross", tier_window="CONTRACT_YEAR")})
    world.write("reference.contracts", contracts)
    shares = {name: draw.randint(1, 40) for name in draw.sample("PQRSTU", draw.randint(1, 4))}
    for one in contracts:
        limits: list[int | None] = [*sorted(draw.sample(range(500, 90_000), draw.randint(0, 3)))]
        rates = [draw.randint(0, 1_000_000) for _ in [*limits, None]]
        world.write(
            "reference.contract_tiers",
            tiers(one["contract_id"], list(zip([*limits, None], rates, strict=True)), one["version"]),
        )
        if draw.random() < 0.7:
            world.write("reference.contract_parties", parties(one["contract_id"], shares, one["version"]))
    _random_statements(world, draw)


def _random_statements(world: MoneyWorld, draw: random.Random) -> None:
    statements, lines = [], []
    for month in MONTHS:
        for half, (first, last) in enumerate(((1, 15), (16, LAST_DAYS[month])), 1):
            for region in ("AMS", "EU"):
                number = f"{region}-{month}-{half}"
                gross, refund, fee = draw.randint(-20_000, 90_000), draw.randint(0, 500), draw.randint(0, 3_000)
                cuts = [
                    (
                        draw.choice([*SERIES, None]),
                        draw.choice(MONTHS[: MONTHS.index(month) + 1]),
                        -draw.randint(1, 9_000),
                    )
                    for _ in range(draw.choice((0, 0, 1, 2)))
                ]
                adjustment = draw.randint(-900, 300) + sum(amount for *_, amount in cuts)
                amounts = {"refund": refund, "platform_fee": fee, "adjustment": adjustment}
                statements.append(
                    platform_statement(
                        number,
                        f"{month}-{first:02d}",
                        f"{month}-{last:02d}",
                        money_text(gross),
                        region_entity=region,
                        status=draw.choice(("confirmed", "confirmed", "paid", "pending_confirmation")),
                        **{name: money_text(amount) for name, amount in amounts.items()},
                        settleable=money_text(gross - refund - fee + adjustment),
                    )
                )
                lines += [
                    {
                        "platform": "tiktok",
                        "statement_no": number,
                        "version": 1,
                        "metric": "adjustment",
                        "amount": money_text(amount),
                        "activity_period": activity,
                        "series_id": series,
                        "reason": draw.choice(("invalid_traffic", "refund")),
                    }
                    for series, activity, amount in cuts
                ]
    world.write("raw.platform_statement", statements)
    world.write("raw.platform_statement_line", lines)


def money_text(minor: int) -> str:
    """Minor units of a two-decimal currency as decimal text."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


@pytest.fixture(scope="module", params=[11, 12])
def computed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[MoneyWorld, dbtRunnerResult]:
    world = MoneyWorld(tmp_path_factory.mktemp("random") / "data")
    _random_world(world, request.param)
    return world, world.run()


def test_every_line_is_the_same_in_sql_and_python(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    world, _ = computed
    with world.connection() as connection:
        inputs = read_close_inputs(connection)
    control = recompute(inputs.components, inputs.segments, terms_of(inputs.contracts, inputs.tiers, inputs.parties))
    assert len(inputs.should_be) > 100
    assert {row["direction"] for row in inputs.should_be} == {"PAYABLE", "RECEIVABLE"}
    assert any(row["amount_minor"] < 0 for row in inputs.should_be)
    assert disagreements(inputs.should_be, control) == []
    spoilt = [{**inputs.should_be[0], "amount_minor": inputs.should_be[0]["amount_minor"] + 1}, *inputs.should_be[1:]]
    assert len(disagreements(spoilt, control)) == 1


def test_every_cell_belongs_to_the_version_that_holds_on_its_day(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    """Which contract version holds where, worked out again cell by cell from the reference rows."""
    world, _ = computed
    stretches = world.query(
        "select distinct statement_no, activity_period, region_entity, starts_on, ends_on "
        "from intermediate.int_statement_components_attributed"
    )
    cells = world.query(
        "select series_id, country, activity_date, weight from intermediate.int_activity_weights_frozen "
        "where time_zone = 'UTC'"
    )
    terms = world.query(
        "select contract_id, version, direction, series_id, replace(territories, ' ', ''), valid_from, tier_window, "
        "min(valid_from) over (partition by contract_id) from reference.contracts"
    )
    wanted: dict[tuple[Any, ...], int] = defaultdict(int)
    for number, activity, region, first, last in stretches:
        for series, country, day, weight in cells:
            if COUNTRIES[country] != region or not first <= day <= last:
                continue
            for direction in ("PAYABLE", "RECEIVABLE"):
                holding = [
                    (version, name, window, anchor)
                    for name, version, way, covered, territories, valid_from, window, anchor in terms
                    if way == direction
                    and (covered == series or (covered == "*" and direction == "RECEIVABLE"))
                    and (territories == "*" or country in territories.split(";"))
                    and valid_from <= day
                ]
                version, name, window, anchor = max(holding, default=(None, None, None, None))
                if window == "MONTH":
                    window = activity
                elif window == "CONTRACT_YEAR":
                    window = f"YEAR-{day.year - anchor.year + ((day.month, day.day) >= (anchor.month, anchor.day))}"
                wanted[number, activity, direction, series, name, version, window] += weight
    found = {
        tuple(key): weight
        for *key, weight in world.query(
            "select statement_no, activity_period, direction, series_id, contract_id, contract_version, tier_window, "
            "weight from intermediate.int_statement_segments_weighed"
        )
    }
    assert len({key[5] for key in found}) == 3, "cells without contract, of first and of second versions"
    assert found == dict(wanted)


def test_allocations_are_largest_remainders_of_the_published_weights(
    computed: tuple[MoneyWorld, dbtRunnerResult],
) -> None:
    world, _ = computed
    splits: dict[tuple[Any, ...], dict[str, tuple[int, int]]] = defaultdict(dict)
    for *key, series, weight, amount in world.query(
        "select statement_no, component, activity_period, reason, series_id, weight, amount_minor "
        "from marts.mrt_payouts__allocations where allocation_basis = 'PERIOD_WEIGHTS'"
    ):
        splits[tuple(key)][series] = (weight, amount)
    assert len(splits) > 50
    for parts in splits.values():
        total = sum(amount for _, amount in parts.values())
        weights = {series: weight for series, (weight, _) in parts.items()}
        assert money.largest_remainder(total, weights) == {series: amount for series, (_, amount) in parts.items()}


def test_every_live_statement_is_allocated_whole(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    world, _ = computed
    assert (
        world.query(
            "select statement_no from core.fct_platform_statement as statements "
            "inner join (select statement_no, sum(amount_minor) as allocated "
            "from marts.mrt_payouts__allocations group by all) using (statement_no) where allocated <> settleable_minor"
        )
        == []
    )
    assert world.query("select count(distinct statement_no) from marts.mrt_payouts__allocations") == [(24,)]


def test_pending_statements_are_estimates_only(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    world, _ = computed
    stated = {
        row[0] for row in world.query("select statement_no from core.fct_platform_statement where stage = 'STATED'")
    }
    assert stated
    assert {
        row[0] for row in world.query("select statement_no from marts.mrt_payouts__allocations where stage = 'STATED'")
    } == stated
    behind = {
        number
        for (text,) in world.query("select distinct source_statement from marts.mrt_payouts__should_be")
        for number in text.split(";")
    }
    assert behind
    assert not behind & stated


def test_every_prefix_of_months_is_the_rounded_entitlement(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    """Recomputed from bases and tiers alone for contracts with one version and a lifetime window."""
    world, _ = computed
    steps: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for name, month, base, earned in world.query(
        "select contract_id, activity_period, sum(base_minor), sum(entitlement_minor) "
        "from intermediate.int_contract_lines_rounded "
        "inner join core.dim_contract using (contract_id, contract_version) "
        "where dim_contract.tier_window = 'LIFETIME' and contract_id not in "
        "(select contract_id from core.dim_contract where contract_version = 2) group by all order by all"
    ):
        steps[name].append((month, int(base), int(earned)))
    assert steps
    for name, months in steps.items():
        limits = world.query(
            f"select upto_minor, rate_ppm from reference.contract_tiers where contract_id = '{name}' order by tier_no"
        )
        [(kind,)] = world.query(f"select tier_kind from core.dim_contract where contract_id = '{name}'")
        base = earned = 0
        for _, more_base, more_earned in months:
            base, earned = base + more_base, earned + more_earned
            exact = money.entitlement(base, [money.Tier(*limit) for limit in limits], kind)
            assert earned == money.round_half_away(exact), name
            assert abs(Fraction(earned) - exact) <= Fraction(1, 2)


def test_nothing_divides_or_averages_on_the_way_to_a_payout(computed: tuple[MoneyWorld, dbtRunnerResult]) -> None:
    _, result = computed
    nodes = {node.node.name: node.node.compiled_code for node in result.result.results}
    assert {"mrt_payouts__should_be", "int_contract_lines_rounded", "stg_raw__ads"} <= set(nodes)
    for name, code in nodes.items():
        tree = sqlglot.parse_one(code, dialect="duckdb")
        forbidden = [
            node.sql()
            for node in tree.walk()
            if isinstance(node, exp.Div | exp.Avg | exp.Median | exp.Sqrt | exp.Pow | exp.Ln | exp.Exp)
            or (isinstance(node, exp.DataType) and node.this in (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT))
            or (isinstance(node, exp.Literal) and not node.is_string and "e" in node.this.lower())
        ]
        assert forbidden == [], name
    division = sqlglot.parse_one("select a // b, c / d", dialect="duckdb")
    assert len(list(division.find_all(exp.Div))) == 1, "the parser must tell whole quotients from divisions"


def test_money_at_rest_is_bigint_in_the_warehouse_and_in_exports(
    computed: tuple[MoneyWorld, dbtRunnerResult], tmp_path: Path
) -> None:
    world, result = computed
    relations = [node.node for node in result.result.results]
    with world.connection() as connection:
        types = connection.execute(
            "select table_schema, table_name, column_name, data_type from information_schema.columns "
            "where table_schema in ('staging', 'intermediate', 'core', 'marts')"
        ).fetchall()
        assert not [
            column for column in types if column[3] in ("DOUBLE", "FLOAT", "HUGEINT") or column[3].startswith("UHUGE")
        ]
        money_columns = [column for column in types if column[2].endswith(("_minor", "_micros", "_ppm", "weight"))]
        assert len(money_columns) > 60
        assert {column[3] for column in money_columns} == {"BIGINT"}
        models = [
            ExportedModel(node.name, f'"{node.schema}"."{node.alias}"', "x.y", "", {}, (), ("marts", node.name))
            for node in relations
            if node.name.startswith(("mrt_payouts__", "fct_platform_statement"))
        ]
        folder = export_models(connection, world.layout, "run", models)
    assert len(models) == 7
    for model in models:
        schema = pq.read_schema(folder / f"{model.name}.parquet")
        for field in schema:
            assert str(field.type) in ("string", "int64", "bool", "date32[day]", "timestamp[us, tz=UTC]"), (
                model.name,
                field,
            )
