"""The worked examples to the cent, in SQL: raw rows in, months closed one after the other, figures out."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from payouts_world import MoneyWorld, ad, contract, parties, platform_statement, price, tiers

from dagster_project.ledger.closing import Closed
from dagster_project.ledger.lines import LedgerLine

SLABS: list[tuple[int | None, int]] = [(500_000, 300_000), (2_000_000, 400_000), (None, 500_000)]
# One impression in a country of its own carries any weight; S2 has one on each side of 16 September.
WEIGHTS = [
    (1, "S1", "AA", "2026-09-05", 4_812_345_678),
    (2, "S2", "AB", "2026-09-15", 1_980_000_001),
    (3, "S2", "AC", "2026-09-16", 1_320_000_000),
    (4, "S3", "AD", "2026-09-30", 2_087_654_321),
    (5, "S1", "AA", "2026-10-05", 4_812_345_678),
    (6, "S1", "AA", "2026-11-05", 4_812_345_678),
    (7, "S5", "AE", "2026-09-05", 1_000),
    (8, "S5", "AE", "2026-10-05", 1_000),
    (9, "S5", "AE", "2026-11-05", 1_000),
]
THIRDS = {"A": 1, "B": 1, "C": 1}
UNEVEN = {"P1": 4750, "P2": 3333, "P3": 1917}


def _amounts(lines: list[LedgerLine], name: str) -> list[tuple[str, str, str, int, int | None, int]]:
    """(type, reason, activity, base, rate, amount) of a contract's lines with the parties added up, in order."""
    sums: dict[tuple[str, str, str, int, int | None], int] = defaultdict(int)
    for line in lines:
        if line.contract_id == name:
            sums[line.line_type, line.reason, line.activity_period, line.base_minor, line.rate_ppm] += line.amount_minor
    return [(*key, amount) for key, amount in sums.items()]


def _by_party(lines: list[LedgerLine], name: str) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.contract_id == name:
            sums[line.party_id] += line.amount_minor
    return dict(sorted(sums.items()))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[MoneyWorld, dict[str, Closed]]:
    """September and October closed, then the deduction of November learned and November closed."""
    world = MoneyWorld(tmp_path_factory.mktemp("payouts") / "data")
    world.write("raw.ads", [ad(number, series, country, day) for number, series, country, day, _ in WEIGHTS])
    world.write(
        "reference.reference_value",
        [price(country, weight) for country, weight in {w[2]: w[4] for w in WEIGHTS}.items()],
    )
    countries = {"AA": "AMS", "AB": "AMS", "AC": "AMS", "AD": "AMS", "AE": "EU"}
    world.write(
        "reference.region_map", [{"region_entity": region, "country": one} for one, region in countries.items()]
    )
    world.write(
        "reference.contracts",
        [
            contract("C1", "S1"),
            # The same series in the other direction, so that both kinds of tiers stand on the same bases.
            contract("W1", "S1", direction="RECEIVABLE", tier_kind="WHOLE"),
            contract("C2", "S2", valid_to="2026-09-16"),
            contract("C2", "S2", version=2, valid_from="2026-09-16"),
            contract("C5", "S5"),
            contract("C6", "S5", direction="RECEIVABLE", split_mode="PER_STATEMENT"),
        ],
    )
    world.write(
        "reference.contract_tiers",
        [
            *tiers("C1", SLABS),
            *tiers("W1", SLABS),
            *tiers("C2", [(None, 300_000)]),
            *tiers("C2", [(None, 350_000)], version=2),
            *tiers("C5", [(None, 1_000_000)]),
            *tiers("C6", [(None, 1_000_000)]),
        ],
    )
    world.write("reference.contract_parties", [*parties("C1", UNEVEN), *parties("C5", THIRDS), *parties("C6", THIRDS)])
    world.write(
        "raw.platform_statement",
        [
            platform_statement("SEP", "2026-09-01", "2026-09-30", "10150.00", adjustment="-150.00"),
            platform_statement("OCT", "2026-10-01", "2026-10-31", "3300.00"),
            *(
                platform_statement(f"EU-{month}", f"2026-{month}-01", f"2026-{month}-30", "100.00", region_entity="EU")
                for month in ("09", "10", "11")
            ),
        ],
    )
    world.run()
    world.release()
    closed = {period: world.close(period) for period in ("2026-09", "2026-10")}
    world.write(
        "raw.platform_statement",
        [platform_statement("NOV", "2026-11-01", "2026-11-30", "2000.00", adjustment="-500.00")],
    )
    world.write(
        "raw.platform_statement_line",
        [
            {
                "platform": "tiktok",
                "statement_no": "NOV",
                "version": 1,
                "metric": "adjustment",
                "amount": "-500.00",
                "activity_period": "2026-09",
                "series_id": "S1",
                "reason": "invalid_traffic",
            }
        ],
    )
    world.run()
    closed["2026-11"] = world.close("2026-11")
    return world, closed


def test_g1_statement_to_series(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    world, _ = example
    rows = world.query(
        "select component, series_id, amount_minor from marts.mrt_payouts__allocations "
        "where statement_no = 'SEP' order by all"
    )
    assert rows == [
        ("adjustment", "S1", -7_077),
        ("adjustment", "S2", -4_853),
        ("adjustment", "S3", -3_070),
        ("adjustment", "UNATTRIBUTED", 0),
        ("gross", "S1", 478_876),
        ("gross", "S2", 328_382),
        ("gross", "S3", 207_742),
        ("gross", "UNATTRIBUTED", 0),
    ]


def test_g2_tiers(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    assert _amounts(closed["2026-09"].lines, "C1") == [("EARNING", "", "2026-09", 471_799, 300_000, 141_540)]
    assert _amounts(closed["2026-10"].lines, "C1") == [
        ("EARNING", "", "2026-10", 28_201, 300_000, 8_460),
        ("EARNING", "", "2026-10", 301_799, 400_000, 120_720),
    ]
    assert sum(_by_party(closed["2026-09"].lines, "W1").values()) == 141_540
    assert sum(_by_party(closed["2026-10"].lines, "W1").values()) == 179_180


def test_g3_a_deduction_after_close(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    lines = _amounts(closed["2026-11"].lines, "C1")
    assert lines == [
        ("ADJUSTMENT", "IVT_SPAM", "2026-09", -50_000, None, -15_000),
        ("ADJUSTMENT", "TIER_RESTATE", "2026-10", 0, None, -5_000),
        ("EARNING", "", "2026-11", 200_000, 400_000, 80_000),
    ]
    assert sum(line[-1] for line in lines) == 60_000
    everything = [line for one in closed.values() for line in one.lines]
    assert sum(_by_party(everything, "C1").values()) == 330_720
    september = [
        line for line in closed["2026-11"].lines if (line.contract_id, line.activity_period) == ("C1", "2026-09")
    ]
    assert {(line.posted_before_minor or 0) + line.amount_minor == line.restated_minor for line in september} == {True}
    assert sum(line.posted_before_minor or 0 for line in september) == 141_540
    assert sum(line.restated_minor or 0 for line in september) == 126_540


def test_g4_three_parties_a_third_each(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    assert [list(_by_party(one.lines, "C5").values()) for one in closed.values()] == [
        [3_334, 3_333, 3_333],
        [3_333, 3_334, 3_333],
        [3_333, 3_333, 3_334],
    ]
    drifting = [line for one in closed.values() for line in one.lines]
    assert _by_party(drifting, "C6") == {"A": 10_002, "B": 9_999, "C": 9_999}


def test_g4b_uneven_parties(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    assert [list(_by_party(one.lines, "C1").values()) for one in closed.values()] == [
        [67_232, 47_175, 27_133],
        [61_360, 43_056, 24_764],
        [28_500, 19_998, 11_502],
    ]


def test_g8_partners_and_house_share_the_statement(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    lines = closed["2026-09"].lines
    partners = sum(_by_party(lines, "C1").values()) + sum(_by_party(lines, "C2").values())
    assert partners == 245_069
    assert 1_000_000 - partners == 754_931


def test_g11_an_amendment_in_mid_month(example: tuple[MoneyWorld, dict[str, Closed]]) -> None:
    _, closed = example
    lines = [line for line in closed["2026-09"].lines if line.contract_id == "C2"]
    assert [(line.contract_version, line.base_minor, line.rate_ppm, line.amount_minor) for line in lines] == [
        (1, 194_117, 300_000, 58_235),
        (2, 129_412, 350_000, 45_294),
    ]


def test_should_be_is_posted_when_all_months_are_closed(
    example: tuple[MoneyWorld, dict[str, Closed]], tmp_path: Path
) -> None:
    world, closed = example
    world.run()
    assert world.query("select * from marts.mrt_payouts__pending") == []
    assert world.query("select count(*) from marts.mrt_payouts__lines") == [
        (sum(len(one.lines) for one in closed.values()),)
    ]
