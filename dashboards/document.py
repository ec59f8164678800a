"""What a report hands to the renderer: pages of blocks, charts drawn at print size, and the record of
figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dashboards.figures.findings import Finding
from dashboards.figures.record import FigureRecord

State = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class TextBox:
    """Where a chart's text lies, in points from the chart's lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: "TextBox", tolerance: float = 0.3) -> bool:
        """Whether the two boxes overlap by more than `tolerance` points both ways."""
        across = min(self.right, other.right) - max(self.left, other.left)
        along = min(self.top, other.top) - max(self.bottom, other.bottom)
        return across > tolerance and along > tolerance


@dataclass(frozen=True)
class Chart:
    """A drawn chart: SVG text, its size on paper, what it shows in words, and where its labels lie."""

    svg: str
    width_mm: float
    height_mm: float
    alt: str
    texts: tuple[TextBox, ...] = ()


@dataclass(frozen=True)
class FlexibleChart:
    """A chart that takes height its page has left over.

    First every chart of a page grows to what it prefers, then each to its maximum. All flexible charts of a
    block share one height; a block whose charts stand in several rows says so.
    """

    draw: Callable[[float], Chart]
    minimum_mm: float
    preferred_mm: float
    maximum_mm: float


Content = Mapping[str, object]


@dataclass(frozen=True)
class Block:
    """One part of a page. `kind` names its template; `content` is plain values and charts, nested at will."""

    kind: str
    content: Content
    flexible_rows: int = 1


@dataclass(frozen=True)
class Document:
    """A whole report, ready to be set.

    `pages` are lists of blocks, each list starting on a new page; what a page leaves over goes
    to its flexible charts, block by block. `meta` says
    what the report was made from; `tables` are the numbers behind the charts, by chart id;
    `running_head` stands over every page but the first; with `joins_pages`
    neighbouring pages are set on one sheet where both fit.
    """

    report: str
    period: str
    recipient: str
    title: str
    language: str
    made_at: datetime
    footer: Sequence[dict[str, str]]
    state: State
    pages: Sequence[Sequence[Block]]
    figures: FigureRecord
    findings: Sequence[Finding]
    meta: Mapping[str, object]
    tables: Mapping[str, Sequence[Mapping[str, object]]]
    running_head: Sequence[dict[str, str]] = ()
    joins_pages: bool = False

    def as_record(self) -> dict[str, object]:
        """The one record of figures as JSON values: what was printed, from which cells, and why."""
        return {
            "report": self.report,
            "period": self.period,
            "recipient": self.recipient,
            "title": self.title,
            "state": self.state,
            **self.meta,
            "figures": self.figures.as_plain(),
            "findings": [finding.as_plain() for finding in self.findings],
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
        }


@dataclass(frozen=True)
class WebPage:
    """A report as one HTML file that needs nothing beside it: no script, no font, no picture from elsewhere.

    `file_name` is what it is written as; `html` is the whole file.
    """

    report: str
    period: str
    recipient: str
    title: str
    file_name: str
    html: str
    state: State
    figures: FigureRecord
    meta: Mapping[str, object]
    tables: Mapping[str, Sequence[Mapping[str, object]]]

    def as_record(self) -> dict[str, object]:
        """The one record of figures as JSON values."""
        return {
            "report": self.report,
            "period": self.period,
            "recipient": self.recipient,
            "title": self.title,
            "state": self.state,
            **self.meta,
            "figures": self.figures.as_plain(),
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
        }
