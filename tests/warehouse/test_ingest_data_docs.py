"""Data Docs: each verdict is a page that says what was seen, opens without a network and runs nothing of any source."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dagster_project.contracts import feed_contracts
from dagster_project.core.errors import WarehouseError
from dagster_project.ingest import FeedProfile
from dagster_project.ingest.data_docs import KEPT_BATCHES, write_data_docs
from dagster_project.ingest.gate import check_profile
from dagster_project.storage.layout import DataLayout

ADS = feed_contracts()["ads"]
NIGHT = datetime(2026, 5, 20, 3, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> $x ${y} {{ z }}"
BLOCKED = FeedProfile(
    batch_id="batch-1",
    feed="ads",
    profiled_at=NIGHT,
    n_files=1,
    n_rejected_files=1,
    n_lines=2_000,
    n_accepted=1_990,
    n_duplicate=0,
    n_conflict=0,
    n_rejected=10,
    n_blank=0,
    reject_ppm=5_000,
    duplicate_ppm=0,
    conflict_ppm=0,
    min_event_at=NIGHT,
    max_event_at=NIGHT,
    min_received_at=NIGHT,
    max_received_at=NIGHT,
    received_before_event_ppm=0,
    future_ppm=0,
    late_ppm=0,
    unknown_series_ppm=70_000,
    null_ppm={},
    median_accepted_before=None,
    unknown_series=HOSTILE,
)
SENTENCE = f"rows per million of an unknown series: 70,000, expected at most 50,000 ({HOSTILE})"


class Page(HTMLParser):
    """What a browser would show of a page, run of it, and ask the network for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.requests: list[str] = []
        self.links: list[str] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        given = dict(attrs)
        self.requests += [value for name in ("src", "srcset", "data", "poster") if (value := given.get(name))]
        self.requests += [name for name in given if name.startswith("on")]
        if tag == "link":
            self.requests.append(given.get("href") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.requests += ["style"] * (data.count("url(") + data.count("@import"))
        else:
            self.text += data


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "data")


def judge(layout: DataLayout, profile: FeedProfile) -> Path:
    return write_data_docs(layout, profile, check_profile(ADS, profile))


def test_a_verdict_is_a_page_and_a_line_of_the_index(layout: DataLayout) -> None:
    index = Page(judge(layout, BLOCKED))
    (link,) = index.links
    page = Page(layout.data_docs / link)
    assert f"critical: {SENTENCE}" in index.text
    assert "warning: files refused as a whole: 1, expected at most 0" in index.text
    assert "blocked" in index.text
    n_judged = sum(check.judged for check in check_profile(ADS, BLOCKED).checks)
    assert f"{n_judged - 2} of {n_judged}" in index.text
    assert SENTENCE in page.text
    assert "not judged" in page.text, "what is not defined is not called passed"
    rendered = " ".join(page.text.partition("As Great Expectations judged it")[2].split())
    assert "unknown_series_ppm Status Expectation Observed Value" in rendered
    assert "maximum value must be less than or equal to 50000.0. 70000" in rendered
    assert (layout.data_docs / "ads" / "batch-1" / page.links[0]).resolve() == layout.data_docs_index.resolve()
    assert layout.data_docs_index == layout.data_docs / "index.html"


def test_pages_ask_the_network_for_nothing_and_run_nothing(layout: DataLayout) -> None:
    judge(layout, BLOCKED)
    pages = sorted(layout.data_docs.rglob("*.html"))
    assert len(pages) == 2
    for path in pages:
        page = Page(path)
        assert page.requests == []
        assert "script" not in page.tags
        assert not any(link.startswith(("http", "//", "javascript")) for link in page.links)
        assert "default-src 'none'" in path.read_text(encoding="utf-8")


def test_pages_are_closed_to_other_users(layout: DataLayout) -> None:
    judge(layout, BLOCKED)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [layout.data_docs, *layout.data_docs.rglob("*")]}
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}


def test_the_last_thirty_batches_are_kept_and_judging_again_replaces(layout: DataLayout) -> None:
    for number in range(KEPT_BATCHES + 2):
        night = replace(BLOCKED, batch_id=f"batch-{number}", profiled_at=NIGHT + timedelta(days=number))
        judge(layout, night)
    judge(layout, replace(night, unknown_series_ppm=0, n_rejected_files=0))
    index = Page(layout.data_docs_index)
    kept = [f"ads/batch-{number}/result.html" for number in range(KEPT_BATCHES + 1, 1, -1)]
    assert index.links == kept
    assert sorted(path.name for path in (layout.data_docs / "ads").iterdir()) == sorted(
        link.split("/")[1] for link in kept
    )
    assert index.text.count("passed") == 2, "the head of the column and the one that is mended"
    result = json.loads((layout.data_docs / kept[0]).with_name("result.json").read_text(encoding="utf-8"))
    assert (result["verdict"], result["validation"]["success"]) == ("passed", True)


def test_pages_that_cannot_be_written_are_an_error_that_says_so(layout: DataLayout) -> None:
    layout.warehouse_dir.mkdir(parents=True)
    layout.data_docs.touch()
    with pytest.raises(WarehouseError, match="Data Docs of the gate cannot be written"):
        judge(layout, BLOCKED)
