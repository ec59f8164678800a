"""The benchmark is fair, or it is said that there is none."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import release_world
from conftest import Pack, pdf_text

from dashboards.compare import Estimate, Interval
from dashboards.figures.benchmark import Peer, length_band, matching_episode, median_curve
from dashboards.figures.curves import Curve, CurvePoint
from dashboards.figures.scope import Series
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import render
from dashboards.titles import Title

OWN = Series("own", Title("Own", None, "en"), "romance", 60, 60, 10)


def peer(studio: str, value: float, starters: int = 400, gate: int | None = 10, total: int = 60) -> Peer:
    points = {
        k: CurvePoint(k, starters, 1, 0, Estimate(value, Interval(value, value), starters), "ok")
        for k in range(1, total + 1)
    }
    return Peer(studio, gate, total, Curve(f"of {studio}", "2026-11-09", points))


FIVE = [peer(f"s{n}", 0.30 + 0.01 * n) for n in range(5)]


def test_the_median_of_five_studios() -> None:
    found = median_curve(OWN, FIVE)
    assert found.reason is None
    assert found.points[10] == 0.32
    assert (found.n_series, found.n_studios) == (5, 5)
    assert len(found.points) == 60


@pytest.mark.parametrize(
    ("peers", "reason"),
    [
        (FIVE[:4], "fewer than 5 other studios"),
        ([*FIVE[:4], replace(FIVE[0], curve=FIVE[4].curve)], "fewer than 5 other studios"),
        ([peer(f"s{n}", 0.3, starters=199) for n in range(5)], "fewer than 1,000 starters"),
        ([*FIVE[:4], peer("big", 0.3, starters=1601)], "one studio has more than half"),
        ([peer(f"s{n}", 0.3, gate=16) for n in range(5)], "fewer than 5 other studios"),
        ([peer(f"s{n}", 0.3, gate=None) for n in range(5)], "fewer than 5 other studios"),
    ],
)
def test_no_fair_benchmark(peers: list[Peer], reason: str) -> None:
    found = median_curve(OWN, peers)
    assert found.points == {}
    assert found.reason is not None
    assert found.reason.startswith(reason) or reason in found.reason


def test_exactly_half_of_the_starters_is_allowed() -> None:
    assert median_curve(OWN, [*FIVE[:4], peer("big", 0.3, starters=1600)]).reason is None


def test_the_line_ends_where_too_few_are_released() -> None:
    short = [replace(p, curve=Curve("x", "w", {k: v for k, v in p.curve.points.items() if k <= 30})) for p in FIVE[:2]]
    found = median_curve(OWN, [*short, *FIVE[2:], peer("s5", 0.4)])
    assert max(found.points) == 30


@pytest.mark.parametrize(
    ("gate", "total", "episode", "expected"),
    [(8, 50, 1, 1), (8, 50, 9, 7), (8, 50, 10, 8), (8, 50, 60, 50), (12, 72, 10, 12), (12, 72, 60, 72)],
)
def test_series_are_lined_up_at_start_paywall_and_finale(gate: int, total: int, episode: int, expected: int) -> None:
    assert matching_episode(OWN, peer("s", 0.3, gate=gate, total=total), episode) == expected


@pytest.mark.parametrize(("total", "band"), [(1, (1, 40)), (40, (1, 40)), (41, (41, 60)), (101, (101, None))])
def test_length_bands(total: int, band: tuple[int, int | None]) -> None:
    assert length_band(total) == band


def test_the_printed_benchmark_is_the_median_of_other_studios(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    row = database.execute(
        """SELECT median(r.estimate), count(*), count(DISTINCT s.studio_id)
           FROM core.dim_series s JOIN audience.episode_reach r
             ON r.series_id = s.series_id AND r.episode_seq = s.first_gated_episode_seq
           WHERE s.genre = 'romance' AND s.studio_id <> 'std_starfall' AND s.total_episodes BETWEEN 41 AND 60
             AND abs(s.first_gated_episode_seq - 10) <= 5 AND r.cohort_week = '2026-11-09'
             AND r.surface = 'all' AND r.horizon_hours = 168 AND r.status = 'ok'"""
    ).fetchone()
    assert row is not None
    figure = packs["std_starfall"].figures["benchmark.ser_heir.10"]
    assert figure["value"] == pytest.approx(row[0], abs=1e-12)
    assert figure["base"] == row[1]
    text = packs["std_starfall"].text
    assert f"the median of {row[1]} of the same genre and length from {row[2]} other studios" in text


def test_the_reason_is_printed(tmp_path: Path, fonts: FontSet) -> None:
    path = release_world.write_release(tmp_path / "r.duckdb", release_world.World((release_world.STARFALL,)))
    with Release(path) as release:
        document = REPORTS["studio_weekly"].build(release, release_world.WEEK, "std_starfall", fonts)
    text = pdf_text(render(document, fonts).pdf)
    assert "No fair benchmark: fewer than 5 other studios have a similar series." in text
    assert "No fair benchmark for any of these series." in text
    assert "Similar series" not in text.replace("median of similar series of other studios", "")
