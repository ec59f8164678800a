"""Payout statements: every cent is the ledger's, and nobody reads another's."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pypdfium2
import pytest
import statement_world as world
from conftest import charts_of, pdf_text
from hypothesis import given
from hypothesis import strategies as st
from release_studios import HOSTILE_TITLES
from test_isolation import decompressed, foreign_words, spellings
from test_pages import off_the_margins, overlapping

from dagster_project.core import money
from dagster_project.ledger.lines import LedgerLine
from dagster_project.ledger.statements import decimal_text, statements_of
from dashboards import errors
from dashboards.deliver import build_reports
from dashboards.document import Document
from dashboards.fonts import FontSet
from dashboards.formats import MINUS
from dashboards.published import Release
from dashboards.registry import get_report
from dashboards.render import RenderedReport, render
from dashboards.statement import amounts
from dashboards.statement.month import Month
from dashboards.statement.waterfall import MOST_STAGES, Stage, draw_waterfall, folded

PARTIES = (world.MIXED, world.ZERO, world.NEGATIVE, world.RECOVERED, world.HOSTILE, world.YEN, world.WHALE)


class Told:
    """A statement, set, with the text a reader of the PDF can select."""

    def __init__(self, document: Document, fonts: FontSet) -> None:
        self.document = document
        self.rendered: RenderedReport = render(document, fonts)
        self.text = pdf_text(self.rendered.pdf)
        self.record: dict[str, Any] = self.rendered.figures


def tell(release: Release, fonts: FontSet, party: str, month: str = world.MONTH) -> Told:
    document = get_report("payout_statement").build(release, month, party, fonts)
    assert isinstance(document, Document)
    return Told(document, fonts)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write_release(tmp_path_factory.mktemp("ledger") / "ledger.duckdb")


@pytest.fixture(scope="module")
def ledger(file: Path) -> Iterator[Release]:
    with Release(file) as opened:
        yield opened


@pytest.fixture(scope="module")
def told(ledger: Release, fonts: FontSet) -> dict[str, Told]:
    return {party: tell(ledger, fonts, party) for party in PARTIES}


def rows_of(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as con:
        return con.execute(sql, values).fetchall()


def printed(cents: int, decimals: int = 2) -> str:
    """An amount as paper shows it, written without the code under test."""
    digits = str(abs(cents)).rjust(decimals + 1, "0")
    whole = re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", digits[:-decimals] if decimals else digits)
    return f"{MINUS if cents < 0 else ''}{whole}{'.' + digits[-decimals:] if decimals else ''}"


@pytest.mark.parametrize("party", PARTIES)
def test_every_posted_line_is_printed_with_its_amount(party: str, told: dict[str, Told], file: Path) -> None:
    rows = rows_of(
        file,
        "SELECT line_id, statement_id, contract_id, base_minor, amount_minor, currency FROM payouts.lines "
        "WHERE party_id = ? AND posted_period = ? AND direction = 'PAYABLE'",
        party,
        world.MONTH,
    )
    text = told[party].text
    for line_id, statement_id, contract_id, base, cents, currency in rows:
        decimals = 0 if currency == "JPY" else 2
        assert f"{statement_id} · contract {contract_id} version 1" in text
        after = text[text.index(line_id) + len(line_id) :][:200]
        cells = after.split(" L-20")[0].split()
        assert printed(base, decimals) in cells
        assert printed(cents, decimals) in cells
        figure = told[party].record["figures"][f"line.{line_id}"]
        assert (figure["value"], figure["printed"]) == (cents, True)
    assert len(told[party].record["tables"]["lines"]) == len(rows)


@pytest.mark.parametrize("party", PARTIES)
def test_totals_are_those_of_the_ledger_statement_to_the_cent(party: str, told: dict[str, Told]) -> None:
    """What `cliffhanger statement` prints comes from `statements_of` and `decimal_text`."""
    month = [one for one in world.LINES if one.posted_period == world.MONTH and one.direction == "PAYABLE"]
    ledgers = statements_of(month, party)
    told_totals = {
        (row["statement_id"], row["currency"]): row["total_minor"] for row in told[party].record["tables"]["statements"]
    }
    assert told_totals == {(one.statement_id, one.currency): one.total_minor for one in ledgers}
    for currency in {one.currency for one in ledgers}:
        total = sum(one.total_minor for one in ledgers if one.currency == currency)
        assert told[party].record["figures"][f"posted.{currency}"]["value"] == total
        text = decimal_text(total, currency)
        assert f"Posted this month {_spaced(text)}" in told[party].text


def _spaced(text: str) -> str:
    whole, _, part = text.replace("-", MINUS).partition(".")
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", whole) + (f".{part}" if part else "")


def test_amounts_beyond_exact_floats_keep_their_last_cent(told: dict[str, Told]) -> None:
    assert "90,071,992,547,409.93" in told[world.WHALE].text


@given(st.integers(-(10**30), 10**30), st.sampled_from(["USD", "JPY", "KRW", "KWD", "EUR"]))
def test_amounts_are_written_as_the_ledger_writes_them(minor: int, currency: str) -> None:
    assert amounts.plain(minor, currency).replace(",", "").replace(MINUS, "-") == decimal_text(minor, currency)
    assert amounts.exponent(currency) == money.exponent(currency)


def test_exponents_are_those_of_the_ledger() -> None:
    assert amounts._EXPONENTS == money._EXPONENTS


def test_rates_are_exact() -> None:
    assert [amounts.rate(ppm) for ppm in (300_000, 333_333, 1, 1_000_000, 0)] == [
        "30%",
        "33.3333%",
        "0.0001%",
        "100%",
        "0%",
    ]


def test_a_month_with_everything(told: dict[str, Told]) -> None:
    text = told[world.MIXED].text
    assert "Earning, tier 1, base moves to tier 2" in text
    assert f"Correction, invalid traffic, {printed(141_540)} → {printed(126_540)}" in text
    assert "Correction, tier reached changed" in text
    (chart,) = charts_of(told[world.MIXED].document, "minimum_mm")
    for label in ("Coin sales", "Ad share", "Own apps", "invalid traffic", "Due"):
        assert label in chart.svg
    assert "33.3333%" in text
    # The pool is shown where today's terms still give the line, else not.
    assert re.search(r"L-2026-10-PAY-BRIDE-OWN-0001 Oct 2026 Earning, tier 1 0.21 33.3333% 0.21 0.07", text)
    assert re.search(rf"base moves to tier 2 {MINUS}155.79 30% – {MINUS}46.74", text)


def test_stages_add_up_to_what_is_due(told: dict[str, Told]) -> None:
    figures = told[world.MIXED].record["figures"]
    steps = [v["value"] for k, v in figures.items() if re.fullmatch(r"(earned|corrected)\.USD\.\w+", k)]
    assert len(steps) == 5
    assert sum(steps) == figures["due.USD"]["value"] == figures["posted.USD"]["value"]


def test_a_month_without_lines_is_told(told: dict[str, Told]) -> None:
    text = told[world.ZERO].text
    assert "Nothing earned" in text
    assert "Due for October 2026 $0.00" in text
    assert "$123.45 posted since Sep 2026" in text
    assert "No statement number: nothing was posted" in text
    assert told[world.ZERO].record["tables"]["lines"] == []


def test_a_month_below_zero_pays_nothing_and_is_carried(told: dict[str, Told]) -> None:
    text = told[world.NEGATIVE].text
    assert f"No payout: {MINUS}$12.30 carried" in text
    assert "is due" not in text.split("Lines posted")[0]


def test_what_was_carried_is_taken_off_before_anything_is_due(told: dict[str, Told]) -> None:
    text = told[world.RECOVERED].text
    assert "Due for October 2026 $12.50" in text
    assert f"{MINUS}$7.50 carried from earlier months" in text
    assert f"Posted this month 20.00 Carried from earlier months {MINUS}7.50 Due 12.50" in text


def test_currencies_are_never_added_up(told: dict[str, Told]) -> None:
    text = told[world.YEN].text
    assert "JPY 15,733" in text
    assert "$0.05" in text
    assert "157.33" not in text


def test_what_waits_and_why(told: dict[str, Told]) -> None:
    text = told[world.MIXED].text
    assert "$42.96 more is due and not posted yet" in text
    assert "open: posted when November 2026 is closed $43.21" in text
    assert f"September 2026 is closed: posted as a correction by the next close {MINUS}$0.25" in text
    assert "Blocked: contract PAY-HEIR-IAP version 1 has no rate above its last tier." in text
    assert "Blocked: a platform statement names a series without activity" in text
    assert "Nothing waits to be posted" in told[world.ZERO].text


def test_the_rounding_rule_is_ours(told: dict[str, Told]) -> None:
    for one in told.values():
        assert "ties away from zero (0.125 becomes 0.13, −0.125 becomes −0.13)" in one.text
        assert "half-even" not in one.text


def test_the_chain_hash_is_printed_when_the_release_holds_it(
    told: dict[str, Told], fonts: FontSet, tmp_path: Path
) -> None:
    assert "Chain hash" not in told[world.MIXED].text
    assert told[world.MIXED].record["chain_hash"] is None
    with Release(world.write_release(tmp_path / "sealed.duckdb", sealed=True)) as sealed:
        one = tell(sealed, fonts, world.NEGATIVE)
        assert f"October 2026 is closed under {world.CHAIN_HASH}." in one.text
        assert world.CHAIN_HASH not in tell(sealed, fonts, world.ZERO, "2026-09").text


@pytest.mark.parametrize("party", PARTIES)
def test_no_byte_names_another_party(party: str, told: dict[str, Told]) -> None:
    one = told[party]
    drawn = "".join(chart.svg + chart.alt for chart in charts_of(one.document, "minimum_mm"))
    everything = decompressed(one.rendered.pdf) + (one.text + drawn + repr(one.record)).encode()
    assert party.encode() in everything
    own = {line.contract_id for line in world.LINES if line.party_id == party}
    others = {line.party_id for line in world.LINES} - {party, "house"}
    contracts = {line.contract_id for line in world.LINES} - own
    series = {line.series_id for line in world.LINES if line.party_id == party}
    studios = {word for word in foreign_words(party) if not word.startswith("ser_")}
    titles_shared = {"The CEO\u2019s Secret Heir", "霸道总裁的替身新娘"}
    words = others | contracts | (studios - titles_shared) | ({"ser_canary"} - series) | {"77,777", "9,999.99"}
    assert [word for word in sorted(words) if any(s in everything for s in spellings(word))] == []


def test_the_canary_is_found_on_its_own_statement(ledger: Release, fonts: FontSet) -> None:
    one = tell(ledger, fonts, world.CANARY)
    for word in (world.CANARY, world.CANARY_CONTRACT, "77,777.77", "ser_canary", "9,999.99"):
        assert word in one.text
    # The other party's contract is blocked too: told there, not here.
    assert "PAY-HEIR-IAP" not in one.text
    assert f"contract {world.CANARY_CONTRACT} version 1, ser_canary in 2026-10 overlaps" in one.text


def test_titles_are_printed_as_typed(told: dict[str, Told]) -> None:
    text = told[world.HOSTILE].text
    for beginning in (
        "_leading underscore_",
        "<script>alert(",
        '#panic() #import "x"',
        "{{ braces }} {0} %s",
        "$\\frac{1}{0$",
    ):
        assert beginning in text
    assert len(HOSTILE_TITLES) > 5
    assert "霸道总裁的替身新娘" in told[world.YEN].text


def test_same_inputs_same_bytes(told: dict[str, Told], file: Path, fonts: FontSet) -> None:
    with Release(file) as again:
        assert tell(again, fonts, world.MIXED).rendered.pdf == told[world.MIXED].rendered.pdf


def test_labels_keep_clear_of_each_other(told: dict[str, Told]) -> None:
    for one in told.values():
        for chart in charts_of(one.document, "minimum_mm"):
            met = [(a.text, b.text) for i, a in enumerate(chart.texts) for b in chart.texts[i + 1 :] if a.meets(b)]
            assert met == []
            assert all(t.left >= 0 and t.right <= chart.width_mm * 72 / 25.4 for t in chart.texts)


def test_no_text_touches_other_text_or_leaves_the_margins(told: dict[str, Told]) -> None:
    for party, one in told.items():
        document = pypdfium2.PdfDocument(one.rendered.pdf)
        for page in (document[i] for i in range(len(document))):
            assert overlapping(page) == [], party
            assert off_the_margins(page) == [], party


def test_who_gets_one_and_for_which_months(ledger: Release) -> None:
    report = get_report("payout_statement")
    assert report.periods(ledger) == ["2026-08", "2026-09", "2026-10"]
    assert report.recipients(ledger, "2026-08") == [world.RECOVERED]
    assert world.ZERO in report.recipients(ledger, world.MONTH)
    assert "house" not in report.recipients(ledger, world.MONTH)


def test_a_month_or_party_without_ledger_is_refused(ledger: Release, fonts: FontSet) -> None:
    report = get_report("payout_statement")
    with pytest.raises(errors.UnknownPeriod, match="2026-11"):
        report.build(ledger, "2026-11", world.MIXED, fonts)
    with pytest.raises(errors.UnknownPeriod, match="not a month"):
        report.build(ledger, "2026-13", world.MIXED, fonts)
    with pytest.raises(errors.UnknownRecipient, match="nobody"):
        report.build(ledger, world.MONTH, "nobody", fonts)


def test_a_long_statement_repeats_its_head_and_strands_no_heading(fonts: FontSet, tmp_path: Path) -> None:
    many: list[LedgerLine] = [
        world.line(world.MIXED, f"PAY-{number:03d}-IAP", 1, 100 + number, series="ser_heir") for number in range(70)
    ]
    with Release(world.write_release(tmp_path / "many.duckdb", lines=many)) as release:
        one = tell(release, fonts, world.MIXED)
    document = pypdfium2.PdfDocument(io.BytesIO(one.rendered.pdf))
    pages = [document[i].get_textpage().get_text_range() for i in range(len(document))]
    assert len(pages) >= 3
    with_lines = [page for page in pages if "L-2026-10-PAY-" in page]
    assert all("No." in page and "Pool" in page for page in with_lines)
    assert sum(page.count("L-2026-10-PAY-") for page in pages) == 70
    for page in with_lines:
        assert page.count("ST-PAY-") == page.count("L-2026-10-PAY-")


def test_packs_are_delivered_by_party_and_month(file: Path, cache_dir: Path, tmp_path: Path) -> None:
    (pack,) = build_reports(
        file, tmp_path, report="payout_statement", recipient=world.NEGATIVE, period=world.MONTH, cache_dir=cache_dir
    )
    assert pack.folder == tmp_path / "payout_statement" / world.MONTH / world.NEGATIVE
    assert [p.name for p in pack.files] == ["report.pdf", "figures.json"]


def test_too_many_stages_are_folded_without_losing_a_cent(fonts: FontSet) -> None:
    stages = [Stage(f"s{n}", n * 7 - 20) for n in range(12)]
    stages.append(Stage("Due", sum(stage.minor for stage in stages), is_total=True))
    short = folded(stages)
    assert len(short) == MOST_STAGES
    assert sum(stage.minor for stage in short if not stage.is_total) == short[-1].minor
    draw_waterfall(short, "USD", "alt", fonts)
    with pytest.raises(ValueError, match="fold"):
        draw_waterfall(stages, "USD", "alt", fonts)


def test_months_follow_each_other() -> None:
    assert str(Month.parse("2026-12").after()) == "2027-01"
    assert Month.parse("2028-02").days == "1–29 Feb 2028"
