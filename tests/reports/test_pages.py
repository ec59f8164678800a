"""The page as a reader gets it: one page, real glyphs, searchable titles, the same bytes again."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pypdfium2
import pytest
import release_world
from conftest import Pack, pdf_text

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, Canvas
from dashboards.deliver import build_reports
from dashboards.document import Block, Document
from dashboards.figures.record import FigureRecord
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import render


def test_every_report_has_three_pages_and_less_without_data(packs: dict[str, Pack]) -> None:
    expected = {**dict.fromkeys(packs, 3), "std_quiet": 1}
    assert {studio: pack.rendered.pages for studio, pack in packs.items()} == expected


def lowest_ink(page: pypdfium2.PdfPage) -> float:
    """How far down the page, as a share of its height, the last ink above the foot lies."""
    grey = page.render(scale=0.5, grayscale=True).to_numpy()
    body = grey[: int(len(grey) * 0.945)]
    return max(row for row in range(len(body)) if body[row].min() < 200) / len(grey)


def test_pages_are_filled(packs: dict[str, Pack]) -> None:
    """With data there is no empty quarter; a page of nothing but notes may end a little earlier."""
    for studio, pack in packs.items():
        depths = [lowest_ink(page) for page in pypdfium2.PdfDocument(pack.rendered.pdf)]
        if studio != "std_quiet":  # nothing was received: the first page is a notice
            assert depths[0] > 0.8, studio
            assert depths[1] > 0.75, studio
        assert min(depths) > 0.45, (studio, depths)


@pytest.mark.parametrize(
    ("studio", "title"),
    [
        ("std_starfall", "霸道总裁的替身新娘"),
        ("std_starfall", "재벌가의 숨은 딸"),
        ("std_starfall", "Starfall Pictures 星落影业"),
        ("std_moonriver", "그림자 속의 약속"),
        ("std_moonriver", "影の約束と直す"),
        ("std_moonriver", "La última llave"),
    ],
)
def test_titles_can_be_found_in_the_text(studio: str, title: str, packs: dict[str, Pack]) -> None:
    assert title in packs[studio].text


def test_no_glyph_is_missing(packs: dict[str, Pack], fonts: FontSet) -> None:
    for studio, pack in packs.items():
        assert fonts.uncovered(pack.text) == [], studio
        assert "\ufffd" not in pack.text, studio


def test_only_the_packaged_fonts_are_used(packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        names = _embedded_fonts(pack.rendered.pdf)
        assert names
        assert {n for n in names if not n.startswith(("InterReport", "NotoSansCJKsc"))} == set()


def sheet(blocks: list[Block], fonts: FontSet) -> bytes:
    """A page of the given blocks alone."""
    made_at = datetime(2026, 11, 17, tzinfo=UTC)
    document = Document(
        "sheet", "2026-W46", "std", "Sheet", "en", made_at, [], "green", [blocks], FigureRecord(), [], {}, {}
    )
    return render(document, fonts).pdf


HEADER = Block("header", {"kicker": "kicker", "title": {"text": "Title", "lang": "en"}, "facts": []})


def test_korean_words_are_not_broken(fonts: FontSet) -> None:
    """However a line is filled, it ends between Korean words; a word of forty syllables may break."""
    words = ["그림자", "속의", "약속", "재벌가의", "숨은", "딸", "문리버스튜디오", "안녕하세요"]
    broken = 0
    for shift in range(12):
        text = "x" * shift + " " + " ".join(words * 6)
        item = {"claim": [{"text": "Claim", "lang": "en"}], "evidence": [{"text": text, "lang": "ko"}]}
        page = pypdfium2.PdfDocument(sheet([HEADER, Block("findings", {"items": [item]})], fonts))[0]
        lines = page.get_textpage().get_text_range().splitlines()
        hangul = [w for line in lines for w in line.split() if "\uac00" <= w[0] <= "\ud7a3"]
        assert len(lines) > 4
        broken += sum(w not in words for w in hangul)
    assert broken == 0


def test_an_endless_word_stays_on_the_page(fonts: FontSet) -> None:
    for word in ("W" * 400, "그" * 400, "霸" * 400, "a/b" * 120):
        item = {"claim": [{"text": word, "lang": "en"}], "evidence": [{"text": word, "lang": "en"}]}
        page = pypdfium2.PdfDocument(sheet([HEADER, Block("findings", {"items": [item]})], fonts))[0]
        assert off_the_margins(page) == []


def test_no_text_on_the_page_touches_other_text_or_leaves_the_margins(packs: dict[str, Pack]) -> None:
    for studio, pack in packs.items():
        for number, page in enumerate(pypdfium2.PdfDocument(pack.rendered.pdf), start=1):
            assert overlapping(page) == [], (studio, number)
            assert off_the_margins(page) == [], (studio, number)


def test_the_search_for_overlaps_finds_one(fonts: FontSet) -> None:
    canvas = Canvas(60, 30, fonts)
    axes = canvas.axes(0, 0, 60, 30)
    axes.set_axis_off()
    canvas.words(axes, 0.3, 0.5, "one label")
    canvas.words(axes, 0.32, 0.5, "another", offset_pt=(0, 2))
    content = {"heading": [{"text": "Heading", "lang": "en"}], "sub": [], "notes": []}
    block = Block("chart", {**content, "chart": canvas.finish("two labels")})
    assert overlapping(pypdfium2.PdfDocument(sheet([HEADER, block], fonts))[0])


Rectangle = tuple[float, float, float, float]


def rectangles(page: pypdfium2.PdfPage) -> list[Rectangle]:
    text = page.get_textpage()
    return [text.get_rect(i) for i in range(text.count_rects())]


def overlapping(page: pypdfium2.PdfPage) -> list[tuple[Rectangle, Rectangle]]:
    return [
        (a, b)
        for a, b in combinations(rectangles(page), 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > 0.5 and min(a[3], b[3]) - max(a[1], b[1]) > 1.0
    ]


def off_the_margins(page: pypdfium2.PdfPage) -> list[Rectangle]:
    side = theme.PAGE["side_mm"] * PT_PER_MM
    return [r for r in rectangles(page) if r[0] < side - 1 or r[2] > page.get_width() - side + 1]


def test_a_page_is_tagged_and_titled(packs: dict[str, Pack]) -> None:
    pack = packs["std_starfall"]
    document = pypdfium2.PdfDocument(pack.rendered.pdf)
    assert document.get_metadata_value("Title") == pack.document.title
    assert b"pdfuaid" in pack.rendered.pdf
    assert b"/MarkInfo" in pack.rendered.pdf


def test_same_inputs_same_bytes(packs: dict[str, Pack], release: Release, fonts: FontSet) -> None:
    again = render(REPORTS["studio_weekly"].build(release, release_world.WEEK, "std_starfall", fonts), fonts)
    assert again.pdf == packs["std_starfall"].rendered.pdf
    assert json.dumps(again.figures) == json.dumps(packs["std_starfall"].rendered.figures)


def test_same_bytes_in_another_process_place_and_time_zone(
    packs: dict[str, Pack], published: Path, cache_dir: Path, tmp_path: Path
) -> None:
    script = (
        "import sys; from pathlib import Path; from dashboards.deliver import build_reports; "
        "build_reports(Path(sys.argv[1]), Path(sys.argv[2]), report='studio_weekly', "
        "recipient='std_starfall', cache_dir=Path(sys.argv[3]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(published), str(tmp_path), str(cache_dir)],
        env={**os.environ, "PYTHONHASHSEED": "4242", "TZ": "Asia/Shanghai", "PYTHONPATH": str(Path.cwd())},
        check=True,
    )
    written = tmp_path / "studio_weekly" / "2026-W46" / "std_starfall" / "report.pdf"
    assert written.read_bytes() == packs["std_starfall"].rendered.pdf


def test_an_earlier_week_of_the_same_release(published: Path, cache_dir: Path, tmp_path: Path) -> None:
    built = build_reports(
        published,
        tmp_path,
        report="studio_weekly",
        period="2026-W44",
        recipient="std_starfall",
        cache_dir=cache_dir,
    )
    text = pdf_text(built[0].files[0].read_bytes())
    assert "Week 44, Mon 26 Oct \u2013 Sun 1 Nov 2026" in text
    assert "All 43," not in text
    assert "starters have had their 7 days." in text


def _embedded_fonts(pdf: bytes) -> set[str]:
    document = pypdfium2.PdfDocument(pdf)
    names = set()
    raw = pypdfium2.raw
    for page in document:
        textpage = page.get_textpage()
        for index in range(textpage.count_chars()):
            size = raw.FPDFText_GetFontInfo(textpage.raw, index, None, 0, None)
            if size > 1:
                buffer = (raw.ctypes.c_char * size)()
                raw.FPDFText_GetFontInfo(textpage.raw, index, buffer, size, None)
                names.add(buffer.value.decode().split("+")[-1])
    return names
