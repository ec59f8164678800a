"""How numbers, dates and intervals are written. One place, so that prose, tiles and charts cannot disagree.

Rules: U+2212 for minus, ± for no change, rates with one decimal (none below 1,000 units at risk), differences
of percentages in "pts", money with two decimals below 10,000 and none from there on.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\u2212"
EN_DASH = "\u2013"
TIMES = "\u00d7"
UP, DOWN, LEVEL = "\u25b2", "\u25bc", "\u00b1"

SMALL_BASE = 1_000
"""Below this many units at risk a rate is written without decimals: the decimal would be noise."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SYMBOLS = {"USD": "$"}
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "JOD": 3}
"""Digits of the minor unit by ISO 4217 where they are not two."""
_MICROS = Decimal(1_000_000)


def _plain(value: Decimal | float | int, decimals: int) -> str:
    rounded = Decimal(repr(value) if isinstance(value, float) else value).quantize(
        Decimal(1).scaleb(-decimals), ROUND_HALF_UP
    )
    return f"{rounded.copy_abs():,f}"


def _is_zero(text: str) -> bool:
    return not any(c in "123456789" for c in text)


def _signed(value: Decimal | float | int, decimals: int) -> str:
    text = _plain(value, decimals)
    if _is_zero(text):
        return f"{LEVEL}{text}"
    return f"{MINUS}{text}" if value < 0 else f"+{text}"


def count(value: int) -> str:
    """`48210` -> `48,210`."""
    return f"{MINUS if value < 0 else ''}{_plain(abs(value), 0)}"


def rate_decimals(base: int) -> int:
    """Decimals of a percentage that rests on `base` units."""
    return 0 if base < SMALL_BASE else 1


def percent(share: float, decimals: int = 1) -> str:
    """A share 0-1 as a percentage. A share that is neither 0 nor 1 is never rounded to 0% or 100%."""
    text = _plain(share * 100, decimals)
    if share > 0 and _is_zero(text):
        return f"<{_plain(Decimal(1).scaleb(-decimals), decimals)}%"
    if share < 1 and Decimal(text) >= 100:
        return f">{_plain(100 - Decimal(1).scaleb(-decimals), decimals)}%"
    return f"{text}%"


def percent_range(low: float, high: float, decimals: int = 1) -> str:
    """An interval of shares: `42.6` to `43.5%`, joined by an en dash."""
    ends = _plain(low * 100, decimals), _plain(high * 100, decimals)
    return percent(low, decimals) if ends[0] == ends[1] else f"{ends[0]}{EN_DASH}{ends[1]}%"


def points(difference: float, decimals: int = 1) -> str:
    """A difference of two shares in percentage points, with its sign: `+3.0 pts`."""
    return f"{_signed(difference * 100, decimals)} pts"


def points_size(difference: float, decimals: int = 1) -> str:
    """The size of a difference of two shares, without sign or unit: `3.0`."""
    return _plain(abs(difference) * 100, decimals)


def points_range(low: float, high: float, decimals: int = 1) -> str:
    """An interval of a difference: `+2.4 to +3.6`."""
    return signed_range(low * 100, high * 100, decimals)


def relative(change: float) -> str:
    """A relative change with its sign: `+4.1%`, no decimal from 100% on; a tenfold and more as times."""
    if change >= 9:
        return f"{TIMES}{_plain(1 + change, 0)}"
    return f"{_signed(change * 100, 0 if abs(change) >= 1 else 1)}%"


def money(micros: int, currency: str = "USD") -> str:
    """Micros of a currency, exact: two decimals below 10,000, none from there on."""
    amount = Decimal(micros) / _MICROS
    text = _plain(amount, 0 if abs(amount) >= 10_000 else 2)
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    return f"{MINUS if micros < 0 and not _is_zero(text) else ''}{symbol}{text}"


def minor(amount: int, currency: str = "USD") -> str:
    """Minor units of a currency, exact to the last: `143` of USD -> `$1.43`."""
    digits = _MINOR_DIGITS.get(currency, 2)
    text = _plain(Decimal(amount).scaleb(-digits), digits)
    return f"{MINUS if amount < 0 else ''}{_SYMBOLS.get(currency, f'{currency} ')}{text}"


def money_change(difference: float, currency: str = "USD") -> str:
    """A difference of amounts in whole units of a currency, with its sign: `+$0.52`."""
    text = _signed(difference, 2)
    return f"{text[0]}{_SYMBOLS.get(currency, f'{currency} ')}{text[1:]}"


def signed_range(low: float, high: float, decimals: int = 2) -> str:
    """An interval of a difference in its own unit: `+0.12 to +0.91`."""
    if any(end and _is_zero(_plain(end, decimals)) for end in (low, high)):
        decimals += 1  # an end that is not zero must not read as zero: the reader judges by it
    return f"{_signed(low, decimals)} to {_signed(high, decimals)}"


def month(value: date) -> str:
    """`November`."""
    return _MONTH_NAMES[value.month - 1]


def arrow(change: float) -> str:
    """The sign of a change as a mark that does not rely on colour."""
    return UP if change > 0 else DOWN if change < 0 else ""


def day(value: date) -> str:
    """`9 Nov`."""
    return f"{value.day} {_MONTHS[value.month - 1]}"


def day_year(value: date) -> str:
    """`9 Nov 2026`."""
    return f"{day(value)} {value.year}"


def weekday(value: date) -> str:
    return _DAYS[value.weekday()]


def day_span(first: date, last: date) -> str:
    """`9` to `15 Nov`, or `28 Sep` to `4 Oct`, joined by an en dash."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{EN_DASH}{day(last)}"
    return f"{day(first)} {EN_DASH} {day(last)}"


def moment(value: datetime) -> str:
    """`17 Nov 06:00 UTC` for an aware UTC time."""
    return f"{day(value)} {value:%H:%M} UTC"


def plural(number: int, singular: str, plural_form: str | None = None) -> str:
    """`1 week`, `3 weeks`."""
    return f"{count(number)} {singular if number == 1 else plural_form or singular + 's'}"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
