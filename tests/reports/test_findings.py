"""What a report may claim: every verb has its truth condition."""

import re

import duckdb
import numpy as np
import pytest
import release_world
from conftest import Pack
from hypothesis import given
from hypothesis import strategies as st

from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.findings import find
from dashboards.compare import (
    FEWEST_WEEKS,
    Difference,
    Estimate,
    Interval,
    against_fixed,
    difference,
    normal_weekly_range,
    share,
)
from dashboards.figures.findings import MOST_FINDINGS, MOST_PER_METRIC, Finding, choose, compared, verb
from dashboards.figures.record import FigureRecord
from dashboards.figures.week import StudioWeek
from dashboards.fonts import FontSet
from dashboards.periods import Week
from dashboards.published import Release
from dashboards.sentences import plain

OF_CHANGE = re.compile(r"\b(rose|fell|up|down|more|fewer|larger|smaller|above|below)\b")
OF_CAUSE = re.compile(r"\b(because|caused?|due to|thanks to|led to|drove)\b", re.IGNORECASE)


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    trials = draw(st.integers(1, 100_000))
    made = share(draw(st.integers(0, trials)), trials)
    assert made is not None
    return made


@given(estimates(), estimates())
def test_a_verb_of_change_needs_an_interval_without_zero(this: Estimate, that: Estimate) -> None:
    change = difference(this, that)
    word = verb(change)
    if word == "rose":
        assert change.interval.low > 0
        assert this.value > that.value
    elif word == "fell":
        assert change.interval.high < 0
        assert this.value < that.value
    else:
        assert change.interval.low <= 0 <= change.interval.high
    assert compared(change, "more", "less", "same") == {"rose": "more", "fell": "less", None: "same"}[word]
    assert change.is_clear == (word is not None)


@given(estimates(), estimates())
def test_swapping_the_estimates_turns_the_difference_round(this: Estimate, that: Estimate) -> None:
    there, back = difference(this, that), difference(that, this)
    assert back.value == -there.value
    assert back.interval.low == pytest.approx(-there.interval.high, abs=1e-12)
    assert back.interval.high == pytest.approx(-there.interval.low, abs=1e-12)
    assert there.interval.low <= there.value <= there.interval.high


@given(estimates(), st.floats(0, 1))
def test_against_a_fixed_reference_the_width_is_the_estimates_own(this: Estimate, reference: float) -> None:
    distance = against_fixed(this, reference)
    assert distance.interval.width == pytest.approx(this.interval.width, abs=1e-12)
    assert distance.is_clear == this.interval.excludes(reference) or reference in (
        this.interval.low,
        this.interval.high,
    )


def test_the_difference_interval_covers_the_truth_about_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(20261109)
    hits = runs = 0
    for p, q, n, m in ((0.43, 0.40, 900, 1100), (0.05, 0.08, 400, 300), (0.9, 0.9, 150, 200)):
        for _ in range(600):
            a, b = share(int(random.binomial(n, p)), n), share(int(random.binomial(m, q)), m)
            assert a is not None
            assert b is not None
            hits += not difference(a, b).interval.excludes(p - q)
            runs += 1
    assert 0.93 < hits / runs < 0.975


@given(st.lists(st.integers(0, 10**9), max_size=12))
def test_a_normal_range_needs_history_and_holds_its_centre(weeks: list[int]) -> None:
    normal = normal_weekly_range(weeks)
    assert (normal is None) == (len(weeks) < FEWEST_WEEKS)
    if normal is not None:
        assert 0 <= normal.low <= sum(weeks) / len(weeks) <= normal.high


def test_a_normal_range_by_hand() -> None:
    normal = normal_weekly_range([10, 12, 11, 13, 12, 14])
    assert normal is not None
    # mean 12, moving ranges 2 1 2 1 2: mean 1.6
    assert (normal.low, normal.high) == pytest.approx((12 - 2.66 * 1.6, 12 + 2.66 * 1.6))


@st.composite
def candidates(draw: st.DrawFn) -> Finding:
    negative = draw(st.booleans())
    return Finding(
        id=draw(st.text("abcdefgh", min_size=8, max_size=8)),
        metric=draw(st.sampled_from(["reach", "unlock", "starters"])),
        claim=("claim",),
        evidence=("evidence",),
        truth_condition="",
        value=None,
        delta_prev=None,
        delta_bench=None,
        interval=None,
        n=None,
        severity=draw(st.integers(1, 3)),
        strength=draw(st.floats(0, 10)),
        is_negative=negative,
        is_guardrail=draw(st.booleans()),
        chart_id=None,
    )


@given(st.lists(candidates(), max_size=9, unique_by=lambda f: f.id))
def test_choice_is_short_ranked_and_never_hides_a_bad_guardrail(found: list[Finding]) -> None:
    chosen = choose(found)
    assert len(chosen) == min(MOST_FINDINGS, len(chosen))
    assert choose(list(reversed(found))) == chosen
    if any(f.is_negative and f.is_guardrail for f in found):
        assert any(f.is_negative for f in chosen)
    if found:
        assert chosen[0].score == max(f.score for f in found) or chosen[-1].is_negative
    for metric in {f.metric for f in chosen}:
        assert sum(f.metric == metric for f in chosen) <= MOST_PER_METRIC + 1


def test_choice_puts_the_only_warning_in_place_of_the_weakest() -> None:
    strong = [_finding(f"good{n}", f"metric{n}", 9.0 - n) for n in range(4)]
    weak = _finding("bad", "unlock", 0.1, negative=True)
    assert [f.id for f in choose([*strong, weak])] == ["good0", "good1", "bad"]


def _finding(name: str, metric: str, strength: float, negative: bool = False) -> Finding:
    return Finding(name, metric, ("",), ("",), "", None, None, None, None, None, 1, strength, negative, negative, None)


def test_printed_claims_hold_for_the_numbers_behind_them(packs: dict[str, Pack]) -> None:
    seen = 0
    for studio, pack in packs.items():
        for finding in pack.document.findings:
            said = plain(finding.claim)
            assert not OF_CAUSE.search(f"{said} {plain(finding.evidence)}")
            if finding.metric == "reach":
                assert finding.interval is not None, studio
                clear = finding.interval.excludes(0)
                assert clear, (studio, said)
                assert ("larger" in said) == (finding.interval.low > 0)
                assert ("smaller" in said) == (finding.interval.high < 0)
                seen += 1
            if finding.metric == "unlock":
                assert finding.interval is not None
                assert ("smaller" in said) == (finding.interval.high < 0)
                seen += 1
    assert seen >= 5


def test_an_unclear_change_is_never_given_a_direction(packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        for name, figure in pack.figures.items():
            if figure["how"] == "difference of two independent estimates" and figure["printed"]:
                low, high = figure["interval"]
                if low <= 0 <= high:
                    assert f"\u25b2 {figure['text']}" not in pack.text, name
                    assert f"\u25bc {figure['text']}" not in pack.text, name


def test_findings_of_the_main_studio(packs: dict[str, Pack]) -> None:
    claims = [plain(f.claim) for f in packs["std_starfall"].document.findings]
    assert claims[0] == (
        "A larger share of viewers gets past the paywall of The CEO\u2019s Secret Heir than last week."
    )
    assert "A smaller share of the viewers who see an unlock offer unlocks." in claims
    assert len(claims) == 3


def quiet_world(weeks: int) -> release_world.World:
    series = release_world.SeriesSpec("ser_calm", "Calm Waters", 5000, genre="solo", growth=0.0, weeks=weeks)
    studio = release_world.StudioSpec("std_calm", "Calm", (series,))
    return release_world.World((studio,), (), ads_as_of=release_world.AS_OF)


@pytest.mark.parametrize(
    ("weeks", "claim"),
    [
        (10, "Nothing changed by more than its normal weekly range."),
        (3, "Too few earlier weeks or viewers to know what is normal."),
        (1, "There is no earlier week to compare with yet."),
    ],
)
def test_weeks_without_news(weeks: int, claim: str, tmp_path_factory: pytest.TempPathFactory, fonts: FontSet) -> None:
    path = release_world.write_release(tmp_path_factory.mktemp("quiet") / "r.duckdb", quiet_world(weeks))
    with Release(path) as release:
        week = StudioWeek(release, "std_calm", Week.parse(release_world.WEEK), fonts)
        findings = find(WeeklyContext(week, FigureRecord()))
    assert [plain(f.claim) for f in findings] == [claim]
    assert not OF_CHANGE.search(plain(findings[0].evidence))


def test_a_total_outside_its_normal_range_is_said(tmp_path_factory: pytest.TempPathFactory, fonts: FontSet) -> None:
    series = release_world.SeriesSpec("ser_jump", "Sudden Fame", 9000, genre="solo", growth=0.0)
    world = release_world.World((release_world.StudioSpec("std_jump", "Jump", (series,)),), ())
    path = release_world.write_release(tmp_path_factory.mktemp("jump") / "r.duckdb", world)
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE weekly.series_week SET n_starters = 3 * n_starters WHERE week_start = '2026-11-09'")
    with Release(path) as release:
        week = StudioWeek(release, "std_jump", Week.parse(release_world.WEEK), fonts)
        findings = find(WeeklyContext(week, FigureRecord()))
    claims = [plain(f.claim) for f in findings]
    assert "Series starters are above the normal weekly range." in claims


def test_difference_needs_no_more_than_published_intervals() -> None:
    """The worked example of Newcombe (1998), table II, case a: 56/70 and 48/80, method 10."""
    a, b = share(56, 70), share(48, 80)
    assert a is not None
    assert b is not None
    change = difference(a, b)
    assert isinstance(change, Difference)
    assert change.interval == Interval(pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
