"""A new data root: its folders and first files are made, and nothing that exists is ever written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.core.errors import UsageError, WarehouseError


@dataclass(frozen=True)
class RootPlan:
    """What has to be made below a data root, as paths relative to it.

    Attributes:
        folders, files: What is missing.
        existing: Files that are there already.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    existing: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """True when nothing is missing."""
        return not self.folders and not self.files


def plan_root(root: Path, folders: Sequence[str], files: Sequence[str]) -> RootPlan:
    """Compare what a data root needs with what is there; nothing is written.

    Raises:
        UsageError: Something else is in the place of a folder.
    """
    for folder in _needed_folders(root, folders, files):
        if (folder.is_symlink() or folder.exists()) and not folder.is_dir():
            raise UsageError(
                "the data root cannot be set up",
                where=str(folder),
                why="something that is not a folder is in the place of one",
                fix="move it away or name another folder",
            )
    there = [name for name in files if _is_there(root / name)]
    return RootPlan(
        folders=tuple(name for name in folders if not (root / name).is_dir()),
        files=tuple(name for name in files if name not in there),
        existing=tuple(there),
    )


def make_root(root: Path, plan: RootPlan, contents: Mapping[str, str]) -> None:
    """Make what is missing.

    Raises:
        UsageError: A file has appeared in the meantime; it is left as it is.
        WarehouseError: The disk refuses.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in plan.folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name in plan.files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("x", encoding="utf-8", newline="") as handle:
                handle.write(contents[name])
    except FileExistsError as error:
        raise UsageError(
            "a file has just appeared there and is left as it is",
            where=str(error.filename),
            fix="start again when nobody else is writing to the data root",
        ) from error
    except OSError as error:
        raise WarehouseError(
            "the data root cannot be set up",
            where=str(error.filename or root),
            why=error.strerror or str(error),
            fix="make the folder writable and free disk space, then start again with --missing",
        ) from error


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()  # a link that leads nowhere is in the way too


def _needed_folders(root: Path, folders: Sequence[str], files: Sequence[str]) -> list[Path]:
    """The root, the folders named and all between them, outermost first."""
    named = [root, *(root / name for name in folders), *((root / name).parent for name in files)]
    return sorted({folder for path in named for folder in (path, *path.parents) if folder.is_relative_to(root)})
