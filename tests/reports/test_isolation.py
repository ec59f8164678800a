"""Nothing of another studio in any byte of a pack."""

import re
import zlib
from pathlib import Path

import pytest
import release_world
from conftest import Pack

from dashboards.deliver import write_pack
from dashboards.errors import OutOfScope
from dashboards.figures.scope import StudioScope
from dashboards.fonts import FontSet
from dashboards.published import Release


def foreign_words(studio_id: str) -> set[str]:
    words: set[str] = set()
    for studio in release_world.WORLD.studios:
        if studio.studio_id == studio_id:
            continue
        words |= {studio.studio_id, studio.name, studio.legal_name or ""}
        for series in studio.series:
            words |= {series.series_id, (series.title or "")[:60]}
    return {word for word in words if len(word) > 4}


def decompressed(pdf: bytes) -> bytes:
    """The file and every deflated stream of it."""
    parts = [pdf]
    for match in re.finditer(rb"stream\r?\n", pdf):
        inflate = zlib.decompressobj()
        try:
            parts.append(inflate.decompress(pdf[match.end() :]))
        except zlib.error:
            continue  # a stream that is not deflated is read as it stands in the first part
    return b"\n".join(parts)


def spellings(word: str) -> list[bytes]:
    """How a string may stand in a PDF: plain, UTF-16, or hexadecimal of either."""
    plain, wide = word.encode(), word.encode("utf-16-be")
    return [plain, wide, plain.hex().upper().encode(), wide.hex().upper().encode(), wide.hex().encode()]


@pytest.fixture(scope="module")
def written(packs: dict[str, Pack], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reports")
    for studio, pack in packs.items():
        write_pack(root / studio, pack.rendered)
    return root


@pytest.mark.parametrize(
    "studio", ["std_starfall", "std_lantern", "std_moonriver", "std_newcut", "std_quiet", "std_hostile"]
)
def test_no_byte_names_another_studio(studio: str, written: Path, packs: dict[str, Pack]) -> None:
    files = sorted((written / studio).iterdir())
    assert [f.name for f in files] == ["figures.json", "report.pdf"]
    content = b"\n".join(decompressed(f.read_bytes()) for f in files)
    drawn = "".join(c.svg + c.alt for c in packs[studio].charts())
    everything = content + drawn.encode() + packs[studio].text.encode()
    assert studio.encode() in everything
    assert [w for w in foreign_words(studio) if any(s in everything for s in spellings(w))] == []


def test_the_canaries_sing_when_they_are_there(packs: dict[str, Pack]) -> None:
    """The search itself works: a studio's own words are found by it."""
    pack = packs["std_starfall"]
    content = decompressed(pack.rendered.pdf) + pack.text.encode()
    for word in ("Starfall Pictures 星落影业", "霸道总裁的替身新娘", "Revenge in Heels"):
        assert any(s in content for s in spellings(word))
    assert any(s in decompressed(pack.rendered.pdf) for s in spellings("Revenge in Heels"))


def test_a_check_about_another_studio_is_told_without_its_detail(packs: dict[str, Pack]) -> None:
    own, other = packs["std_starfall"].text, packs["std_lantern"].text
    assert "Revenge in Heels: event volume 18% under forecast on 12 Nov" in own
    assert "Revenge in Heels" not in other
    assert "The check \u201cviews volume\u201d failed." in other
    for text in (own, other):
        assert "2 of 14 checks need attention." in text
        assert "arrived late" not in text


def test_a_block_cannot_read_another_studios_series(release: Release, fonts: FontSet) -> None:
    scope = StudioScope(release, "std_lantern", fonts)
    with pytest.raises(OutOfScope, match="ser_heir"):
        scope.read("weekly.series_week", ["n_starters"], {"series_id": "ser_heir"})
    with pytest.raises(OutOfScope, match=r"weekly\.series_week"):
        scope.shared("weekly.series_week", ["n_starters"])
    rows = scope.read("weekly.series_week", ["series_id"])
    assert {row["series_id"] for row in rows} == {"ser_lantern"}
