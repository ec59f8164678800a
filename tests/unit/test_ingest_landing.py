"""What is taken from the landing folder, and what is not."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from dagster_project.contracts import feed_contracts
from dagster_project.core.errors import LandingFileError
from dagster_project.storage.landing import FileForm, LandedFile, LandedStream, Packing, discover, open_landed
from dagster_project.storage.layout import DataLayout

VIEWS = feed_contracts()["views"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "landing/views"
    found.mkdir(parents=True)
    return found


def names(folder: Path) -> list[str]:
    return [file.name for file in discover(DataLayout(folder.parent.parent), VIEWS).files]


def test_finished_files_of_known_forms_are_taken_at_any_depth(folder: Path) -> None:
    wanted = {
        "a.jsonl": (FileForm.JSON_LINES, Packing.PLAIN),
        "dt=2026-05-01/b.jsonl.gz": (FileForm.JSON_LINES, Packing.GZIP),
        "c.CSV.ZST": (FileForm.CSV, Packing.ZSTANDARD),
        "d.csv": (FileForm.CSV, Packing.PLAIN),
        "x/y/e.parquet": (FileForm.PARQUET, Packing.PLAIN),
        "it's; $(rm) *?%20\n\\ é\u202e.jsonl": (FileForm.JSON_LINES, Packing.PLAIN),
    }
    unwanted = (".hidden.jsonl", "_started.jsonl", "f.jsonl.tmp", "g.csv.part", "h.txt", "i.jsonl.bz2", "_x/j.jsonl")
    for name in [*wanted, *unwanted]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}\n")
    found = discover(DataLayout(folder.parent.parent), VIEWS)
    assert {file.name: (file.form, file.packing) for file in found.files} == {
        f"views/{name}": kind for name, kind in wanted.items()
    }
    assert found.refused == ()
    assert [file.name for file in found.files] == sorted(file.name for file in found.files)


def test_a_name_that_is_not_utf8_is_told_in_escapes(folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.jsonl"))).write_bytes(b"{}\n")
    assert names(folder) == ["views/\\xff.jsonl"]


def test_links_pipes_and_shared_files_are_refused_with_a_reason(folder: Path) -> None:
    secret = folder.parent.parent / "secret.jsonl"
    secret.write_bytes(b"{}\n")
    (folder / "to-secret.jsonl").symlink_to(secret)
    (folder / "dangling.jsonl").symlink_to("/nonexistent")
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    (folder / "hard.jsonl").hardlink_to(secret)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "elsewhere").symlink_to(folder.parent.parent, target_is_directory=True)
    (folder / "directory.jsonl").mkdir()
    found = discover(DataLayout(folder.parent.parent), VIEWS)
    assert found.files == ()
    assert {entry.name: entry.detail for entry in found.refused} == {
        "views/to-secret.jsonl": "it is a symbolic link",
        "views/dangling.jsonl": "it is a symbolic link",
        "views/loop.jsonl": "it is a symbolic link",
        "views/hard.jsonl": "it is one of 2 hard links to the same file",
        "views/pipe.jsonl": "it is a pipe, socket or device",
    }


@pytest.mark.parametrize("becomes", ["link", "pipe", "nothing"])
def test_a_file_that_is_swapped_after_it_was_listed_is_not_read(folder: Path, becomes: str) -> None:
    path = folder / "a.jsonl"
    path.write_bytes(b"{}\n")
    (file,) = discover(DataLayout(folder.parent.parent), VIEWS).files
    path.unlink()
    if becomes == "link":
        path.symlink_to("/etc/passwd")
    elif becomes == "pipe":
        os.mkfifo(path)
    with pytest.raises(LandingFileError, match="cannot be read"):
        open_landed(file)


def test_a_file_or_folder_without_permission_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.jsonl").write_bytes(b"{}\n")
    (file,) = discover(DataLayout(folder.parent.parent), VIEWS).files

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("dagster_project.storage.landing.os.open", refuse)
        with pytest.raises(LandingFileError, match=r"a\.jsonl: the landed file cannot be read\. Permission denied"):
            open_landed(file)
    with monkeypatch.context() as patched:
        patched.setattr("dagster_project.storage.landing.os.scandir", refuse)
        with pytest.raises(LandingFileError, match="cannot be listed"):
            names(folder)


def test_a_feed_without_a_folder_has_no_files(tmp_path: Path) -> None:
    assert discover(DataLayout(tmp_path), VIEWS).files == ()


def test_a_file_in_place_of_the_feeds_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing/views").write_bytes(b"")
    with pytest.raises(LandingFileError, match="cannot be listed"):
        discover(DataLayout(tmp_path), VIEWS)


def test_a_read_that_comes_short_is_gone_on_with() -> None:
    """A pipe stands for a file system that gives fewer bytes at a time than are asked for."""
    source, target = os.pipe()
    file = LandedFile("views", "views/a.parquet", Path("a.parquet"), 10, 0, FileForm.PARQUET, Packing.PLAIN)
    os.write(target, b"0123")

    def rest() -> None:
        os.write(target, b"456789")
        os.close(target)

    with closing(LandedStream(file, source)) as stream:
        Timer(0.1, rest).start()
        assert stream.read(8) == b"01234567"
        assert stream.read(8) == b"89"
        assert stream.read(8) == b""
