"""Doors that are wrong on purpose: the checks of the fault trials must see what is wrong with each.

`python broken_doors.py NAME FOLDER` takes some files in through one of them and prints what the checks say, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fault_trials import door
from fault_trials.trials import Bench, Verdict, check, finish, in_fork, measure_steps

from dagster_project.ingest import merge as merge_module
from dagster_project.ingest.merge import merge_staged
from dagster_project.storage.warehouse import Connection, transaction

FEED, STEP = "views", "views:1"


@contextmanager
def no_transaction(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
    """Every statement is kept on its own: a kill leaves half a file."""
    yield


@contextmanager
def forgetful(connection: Connection, *, keeps: bool = True) -> Iterator[None]:
    """Ends as if all were kept, and nothing is."""
    with transaction(connection, keeps=False):
        yield


def loses_a_row(connection: Connection, contract: Any, *rest: Any) -> Any:
    """Merges, and keeps the books as if no row were gone."""
    found = merge_staged(connection, contract, *rest)
    connection.execute(f"delete from {contract.relation} where rowid = (select max(rowid) from {contract.relation})")
    return found


def doubles_a_row(connection: Connection, contract: Any, *rest: Any) -> Any:
    """Merges, and writes a row twice."""
    found = merge_staged(connection, contract, *rest)
    connection.execute(f"insert into {contract.relation} (from {contract.relation} limit 1)")
    return found


def no_mirrors(*_: object) -> int:
    """Refused rows are not shown to anybody."""
    return 0


BROKEN: dict[str, dict[str, Callable[..., Any]]] = {
    "no_transaction": {"transaction": no_transaction},
    "forgetful": {"transaction": forgetful},
    "loses_a_row": {"merge_staged": loses_a_row},
    "doubles_a_row": {"merge_staged": doubles_a_row},
    "no_mirrors": {"write_mirrors": no_mirrors},
}


def main(name: str, folder: Path) -> None:
    """Take in one group of files through the broken door and print what the checks say."""
    bench = Bench.make(folder, seed=1)
    measure_steps(bench, [FEED])
    verdict = Verdict()

    def take_in(root: Path, acknowledge: Callable[[str], None]) -> None:
        with door.replaced(**BROKEN[name]):
            door.take_in(root, [FEED], batch_id="broken", acknowledge=acknowledge)

    def take_in_half(root: Path, acknowledge: Callable[[str], None]) -> None:
        """Killed when the rows are written and the books are not."""
        assert "_prove" in vars(merge_module)
        vars(merge_module)["_prove"] = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        take_in(root, acknowledge)

    root = bench.copy_of(bench.before(STEP), name)
    ended = in_fork(partial(take_in_half if name == "no_transaction" else take_in, root))
    check(bench, root, ended.acknowledged, verdict)
    if name == "no_mirrors":
        with door.replaced(**BROKEN[name]):
            finish(bench, root, [FEED], bench.upto(STEP), verdict)
    sys.stdout.write(json.dumps(verdict.wrong))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
