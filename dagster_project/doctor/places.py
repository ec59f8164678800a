"""Folders and files of the data root: there, writable, closed to others, roomy enough, nothing left half done."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from dagster_project.core.findings import Finding, Level, listed, size_words
from dagster_project.storage.inspection import Writer, folder_size, leftovers
from dagster_project.storage.layout import DataLayout

# Below this a run cannot even spill.
_LEAST_FREE = 256 * 1024**2


def data_root(layout: DataLayout) -> list[Finding]:
    """Whether it is there and can be written."""
    root = layout.root
    if not root.is_dir():
        return [
            Finding(
                Level.BROKEN,
                "data root",
                "the data root is missing",
                where=str(root),
                why="CLIFFHANGER_DATA names something that is not a folder" if root.exists() else "",
                fix="make it with `cliffhanger init`, or set CLIFFHANGER_DATA",
            )
        ]
    mine = (layout.root, layout.warehouse_dir, layout.quarantine, layout.ledger, layout.published_dir, layout.reports)
    closed = [folder for folder in mine if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK)]
    if closed:
        return [
            Finding(
                Level.BROKEN,
                "data root",
                "this user cannot write there",
                where=listed(map(str, closed)),
                why="the folder belongs to somebody else, is write-protected or lies on a read-only file system",
                fix="mend owner and permissions, or run as the user it belongs to",
            )
        ]
    return [Finding(Level.OK, "data root", str(root))]


def disk_space(layout: DataLayout) -> list[Finding]:
    """Free space against what a run and a rebuild need."""
    free = shutil.disk_usage(layout.root).free
    landing, warehouse = folder_size(layout.landing), folder_size(layout.warehouse_dir)
    published = layout.published.stat().st_size if layout.published.is_file() else 0
    return [judge_space(free=free, landing=landing, warehouse=warehouse, published=published, where=str(layout.root))]


def judge_space(*, free: int, landing: int, warehouse: int, published: int, where: str) -> Finding:
    """A run writes a whole release beside the published one; a rebuild writes a warehouse beside the present one."""
    sizes = f"{size_words(free)} free; landing {size_words(landing)}, warehouse {size_words(warehouse)}"
    if free < published + _LEAST_FREE:
        return Finding(
            Level.BROKEN,
            "disk",
            sizes,
            where=where,
            why=f"the next release needs about {size_words(published + _LEAST_FREE)}",
            fix="free disk space before the next run",
        )
    if free < landing + warehouse:
        return Finding(
            Level.ATTENTION,
            "disk",
            sizes,
            where=where,
            why="less is free than landing and warehouse hold, so neither a rebuild nor as much data again would fit",
            fix="plan for more disk space",
        )
    return Finding(Level.OK, "disk", sizes)


def permissions(layout: DataLayout) -> list[Finding]:
    """Whether other users can look into what is private."""
    places = (layout.warehouse_dir, layout.warehouse, layout.ledger, layout.quarantine, layout.privacy)
    return [judge_permissions({path: stat.S_IMODE(path.stat().st_mode) for path in places if path.exists()})]


def judge_permissions(modes: dict[Path, int]) -> Finding:
    """No bit for group or others may be set on any of these paths."""
    open_places = [f"{path} {mode:04o}" for path, mode in modes.items() if mode & 0o077]
    if not open_places:
        return Finding(Level.OK, "permissions", "warehouse, ledger and quarantine are closed to other users")
    return Finding(
        Level.BROKEN,
        "permissions",
        "other users of this machine can look into what is private",
        where=listed(open_places, 4),
        why="it was copied or made with a wider umask",
        fix="chmod -R go-rwx on these places",
    )


def writer(layout: DataLayout, holder: Writer) -> list[Finding]:
    """Whether a run is at work, or something that outlived one."""
    if not holder.is_holding:
        return []
    name = f"process {holder.process_id}" if holder.process_id else "an unknown process"
    if holder.is_alive or holder.process_id is None:
        return [
            Finding(
                Level.ATTENTION,
                "writer",
                f"a run is at work ({name})",
                where=str(layout.writer_lock),
                why="so the warehouse is not opened and its batches and files are not told",
                fix="ask again when it has ended",
            )
        ]
    return [
        Finding(
            Level.BROKEN,
            "writer",
            f"the run that took the writer lock is gone ({name}) and the lock is not free",
            where=str(layout.writer_lock),
            why="a child of it still holds it, so no run can start",
            fix=f"find the child with `fuser {layout.writer_lock}` and end it",
        )
    ]


def left_over(layout: DataLayout) -> list[Finding]:
    """What killed processes have left; call it while no run is at work."""
    found = leftovers(layout)
    if not found:
        return [Finding(Level.OK, "leftovers", "none")]
    logs = [path for path in found if path.name.endswith(".wal")]
    aside = [path for path in found if ".wal.set-aside-" in path.name]
    partial = [path for path in found if path not in logs and path not in aside]
    return [
        *_left(
            layout, logs, "a run was killed before its log was folded in", "the next run folds it in; never delete it"
        ),
        *_left(
            layout,
            aside,
            "a log that did not fit its database was set aside",
            "delete it after a run that ended well and a `cliffhanger verify`",
        ),
        *_left(
            layout,
            partial,
            "a process was killed while it wrote",
            "nothing reads them: run again, then delete what is still there",
        ),
    ]


def _left(layout: DataLayout, paths: Sequence[Path], why: str, fix: str) -> list[Finding]:
    if not paths:
        return []
    names = listed(str(path.relative_to(layout.root)) for path in paths)
    return [Finding(Level.ATTENTION, "leftovers", f"{len(paths)} left half done", where=names, why=why, fix=fix)]
