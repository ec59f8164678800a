"""Pages two and three: every figure against a query of its own, and the parts that are not there."""

import statistics
from pathlib import Path
from typing import Any

import duckdb
import pypdfium2
import pytest
import release_world
from conftest import Pack, pdf_text
from release_paywall import EXPERIMENTS
from release_studios import LANTERN, PEERS, STARFALL, SeriesSpec, StudioSpec, World

from dashboards import theme
from dashboards.document import Document
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import render

WEEK, BEFORE = "2026-11-09", "2026-11-02"


def rows(database: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return database.execute(sql, list(values)).fetchall()


def test_the_typical_losses_are_medians_of_the_released_endings(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    found = rows(
        database,
        """SELECT 1 - c.estimate, d.cliffhanger_label IS NOT NULL
           FROM cliffhanger.continuation c JOIN core.dim_episode d USING (series_id, episode_seq)
           WHERE c.series_id = 'ser_heir' AND c.surface = 'all' AND c.mode = 'all' AND c.window_seconds = 86400
             AND c.status = 'ok' AND c.n_at_risk >= 100 AND c.episode_seq <> 9""",
    )
    pack = packs["std_starfall"]
    for name, kind in (("cliffhanger", True), ("other", False)):
        expected = statistics.median(value for value, tagged in found if tagged is kind)
        assert pack.figures[f"endings.ser_heir.{name}"]["value"] == pytest.approx(expected, abs=1e-12)
    assert "Endings on a cliffhanger lose fewer viewers: typically 1.6%, others 2.7%" in pack.text
    assert "Association, not proof" in pack.text


def test_the_paywall_is_named_and_off_the_scale(packs: dict[str, Pack], database: duckdb.DuckDBPyConnection) -> None:
    ((kept,),) = rows(
        database,
        """SELECT estimate FROM cliffhanger.continuation WHERE series_id = 'ser_heir' AND surface = 'all'
           AND mode = 'all' AND window_seconds = 86400 AND episode_seq = 9""",
    )
    assert packs["std_starfall"].figures["ending.ser_heir.9"]["value"] == pytest.approx(1 - kept, abs=1e-12)
    assert f"Paywall after episode 9: {(1 - kept) * 100:.1f}% stop here" in packs["std_starfall"].text


def funnel_counts(database: duckdb.DuckDBPyConnection, studio: str, week: str) -> dict[str, int]:
    found = dict(
        rows(
            database,
            """SELECT g.outcome, sum(g.n_outcome)::BIGINT FROM cliffhanger.gate_decomposition g
               JOIN core.dim_series s ON g.series_id = s.series_id AND g.gate_episode_seq = s.first_gated_episode_seq
               WHERE s.studio_id = ? AND g.surface = 'all' AND g.cohort_week = ? AND g.window_hours = 24
               GROUP BY 1""",
            studio,
            week,
        )
    )
    started = sum(found.values())
    finish = started - found["in_episode_exit"]
    meet = finish - found["story_exit"]
    return {"start": started, "finish": finish, "meet": meet, "pass": meet - found["gate_bounce"] - found["ad_failed"]}


@pytest.mark.parametrize("studio", ["std_starfall", "std_hostile", "std_lantern"])
def test_the_steps_add_up_to_the_released_outcomes(
    studio: str, packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    figures = packs[studio].figures
    for suffix, week in (("", WEEK), (".last_week", BEFORE)):
        counts = funnel_counts(database, studio, week)
        previous = None
        for step, expected in counts.items():
            if f"funnel.{step}{suffix}" in figures:
                assert figures[f"funnel.{step}{suffix}"]["value"] == expected, step
            if previous is not None:
                rate = figures[f"funnel.rate.{step}{suffix}"]["value"]
                assert rate == pytest.approx(expected / previous, abs=1e-12), step
            previous = expected
    assert figures["funnel.start"]["value"] == funnel_counts(database, studio, WEEK)["start"]


def test_ways_on_are_the_series_estimates_weighted_by_viewers(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    ((expected,),) = rows(
        database,
        """SELECT sum(g.estimate * g.n_followed) / sum(g.n_followed) FROM cliffhanger.gate_decomposition g
           JOIN core.dim_series s ON g.series_id = s.series_id AND g.gate_episode_seq = s.first_gated_episode_seq
           WHERE s.studio_id = 'std_moonriver' AND g.cohort_week = ? AND g.window_hours = 24
             AND g.surface = 'all' AND g.outcome = 'coin_unlock' AND g.status = 'ok'""",
        WEEK,
    )
    figure = packs["std_moonriver"].figures["funnel.way.coins"]
    assert figure["value"] == pytest.approx(expected, abs=1e-12)
    assert figure["status"] == "provisional"
    assert "are too recent to have had their 24 hours" in packs["std_moonriver"].text


def test_effects_of_discounts_are_the_released_ones(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    found = rows(
        database,
        """SELECT segment, difference, ci_low, ci_high FROM discounts.uplift
           WHERE experiment_id = 'exp-winter10' AND metric = 'net_revenue' AND horizon_days = 28""",
    )
    figures = packs["std_starfall"].figures
    for segment, value, low, high in found:
        figure = figures[f"uplift.exp-winter10.discount10.control.{segment}"]
        assert (figure["value"], figure["interval"]) == (value, [low, high])
    text = packs["std_starfall"].text
    assert "The discount raises revenue; one more withheld" in text
    assert "Withheld: viewers did not split over the arms as planned" in text


def test_only_tests_nobody_can_be_read_out_of_are_shown(packs: dict[str, Pack]) -> None:
    """A test of the studio alone, or with five others; one it shares with a single house is somebody's figure."""
    assert len(EXPERIMENTS["exp-two-house"]) == 2
    starfall, lantern = packs["std_starfall"], packs["std_lantern"]
    for pack in (starfall, lantern):
        everything = pack.text + str(pack.rendered.figures)
        assert "exp-winter10" in everything
        for foreign in ("exp-two-house", "9.87", "exp-canaryword-solo", "7.65"):
            assert foreign not in everything
    assert "A test that fewer than 5 other studios share is not shown." in starfall.text
    assert "fewer than 5 other studios share" not in lantern.text
    assert "exp-broken-split" in starfall.text
    assert "exp-broken-split" not in lantern.text + str(lantern.rendered.figures)


def test_diversion_is_the_released_figure_and_said_to_be_the_apps(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    ((kappa, low, high),) = rows(
        database, "SELECT kappa, ci_low, ci_high FROM cannibalization.diversion WHERE method = 'staggered_did'"
    )
    figure = packs["std_lantern"].figures["diversion"]
    assert (figure["value"], figure["interval"]) == (kappa, [low, high])
    text = packs["std_lantern"].text
    assert "Each Mini dollar displaces 18\u00a2, modelled" in text
    assert "Across all series of the app, not this studio's alone" in text


def test_what_the_app_earns_stays_with_the_operator(packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        everything = pack.text + str(pack.rendered.figures)
        for amount in ("987654321", "5397018142", "876543210", "9,876,543", "53,970,181"):
            assert amount not in everything


def test_ad_share_is_the_studios_own_to_the_cent(packs: dict[str, Pack], database: duckdb.DuckDBPyConnection) -> None:
    ((pending,),) = rows(
        database, "SELECT sum(pending_minor)::BIGINT FROM payouts.pending WHERE party_id = 'std_starfall'"
    )
    ((posted,),) = rows(
        database,
        """SELECT sum(amount_minor)::BIGINT FROM payouts.lines
           WHERE party_id = 'std_starfall' AND stream = 'iaa' AND activity_period = '2026-08'""",
    )
    figures = packs["std_starfall"].figures
    assert figures["ad_share.2026-11.USD"]["value"] == pending
    assert figures["ad_share.2026-11.USD"]["text"] == f"${pending // 100:,}.{pending % 100:02d}"
    assert figures["ad_share.2026-11.USD"]["status"] == "provisional"
    assert figures["ad_share.2026-08.USD"]["value"] == posted
    assert "Ad share is $3,018.38 so far in November" in packs["std_starfall"].text
    everything = packs["std_starfall"].text + str(packs["std_starfall"].rendered.figures)
    for others in ("6060606", "60,606.06", "5050505", "50,505.05", "7070707", "70,707.07"):
        assert others not in everything


def test_restated_amounts_are_told_old_and_new(packs: dict[str, Pack]) -> None:
    told = "ad share of August 2026, $4,102.55 is now $4,090.50 (invalid traffic)."
    assert told in packs["std_starfall"].text
    assert "No amount that was already posted for the studio has been restated." in packs["std_lantern"].text


def test_the_table_repeats_the_record(packs: dict[str, Pack]) -> None:
    for studio, pack in packs.items():
        tables = pack.rendered.figures["tables"]
        assert isinstance(tables, dict)
        texts = {figure["text"] for figure in pack.figures.values() if figure["printed"]}
        assert ("T1" in tables) is (studio != "std_quiet")
        for row in tables.get("T1", []):
            assert row["value"] in texts | {"withheld", "too early"}, (studio, row)
            assert row["interval"] in texts | {"exact", ""}, (studio, row)


def test_no_text_is_smaller_than_it_may_be(packs: dict[str, Pack]) -> None:
    smallest = {studio: min(sizes(pack.rendered.pdf)) for studio, pack in packs.items()}
    assert min(smallest.values()) >= theme.CHART_MINIMUM_PT - 0.01, smallest


def sizes(pdf: bytes) -> list[float]:
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        for item in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_TEXT]):
            size = pypdfium2.raw.ctypes.c_float()
            assert pypdfium2.raw.FPDFTextObj_GetFontSize(item, size)
            matrix = item.get_matrix()
            found.append(size.value * abs(matrix.d))
    return found


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory, fonts: FontSet) -> dict[str, Document]:
    """Studios of a release in which nearly everything is absent."""
    plain = SeriesSpec("ser_plain", "Plain", 4_000, gate=None, cliffhangers=())
    unknown = SeriesSpec("ser_unseen", "Unseen", 0)
    studios = (StudioSpec("std_plain", "Plain", (plain,)), StudioSpec("std_unseen", "Unseen", (unknown,)))
    path: Path = tmp_path_factory.mktemp("few") / "few.duckdb"
    release_world.write_release(path, World(studios))
    with release_world.connect(path) as con:
        con.execute("DELETE FROM payouts.lines; DELETE FROM payouts.pending")
        con.execute("UPDATE weekly.series_week SET ad_impressions = 0 WHERE studio_id = 'std_plain'")
    with Release(path) as release:
        report = REPORTS["studio_weekly"]
        return {s: report.build(release, release_world.WEEK, s, fonts) for s in ("std_plain", "std_unseen")}


@pytest.mark.parametrize(
    ("studio", "words"),
    [
        ("std_plain", "No cliffhanger tags received for Plain"),
        ("std_plain", "No paywall to show"),
        ("std_plain", "No discount test ran"),
        ("std_plain", "No ads served in November"),
        ("std_plain", "What the Mini takes from the own apps is not shown"),
        ("std_unseen", "There is no lead series this week: nobody started a series."),
    ],
)
def test_what_is_absent_is_said(studio: str, words: str, few: dict[str, Document], fonts: FontSet) -> None:
    assert words in pdf_text(render(few[studio], fonts).pdf)


@pytest.mark.parametrize(
    ("studio", "words"),
    [
        ("std_quiet", "The paywall's steps are not shown"),
        ("std_quiet", "Too early to show the ad share of November"),
        ("std_lantern", "with coins nobody; probably below"),
        ("std_newcut", "Nobody has been followed for 24 hours after finishing an episode yet."),
        ("std_newcut", "Ad share is $0.99 so far in November"),
        ("std_moonriver", "Too few cliffhanger endings to compare in Moonriver"),
        ("std_hostile", r"No cliffhanger tags received for $\frac{1}{0$"),
    ],
)
def test_what_is_missing_early_or_too_little_is_said(studio: str, words: str, packs: dict[str, Pack]) -> None:
    assert words in packs[studio].text


def test_one_house_alone_sees_its_own_app(tmp_path: Path, fonts: FontSet) -> None:
    """Two to five others could be read out of an app-wide figure; none, or six, cannot."""
    for others, shown in (((), True), (PEERS[:2], False), ((LANTERN, *PEERS), True)):
        path = release_world.write_release(tmp_path / f"{len(others)}.duckdb", World((STARFALL, *others)))
        with Release(path) as release:
            document = REPORTS["studio_weekly"].build(release, release_world.WEEK, "std_starfall", fonts)
        assert ("diversion" in document.figures) is shown
