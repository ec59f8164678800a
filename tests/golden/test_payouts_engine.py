"""The worked examples on the control of a close: the same figures as in SQL, from the Python side."""

from __future__ import annotations

from typing import Any

from dagster_project.core.money import Tier
from dagster_project.ledger.recompute import Step, Terms, allocate, entitle, recompute, split

SLABS = (Tier(500_000, 300_000), Tier(2_000_000, 400_000), Tier(None, 500_000))
WEIGHTS = {"S1": 4_812_345_678, "S2": 3_300_000_001, "S3": 2_087_654_321, "S4": 0}
PLACE = {"platform": "tiktok", "statement_no": "SEP", "statement_version": 1, "activity_period": "2026-09"}


def _terms(version: int = 1, *, tiers: tuple[Tier, ...] = SLABS, kind: Any = "MARGINAL", **more: Any) -> Terms:
    return Terms(
        contract_id="C",
        version=version,
        base="net_of_ivt",
        tier_kind=kind,
        split_mode=more.get("split_mode", "CUMULATIVE"),
        tiers=tiers,
        tier_numbers=tuple(range(1, len(tiers) + 1)),
        parties=more.get("parties", {"P": 1}),
    )


def _step(period: str, base: int, version: int = 1, series: str = "S") -> Step:
    return Step("PAYABLE", "C", version, "LIFETIME", series, period, "iaa", "USD", base)


def _component(name: str, amount: int, **more: Any) -> dict[str, Any]:
    return {
        **PLACE,
        "component": name,
        "named_series_id": None,
        "stage": "CONFIRMED",
        "narrowest_base": "gross" if name == "gross" else "net_of_ivt",
        "stream": "iaa",
        "currency": "USD",
        "amount_minor": amount,
        **more,
    }


def _segment(series: str, weight: int, **more: Any) -> dict[str, Any]:
    return {
        **PLACE,
        "direction": "PAYABLE",
        "series_id": series,
        "contract_id": None,
        "contract_version": None,
        "tier_window": None,
        "weight": weight,
        **more,
    }


def test_g1_statement_to_series() -> None:
    segments = [_segment(series, weight) for series, weight in WEIGHTS.items()]
    parts = [
        amounts
        for _, amounts in allocate([_component("gross", 1_015_000), _component("adjustment", -15_000)], segments)
    ]
    assert parts == [
        {"UNATTRIBUTED": 0, "S1": 478_876, "S2": 328_382, "S3": 207_742, "S4": 0},
        {"UNATTRIBUTED": 0, "S1": -7_077, "S2": -4_853, "S3": -3_070, "S4": 0},
    ]


def test_g1b_three_equal_weights() -> None:
    segments = [_segment(series, 1) for series in "CAB"]
    [(_, parts)] = allocate([_component("gross", 10_000)], segments)
    assert parts == {"UNATTRIBUTED": 0, "A": 3_334, "B": 3_333, "C": 3_333}


def test_g2_tiers() -> None:
    steps = [_step("2026-09", 471_799), _step("2026-10", 330_000)]
    marginal = [(line.tier_no, line.base_minor, line.entitlement_minor) for line in entitle(steps, [_terms()])]
    assert marginal == [(1, 471_799, 141_540), (1, 28_201, 8_460), (2, 301_799, 120_720)]
    whole = entitle(steps, [_terms(kind="WHOLE")])
    assert [line.entitlement_minor for line in whole] == [141_540, -141_540, 320_720]


def test_g3_restated_with_the_deduction() -> None:
    steps = [_step("2026-09", 421_799), _step("2026-10", 330_000), _step("2026-11", 200_000)]
    sums: dict[str, int] = {}
    for line in entitle(steps, [_terms()]):
        sums[line.step.activity_period] = sums.get(line.step.activity_period, 0) + line.entitlement_minor
    assert sums == {"2026-09": 126_540, "2026-10": 124_180, "2026-11": 80_000}


def test_g4_and_g4b_parties() -> None:
    def shares(pools: list[int], parties: dict[str, int], mode: str = "CUMULATIVE") -> list[list[int]]:
        terms = [_terms(tiers=(Tier(None, 1_000_000),), parties=parties, split_mode=mode)]
        steps = [_step(f"2026-{month:02d}", pool) for month, pool in enumerate(pools, 1)]
        found = split(entitle(steps, terms), terms)
        by_month: dict[str, list[int]] = {}
        for key, (_, amount) in found.items():
            by_month.setdefault(key[6], []).append(amount)
        return list(by_month.values())

    thirds = {"A": 1, "B": 1, "C": 1}
    assert shares([10_000] * 3, thirds) == [[3_334, 3_333, 3_333], [3_333, 3_334, 3_333], [3_333, 3_333, 3_334]]
    assert shares([10_000, 10_000, -5_000], thirds)[2] == [-1_667, -1_667, -1_666]
    assert [sum(part) for part in zip(*shares([10_000] * 3, thirds, "PER_STATEMENT"), strict=True)] == [
        10_002,
        9_999,
        9_999,
    ]
    assert shares([141_540, 129_180, 60_000], {"P1": 4750, "P2": 3333, "P3": 1917}) == [
        [67_232, 47_175, 27_133],
        [61_360, 43_056, 24_764],
        [28_500, 19_998, 11_502],
    ]


def test_g11_an_amendment_in_mid_month() -> None:
    terms = [_terms(1, tiers=(Tier(None, 300_000),)), _terms(2, tiers=(Tier(None, 350_000),))]
    contract = {"contract_id": "C", "tier_window": "LIFETIME"}
    segments = [
        _segment("S2", 1_980_000_001, **contract, contract_version=1),
        _segment("S2", 1_320_000_000, **contract, contract_version=2),
    ]
    components = [
        _component("gross", 328_382, named_series_id="S2"),
        _component("deduction", -4_853, named_series_id="S2"),
    ]
    found = recompute(components, segments, terms)
    assert sorted(found.values()) == [(129_412, 45_294), (194_117, 58_235)]


def test_g12_more_money_may_lower_a_part() -> None:
    segments = [_segment("A", 3), _segment("B", 3), _segment("C", 1)]
    parts = [amounts for _, amounts in allocate([_component("gross", 10), _component("gross", 11)], segments)]
    assert [list(one.values())[1:] for one in parts] == [[4, 4, 2], [5, 5, 1]]
