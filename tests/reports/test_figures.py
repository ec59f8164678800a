"""Every printed figure equals a direct query on the release, or the arithmetic its record states."""

import math
import re
from typing import Any

import duckdb
import pytest
import release_world
from conftest import Pack
from scipy.stats import beta, norm
from statsmodels.stats.proportion import confint_proportions_2indep

STUDIOS = ["std_starfall", "std_lantern", "std_moonriver", "std_newcut", "std_hostile", "std_quiet"]


def cell(database: duckdb.DuckDBPyConnection, source: dict[str, Any]) -> Any:
    clauses = " AND ".join(f"{column} = ?" for column in source["key"])
    rows = database.execute(
        f"SELECT {source['column']} FROM {source['table']} WHERE {clauses}", list(source["key"].values())
    ).fetchall()
    assert len(rows) == 1, source
    return rows[0][0]


@pytest.mark.parametrize("studio", STUDIOS)
def test_every_read_figure_is_the_cell_it_names(
    studio: str, packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    checked = 0
    for name, figure in packs[studio].figures.items():
        cells = [cell(database, source) for source in figure.get("sources", [])]
        if figure["how"] == "read":
            assert cells == [figure["value"]], name
        elif figure["how"] == "sum":
            assert sum(cells) == figure["value"], name
        elif figure["how"] == "share":
            half = len(cells) // 2
            assert figure["value"] == pytest.approx(sum(cells[:half]) / sum(cells[half:]), abs=1e-12), name
            assert figure["base"] == sum(cells[half:]), name
        else:
            assert not cells, f"{name} names cells but not how it was made from them"
            continue
        checked += 1
    assert checked > (0 if studio == "std_quiet" else 10)


@pytest.mark.parametrize("studio", STUDIOS)
def test_derived_figures_follow_from_those_they_name(studio: str, packs: dict[str, Pack]) -> None:
    figures = packs[studio].figures
    arithmetic = {
        "difference of two independent estimates": lambda a, b: a - b,
        "relative change of the first over the second": lambda a, b: a / b - 1,
        "the second less the first": lambda a, b: b - a,
        "one less the second over the first": lambda a, b: 1 - b / a,
        "the first less the other two": lambda a, b, c: a - b - c,
        "size of the difference": lambda a, *rest: abs(a - rest[0]) if rest else abs(a),
    }
    checked = 0
    for name, figure in figures.items():
        made = arithmetic.get(figure["how"])
        if made is not None:
            values = [figures[other]["value"] for other in figure["of"]]
            assert figure["value"] == pytest.approx(made(*values), abs=1e-12), name
            checked += 1
    assert checked > 0 or studio == "std_quiet"


@pytest.mark.parametrize("studio", STUDIOS)
def test_every_printed_figure_stands_in_the_pdf(studio: str, packs: dict[str, Pack]) -> None:
    pack = packs[studio]
    printed = {name: figure["text"] for name, figure in pack.figures.items() if figure["printed"]}
    assert printed
    page = pack.text.casefold()
    assert not {name: text for name, text in printed.items() if text.casefold() not in page}


@pytest.mark.parametrize("studio", [s for s in STUDIOS if s != "std_hostile"])
def test_every_number_in_the_pdf_is_a_printed_figure_or_said_to_be_fixed(studio: str, packs: dict[str, Pack]) -> None:
    """The other way round: no number on the page that the record does not know."""
    pack = packs[studio]
    number = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
    known = {n for figure in pack.figures.values() if figure["printed"] for n in number.findall(figure["text"])}
    series = [s for spec in release_world.WORLD.studios if spec.studio_id == studio for s in spec.series]
    episodes = {str(s.gate) for s in series} | {str(s.total) for s in series} | {str(s.published) for s in series}
    episodes |= {str((s.gate or 1) - 1) for s in series} | {str(k) for k in range(5, 100, 5)} | {"1"}
    positions = {"1", "2", "3", str(len(series)), str(len(series) - 13)}
    fixed = set(number.findall(f"{pack.document.title} {studio}"))
    # Week, days, as-of, release hash, axis percents, level of intervals, the words of a check.
    fixed |= {"46", "9", "15", "2026", "17", "06", "00", "20", "23", "0", "25", "50", "75", "100", "95", "7"}
    fixed |= set(number.findall("9f3c2b7a")) | set(number.findall(str(release_world.CHECKS[0][4]))) | {"6"}
    # Definitions and axes of the later pages: hours, days, tests, months, doublings, cents, ids of the release.
    fixed |= {
        "24",
        "28",
        "19",
        "90",
        "2026",
        "08",
        "10",
        "12",
        "0042",
        "40",
        "300",
        "0.00",
        "0.20",
        "0.40",
        "0.60",
        "4",
        "8",
    }
    fixed |= {"5.0", "2.5", "0.0"}
    unknown = set(number.findall(pack.text)) - known - episodes - positions - fixed
    assert not unknown


def test_tiles_of_the_week(packs: dict[str, Pack], database: duckdb.DuckDBPyConnection) -> None:
    figures = packs["std_starfall"].figures
    row = database.execute(
        """SELECT sum(n_starters), sum(n_gate_unlockers) / sum(n_gate_viewers), sum(unlock_net_micros),
                  sum(ad_revenue_micros) FROM weekly.series_week
           WHERE studio_id = 'std_starfall' AND week_start = '2026-11-09'"""
    ).fetchone()
    assert row is not None
    assert figures["starters"]["value"] == row[0]
    assert figures["starters"]["text"] == "89,847"
    assert figures["unlock_share"]["value"] == pytest.approx(row[1], abs=1e-12)
    assert figures["unlock_revenue"]["value"] == row[2]
    assert isinstance(figures["unlock_revenue"]["value"], int)
    assert figures["ad_revenue"]["value"] == row[3]
    assert figures["ad_revenue"]["status"] == "provisional"
    assert figures["starters"]["status"] == "ok"


def test_the_lead_series_is_the_one_with_most_starters(packs: dict[str, Pack]) -> None:
    assert "reach.ser_heir.10" in packs["std_starfall"].figures
    assert "Lead series: reach ep 10" in packs["std_starfall"].text


def test_the_table_behind_the_curve_is_the_release(packs: dict[str, Pack], database: duckdb.DuckDBPyConnection) -> None:
    tables = packs["std_starfall"].rendered.figures["tables"]
    assert isinstance(tables, dict)
    rows = database.execute(
        """SELECT episode_seq, n_event, n_entered - n_event - n_censored, n_censored,
                  estimate, ci_low, ci_high
           FROM audience.episode_reach
           WHERE series_id = 'ser_heir' AND cohort_week = '2026-11-09'
             AND surface = 'all' AND horizon_hours = 168
           ORDER BY episode_seq"""
    ).fetchall()
    columns = ("episode", "watching", "left", "too_recent", "estimate", "low", "high")
    assert [tuple(row[c] for c in columns) for row in tables["R1"]] == rows


def test_interval_of_a_share_is_wilsons(packs: dict[str, Pack]) -> None:
    figure = packs["std_starfall"].figures["unlock_share"]
    p, n, z = figure["value"], figure["base"], norm.ppf(0.975)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert figure["interval"] == pytest.approx([centre - half, centre + half], abs=1e-9)


def test_interval_of_a_difference_of_shares_is_newcombes(
    packs: dict[str, Pack], database: duckdb.DuckDBPyConnection
) -> None:
    counts = database.execute(
        """SELECT sum(n_gate_unlockers), sum(n_gate_viewers) FROM weekly.series_week
           WHERE studio_id = 'std_starfall' AND week_start IN ('2026-11-09', '2026-11-02')
           GROUP BY week_start ORDER BY week_start DESC"""
    ).fetchall()
    (k1, n1), (k2, n2) = counts
    expected = confint_proportions_2indep(k1, n1, k2, n2, compare="diff", method="newcomb")
    figure = packs["std_starfall"].figures["unlock_share.change"]
    assert figure["interval"] == pytest.approx(list(expected), abs=1e-9)


def test_no_unlock_gives_the_exact_upper_bound(packs: dict[str, Pack]) -> None:
    figures = packs["std_lantern"].figures
    viewers = figures["unlock_share.zero_of"]["value"]
    assert figures["unlock_share.upper_bound"]["value"] == pytest.approx(beta.ppf(0.975, 1, viewers), abs=1e-9)
    assert f"0 of {viewers}" in packs["std_lantern"].text
