"""The one record of figures: prose, tiles, charts and tables print from it, and tests compare pages with
it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashboards.compare import Interval

Value = int | float | str | None


@dataclass(frozen=True)
class Source:
    """One cell of the release: `column` of the only row of `table` whose columns equal `key`."""

    table: str
    column: str
    key: Mapping[str, str | int]

    def as_plain(self) -> dict[str, object]:
        return {"table": self.table, "column": self.column, "key": dict(self.key)}


@dataclass(frozen=True)
class Figure:
    """One printed number.

    `value` is unrounded (money: integer micros; shares 0-1; None when there is no number), `text` is what
    the page shows. `how` says how it came about: `read` (one source), `sum` (of its sources, empty cells
    left out), `share` (first source over second, each summed), or in words over other figures named in
    `of`.
    """

    name: str
    value: Value
    text: str
    unit: str
    status: str = "ok"
    interval: Interval | None = None
    base: int | None = None
    how: str = "read"
    sources: tuple[Source, ...] = ()
    of: tuple[str, ...] = ()

    def as_plain(self) -> dict[str, object]:
        """The figure as JSON values."""
        plain: dict[str, object] = {
            "value": self.value,
            "text": self.text,
            "unit": self.unit,
            "status": self.status,
            "how": self.how,
        }
        if self.interval is not None:
            plain["interval"] = [self.interval.low, self.interval.high]
        if self.base is not None:
            plain["base"] = self.base
        if self.sources:
            plain["sources"] = [source.as_plain() for source in self.sources]
        if self.of:
            plain["of"] = list(self.of)
        return plain


class FigureRecord:
    """Figures by name, in the order they were made. A name is given once.

    Kept beside the printed figures are those they were made from.
    """

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}
        self._printed: set[str] = set()

    def add(self, figure: Figure) -> Figure:
        """Keep the figure and hand it back. Raises ValueError when the name is already given to another."""
        known = self._figures.setdefault(figure.name, figure)
        if known != figure:
            raise ValueError(f"figure {figure.name} is recorded twice with different content")
        return known

    def text(self, figure: Figure) -> str:
        """Keep the figure, mark it as printed, and hand back what to print."""
        self._printed.add(self.add(figure).name)
        return figure.text

    def is_printed(self, name: str) -> bool:
        """Whether the page shows the figure."""
        return name in self._printed

    def __getitem__(self, name: str) -> Figure:
        return self._figures[name]

    def __contains__(self, name: str) -> bool:
        return name in self._figures

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._figures.values())

    def as_plain(self) -> dict[str, object]:
        """All figures as JSON values, each with whether the page shows it."""
        return {name: {**figure.as_plain(), "printed": self.is_printed(name)} for name, figure in self._figures.items()}
