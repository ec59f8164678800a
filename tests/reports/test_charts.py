"""Charts stay legible whatever the series: no label on another, none off the sheet, none too small."""

import re
from itertools import combinations, pairwise

import pytest
import release_world
from conftest import Pack, charts_of
from hypothesis import given
from hypothesis import strategies as st
from release_world import SeriesSpec, StudioSpec, World

from dashboards import theme
from dashboards.charts.canvas import PT_PER_MM, spread
from dashboards.charts.retention import count_episodes
from dashboards.charts.sparkline import draw_sparkline
from dashboards.charts.steps import steps
from dashboards.document import Chart, Document
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.registry import REPORTS

ODD_SERIES: dict[str, dict[str, object]] = {
    "still releasing": {"published": 22},
    "hardly past the paywall": {"published": 14},
    "almost released": {"published": 58},
    "paywall not released": {"published": 9},
    "late paywall": {"gate": 45},
    "last episodes behind the paywall": {"gate": 58},
    "second episode behind the paywall": {"gate": 2},
    "late paywall, still releasing": {"gate": 35, "published": 40},
    "no paywall": {"gate": None},
    "many cliffhangers": {"total": 100, "gate": 11, "cliffhangers": tuple(range(3, 100, 3))},
    "twelve episodes": {"total": 12, "gate": 4},
    "eight episodes, last one paid": {"total": 8, "gate": 8},
    "three episodes": {"total": 3, "gate": 2},
    "three hundred episodes": {"total": 300, "gate": 20, "late_loss": 0.002},
    "nobody leaves": {"gate_loss": 0.0, "early_loss": 0.0, "late_loss": 0.0},
    "hardly anybody leaves": {"gate_loss": 0.05, "early_loss": 0.002, "late_loss": 0.001},
    "nearly all leave": {"gate_loss": 0.97},
    "first week": {"weeks": 1},
    "nine viewers": {"starters": 9},
    "four million viewers": {"starters": 4_210_000},
}


@pytest.fixture(scope="module")
def odd_documents(tmp_path_factory: pytest.TempPathFactory, fonts: FontSet) -> dict[str, Document]:
    studios = [
        StudioSpec(
            f"std_odd{n}",
            f"Odd {n}",
            (
                SeriesSpec(f"ser_odd{n}", "The Odd One", **{"starters": 12_000, **odd}),  # type: ignore[arg-type]  # of several types
                SeriesSpec(f"ser_even{n}", "The Other", 7, total=48),
            ),
        )
        for n, odd in enumerate(ODD_SERIES.values())
    ]
    path = tmp_path_factory.mktemp("odd") / "r.duckdb"
    release_world.write_release(path, World((*studios, *release_world.PEERS)))
    with Release(path) as release:
        return {
            name: REPORTS["studio_weekly"].build(release, release_world.WEEK, f"std_odd{n}", fonts)
            for n, name in enumerate(ODD_SERIES)
        }


def assert_legible(chart: Chart) -> None:
    assert [(a.text, b.text) for a, b in combinations(chart.texts, 2) if a.meets(b)] == []
    width, height = chart.width_mm * PT_PER_MM, chart.height_mm * PT_PER_MM
    outside = [
        t.text for t in chart.texts if t.left < -0.6 or t.bottom < -0.6 or t.right > width + 0.6 or t.top > height + 0.6
    ]
    assert outside == []
    sizes = [float(s) for s in re.findall(r"font-size: ([\d.]+)px", chart.svg)]
    assert min(sizes, default=theme.CHART_MINIMUM_PT) >= theme.CHART_MINIMUM_PT


@pytest.mark.parametrize("height", ["minimum_mm", "maximum_mm"])
@pytest.mark.parametrize("odd", ODD_SERIES)
def test_labels_of_odd_series_keep_clear_of_each_other(
    odd: str, height: str, odd_documents: dict[str, Document]
) -> None:
    charts = list(charts_of(odd_documents[odd], height))
    assert len([c for c in charts if c.texts]) >= 2
    for chart in charts:
        assert_legible(chart)


@pytest.mark.parametrize("height", ["minimum_mm", "preferred_mm", "maximum_mm"])
def test_labels_of_all_packs_keep_clear_of_each_other(height: str, packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        for chart in pack.charts(height):
            assert_legible(chart)


def test_the_overlap_test_sees_an_overlap(fonts: FontSet) -> None:
    from dashboards.charts.canvas import Canvas

    canvas = Canvas(60, 30, fonts)
    axes = canvas.axes(10, 5, 55, 28)
    axes.set_xticks([])
    axes.set_yticks([])
    canvas.words(axes, 0.5, 0.5, "one label")
    canvas.words(axes, 0.52, 0.5, "another")
    with pytest.raises(AssertionError):
        assert_legible(canvas.finish(""))


def test_every_chart_has_words_for_those_who_cannot_see_it(packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        charts = pack.charts()
        assert charts
        assert all(len(chart.alt) > 20 for chart in charts)


def test_a_chart_drawn_again_is_the_same_text(packs: dict[str, Pack]) -> None:
    pack = packs["std_starfall"]
    again = [chart.svg for chart in charts_of(pack.document, "minimum_mm")]
    assert again == [chart.svg for chart in pack.charts("minimum_mm")]


def test_charts_hold_no_date_and_no_mathtext(packs: dict[str, Pack]) -> None:
    for pack in packs.values():
        for chart in pack.charts():
            assert "dc:date" not in chart.svg
            assert "<text" in chart.svg or not chart.texts


@given(
    st.lists(st.floats(0, 500), min_size=1, max_size=8),
    st.floats(1, 20),
)
def test_spread_labels_do_not_touch_and_stay_within(wanted: list[float], height: float) -> None:
    placed = spread(wanted, height, 0, 500)
    ordered = sorted(placed)
    assert all(b - a >= height - 1e-6 for a, b in pairwise(ordered))
    assert min(placed) >= -1e-6
    assert max(placed) <= 500 + 1e-6
    for a, b in combinations(range(len(wanted)), 2):
        if wanted[a] < wanted[b]:
            assert placed[a] < placed[b]


def test_labels_with_room_stay_where_they_want_to_be() -> None:
    assert spread([10, 50, 90], 9, 0, 100) == [10, 50, 90]


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_counted_episodes_are_known_and_apart(total: int, gate: int, last: int) -> None:
    last = min(last, total)
    chosen = count_episodes(total, gate, last)
    assert chosen[0] == 1
    assert chosen == sorted(set(chosen))
    assert max(chosen) <= last
    assert len(chosen) <= 12


def test_a_step_stands_on_its_episode_and_breaks_at_a_gap() -> None:
    xs, ys = steps([(1, 1.0), (2, 0.8), (4, 0.5)])
    assert xs[:4] == [0.5, 1.5, 1.5, 2.5]
    assert xs[4] != xs[4]
    assert xs[5:] == [3.5, 4.5]
    assert ys[5:] == [0.5, 0.5]


def test_one_known_week_draws_no_line(fonts: FontSet) -> None:
    assert draw_sparkline([None] * 7 + [5], provisional=False, alt="", fonts=fonts) is None
    assert draw_sparkline([None] * 6 + [4, 5], provisional=False, alt="", fonts=fonts) is not None
