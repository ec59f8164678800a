"""Headlines of the later pages say no more than their numbers allow, whatever the numbers."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import formats
from dashboards.charts.endings import ceiling
from dashboards.compare import Difference, Estimate, Interval, pooled, shift
from dashboards.figures.discounts import Certainty, Uplift, claim
from dashboards.figures.endings import Ending, judge

CERTAINTIES: list[Certainty] = ["up", "down", "leans up", "leans down", "unclear"]
LINES = st.floats(-5, 5).flatmap(lambda low: st.tuples(st.just(low), st.floats(low, 6)))


def uplift(value: float, plain: tuple[float, float], always: tuple[float, float] | None) -> Uplift:
    effect = Difference(value, Interval(*plain))
    held = Interval(*always) if always else None
    return Uplift("e", "a", "control", "all", 28, 1000, 1000, "USD", effect, held, None, "ok", None)


@given(LINES, st.none() | LINES)
def test_a_test_is_certain_only_when_looking_often_is_safe(
    plain: tuple[float, float], always: tuple[float, float] | None
) -> None:
    one = uplift(sum(plain) / 2, plain, always)
    decisive = always or plain
    if one.certainty in ("up", "down"):
        assert plain[0] > 0 or plain[1] < 0
        assert decisive[0] > 0 or decisive[1] < 0
    if one.certainty == "unclear":
        assert plain[0] <= 0 <= plain[1]


@pytest.mark.parametrize(
    "kinds", [*itertools.combinations_with_replacement(CERTAINTIES, 2), *[(c,) for c in CERTAINTIES]]
)
def test_verbs_of_discounts_follow_certainty(kinds: tuple[Certainty, ...]) -> None:
    words = claim(kinds, 0)
    firm = "up" in kinds or "down" in kinds
    assert ("may " in words) is (not firm and any(k.startswith("leans") for k in kinds))
    assert ("raise" in words) is (("up" if firm else "leans up") in kinds)
    assert ("lower" in words) is (("down" if firm else "leans down") in kinds)
    assert ("No clear effect" in words) is (set(kinds) == {"unclear"})


def test_withheld_tests_are_counted_in_the_claim() -> None:
    assert claim(["up", "down"], 1) == (
        "Of two discount tests, one raises revenue and one lowers it; one more withheld"
    )
    assert claim([], 2) == "No discount test has a result that can be shown"


values = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=5, max_size=14)


@given(values, values)
def test_a_shift_lies_in_its_interval_and_turns_round(these: list[float], those: list[float]) -> None:
    one, other = shift(these, those), shift(those, these)
    assert one is not None
    assert other is not None
    assert one.interval.low <= one.value <= one.interval.high
    assert other.interval.low == pytest.approx(-one.interval.high, abs=1e-12)
    assert other.value == pytest.approx(-one.value, abs=1e-12)


@given(values, st.floats(2, 3))
def test_a_shift_beyond_all_overlap_is_clear(these: list[float], by: float) -> None:
    found = shift([v + by for v in these], these)
    assert found is not None
    assert found.is_clear
    assert found.value == pytest.approx(by, abs=1.0)


def test_too_few_endings_are_not_compared() -> None:
    assert shift([0.1] * 4, [0.2] * 40) is None


def test_equal_endings_are_called_different_about_once_in_twenty() -> None:
    lots = random.Random(20261109)
    wrong = 0
    for _ in range(600):
        found = shift([lots.gauss(0.04, 0.01) for _ in range(8)], [lots.gauss(0.04, 0.01) for _ in range(40)])
        assert found is not None
        wrong += found.is_clear
    assert 0.02 < wrong / 600 < 0.09


def ending(k: int, drop: float, base: int, *, cliffhanger: bool = False, paywall: bool = False) -> Ending:
    return Ending(k, Estimate(drop, Interval(drop * 0.8, min(drop * 1.2, 1.0)), base), cliffhanger, paywall)


def test_neither_the_paywall_nor_small_endings_decide() -> None:
    plain = [ending(k, 0.04 + k / 1e4, 500, cliffhanger=k % 2 == 0) for k in range(1, 21)]
    fair = judge(plain, 10)
    loaded = judge([*plain, ending(21, 0.9, 500, paywall=True), *(ending(k, 0.8, 20) for k in range(22, 60))], 10)
    assert fair.difference == loaded.difference
    assert judge(plain, 0).why == "no_tags"
    assert judge(plain[:6], 3).why == "too_few"
    assert judge([], 3).why == "no_rows"


@given(st.lists(st.floats(0.001, 0.2), min_size=1, max_size=60), st.floats(0.4, 1.0))
def test_the_scale_of_endings_is_set_by_the_ordinary_ones(drops: list[float], wall: float) -> None:
    ordinary = [ending(k, drop, 500) for k, drop in enumerate(drops, start=1)]
    top, step = ceiling([*ordinary, ending(99, wall, 500, paywall=True)])
    assert (top, step) == ceiling(ordinary)
    assert 1 <= round(top / step) <= 6
    assert sum(drop <= top for drop in drops) >= 0.9 * len(drops) - 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.integers(1, 10_000)), min_size=1, max_size=9))
def test_a_pooled_share_lies_between_its_parts(found: list[tuple[float, float, int]]) -> None:
    parts = [(Estimate(v, Interval(max(v - h, 0), min(v + h, 1)), n), n) for v, h, n in found]
    together = pooled(parts)
    assert together is not None
    assert min(v for v, _, _ in found) - 1e-9 <= together.value <= max(v for v, _, _ in found) + 1e-9
    assert together.interval.low <= together.value <= together.interval.high
    widest = max(e.interval.width for e, _ in parts)
    assert together.interval.width <= widest + 1e-9 or math.isclose(together.interval.width, widest)


def test_nothing_pools_to_nothing() -> None:
    assert pooled([]) is None


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (143, "USD", "$1.43"),
        (-5, "USD", "\u2212$0.05"),
        (0, "USD", "$0.00"),
        (9_007_199_254_740_993, "USD", "$90,071,992,547,409.93"),
        (15_733, "JPY", "JPY 15,733"),
        (1_005, "KWD", "KWD 1.005"),
    ],
)
def test_minor_units_are_written_exactly(amount: int, currency: str, text: str) -> None:
    assert formats.minor(amount, currency) == text


def test_an_end_that_is_not_zero_is_not_written_as_zero() -> None:
    assert formats.signed_range(-0.783, -0.0047) == "\u22120.783 to \u22120.005"
    assert formats.signed_range(-0.78, 0.0) == "\u22120.78 to \u00b10.00"
