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
from pathlib import Path
from typing import Any

from fault_trials import door
from fault_trials.trials import Bench, Verdict, check, finish, in_fork, measured

from dagster_project.ingest.merge import merge_staged
from dagster_project.storage.warehouse import Connection, transaction

STEP = "bank:1"


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
    """Take in one group of files through the broken door: killed at some of its statements, and whole."""
    bench = Bench.make(folder, seed=1)
    measured(bench, ["bank"])
    verdict = Verdict()

    def take_in(root: Path, kill_at: int, acknowledge: Callable[[str], None]) -> None:
        left = [kill_at]

        def at_statement() -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        with door.replaced(**BROKEN[name]):
            door.take_in(root, ["bank"], batch_id="broken", acknowledge=acknowledge, at_statement=at_statement)

    for kill_at in (*(range(60, 110, 10) if name == "no_transaction" else ()), 0):
        root = bench.copy_of(bench.before(STEP), f"{name}-{kill_at}")
        ended = in_fork(lambda acknowledge, root=root, at=kill_at: take_in(root, at, acknowledge))  # type: ignore[misc]
        check(bench, root, ended.acknowledged, verdict)
    if name == "no_mirrors":
        with door.replaced(**BROKEN[name]):
            finish(bench, root, ["bank"], bench.upto(STEP), verdict)
    sys.stdout.write(json.dumps(verdict.wrong))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
