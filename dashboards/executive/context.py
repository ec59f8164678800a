"""What every strip of the page is built from."""

from dataclasses import dataclass, field
from datetime import datetime

from dashboards.figures.record import Figure, FigureRecord, Source, Value
from dashboards.fonts import FontSet
from dashboards.periods import Week
from dashboards.published import Release

View = dict[str, object]
"""Plain values for the template."""


@dataclass
class PageContext:
    """One release, one week, one record. `now` is only for whom a clock was passed in."""

    release: Release
    week: Week
    fonts: FontSet
    now: datetime | None = None
    record: FigureRecord = field(default_factory=FigureRecord)
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def say(
        self, name: str, value: Value, text: str, unit: str, how: str = "read", sources: tuple[Source, ...] = ()
    ) -> str:
        """The text, recorded as a printed figure."""
        return self.record.text(Figure(name, value, text, unit, how=how, sources=sources))
