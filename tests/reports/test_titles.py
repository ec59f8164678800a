"""Titles are printed as typed, cut to size, and never run."""

import pytest
import release_world
from conftest import Pack
from hypothesis import given
from hypothesis import strategies as st

from dashboards.fonts import FontSet
from dashboards.titles import LONGEST_TITLE, clean, cut, fit, printable


def test_hostile_titles_are_printed_as_typed(packs: dict[str, Pack]) -> None:
    text = packs["std_hostile"].text
    assert "= Heading _Studio_ $x$ #name" in text
    assert "get past the paywall of $\\frac{1}{0$" in text
    assert "{{ braces }} {0} %s \\n" in text
    for beginning in ("_leading underscore_", "<script>alert(", '#panic() #import "x"', "word word word"):
        assert beginning in text


def test_long_titles_are_cut(packs: dict[str, Pack]) -> None:
    text = packs["std_hostile"].text
    assert "W" * 121 not in text.replace(" ", "")
    assert "word " * 60 not in text


def test_a_script_the_fonts_lack_is_said_in_words(packs: dict[str, Pack]) -> None:
    text = packs["std_hostile"].text
    assert "Series ser_hostile7: the fonts have no glyphs for its title (U+0E01" in text
    assert release_world.HOSTILE_TITLES[7] not in text


def test_single_uncovered_characters_are_left_out_and_named(fonts: FontSet) -> None:
    title = printable("Kiss \U0001f525 of Fire", "ser_1", "Series", "en", fonts)
    assert title.text == "Kiss of Fire"
    assert title.note is not None
    assert "U+1F525" in title.note


@pytest.mark.parametrize("raw", [None, "", " \t\n", "\u202e", "\u200b\u200d"])
def test_an_empty_title_becomes_the_id(raw: str | None, fonts: FontSet) -> None:
    title = printable(raw, "ser_1", "Series", "en", fonts)
    assert title.text == "Series ser_1"
    assert title.note is not None


def test_direction_and_control_characters_are_removed() -> None:
    assert clean("a\u202eb\x00c\u200bd\r\n e") == "abcd e"


@given(raw=st.text(max_size=400))
def test_a_printable_title_is_short_clean_and_covered(raw: str, fonts: FontSet) -> None:
    title = printable(raw, "ser_1", "Series", "en", fonts)
    assert 0 < len(title.text) <= LONGEST_TITLE
    assert fonts.uncovered(title.text) == []
    assert title.text == " ".join(title.text.split())
    if title.text != cut(clean(raw)):
        assert title.note is not None


@given(text=st.text(max_size=80), width=st.floats(min_value=10, max_value=300))
def test_a_fitted_text_fits(text: str, width: float, fonts: FontSet) -> None:
    fitted = fit(text, width, 8.8, fonts)
    assert fonts.text_width(fitted, 8.8) <= width or fitted == "\u2026"
    assert fitted == text or fitted.endswith("\u2026")
