"""Sets a document as PDF. The same document gives the same bytes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typst

from dashboards import theme
from dashboards.document import Block, Chart, Document, FlexibleChart, WebPage
from dashboards.errors import TypesettingFailed
from dashboards.fonts import CJK_FAMILY, LATIN_FAMILY, FontSet

_TEMPLATES = Path(__file__).parent / "templates"
_BLANK = {
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
    "width_mm": 1.0,
    "alt": "blank",
}
_SLACK_MM = 0.6
"""Left unused when a chart grows into the rest of its page, so that rounding cannot push a line over."""


@dataclass(frozen=True)
class RenderedReport:
    """The report as PDF, the one record of its figures (JSON values), and how many pages it has."""

    pdf: bytes
    figures: dict[str, object]
    pages: int

    @property
    def main_file(self) -> tuple[str, bytes]:
        """What the recipient opens: its name and content."""
        return "report.pdf", self.pdf


@dataclass(frozen=True)
class RenderedPage:
    """The report as one web page, and the one record of its figures."""

    file_name: str
    html: bytes
    figures: dict[str, object]
    pages: int = 1

    @property
    def main_file(self) -> tuple[str, bytes]:
        """What the recipient opens: its name and content."""
        return self.file_name, self.html


def rendered(report: Document | WebPage, fonts: FontSet) -> RenderedReport | RenderedPage:
    """The report as bytes, whichever kind it is. Raises TypesettingFailed as `render` does."""
    if isinstance(report, WebPage):
        return RenderedPage(report.file_name, report.html.encode(), report.as_record())
    return render(report, fonts)


def render(document: Document, fonts: FontSet) -> RenderedReport:
    """Set the document. Raises TypesettingFailed with the compiler's words when a page cannot be set.

    Flexible charts are first drawn at their least height; what the page then has left over goes to them. Where
    the document joins pages, those that fit on one sheet are set on one, so that none stays half empty.
    """
    document = _gathered(document, fonts) if document.joins_pages else document
    heights = [[_least_height(block) for block in page] for page in document.pages]
    room = _room_left(document, _compiler(document, heights, fonts, blank=True))
    for page, blocks in enumerate(document.pages):
        heights[page] = _grown(blocks, heights[page], room[page] - _SLACK_MM)
    compiler = _compiler(document, heights, fonts)
    try:
        pdf = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=int(document.made_at.timestamp()))
    except typst.TypstError as error:
        raise _failure(document, error) from error
    assert isinstance(pdf, bytes)
    pages = int(json.loads(compiler.query("<page-count>", field="value", one=True)))
    return RenderedReport(pdf, {**document.as_record(), "pages": pages}, pages)


def _gathered(document: Document, fonts: FontSet) -> Document:
    """The document with neighbouring page groups joined where one sheet holds both at their preferred size."""
    place = 0
    while place + 1 < len(document.pages):
        heights = [[_preferred_height(block) for block in page] for page in document.pages]
        room = _room_left(document, _compiler(document, heights, fonts, blank=True))
        whole = theme.PAGE["height_mm"] - theme.PAGE["top_mm"] - theme.PAGE["bottom_mm"]
        if whole - room[place + 1] <= room[place] - _SLACK_MM:
            pages = [list(page) for page in document.pages]
            pages[place : place + 2] = [pages[place] + pages[place + 1]]
            document = replace(document, pages=pages)
        else:
            place += 1
    return document


def _failure(document: Document, error: Exception) -> TypesettingFailed:
    return TypesettingFailed(
        f"{document.report} {document.period} for {document.recipient} could not be typeset: {error}; "
        "this is a fault of the report's templates or charts, not of the data"
    )


def _compiler(
    document: Document, heights: list[list[float | None]], fonts: FontSet, *, blank: bool = False
) -> typst.Compiler:
    data = {
        "theme": {**theme.tokens(), "fonts": [LATIN_FAMILY, CJK_FAMILY]},
        "title": document.title,
        "language": document.language,
        "footer": document.footer,
        "running_head": list(document.running_head),
        "pages": [
            [
                {
                    "kind": block.kind,
                    "flexible": _flexible(block) is not None,
                    **_values(dict(block.content), height, blank),
                }
                for block, height in zip(page, page_heights, strict=True)
            ]
            for page, page_heights in zip(document.pages, heights, strict=True)
        ],
    }
    return typst.Compiler(
        input=_TEMPLATES / "document.typ",
        root=_TEMPLATES,
        font_paths=typst.Fonts(False, False, [fonts.folder]),
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(data, ensure_ascii=False, allow_nan=False)},
    )


def _values(content: object, height: float | None, blank: bool) -> dict[str, object]:
    plain = _plain(content, height, blank)
    assert isinstance(plain, dict)
    return plain


def _plain(value: object, height: float | None, blank: bool) -> object:
    if isinstance(value, FlexibleChart):
        assert height is not None
        # To see how much room a page has left, its charts need only their size.
        return {**_BLANK, "height_mm": height} if blank else _plain(value.draw(height), height, blank)
    if isinstance(value, Chart):
        return {"svg": value.svg, "width_mm": value.width_mm, "height_mm": value.height_mm, "alt": value.alt}
    if isinstance(value, dict):
        return {key: _plain(inner, height, blank) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, height, blank) for inner in value]
    return value


def _flexible(part: object) -> FlexibleChart | None:
    if isinstance(part, FlexibleChart):
        return part
    inner: Iterable[object] = ()
    if isinstance(part, Block):
        inner = part.content.values()
    elif isinstance(part, dict):
        inner = part.values()
    elif isinstance(part, list | tuple):
        inner = part
    return next((found for one in inner if (found := _flexible(one)) is not None), None)


def _grown(blocks: Sequence[Block], heights: Sequence[float | None], left: float) -> list[float | None]:
    grown = list(heights)
    for limit in ("preferred_mm", "maximum_mm"):
        for place, block in enumerate(blocks):
            chart, height = _flexible(block), grown[place]
            if chart is None or height is None or left <= 0:
                continue
            more = min(getattr(chart, limit) - height, left / block.flexible_rows)
            grown[place] = height + more
            left -= more * block.flexible_rows
    return grown


def _least_height(block: Block) -> float | None:
    chart = _flexible(block)
    return None if chart is None else chart.minimum_mm


def _preferred_height(block: Block) -> float | None:
    chart = _flexible(block)
    return None if chart is None else chart.preferred_mm


def _room_left(document: Document, compiler: typst.Compiler) -> list[float]:
    # Each block leaves a marker with the page group, the paper page and the depth (mm) at which it ended.
    try:
        markers = json.loads(compiler.query("<block-end>", field="value"))
    except RuntimeError as error:
        raise _failure(document, error) from error
    bottom = theme.PAGE["height_mm"] - theme.PAGE["bottom_mm"]
    room = []
    for group in range(len(document.pages)):
        own = [m for m in markers if m["group"] == group]
        papers = {m["paper"] for m in own}
        # A group without a flexible chart that runs over several sheets leaves no room that could be used.
        paper = next((m["paper"] for m in own if m["flexible"]), papers.pop() if len(papers) == 1 else None)
        deepest = max((m["depth_mm"] for m in own if m["paper"] == paper), default=bottom)
        room.append(bottom - deepest)
    return room
