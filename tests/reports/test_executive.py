"""The executive page: what it shows is the release's, it needs nothing beside it, and it never hides its age."""

import hashlib
import html as entities
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import executive_world as world
import pytest
from release_studios import AS_OF, HOSTILE_TITLES, MONDAY, WEEK

from dashboards import errors
from dashboards.compare import FEWEST_WEEKS, Interval, normal_share_range
from dashboards.deliver import build_reports
from dashboards.document import WebPage
from dashboards.executive.queries import queries
from dashboards.executive.scale import Scale
from dashboards.executive.weeks import WEEKS
from dashboards.fonts import FontSet
from dashboards.formats import MINUS
from dashboards.periods import Week
from dashboards.published import Release
from dashboards.registry import get_report
from dashboards.reports.executive import Executive

VOID = {"meta", "br", "link", "img", "input", "hr", "path", "use", "rect"}


class Outline(HTMLParser):
    """Every tag, every attribute and the visible text; complains about tags that do not close."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "pre"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(path: Path, fonts: FontSet, report: Executive | None = None, week: str = WEEK) -> WebPage:
    with Release(path) as release:
        return (report or Executive()).build(release, week, "operator", fonts)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write_release(tmp_path_factory.mktemp("executive") / "executive.duckdb")


@pytest.fixture(scope="module")
def page(file: Path, fonts: FontSet) -> WebPage:
    return page_of(file, fonts)


@pytest.fixture(scope="module")
def outline(page: WebPage) -> Outline:
    return Outline(page.html)


@pytest.fixture
def released(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH '{file}' AS release (READ_ONLY)")
        yield con


def one(con: duckdb.DuckDBPyConnection, sql: str, *values: object) -> tuple[Any, ...]:
    (row,) = con.execute(sql, values).fetchall()
    return tuple(row)


def dollars(micros: int) -> str:
    cents = (abs(micros) + 5_000) // 10_000
    text = f"{cents // 100:,}.{cents % 100:02d}" if cents < 1_000_000 else f"{(abs(micros) + 500_000) // 1_000_000:,}"
    return f"{MINUS if micros < 0 else ''}${text}"


def test_the_week_is_the_sum_of_the_released_rows(
    outline: Outline, page: WebPage, released: duckdb.DuckDBPyConnection
) -> None:
    starters, viewers, unlockers, offered, net, ads = one(
        released,
        "SELECT sum(n_starters), sum(n_viewers), sum(n_gate_unlockers), sum(n_gate_viewers), sum(unlock_net_micros), "
        "sum(ad_revenue_micros) FROM release.weekly.series_week WHERE week_start = ?",
        str(MONDAY),
    )
    for label, value in (
        ("Series starters", f"{starters:,}"),
        ("Viewers, once per series", f"{viewers:,}"),
        ("Net unlock revenue", dollars(net)),
        ("Ad revenue, own apps", dollars(ads)),
    ):
        assert f"{label} {value} last week" in outline.text
    figures = page.as_record()["figures"]
    assert isinstance(figures, dict)
    assert figures["kpi.starters"]["value"] == starters
    assert figures["kpi.unlock"]["value"] == unlockers * 1_000_000 // offered


def test_studios_add_up_to_the_week(page: WebPage, outline: Outline, released: duckdb.DuckDBPyConnection) -> None:
    rows = released.execute(queries(Week.parse(WEEK), WEEKS)["studios"]).fetchall()
    figures = page.as_record()["figures"]
    assert isinstance(figures, dict)
    told = {name: f["value"] for name, f in figures.items() if name.startswith("studio.")}
    assert told == {f"studio.{row[0]}.unlock_net": row[4] for row in rows if row[4] is not None}
    assert sum(told.values()) == figures["kpi.unlock_revenue"]["value"]
    for row in rows:
        assert dollars(row[4]) in outline.text


def test_every_query_of_the_page_runs_and_agrees(
    page: WebPage, outline: Outline, released: duckdb.DuckDBPyConnection
) -> None:
    shown = [entities.unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", page.html, re.DOTALL)]
    assert sorted(shown) == sorted(queries(Week.parse(WEEK), WEEKS).values())
    found = {sql: released.execute(sql).fetchall() for sql in shown}
    by_key = {key: found[sql] for key, sql in queries(Week.parse(WEEK), WEEKS).items()}
    assert all(by_key.values())
    reasons = dict(by_key["quarantine"])
    assert reasons == world.REASONS
    assert f"{sum(reasons.values())} of 100,000 lines were refused" in outline.text
    for studio, change in by_key["movers"][:3]:
        assert (f"+{dollars(change)}" if change > 0 else dollars(change)) in outline.text, studio
    assert [row[0] for row in by_key["paywalls"]] == ["ser_heir", "ser_hostile2", "ser_bride", "ser_lantern"]
    last = by_key["mix"][-1]
    assert f"Platform\n{dollars(last[1])}" in page.html or dollars(last[1]) in page.html
    assert f"The platform brings {round(100 * last[1] / (last[1] + last[2]))}% of coin revenue" in outline.text
    paid = sum(row[4] for row in by_key["money"] if row[1] == "PAYABLE")
    assert f"${paid // 100:,}.{paid % 100:02d} owed waits to be posted; 3 matters blocked" in outline.text


def test_tests_are_decided_only_where_looking_often_is_safe(outline: Outline) -> None:
    text = outline.text
    assert "1 of 5 discount tests can be decided" in text
    # The longest horizon that stands: 28 days, not the bolder 7.
    clear = text[text.index("exp-clear") :][:200]
    assert "28 days" in clear
    assert "Decide: it earns more +$0.52 per viewer +$0.22 to +$0.82" in clear
    leans = text[text.index("exp-leans") :][:200]
    assert f"Leans to less; keep it running {MINUS}$0.45 per viewer" in leans
    assert "No clear effect yet" in text[text.index("exp-unclear") :][:160]
    young = text[text.index("exp-young") :][:160]
    assert "7 days" in young
    assert "+$0.40" in young
    assert "Cannot be read Viewers did not split as planned <b>." in text
    assert "77.77" not in text


def test_no_verb_of_cause_without_an_interval_that_excludes_zero(outline: Outline) -> None:
    assert "No clear diversion from the own apps 8.7% −2.8% to 20.1%" in outline.text
    assert "$751.03 of $8,641.26" in outline.text
    assert "not randomised" in outline.text


def test_paywalls_with_too_few_followed_do_not_judge(outline: Outline) -> None:
    assert "1 of 4 series loses more viewers at the paywall than the median series" in outline.text
    assert "median 61.0%" in outline.text
    assert "95%" not in outline.text.split("loses more viewers")[1].split("Where from")[0].replace("95% interval", "")


def test_titles_and_names_are_words_never_markup(page: WebPage, outline: Outline) -> None:
    assert [tag for tag, _ in outline.tags if tag == "script"] == []
    assert [name for _, attrs in outline.tags for name in attrs if name.startswith("on")] == []
    assert world.HOSTILE[:36] in outline.text
    assert HOSTILE_TITLES[2] in outline.text
    assert "= Heading _Studio_ $x$ #name" in outline.text
    assert "<script>" not in page.html


def test_the_page_needs_nothing_beside_it(outline: Outline, page: WebPage) -> None:
    for tag, attrs in outline.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "xlink:href", "action"):
            assert attrs.get(name) is None or str(attrs[name]).startswith("#"), (tag, attrs)
    outside = [url for url in re.findall(r"url\(([^)]{0,40})", page.html) if not url.startswith(("#", "data:font/"))]
    assert outside == []
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for t, a in outline.tags if t == "a"}
    assert targets == {"#trust", "#weeks", "#decisions"}
    assert {target[1:] for target in targets if target} <= set(ids)


def test_charts_are_few_and_have_words(outline: Outline) -> None:
    charts = [attrs for tag, attrs in outline.tags if tag == "svg"]
    assert len(charts) == 7
    assert all(attrs.get("role") == "img" and len(attrs.get("aria-label") or "") > 40 for attrs in charts)


def test_letters_of_other_scripts_are_in_the_page(page: WebPage) -> None:
    assert page.html.count("@font-face") == 3
    assert len(page.html) < 400_000


def test_a_fresh_release_is_not_called_old(page: WebPage) -> None:
    assert 'class="fresh"' in page.html
    assert "Last good snapshot" not in page.html


def test_a_feed_more_than_a_day_behind_is_told_whatever_its_status_says(page: WebPage, outline: Outline) -> None:
    # In the made-up release the ads end 34 hours before the views, marked ok.
    assert "The ads feed is behind or empty" in outline.text
    assert "△ ads 34.0 h" in outline.text
    assert "✓ views 0.0 h" in outline.text
    assert page.state == "amber"


def test_old_data_are_said_to_be_old(fonts: FontSet, tmp_path: Path) -> None:
    old = page_of(world.write_release(tmp_path / "old.duckdb", made_after=timedelta(days=5, hours=2)), fonts)
    text = Outline(old.html).text
    assert old.state == "red"
    assert 'class="stale"' in old.html
    assert (
        "The data are old. Last good snapshot: release rel_0042, data to 17 Nov 2026 06:00 UTC: 5 days before" in text
    )


def test_a_missing_run_is_told_by_the_clock_that_was_passed_in(file: Path, fonts: FontSet) -> None:
    made = AS_OF + timedelta(hours=3)
    late = page_of(file, fonts, Executive(now=made + timedelta(hours=40)))
    assert late.state == "red"
    assert "No run since 17 Nov 2026 09:00 UTC. Last good snapshot: release rel_0042" in Outline(late.html).text
    assert "made 40 hours ago" in Outline(late.html).text
    on_time = page_of(file, fonts, Executive(now=made + timedelta(hours=20)))
    assert 'class="fresh"' in on_time.html


def test_failed_checks_are_told_with_a_sign(file: Path, fonts: FontSet, tmp_path: Path) -> None:
    path = tmp_path / "failed.duckdb"
    path.write_bytes(file.read_bytes())
    with duckdb.connect(str(path)) as con:
        con.execute(
            "INSERT INTO meta.checks VALUES ('rel_0042', 'unique_x', 'marts/mrt_payouts__lines', 'critical', false, "
            "'2 <lines> twice')"
        )
    failed = page_of(path, fonts)
    text = Outline(failed.html).text
    assert failed.state == "red"
    assert "✕ 1 of 1" in text
    assert "✕ marts/mrt_payouts__lines: 2 <lines> twice" in text


def test_a_release_without_figures_still_has_a_page(fonts: FontSet, tmp_path: Path) -> None:
    gone = (
        "health.quarantine",
        "health.traffic_quality",
        "cannibalization.diversion",
        "cannibalization.market_panel",
        "discounts.uplift",
        "cliffhanger.gate_decomposition",
        "payouts.pending",
    )
    path = world.write_release(tmp_path / "empty.duckdb", gone=gone)
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM weekly.series_week")
        con.execute("DELETE FROM meta.checks")
    with Release(path) as release:
        assert get_report("executive").periods(release) == [WEEK]
    empty = page_of(path, fonts)
    text = Outline(empty.html).text
    for told in (
        "No check is recorded for this release",
        "No figures for this week",
        "n/a",
        "No studio had viewers this week",
        "No discount test ran",
        "No market launch to judge diversion by",
        "Too few series with a paywall to compare",
        "This release holds no ledger",
        "This release does not say what was refused",
    ):
        assert told in text
    assert empty.state == "amber"


def test_same_inputs_same_bytes(file: Path, page: WebPage, cache_dir: Path, tmp_path: Path) -> None:
    (pack,) = build_reports(file, tmp_path, report="executive", cache_dir=cache_dir)
    assert pack.folder == tmp_path / "executive" / WEEK / "operator"
    assert [path.name for path in pack.files] == ["executive.html", "figures.json"]
    assert pack.files[0].read_text() == page.html
    record = json.loads(pack.files[1].read_text())
    assert record["html_sha256"] == pack.sha256 == hashlib.sha256(page.html.encode()).hexdigest()


def test_only_the_operator_gets_it(file: Path, fonts: FontSet) -> None:
    with Release(file) as release:
        assert get_report("executive").recipients(release, WEEK) == ["operator"]
        with pytest.raises(errors.UnknownRecipient, match="std_lantern"):
            Executive().build(release, WEEK, "std_lantern", fonts)
        with pytest.raises(errors.UnknownPeriod, match="not complete"):
            Executive().build(release, "2026-W47", "operator", fonts)


def test_share_limits_are_three_errors_wide_and_need_weeks() -> None:
    # By hand: 300 of 1,000 pooled; sqrt(0.3 * 0.7 / 100) = 0.045826.
    found = normal_share_range([(30, 100)] * 10, 100)
    assert found is not None
    assert (round(found.low, 5), round(found.high, 5)) == (0.16252, 0.43748)
    assert normal_share_range([(30, 100)] * (FEWEST_WEEKS - 1), 100) is None
    assert normal_share_range([(30, 100)] * 10, 0) is None
    assert normal_share_range([(0, 100)] * 10, 100) == Interval(0.0, 0.0)


def test_places_lie_within_their_line() -> None:
    scale = Scale([-2.0, 0.0, 6.0])
    assert (scale.at(-2.0), scale.at(6.0), scale.at(2.0)) == (4.0, 96.0, 50.0)
    assert scale.bar(Interval(0.0, 4.0)) == {"left": 27.0, "width": 46.0}
    assert Scale([3.0]).at(3.0) == 50.0
