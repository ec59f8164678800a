"""Exact money as text: integer minor units in, never through a float."""

from dashboards.formats import EN_DASH, MINUS

_EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "UGX": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
_SYMBOLS = {"USD": "$"}
_PPM_PER_PERCENT = 10_000
NOTHING = EN_DASH
"""Stands in a cell to which no number belongs."""


def exponent(currency: str) -> int:
    """Decimals of an ISO 4217 currency."""
    return _EXPONENTS.get(currency, 2)


def plain(minor: int, currency: str) -> str:
    """`-123456` cents -> `−1,234.56`: all decimals of the currency, no symbol."""
    decimals = exponent(currency)
    whole, part = divmod(abs(minor), 10**decimals)
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{MINUS if minor < 0 else ''}{whole:,}{fraction}"


def amount(minor: int, currency: str) -> str:
    """`-123456` cents -> `−$1,234.56`; currencies without a symbol of their own are named before the digits."""
    symbol = _SYMBOLS.get(currency, f"{currency}\u00a0")
    return f"{MINUS if minor < 0 else ''}{symbol}{plain(abs(minor), currency)}"


def signed(minor: int, currency: str) -> str:
    """The amount with its sign, `+` included."""
    return f"+{amount(minor, currency)}" if minor > 0 else amount(minor, currency)


def rate(ppm: int) -> str:
    """`300000` -> `30%`, `333333` -> `33.3333%`: exact, without idle zeros."""
    whole, part = divmod(abs(ppm), _PPM_PER_PERCENT)
    fraction = f"{part:04d}".rstrip("0")
    return f"{MINUS if ppm < 0 else ''}{whole}{'.' if fraction else ''}{fraction}%"
