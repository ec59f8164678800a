"""Titles and names are user data: made safe to print, cut to size, and checked for glyphs.

Nothing is interpreted. A title goes to the page as a value, so `$`, `_`, `#` and `<` stay what was typed.
"""

import unicodedata
from dataclasses import dataclass

from dashboards.fonts import REGULAR, STRONG, FontSet

LONGEST_TITLE = 120
_ELLIPSIS = "\u2026"


@dataclass(frozen=True)
class Title:
    """A title ready for print, and what a reader must be told about it (None when nothing was left out)."""

    text: str
    note: str | None
    language: str

    def fitted(self, width_pt: float, size_pt: float, fonts: FontSet) -> "Title":
        """The same title, cut to `width_pt` in the strong weight at `size_pt`."""
        return Title(fit(self.text, width_pt, size_pt, fonts, STRONG), self.note, self.language)


def clean(raw: str) -> str:
    """One line of printable characters: composed (NFC), control and format characters gone, blanks single."""
    composed = unicodedata.normalize("NFC", raw)
    kept = (" " if c.isspace() else c for c in composed if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def cut(text: str, longest: int = LONGEST_TITLE) -> str:
    """At most `longest` characters, the last an ellipsis when cut; never between a base and its mark."""
    if len(text) <= longest:
        return text
    end = longest - 1
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + _ELLIPSIS


def printable(raw: str | None, identifier: str, kind: str, language: str | None, fonts: FontSet) -> Title:
    """The title as it can be printed.

    `identifier` stands in, with a note, when the title is empty or the fonts lack most of its letters;
    characters that they lack in an otherwise printable title are left out, and the note names them.
    """
    tongue = (language or "und").split("-")[0].split("_")[0].lower()
    stand_in = f"{kind} {cut(clean(identifier), 40)}"
    whole = clean(raw or "")
    if not whole:
        return Title(stand_in, f"{stand_in} has no title in the release.", "en")
    text = cut(whole)
    missing = fonts.uncovered(text)
    if not missing:
        return Title(text, None, tongue)
    kept = " ".join("".join(c for c in text if c not in missing).split())
    letters = sum(c.isalnum() for c in text)
    left = sum(c.isalnum() for c in kept)
    codes = ", ".join(f"U+{ord(c):04X}" for c in missing[:4]) + (" and others" if len(missing) > 4 else "")
    if left == 0 or left * 2 < letters:
        return Title(stand_in, f"{stand_in}: the fonts have no glyphs for its title ({codes}).", "en")
    note = f"\u201c{cut(kept, 40)}\u201d is printed without {codes}: the fonts have no glyph."
    return Title(kept, note, tongue)


def fit_between(before: str, title: Title, after: str, width_pt: float, size_pt: float, fonts: FontSet) -> Title:
    """The title, cut so that with `before` and `after` it fills at most one strong line of `width_pt`."""
    fixed = fonts.text_width(before + after, size_pt, STRONG)
    return title.fitted(width_pt - fixed, size_pt, fonts)


def fit(text: str, width_pt: float, size_pt: float, fonts: FontSet, weight: int = REGULAR) -> str:
    """The longest beginning of `text` that fits one line of `width_pt`, with an ellipsis when cut."""
    if fonts.text_width(text, size_pt, weight) <= width_pt:
        return text
    for length in range(len(text) - 1, 0, -1):
        shorter = cut(text, length)
        if fonts.text_width(shorter, size_pt, weight) <= width_pt:
            return shorter
    return _ELLIPSIS
