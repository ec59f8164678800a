"""Months of account: UTC calendar months, written `YYYY-MM`."""

import calendar
import re
from dataclasses import dataclass
from typing import Self

from dashboards.errors import UnknownPeriod
from dashboards.formats import EN_DASH

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_NAMES = (
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


@dataclass(frozen=True, order=True)
class Month:
    """One calendar month."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The month written `YYYY-MM`. Raises UnknownPeriod when it is not one."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise UnknownPeriod(f"{text!r} is not a month; write it as 2026-05")
        return cls(int(match[1]), int(match[2]))

    def after(self) -> "Month":
        """The month that follows."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def name(self) -> str:
        """`May 2026`."""
        return f"{_NAMES[self.number - 1]} {self.year}"

    @property
    def short(self) -> str:
        """`May 2026` with the month in three letters."""
        return f"{_NAMES[self.number - 1][:3]} {self.year}"

    @property
    def days(self) -> str:
        """`1` to `31 May 2026`, joined by an en dash."""
        return f"1{EN_DASH}{calendar.monthrange(self.year, self.number)[1]} {self.short}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def span(first: Month, last: Month) -> list[Month]:
    """Every month from the first to the last, both included; none when the last comes before the first."""
    found: list[Month] = []
    while first <= last:
        found.append(first)
        first = first.after()
    return found
