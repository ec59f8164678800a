"""What lies in landing and must not be read: unfinished files, links, a pipe, a folder with a file's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from catalogue import Expectation, FileKind, json_lines, view

SECRET = "secret-"
"""Every id outside the landing folder starts so: none may be read."""
UNREAD, IGNORED = Expectation("unread", "not_a_regular_file"), Expectation("ignored")
UNFINISHED = (
    *("a.jsonl.tmp", "a.jsonl.part", "a.jsonl.gz.part", "a.parquet.tmp", ".a.jsonl", "_a.jsonl", "_SUCCESS"),
    *(
        "a.jsonl.crdownload",
        "a.jsonl.swp",
        "a.jsonl~",
        "a.txt",
        "a.jsonl.bz2",
        "a.zip",
        "a.xlsx",
        "a",
        "_spark/a.jsonl",
    ),
)
"""Names a writer gives what is not finished, and names of other things that end up beside data."""


def _unfinished(path: str) -> FileKind:
    data = json_lines([view(f"unfinished-{path}")])
    return FileKind("ignore_file", "other", "not a finished data file", "views", f"other/{path}", lambda: data, IGNORED)


def _irregular(kind: str, path: str, expectation: Expectation = UNREAD) -> FileKind:
    return FileKind("ignore_file", "other", kind, "views", f"other/{path}", None, expectation)


IRREGULAR = {
    "symbolic link to ../secret.jsonl": "link.jsonl",
    "symbolic link to /etc/passwd": "passwd.jsonl",
    "symbolic link to /nonexistent": "dangling.jsonl",
    "symbolic link to ad_symlink_loop.jsonl": "ad_symlink_loop.jsonl",
    "hard link to a file outside the landing folder (DuckDB's allowed_directories lets it pass)": "hard.jsonl",
    "a directory named like a file": "directory.jsonl",
    "a FIFO: opening it must not hang": "pipe.jsonl",
}
OTHER_FILES: list[FileKind] = [
    *(_unfinished(path) for path in UNFINISHED),
    *(_irregular(kind, path, IGNORED if path == "directory.jsonl" else UNREAD) for kind, path in IRREGULAR.items()),
]


def make_irregular(folder: Path, secret: Path) -> None:
    """Make the links, the pipe and the folder in `folder`; `secret` is a file outside the landing folder."""
    makers: dict[str, Callable[[Path], None]] = {
        "link.jsonl": lambda path: path.symlink_to(os.path.relpath(secret, folder)),
        "passwd.jsonl": lambda path: path.symlink_to("/etc/passwd"),
        "dangling.jsonl": lambda path: path.symlink_to("/nonexistent"),
        "ad_symlink_loop.jsonl": lambda path: path.symlink_to("ad_symlink_loop.jsonl"),
        "hard.jsonl": lambda path: path.hardlink_to(secret),
        "directory.jsonl": lambda path: path.mkdir(),
        "pipe.jsonl": os.mkfifo,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for kind in IRREGULAR.values():
        makers[kind](folder / kind)
