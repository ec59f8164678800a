"""One trial: a run is killed or meets a failing I/O call; what is left is opened, compared and run to its end.

Every run and every look at the database is a forked process of its own: this process imports once and never opens a
database, so that forking stays safe and quick.
"""

from __future__ import annotations

import errno
import json
import os
import random
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dagster_project.core.errors import CliffhangerError
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse
from fault_trials import door, shim
from fault_trials.observation import differences, mirror_differences, read_content
from fault_trials.oracle import Content, Oracle
from fault_trials.world import FEEDS, Delivery, make_world

OPEN_LIMIT_SECONDS = 5.0
RUN_LIMIT_SECONDS = 120.0
KILLS_PER_ROUND = 8
_ERRORS = {"no_space": errno.ENOSPC, "io_error": errno.EIO, "short": 0, "disk_full": errno.ENOSPC}
_MODES = {
    "no_space": shim.Mode.FAIL,
    "io_error": shim.Mode.FAIL,
    "short": shim.Mode.SHORT,
    "disk_full": shim.Mode.FULL,
}
_KILLS = {"call": shim.Mode.KILL, "torn": shim.Mode.TORN}

TakeIn = Callable[..., None]


@dataclass
class Ended:
    """How a forked run ended.

    Attributes:
        outcome: `done`, `told` (a clear error), `unclear` (any other exception), `killed`, `aborted` (a signal that
            nobody sent) or `hung`.
        acknowledged: Files whose commit the run reported.
        result: What the work returned.
    """

    outcome: str
    message: str = ""
    acknowledged: list[str] = field(default_factory=list)
    result: Any = None


@dataclass
class Verdict:
    """What a trial showed; `wrong` names every promise that was broken."""

    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    longest_open_seconds: float = 0.0

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True)
class Bench:
    """A world on disk and all that its trials share.

    Attributes:
        folder: Holds `landing/` and `reference/`, which roots of trials link to.
        take_in: The door; another one is given to see whether the checks find what is wrong with it.
    """

    folder: Path
    world: Mapping[str, tuple[Delivery, ...]]
    oracle: Oracle
    take_in: TakeIn = door.take_in

    @staticmethod
    def make(scratch: Path, seed: int, take_in: TakeIn = door.take_in) -> Bench:
        """Write the world of this seed, unless it is there."""
        folder = scratch.resolve()
        world = make_world(seed)
        if not (folder / "complete").exists():
            for deliveries in world.values():
                door.land(folder, deliveries)
            door.write_references(folder)
            (folder / "complete").touch()
        return Bench(folder, world, Oracle(world), take_in)

    def new_root(self, name: str) -> Path:
        """An empty data root over the world's files."""
        root = self.folder / "roots" / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for folder in ("landing", "reference"):
            (root / folder).symlink_to(self.folder / folder)
        DataLayout(root).prepare()
        return root

    def copy_of(self, root: Path, name: str) -> Path:
        """A copy of what the project has written below a root, over the same landed files."""
        copied = self.new_root(name)
        (copied / "landing").unlink()
        (copied / "landing").symlink_to((root / "landing").resolve())
        for folder in ("warehouse", "quarantine"):
            if (root / folder).exists():
                shutil.copytree(root / folder, copied / folder, dirs_exist_ok=True)
        return copied

    def before(self, step: str) -> Path:
        """A root as it stands before this step, with the files landed that the step takes in."""
        return self.folder / "roots" / f"before-{step}"

    def upto(self, step: str) -> dict[str, int]:
        """How many files of each feed are in once this step is done."""
        feed, number = step.split(":")
        earlier = {name: len(self.world[name]) for name in FEEDS[: FEEDS.index(feed)]}
        return {**earlier, feed: min(int(number) * door.GROUP_FILES, len(self.world[feed]))}

    def whole(self) -> dict[str, int]:
        """All files."""
        return {feed: len(self.world[feed]) for feed in FEEDS}

    def steps(self, feeds: Sequence[str] = FEEDS) -> list[str]:
        """The groups of files of these feeds, `<feed>:<number from 1>`: each is a transaction of its own."""
        return [
            f"{feed}:{number + 1}" for feed in feeds for number in range(-(-len(self.world[feed]) // door.GROUP_FILES))
        ]


def in_fork(work: Callable[[Callable[[str], None]], Any], kill_after: float | None = None) -> Ended:
    """Run the work in a forked process; it is given what acknowledges a file."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _work_and_exit(work, writer)
    os.close(writer)
    started = time.monotonic()
    deadline = started + (RUN_LIMIT_SECONDS if kill_after is None else kill_after)
    received, is_hung, is_shot = bytearray(), False, False
    while True:
        ready, _, _ = select.select([reader], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            os.kill(process, signal.SIGKILL)
            is_hung, is_shot = kill_after is None, True
            deadline = time.monotonic() + RUN_LIMIT_SECONDS
            continue
        block = os.read(reader, 1 << 16)
        if not block:
            break
        received += block
    os.close(reader)
    _, status = os.waitpid(process, 0)
    return _ended(received.decode(), status, is_hung=is_hung, is_shot=is_shot)


def _work_and_exit(work: Callable[[Callable[[str], None]], Any], writer: int) -> None:
    """Ends the forked process, whatever happens, without going on in the parent's code."""

    def tell(what: str, value: Any) -> None:
        os.write(writer, (json.dumps({what: value}) + "\n").encode())

    try:
        result = work(partial(tell, "acknowledged"))
        shim_hits = shim.hits() if shim.is_loaded() else 0
        tell("done", {"result": result, "hits": shim_hits})
    except CliffhangerError as error:
        tell("told", {"message": str(error), "hits": shim.hits() if shim.is_loaded() else 0})
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        message = f"{type(error).__name__} at {place}: {error}"
        tell("unclear", {"message": message, "hits": shim.hits() if shim.is_loaded() else 0})
    finally:
        os._exit(0)


def _ended(text: str, status: int, *, is_hung: bool, is_shot: bool) -> Ended:
    ended = Ended("aborted", f"wait status {status}")
    for line in text.splitlines():
        if not line.endswith("}"):
            continue  # the process was killed while it wrote
        for what, value in json.loads(line).items():
            if what == "acknowledged":
                ended.acknowledged.append(value)
            else:
                ended.outcome, ended.message, ended.result = what, value.get("message", ""), value
    if is_hung:
        ended.outcome = "hung"
    elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and (is_shot or shim.is_loaded()):
        ended.outcome = "killed"
    elif os.WIFSIGNALED(status):
        ended.outcome = "aborted"
    return ended


def observe(bench: Bench, root: Path) -> tuple[float, Content]:
    """Open as any run would; how long it took and what is there."""
    started = time.monotonic()
    with closing(open_warehouse(DataLayout(root))) as connection:
        took = time.monotonic() - started
        return took, read_content(connection, bench.oracle)


def check(bench: Bench, root: Path, acknowledged: Sequence[str], verdict: Verdict) -> dict[str, int]:
    """What is left of a run: opened, equal to the oracle for the files that are in, nothing acknowledged missing.

    Returns:
        How many files of each feed are in.
    """

    def look(_: Callable[[str], None]) -> Any:
        took, content = observe(bench, root)
        counts, wrong = bench.oracle.counts(content.names)
        told = wrong or differences(bench.oracle.expected(counts), content)
        lost = set(acknowledged) - {name for _, name in content.names}
        told += [f"{name} was acknowledged and is not there" for name in sorted(lost)]
        return took, told, counts

    verdict.count("opens")
    ended = in_fork(look)
    if ended.outcome != "done":
        verdict.count("opens_failed")
        verdict.wrong.append(f"it does not open: {ended.outcome} {ended.message}")
        return {}
    took, told, counts = ended.result["result"]
    verdict.longest_open_seconds = max(verdict.longest_open_seconds, took)
    if took > OPEN_LIMIT_SECONDS:
        verdict.wrong.append(f"it took {took:.1f} s to open")
    verdict.wrong += told
    return dict(counts)


def finish(bench: Bench, root: Path, feeds: Sequence[str], taken_in: Mapping[str, int], verdict: Verdict) -> None:
    """A run that nothing disturbs must end, and then everything is as the oracle says and nothing is left behind."""

    def run_and_look(acknowledge: Callable[[str], None]) -> Any:
        bench.take_in(root, feeds, batch_id="last", acknowledge=acknowledge)
        _, content = observe(bench, root)
        expected = bench.oracle.expected(taken_in)
        return differences(expected, content) + mirror_differences(root, bench.oracle, expected)

    verdict.count("clean_runs")
    ended = in_fork(run_and_look)
    if ended.outcome != "done":
        verdict.wrong.append(f"the next run did not end: {ended.outcome} {ended.message}")
    else:
        verdict.wrong += ended.result["result"]


def kill_round(bench: Bench, seed: str, measured: Mapping[str, float], kills: int = KILLS_PER_ROUND) -> Verdict:
    """Kill one run after another over the same root, then let one end.

    Args:
        measured: `seconds`, `statements` and, with the shim, `calls` of a whole run.
    """
    chance, verdict = random.Random(seed), Verdict()
    root = bench.new_root(f"round-{os.getpid()}")
    ways = ["torn"] if seed.startswith("torn ") else ["time", "statement", *(["call"] * 3 if shim.is_loaded() else [])]
    acknowledged: list[str] = []
    for number in range(kills):
        way = chance.choice(ways)
        # A quarter of a run at most: the kills of a round spread over all of it.
        share = chance.uniform(0, 0.25)
        ended = _killed_run(bench, root, way, share, measured, f"{seed}-{number}")
        acknowledged += ended.acknowledged
        if ended.outcome == "done":
            break
        if ended.outcome != "killed":
            verdict.wrong.append(f"a run to be killed by {way} ended otherwise: {ended.outcome} {ended.message}")
            break
        verdict.count(f"kill_{way}")
        # A copy is looked at: the next run finds the state as the kill has left it, log and all.
        copied = bench.copy_of(root, f"look-{os.getpid()}")
        check(bench, copied, acknowledged, verdict)
        shutil.rmtree(copied)
    finish(bench, root, FEEDS, bench.whole(), verdict)
    shutil.rmtree(root)
    return verdict


def _killed_run(
    bench: Bench, root: Path, way: str, share: float, measured: Mapping[str, float], batch_id: str
) -> Ended:
    left = [max(1, round(share * measured["statements"]))]

    def at_statement() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def work(acknowledge: Callable[[str], None]) -> None:
        if way in _KILLS:
            shim.arm(bench.folder / "roots", _KILLS[way], max(1, round(share * measured["calls"])))
        watched = at_statement if way == "statement" else None
        bench.take_in(root, FEEDS, batch_id=batch_id, acknowledge=acknowledge, at_statement=watched)

    ended = in_fork(work, share * measured["seconds"] if way == "time" else None)
    if way == "statement" and ended.outcome == "aborted":
        ended.outcome = "killed"
    return ended


def fault(bench: Bench, step: str, kind: str, call: int) -> Verdict:
    """Take in one group of files while its `call`-th I/O call fails, look at what is left, take it in again."""
    verdict = Verdict()
    feed = step.split(":")[0]
    root = bench.copy_of(bench.before(step), f"fault-{os.getpid()}")

    def work(acknowledge: Callable[[str], None]) -> None:
        shim.arm(bench.folder, _MODES[kind], call, _ERRORS[kind], reads=True)
        try:
            bench.take_in(root, [feed], batch_id="faulty", acknowledge=acknowledge)
        finally:
            shim.disarm()

    ended = in_fork(work)
    hits = ended.result["hits"] if ended.result else 0
    if not hits and ended.outcome == "done":
        verdict.count("not_reached")
        shutil.rmtree(root)
        return verdict
    verdict.count(f"fault_{kind}")
    verdict.count(ended.outcome)
    if ended.outcome not in ("done", "told"):
        verdict.wrong.append(f"no clear error: {ended.outcome} {ended.message}")
    elif ended.message:
        verdict.messages.append(ended.message)
    check(bench, root, ended.acknowledged, verdict)
    finish(bench, root, [feed], bench.upto(step), verdict)
    shutil.rmtree(root)
    return verdict


def measured(bench: Bench, feeds: Sequence[str]) -> dict[str, Any]:
    """What a clean run does, kept in a file: trials are numbered by it, so a later start of this program must agree.

    Returns:
        `seconds`, `statements` and `calls` of a whole run, and `kinds`: the I/O calls of each step of these feeds.
    """
    path = bench.folder / f"measured-{'-'.join(feeds)}.json"
    if not path.exists():
        found = {**_measure_whole(bench), "kinds": measure_steps(bench, feeds)}
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(path)
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _measure_whole(bench: Bench) -> dict[str, Any]:
    root = bench.new_root("whole")
    started = time.monotonic()
    statements, calls = _sound(in_fork(partial(_counted_run, bench, root, FEEDS)))
    seconds = time.monotonic() - started
    verdict = Verdict()
    finish(bench, root, FEEDS, bench.whole(), verdict)
    if verdict.wrong:
        raise RuntimeError(f"a clean run differs from the oracle: {verdict.wrong}")
    shutil.rmtree(root)
    return {"seconds": seconds, "statements": statements, "calls": sum(kind != "r" for kind in calls)}


def measure_steps(bench: Bench, feeds: Sequence[str]) -> dict[str, str]:
    """Take the world in step by step, up to the last of these feeds; the root before each of their steps is kept.

    Returns:
        The I/O calls of each step, a letter each: see the C source.
    """
    kinds, previous = {}, bench.new_root("steps")
    for feed in FEEDS[: max(map(FEEDS.index, feeds)) + 1]:
        if feed not in feeds:
            _sound(in_fork(partial(_counted_run, bench, previous, [feed])))
            continue
        for step in bench.steps([feed]):
            landing = bench.folder / "landings" / step
            shutil.rmtree(landing, ignore_errors=True)
            door.land(landing, bench.world[feed][: bench.upto(step)[feed]])
            before = bench.copy_of(previous, bench.before(step).name)
            (before / "landing").unlink()
            (before / "landing").symlink_to(landing / "landing")
            previous = bench.copy_of(before, f"after-{step}")
            _, kinds[step] = _sound(in_fork(partial(_counted_run, bench, previous, [feed])))
        (previous / "landing").unlink()
        (previous / "landing").symlink_to(bench.folder / "landing")
    return kinds


def _sound(ended: Ended) -> Any:
    if ended.outcome != "done":
        raise RuntimeError(f"a clean run does not end: {ended.outcome} {ended.message}")
    return ended.result["result"]


def _counted_run(bench: Bench, root: Path, feeds: Sequence[str], acknowledge: Callable[[str], None]) -> Any:
    count = [0]

    def at_statement() -> None:
        count[0] += 1

    if shim.is_loaded():
        shim.arm(bench.folder, shim.Mode.COUNT, reads=True)
    bench.take_in(root, feeds, batch_id="clean", acknowledge=acknowledge, at_statement=at_statement)
    return count[0], shim.kinds() if shim.is_loaded() else ""
