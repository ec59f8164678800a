"""The report's typeface inside the page: only the letters it uses, so that it looks the same everywhere."""

import base64
import io
from collections.abc import Iterable

from fontTools import subset
from fontTools.ttLib import TTFont

from dashboards.fonts import LATIN_FAMILY, FontSet


def embedded(characters: Iterable[str], fonts: FontSet) -> str:
    """`@font-face` rules holding the Latin letters among `characters`; the others come from the reader's machine."""
    codes = sorted({ord(c) for c in characters} | set(range(0x20, 0x7F)))
    return "\n".join(
        f'@font-face{{font-family:"{LATIN_FAMILY}";font-weight:{weight};'
        f"src:url(data:font/ttf;base64,{_cut(path.read_bytes(), codes)}) format('truetype')}}"
        for weight, path in sorted(fonts.latin.items())
    )


def _cut(font_bytes: bytes, codes: list[int]) -> str:
    font = TTFont(io.BytesIO(font_bytes), recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = ["kern", "tnum", "ccmp", "locl"]
    options.recalc_timestamp = False
    options.hinting = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    target = io.BytesIO()
    font.save(target)
    return base64.b64encode(target.getvalue()).decode("ascii")
