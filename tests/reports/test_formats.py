"""How numbers are written."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import formats


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.count(48210), "48,210"),
        (formats.percent(0.4312), "43.1%"),
        (formats.percent(0.4312, 0), "43%"),
        (formats.percent(0.0), "0.0%"),
        (formats.percent(1.0), "100.0%"),
        (formats.percent(0.0001), "<0.1%"),
        (formats.percent(0.9999), ">99.9%"),
        (formats.percent_range(0.4261, 0.4349), "42.6\u201343.5%"),
        (formats.percent_range(0.99961, 0.99999), ">99.9%"),
        (formats.points(0.0304), "+3.0 pts"),
        (formats.points(-0.3159), "\u221231.6 pts"),
        (formats.points(0.0001), "\u00b10.0 pts"),
        (formats.points(-0.0001), "\u00b10.0 pts"),
        (formats.points_range(-0.02, 0.14, 0), "\u22122 to +14"),
        (formats.relative(0.0412), "+4.1%"),
        (formats.relative(28.4), "\u00d729"),
        (formats.money(6_769_540_000), "$6,769.54"),
        (formats.money(18_204_400_000), "$18,204"),
        (formats.money(-1_488_200_000), "\u2212$1,488.20"),
        (formats.money(0), "$0.00"),
        (formats.money(-1), "$0.00"),
        (formats.money(1_500_000, "EUR"), "EUR 1.50"),
        (formats.day_span(date(2026, 11, 9), date(2026, 11, 15)), "9\u201315 Nov"),
        (formats.day_span(date(2026, 9, 28), date(2026, 10, 4)), "28 Sep \u2013 4 Oct"),
        (formats.listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_written(written: str, expected: str) -> None:
    assert written == expected


@given(st.integers(-(10**15), 10**15))
def test_money_is_exact_and_never_a_hyphen_minus(micros: int) -> None:
    text = formats.money(micros)
    assert "-" not in text
    amount = Decimal(text.replace("\u2212", "-").replace("$", "").replace(",", ""))
    step = Decimal("0.005") if abs(micros) < 10_000_000_000 else Decimal("0.5")
    assert abs(amount - Decimal(micros) / 1_000_000) <= step


@given(st.floats(-1, 1), st.integers(0, 2))
def test_a_signed_difference_shows_its_sign(value: float, decimals: int) -> None:
    text = formats.points(value, decimals)
    shown = Decimal(text.split()[0].lstrip("+\u2212\u00b1"))
    if shown == 0:
        assert text.startswith("\u00b1")
    else:
        assert text.startswith("+" if value > 0 else "\u2212")


@given(st.floats(0, 1))
def test_only_a_certain_share_reads_as_zero_or_all(value: float) -> None:
    text = formats.percent(value)
    assert (text == "0.0%") == (value == 0)
    assert (text == "100.0%") == (value == 1)
