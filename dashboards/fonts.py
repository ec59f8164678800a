"""The two typefaces of the reports, from pinned wheels so that a bare machine prints the same pages.

Inter comes as a variable font, which the typesetter does not vary: static weights are cut from it once and
kept in a cache folder. Noto Sans CJK carries Han, kana and Hangul and is used as it is.
"""

import hashlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import fontTools
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from dashboards.errors import FontsUnusable

LATIN_FAMILY = "Inter Report"
"""Renamed from Inter, so that a copy installed on the machine can never be picked in its place."""
CJK_FAMILY = "Noto Sans CJK SC"
REGULAR, STRONG = 400, 700
"""Two weights carry the hierarchy; a third costs seconds of cutting and says nothing more."""

_OPTICAL_SIZE = 14
_FEATURES = ["calt", "case", "ccmp", "kern", "locl", "mark", "mkmk", "tnum"]
_CUT_VERSION = 1
# The strong cut is a shade lighter than Inter Bold, which clogs at 7 pt.
_CUTS = {REGULAR: ("Regular", 400), STRONG: ("Bold", 660)}
_RANGES = (
    (0x0020, 0x024F),  # Latin
    (0x02B0, 0x036F),  # modifiers and combining marks; Greek and Cyrillic come from the other typeface
    (0x1E00, 0x1EFF),  # Vietnamese and other additional Latin
    (0x2000, 0x214F),  # punctuation, currency, letter-like symbols
    (0x2190, 0x2193),  # arrows
    (0x2200, 0x22FF),  # mathematical operators
    (0x25A0, 0x25FF),  # geometric shapes
    (0x2713, 0x2717),  # tick and cross
)


@dataclass(frozen=True)
class FontSet:
    """Where the cut fonts lie, and what they can print.

    `latin` maps a weight (REGULAR, STRONG) to its file; `cjk` is one file of regular weight.
    """

    folder: Path
    latin: dict[int, Path]
    cjk: Path
    _covered: frozenset[int] = field(repr=False, compare=False)

    def covers(self, character: str) -> bool:
        """Whether one of the fonts has a glyph for the character."""
        return ord(character) in self._covered

    def uncovered(self, text: str) -> list[str]:
        """The characters of `text` that no font has, each once, in order of appearance."""
        return [c for c in dict.fromkeys(text) if not c.isspace() and not self.covers(c)]

    @cached_property
    def _advances(self) -> dict[int, dict[int, float]]:
        return {weight: _advance_widths(path) for weight, path in self.latin.items()}

    def text_width(self, text: str, size_pt: float, weight: int = REGULAR) -> float:
        """Width of one line in points with tabular figures; a character without a Latin glyph is
        full-width.
        """
        advances = self._advances[weight]
        return sum(advances.get(ord(c), 1.0) for c in text) * size_pt


def prepare_fonts(cache_dir: Path) -> FontSet:
    """Cut the static weights into `cache_dir` unless they are there, and return the set.

    Raises FontsUnusable when an installed font package does not hold the expected file.
    """
    source = _packaged("fontpkg_inter", "files/Inter[opsz,wght].ttf")
    cjk = _packaged("mplfonts", "fonts/NotoSansCJKsc-Regular.otf")
    source_sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    identity = f"{_CUT_VERSION}|{fontTools.version}|{_OPTICAL_SIZE}|{sorted(_CUTS.items())}|{source_sha256}"
    folder = cache_dir / "fonts" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    latin = {weight: folder / f"InterReport-{name}.ttf" for weight, (name, _) in _CUTS.items()}
    kept = folder / cjk.name
    if not all(path.is_file() for path in (*latin.values(), kept)):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _cut(source, latin, Path(scratch))
            copied = Path(scratch) / cjk.name
            shutil.copyfile(cjk, copied)
            copied.replace(kept)
    return FontSet(folder, latin, kept, _coverage([latin[REGULAR], kept]))


def _packaged(package: str, name: str) -> Path:
    # Found without importing: one of the packages changes matplotlib's font settings when imported.
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / name if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise FontsUnusable(
            f"font file {name} of the package {package} is not installed, so pages cannot be set; "
            f"install the version of {package} that requirements.lock names"
        )
    return path


def _cut(source: Path, targets: dict[int, Path], scratch: Path) -> None:
    font = TTFont(source, recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = _FEATURES
    options.hinting = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = ["*"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[c for low, high in _RANGES for c in range(low, high + 1)])
    subsetter.subset(font)
    base = scratch / "base.ttf"
    font.save(base)
    for weight, target in targets.items():
        style, cut_at = _CUTS[weight]
        cut = instancer.instantiateVariableFont(
            TTFont(base, recalcTimestamp=False), {"opsz": _OPTICAL_SIZE, "wght": cut_at}, inplace=True
        )
        _rename(cut, style, weight)
        written = scratch / target.name
        cut.save(written)
        written.replace(target)


def _rename(font: TTFont, style: str, weight: int) -> None:
    names = font["name"]
    names.names = []
    entries = {
        1: LATIN_FAMILY,
        2: style,
        3: f"InterReport-{style}",
        4: f"{LATIN_FAMILY} {style}",
        5: "Version 4.1",
        6: f"InterReport-{style}",
        13: "Licensed under the SIL Open Font License, Version 1.1",
    }
    for identifier, text in entries.items():
        names.setName(text, identifier, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight


def _coverage(paths: Iterable[Path]) -> frozenset[int]:
    covered: set[int] = set()
    for path in paths:
        with TTFont(path, lazy=True) as font:
            covered.update(font.getBestCmap())
    return frozenset(covered)


def _advance_widths(path: Path) -> dict[int, float]:
    with TTFont(path, lazy=True) as font:
        unit = float(font["head"].unitsPerEm)
        metrics = font["hmtx"].metrics
        tabular = _substitutes(font, "tnum")
        return {code: metrics[tabular.get(glyph, glyph)][0] / unit for code, glyph in font.getBestCmap().items()}


def _substitutes(font: TTFont, feature: str) -> dict[str, str]:
    table = font["GSUB"].table
    lookups = {
        index
        for record in table.FeatureList.FeatureRecord
        if record.FeatureTag == feature
        for index in record.Feature.LookupListIndex
    }
    found: dict[str, str] = {}
    for index in sorted(lookups):
        for part in table.LookupList.Lookup[index].SubTable:
            found.update(getattr(getattr(part, "ExtSubTable", part), "mapping", {}))
    return found
