"""Missing, zero, suppressed, too early and not released never look or read alike."""

import pytest
import release_world
from conftest import Pack, pdf_text

from dashboards.charts.canvas import Canvas
from dashboards.charts.empty import EmptyState, Kind, draw_empty
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import render

KINDS: tuple[Kind, ...] = ("missing", "zero", "suppressed", "too_early", "not_released")


def test_five_looks(fonts: FontSet) -> None:
    drawn = {}
    for kind in KINDS:
        canvas = Canvas(60, 30, fonts)
        axes = canvas.axes(0, 0, 60, 30)
        axes.set_axis_off()
        draw_empty(canvas, axes, EmptyState(kind, ("same words",), "0" if kind == "zero" else None))
        drawn[kind] = canvas.finish("").svg
    assert len(set(drawn.values())) == len(KINDS)
    assert "<pattern" in drawn["too_early"]
    assert "<pattern" in drawn["not_released"]
    assert "stroke-dasharray" in drawn["suppressed"]
    assert "#f4f6f8" in drawn["missing"].lower()


@pytest.mark.parametrize(
    ("studio", "words"),
    [
        ("std_quiet", "No events received for 9\u201315 Nov. This is missing data, not zero viewers."),
        ("std_newcut", "Too early: under 7 days of viewing. Complete from 23 Nov."),
        ("std_newcut", "Too few viewers: the platform does not show this figure."),
        ("std_newcut", "0 viewers started the series in the week 9\u201315 Nov."),
        ("std_newcut", "310 started; one episode is released, so there is no drop to show yet."),
        ("std_starfall", "not yet released"),
        ("std_lantern", "0 of 204 unlocked: the true rate is probably below 1.8%"),
        (
            "std_starfall",
            "Not in the sums: 1,204 unlocks without a known cash value and 89,847 ad impressions",
        ),
        ("std_lantern", "no ad revenue reported by own apps"),
    ],
)
def test_words(studio: str, words: str, packs: dict[str, Pack]) -> None:
    assert words in packs[studio].text


def test_missing_data_never_becomes_zero(packs: dict[str, Pack]) -> None:
    pack = packs["std_quiet"]
    assert "No events were received for 9\u201315 Nov." in pack.text
    assert pack.text.count("n/a") == 5
    this_week = {n: f for n, f in pack.figures.items() if not n.endswith(".last_week") and not n.startswith("checks")}
    assert [n for n, f in this_week.items() if f["value"] == 0] == []


def test_unreported_ad_revenue_is_not_zero(packs: dict[str, Pack]) -> None:
    assert "ad_revenue" not in packs["std_lantern"].figures
    assert packs["std_lantern"].figures["unlock_revenue"]["value"] == 0


def test_a_single_point_is_a_number_not_a_line(packs: dict[str, Pack]) -> None:
    chart = next(c for c in packs["std_newcut"].charts() if "Two Doors" in c.alt)
    assert any(t.text == "95%" for t in chart.texts)
    assert "reach episode 2, the last released" in packs["std_newcut"].text


def test_the_unreleased_part_is_hatched_and_named(packs: dict[str, Pack]) -> None:
    charts = packs["std_starfall"].charts()
    heels = next(c for c in charts if c.alt.startswith("Revenge in Heels"))
    heir = next(c for c in charts if c.alt.startswith("The CEO"))
    assert "<pattern" in heels.svg
    assert "<pattern" not in heir.svg


def test_provisional_is_said_and_drawn_hollow(packs: dict[str, Pack]) -> None:
    pack = packs["std_starfall"]
    assert "Ad revenue for 9\u201315 Nov is provisional: the log reaches 15 Nov 20:00 UTC" in pack.text
    sparks = {c.alt.split(",")[0]: c.svg for c in pack.charts() if c.width_mm == 30}
    filled = "fill: #1f66c7"
    assert filled in sparks["Series starters"].lower()
    assert filled not in sparks["Ad revenue"].lower()


def test_counts_under_the_curve_add_up(packs: dict[str, Pack]) -> None:
    figures = packs["std_starfall"].figures
    entered = {n.rsplit(".", 1)[0]: f["value"] for n, f in figures.items() if n.endswith(".n_entered")}
    assert len(entered) >= 5
    for stem, total in entered.items():
        if f"{stem}.n_left" in figures:
            parts = [figures[f"{stem}.{c}"]["value"] for c in ("n_event", "n_left", "n_censored")]
            assert sum(parts) == total
    for row in ("Watching", "Left", "Too recent to know"):
        assert row in packs["std_starfall"].text


def test_a_red_release_prints_red(fonts: FontSet, tmp_path_factory: pytest.TempPathFactory) -> None:
    checks = (
        ("unique_keys", "raw/views", "critical", False, "142 keys stand twice"),
        *release_world.CHECKS[2:],
    )
    world = release_world.World((release_world.LANTERN,), checks)
    path = release_world.write_release(tmp_path_factory.mktemp("red") / "r.duckdb", world)
    with Release(path) as release:
        document = REPORTS["studio_weekly"].build(release, release_world.WEEK, "std_lantern", fonts)
    assert document.state == "red"
    assert "\u2717 1 of 13 checks needs attention. 142 keys stand twice." in pdf_text(render(document, fonts).pdf)
