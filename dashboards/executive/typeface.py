"""The report's typeface inside the page: only the letters it uses, so that it looks the same everywhere."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from dashboards.fonts import LATIN_FAMILY, FontSet

EASTERN_FAMILY = "Noto CJK Report"
"""Renamed, so that it never stands in for a copy on the reader's machine."""
_FIRST_EASTERN = 0x2E80


def embedded(characters: Iterable[str], fonts: FontSet) -> str:
    """`@font-face` rules holding the letters among `characters`, Latin in both weights and the others in one."""
    wanted = {ord(c) for c in characters}
    codes = sorted(wanted | set(range(0x20, 0x7F)))
    rules = [
        _rule(LATIN_FAMILY, str(weight), _cut(path, codes), "truetype") for weight, path in sorted(fonts.latin.items())
    ]
    others = sorted(code for code in wanted if code >= _FIRST_EASTERN and fonts.covers(chr(code)))
    if others:
        rules.append(_rule(EASTERN_FAMILY, "400 700", _cut(fonts.cjk, others), "opentype"))
    return "\n".join(rules)


def _rule(family: str, weight: str, content: str, kind: str) -> str:
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};'
        f"src:url(data:font/{kind};base64,{content}) format('{kind}')}}"
    )


def _cut(path: Path, codes: list[int]) -> str:
    font = TTFont(path, lazy=True, recalcTimestamp=False)
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
