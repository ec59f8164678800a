"""The spellings of numbers again, aimed at tokens and amounts of the feeds that carry money.

Tokens are whole numbers of either sign up to 10^15. Amounts are decimal numbers with up to 12 digits before the point
and 6 after it, taken by their digits whether written as a JSON number or as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from catalogue import Outcome, Refused, RowKind, Taken
from hostile_rows import BAD_LITERALS, LITERALS, SPELLINGS, ahead, literal, put

BAD_INT, BAD_TYPE, RANGE, BAD_JSON = (Refused(code) for code in ("bad_int", "bad_type", "range", "bad_json"))


@dataclass(frozen=True)
class Spelling:
    """A JSON literal; what it is as tokens and as an amount (None where it is refused, with the reason beside)."""

    name: str
    text: str
    tokens: int | Refused
    amount: Decimal | Refused


SPELLED = [
    Spelling("fraction 12.5", "12.5", BAD_INT, Decimal("12.5")),
    Spelling("fraction 0.1+0.2 style", "0.30000000000000004", BAD_INT, RANGE),
    Spelling("fraction 0.1", "0.1", BAD_INT, Decimal("0.1")),
    Spelling("minus one", "-1", -1, Decimal(-1)),
    *(Spelling(f"as string {name}", f'"{text}"', BAD_INT, BAD_TYPE) for name, text in SPELLINGS.items()),
    *(Spelling(f"literal {name}", text, BAD_JSON, BAD_JSON) for name, text in {**LITERALS, **BAD_LITERALS}.items()),
    Spelling("true", "true", BAD_TYPE, BAD_TYPE),
    Spelling("array", "[1]", BAD_TYPE, BAD_TYPE),
    Spelling("object", '{"value":1}', BAD_TYPE, BAD_TYPE),
    Spelling("2^31", str(2**31), 2**31, Decimal(2**31)),
    Spelling("2^53+1", str(2**53 + 1), RANGE, RANGE),
    Spelling("10^15, the top of tokens", str(10**15), 10**15, RANGE),
    Spelling("10^15-1 below it", str(10**15 - 1), 10**15 - 1, RANGE),
    Spelling("10^15+1 above it", str(10**15 + 1), RANGE, RANGE),
    Spelling("-10^15, the bottom of tokens", str(-(10**15)), -(10**15), RANGE),
    Spelling("10^16+1", str(10**16 + 1), RANGE, RANGE),
    Spelling("2^63-1", str(2**63 - 1), RANGE, RANGE),
    Spelling("2^63", str(2**63), RANGE, RANGE),
    Spelling("2^64", str(2**64), RANGE, RANGE),
    Spelling("400 digits", "9" * 400, RANGE, RANGE),
    Spelling("1e400", "1e400", RANGE, BAD_TYPE),
    Spelling("5.0", "5.0", BAD_INT, Decimal(5)),
    Spelling("1e2", "1e2", BAD_INT, BAD_TYPE),
    Spelling("minus zero", "-0", 0, Decimal(0)),
    Spelling("as string '7'", '"7"', 7, Decimal(7)),
    Spelling("18 digits of an amount", "123456789012.123456", BAD_INT, Decimal("123456789012.123456")),
    Spelling("top of amounts", '"999999999999.999999"', BAD_INT, Decimal("999999999999.999999")),
    Spelling("seventh decimal", '"0.0000001"', BAD_INT, RANGE),
    Spelling("a smallest unit", "-0.000001", BAD_INT, Decimal("-0.000001")),
]
MONEY_COLUMNS = (
    ("unlocks", "token_paid", True),
    ("unlocks", "price_amount", False),
    ("ads", "revenue_amount", False),
    ("topups", "gross_amount", True),
)
"""Feed, column, and whether it is required."""


def _outcome(value: int | Decimal | Refused, column: str) -> Outcome:
    return value if isinstance(value, Refused) else Taken({column: value})


def money_kinds(column: str, *, is_required: bool) -> list[RowKind]:
    """Every spelling in one column, no value at all, and the key said twice."""
    is_tokens = column == "token_paid"
    found = [
        RowKind(
            "money",
            f"{column} {spelling.name}",
            literal(column, spelling.text),
            _outcome(spelling.tokens if is_tokens else spelling.amount, column),
        )
        for spelling in SPELLED
    ]
    nothing: Outcome = Refused("missing") if is_required else Taken({column: None})
    found += [RowKind("money", f"{column} {name}", put(column, value), nothing) for name, value in _NOTHING.items()]
    twice = ahead(f'"{column}":"3"'.encode())
    return [*found, RowKind("money", f"{column} duplicate money key", twice, Refused("duplicate_key"))]


_NOTHING = {"null": None, "empty": "", "blank": "  "}
