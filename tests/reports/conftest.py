"""One made-up release and every studio's pack from it, built once for all report tests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pypdfium2
import pytest
import release_world

from dashboards.document import Block, Chart, Document, FlexibleChart
from dashboards.fonts import FontSet, prepare_fonts
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import RenderedReport, render


@dataclass(frozen=True)
class Pack:
    """One studio's report, with the text that a reader of the PDF can select."""

    document: Document
    rendered: RenderedReport
    text: str
    _drawn: dict[str, list[Chart]] = field(default_factory=dict)

    def charts(self, height: str = "minimum_mm") -> list[Chart]:
        """Its charts, flexible ones at the named height; drawn once."""
        if height not in self._drawn:
            self._drawn[height] = list(charts_of(self.document, height))
        return self._drawn[height]

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        figures = self.rendered.figures["figures"]
        assert isinstance(figures, dict)
        return figures


def pdf_text(pdf: bytes) -> str:
    """All text of a PDF, blanks single, without the zero-width places to break."""
    document = pypdfium2.PdfDocument(pdf)
    pages = [document[i].get_textpage().get_text_range() for i in range(len(document))]
    return " ".join(" ".join(pages).replace("\u200b", "").replace("\ufffe", "").split())


def charts_of(document: Document, height: str) -> Iterator[Chart]:
    """Every chart of a document, flexible ones at the named height."""

    def walk(part: object) -> Iterator[Chart]:
        if isinstance(part, FlexibleChart):
            yield part.draw(getattr(part, height))
        elif isinstance(part, Chart):
            yield part
        elif isinstance(part, Block):
            yield from walk(dict(part.content))
        elif isinstance(part, dict):
            for inner in part.values():
                yield from walk(inner)
        elif isinstance(part, list | tuple):
            for inner in part:
                yield from walk(inner)

    yield from walk(list(document.pages))


@pytest.fixture(scope="session")
def cache_dir(request: pytest.FixtureRequest) -> Path:
    """Kept between test runs: cutting fonts takes seconds, and their folder is named by what went in."""
    cache = request.config.cache
    assert cache is not None
    return cache.mkdir("dashboards")


@pytest.fixture(scope="session")
def fonts(cache_dir: Path) -> FontSet:
    return prepare_fonts(cache_dir)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_world.write_release(tmp_path_factory.mktemp("published") / "cliffhanger.duckdb")


@pytest.fixture(scope="session")
def release(published: Path) -> Iterator[Release]:
    with Release(published) as opened:
        yield opened


@pytest.fixture(scope="session")
def packs(release: Release, fonts: FontSet) -> dict[str, Pack]:
    """The weekly report of every studio that is not a canary, by studio id."""
    report = REPORTS["studio_weekly"]
    found = {}
    for recipient in report.recipients(release, release_world.WEEK):
        if recipient.startswith("std_peer"):
            continue
        document = report.build(release, release_world.WEEK, recipient, fonts)
        rendered = render(document, fonts)
        found[recipient] = Pack(document, rendered, pdf_text(rendered.pdf))
    return found


@pytest.fixture(scope="session")
def database(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The released file, opened beside the code under test, for direct queries."""
    with release_world.connect(published, read_only=True) as connection:
        yield connection
