"""What an examination has found, one line each: sound, worth a look, or broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Level(StrEnum):
    """How a finding is meant: `broken` stops a run or makes its figures untrue."""

    OK = "ok"
    ATTENTION = "attention"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        check: What was looked at, in one or two words.
        what: What was found, a full clause without a final stop.
        where, why, fix: Place, cause and next step; empty when there is none.
    """

    level: Level
    check: str
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""

    def sentence(self) -> str:
        """The finding on one line, without its mark."""
        head = f"{self.what} ({self.where})" if self.where else self.what
        parts = [head, self.why, self.fix]
        return f"{self.check}: " + " ".join(f"{' '.join(part.split()).rstrip('.')}." for part in parts if part.strip())


def has_broken(findings: Iterable[Finding]) -> bool:
    """True when anything is broken."""
    return any(finding.level is Level.BROKEN for finding in findings)


def listed(names: Iterable[str], limit: int = 3) -> str:
    """The first names and how many more there are."""
    every = list(names)
    more = f" and {len(every) - limit:,} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def age_words(age: timedelta) -> str:
    """An age in the unit a person would use."""
    seconds = max(age.total_seconds(), 0.0)
    for unit, length, limit in (("minutes", 60, 90 * 60), ("hours", 3_600, 48 * 3_600), ("days", 86_400, float("inf"))):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    raise AssertionError("every age has a unit")


def size_words(count: int) -> str:
    """A number of bytes as a person would say it."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} TB"
