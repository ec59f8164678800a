"""Weeks a report is about: ISO weeks of UTC days."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from dashboards.errors import UnknownPeriod

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


@dataclass(frozen=True, order=True)
class Week:
    """One ISO week, named by its Monday (a UTC date)."""

    monday: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """The week written `YYYY-Www`. Raises UnknownPeriod when it is not one."""
        match = _WEEK.fullmatch(text)
        try:
            if match is None:
                raise ValueError("it does not have the form YYYY-Www")
            return cls(date.fromisocalendar(int(match[1]), int(match[2]), 1))
        except ValueError as error:
            raise UnknownPeriod(f"{text!r} is not a week: {error}; write it as 2026-W46") from error

    @classmethod
    def last_complete(cls, as_of: datetime) -> Self:
        """The latest week that had ended by `as_of`."""
        day = as_of.astimezone(UTC).date()
        return cls(day - timedelta(days=day.weekday() + 7))

    @property
    def next_monday(self) -> date:
        return self.monday + timedelta(days=7)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def starts_at(self) -> datetime:
        return datetime(self.monday.year, self.monday.month, self.monday.day, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The first moment after the week."""
        return self.starts_at + timedelta(days=7)

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    def before(self, weeks: int) -> "Week":
        """The week that many weeks earlier."""
        return Week(self.monday - timedelta(days=7 * weeks))

    def __str__(self) -> str:
        year, week, _ = self.monday.isocalendar()
        return f"{year:04d}-W{week:02d}"
