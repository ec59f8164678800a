"""Packs are written whole, in their place, and only from a release whose checks allow it."""

import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import pytest
import release_world

from dashboards import errors
from dashboards.deliver import build_reports, folder_name, write_pack
from dashboards.periods import Week
from dashboards.published import Release
from dashboards.registry import REPORTS
from dashboards.render import RenderedReport


def test_a_pack_lies_under_report_period_and_recipient(published: Path, cache_dir: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    built = build_reports(
        published,
        tmp_path,
        report="studio_weekly",
        recipient="std_lantern",
        cache_dir=cache_dir,
        progress=lambda done, of, name: steps.append((done, of, name)),
    )
    (pack,) = built
    folder = tmp_path / "studio_weekly" / "2026-W46" / "std_lantern"
    assert pack.folder == folder
    assert sorted(p.name for p in folder.iterdir()) == ["figures.json", "report.pdf"]
    assert [p.name for p in folder.parent.iterdir()] == ["std_lantern"]
    assert hashlib.sha256((folder / "report.pdf").read_bytes()).hexdigest() == pack.sha256
    record = json.loads((folder / "figures.json").read_text())
    assert record["pdf_sha256"] == pack.sha256
    assert record["release"]["content_hash"] == "9f3c2b7a55d0e1"
    assert (record["report"], record["period"], record["recipient"]) == (
        "studio_weekly",
        "2026-W46",
        "std_lantern",
    )
    assert steps == [(1, 1, "std_lantern")]


def test_a_failed_write_leaves_the_old_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reports" / "std"
    write_pack(folder, RenderedReport(b"old", {"a": 1}, 1))

    def fail(self: Path, content: bytes) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pack(folder, RenderedReport(b"new", {"a": 2}, 1))
    monkeypatch.undo()
    assert (folder / "report.pdf").read_bytes() == b"old"
    assert [p.name for p in folder.parent.iterdir()] == ["std"]


def test_every_studio_with_a_series_gets_a_report(release: Release) -> None:
    report = REPORTS["studio_weekly"]
    assert report.recipients(release, "2026-W46") == sorted(s.studio_id for s in release_world.WORLD.studios)


def test_the_last_complete_week_is_the_default(release: Release) -> None:
    periods = REPORTS["studio_weekly"].periods(release)
    assert periods[-1] == "2026-W46"
    assert periods[0] == "2026-W37"
    assert len(periods) == release_world.WEEKS


@pytest.mark.parametrize(
    ("as_of", "week"),
    [
        ("2026-11-15T23:59:59", "2026-W45"),
        ("2026-11-16T00:00:00", "2026-W46"),
        ("2026-11-22T23:59:59", "2026-W46"),
        ("2027-01-04T00:00:00", "2026-W53"),
    ],
)
def test_a_week_is_complete_when_the_log_reaches_its_end(as_of: str, week: str) -> None:
    from dashboards.published import aware

    assert str(Week.last_complete(aware(as_of))) == week


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"report": "nonsense"}, errors.UnknownReport, "studio_weekly"),
        ({"report": "studio_weekly", "period": "2026-W47"}, errors.UnknownPeriod, "2026-W37 to 2026-W46"),
        ({"report": "studio_weekly", "period": "2026-11"}, errors.UnknownPeriod, "not a week"),
        ({"report": "studio_weekly", "recipient": "std_nobody"}, errors.UnknownRecipient, "std_starfall"),
    ],
)
def test_what_is_not_there_is_said(
    arguments: dict[str, str],
    error: type[errors.ReportError],
    words: str,
    published: Path,
    cache_dir: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=words):
        build_reports(published, tmp_path / "out", cache_dir=cache_dir, **arguments)  # type: ignore[arg-type]  # one wrong argument at a time
    assert not (tmp_path / "out").exists()


def test_a_failed_critical_check_blocks_everything(cache_dir: Path, tmp_path: Path) -> None:
    checks = (("unique_keys", "raw/views", "critical", False, "142 keys stand twice"),)
    world = release_world.World((release_world.LANTERN,), checks)
    path = release_world.write_release(tmp_path / "r.duckdb", world)
    with pytest.raises(errors.ReportBlocked, match="unique_keys"):
        build_reports(path, tmp_path / "out", report="studio_weekly", cache_dir=cache_dir)
    assert not (tmp_path / "out").exists()


def test_a_missing_or_broken_release_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.ReleaseUnreadable, match="nothing has been published"):
        Release(tmp_path / "none.duckdb")
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"not a database" * 1000)
    with pytest.raises(errors.ReleaseUnreadable, match="cannot be opened"):
        Release(broken)


def test_a_missing_table_or_column_is_named(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.duckdb"
    shutil.copyfile(published, path)
    with duckdb.connect(str(path)) as con:
        con.execute("ALTER TABLE weekly.series_week DROP COLUMN n_gate_viewers")
        con.execute("DROP TABLE core.dim_episode")
    with Release(path) as release:
        with pytest.raises(errors.ReleaseIncomplete, match=r"weekly\.series_week .* lacks n_gate_viewers"):
            release.read("weekly.series_week", ["n_gate_viewers"])
        with pytest.raises(errors.ReleaseIncomplete, match=r"no table core\.dim_episode"):
            release.read("core.dim_episode", ["episode_seq"])


def test_the_release_is_pinned_while_the_file_is_swapped(published: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "r.duckdb", tmp_path / "other.duckdb"
    shutil.copyfile(published, path)
    release_world.write_release(other, release_world.World((release_world.LANTERN,)))
    with Release(path) as release:
        other.replace(path)
        assert len(release.read("core.dim_studio", ["studio_id"])) == len(release_world.WORLD.studios)


def test_a_release_is_never_written_to(published: Path, cache_dir: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(published.read_bytes()).hexdigest()
    build_reports(published, tmp_path, report="studio_weekly", recipient="std_lantern", cache_dir=cache_dir)
    assert hashlib.sha256(published.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("identifier", ["..", "../../etc/passwd", "a/b", ".hidden", "a\\b", "a\x00b", "星"])
def test_an_id_is_one_harmless_folder(identifier: str) -> None:
    name = folder_name(identifier)
    assert "/" not in name
    assert "\\" not in name
    assert "\x00" not in name
    assert not name.startswith(".")


def test_a_plain_id_is_its_own_folder() -> None:
    assert folder_name("std_starfall-1.2") == "std_starfall-1.2"


def test_filters_are_values_not_sql(release: Release) -> None:
    assert release.read("core.dim_studio", ["name"], {"studio_id": "' OR 1=1 --"}) == []
    assert release.read("core.dim_studio", ["name"], {"studio_id": []}) == []
    with pytest.raises(errors.ReleaseIncomplete):
        release.read("core.dim_studio", ['name", (SELECT 1) --'])
