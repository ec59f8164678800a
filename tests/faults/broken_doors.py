"""Doors that are wrong on purpose: the checks of the fault trials must see what is wrong with each.

`python broken_doors.py NAME FOLDER` takes the world in through one of them and prints what the checks say, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fault_trials import door
from fault_trials.trials import Bench, Verdict, finish, kill_round, measured
from fault_trials.world import FEEDS

from dagster_project.ingest import feed as feed_module
from dagster_project.storage.warehouse import Connection


@contextmanager
def _in_place_of(name: str, replacement: Any) -> Iterator[None]:
    kept = getattr(feed_module, name)
    setattr(feed_module, name, replacement)
    try:
        yield
    finally:
        setattr(feed_module, name, kept)


@contextmanager
def no_transaction(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
    """Every statement is kept on its own: a kill leaves half a file."""
    yield


@contextmanager
def early_acknowledgement(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
    """Ends before the commit, which comes with the next group."""
    if getattr(early_acknowledgement, "is_open", False):
        connection.commit()
    connection.begin()
    early_acknowledgement.is_open = True  # type: ignore[attr-defined]  # state between groups
    yield


def losing(merge: Callable[..., Any]) -> Callable[..., Any]:
    """A merge that loses a row and keeps the books as if it had not."""

    def lossy(connection: Connection, contract: Any, readings: Any, stamp: Any) -> Any:
        found = merge(connection, contract, readings, stamp)
        connection.execute(
            f"delete from {contract.relation} where rowid = (select max(rowid) from {contract.relation})"
        )
        return found

    return lossy


def doubling(merge: Callable[..., Any]) -> Callable[..., Any]:
    """A merge that writes a row twice."""

    def twice(connection: Connection, contract: Any, readings: Any, stamp: Any) -> Any:
        found = merge(connection, contract, readings, stamp)
        connection.execute(f"insert into {contract.relation} (from {contract.relation} limit 1)")
        return found

    return twice


def no_mirrors(*_: object) -> int:
    """Refused rows are not shown to anybody."""
    return 0


BROKEN: dict[str, tuple[str, Callable[[], Any]]] = {
    "no_transaction": ("transaction", lambda: no_transaction),
    "early_acknowledgement": ("transaction", lambda: early_acknowledgement),
    "loses_a_row": ("merge_staged", lambda: losing(feed_module.merge_staged)),
    "doubles_a_row": ("merge_staged", lambda: doubling(feed_module.merge_staged)),
    "no_mirrors": ("write_mirrors", lambda: no_mirrors),
}


def main(name: str, folder: Path) -> None:
    """Measure the sound door, then look at the broken one."""
    sound = Bench.make(folder, seed=1)
    facts = measured(sound)
    part, make = BROKEN[name]

    def take_in(*arguments: Any, **options: Any) -> None:
        with _in_place_of(part, make()):
            door.take_in(*arguments, **options)

    bench = Bench(sound.folder, sound.world, sound.oracle, take_in)
    if name in ("no_transaction", "early_acknowledgement"):
        verdict = kill_round(bench, f"{name} 1", facts, kills=4)
    else:
        verdict = Verdict()
        root = bench.copy_of(bench.before("bank"), name)
        finish(bench, root, ["bank"], FEEDS[: FEEDS.index("bank") + 1], verdict)
    sys.stdout.write(json.dumps(verdict.wrong))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
