"""`python -m fault_trials`: many kills and failing I/O calls, each compared with an oracle in plain Python."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from dagster_project.settings import load_settings
from fault_trials import shim
from fault_trials.plan import Fault, Progress, as_json, chosen_faults
from fault_trials.trials import Bench, Verdict, fault, kill_round, measured
from fault_trials.world import FEEDS

_SHOWN = 40
Trial = tuple[str, Callable[[], Verdict]]


def run(
    kills: Annotated[int, typer.Option(min=0, help="At least so many kills.")] = 200,
    faults: Annotated[int, typer.Option(min=0, help="At least so many I/O calls that fail.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of the world and of all chances.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="So many trials at a time.")] = 2,
    feeds: Annotated[str, typer.Option(help="Let calls fail while these feeds are taken in (with commas); all.")] = "",
    only: Annotated[str, typer.Option(help="Repeat one trial by the name it was told with.")] = "",
    without_shim: Annotated[
        bool, typer.Option("--without-shim", help="No kills and failures at I/O calls: needs no C compiler.")
    ] = False,
    torn: Annotated[
        bool, typer.Option("--torn", help="All kills in the midst of a write: shows a limit of the database.")
    ] = False,
    scratch: Annotated[
        Path | None, typer.Option(help="Folder for worlds and progress; default: temp/faults of the data root.")
    ] = None,
) -> None:
    """Kill runs and let I/O calls fail, look at what is left, print every difference; ends with 1 when there is one.

    Started again with the same scratch folder and seed, it goes on where it stopped.
    """
    out, progress_out = Console(width=120), Console(stderr=True, highlight=False)
    here = (scratch or load_settings().data_root / "temp" / "faults").resolve()
    here.mkdir(parents=True, exist_ok=True)
    if not without_shim and not shim.is_loaded():
        try:
            library = shim.build(here)
        except shim.NoCompiler as problem:
            progress_out.print(str(problem), style="red", markup=False)
            raise typer.Exit(2) from problem
        shim.restart_with(library, sys.argv[1:])
    folder = here / f"seed-{seed}"
    bench = Bench.make(folder, seed)
    progress_out.print("a clean run, measured")
    swept = feeds.split(",") if feeds else FEEDS
    facts = measured(bench, swept)
    if only:
        verdict = dict(_named(bench, facts, only))[only]()
        out.print_json(json.dumps({"trial": only, "counts": verdict.counts, "wrong": verdict.wrong}))
        raise typer.Exit(1 if verdict.wrong else 0)
    progress = Progress.read(folder / "progress.jsonl")
    if progress.tried:
        progress_out.print(f"going on after {len(progress.tried):,} trials of an earlier run")
    _run_all(
        _kill_rounds(bench, facts, "torn" if torn else "kills", seed), progress, "kill_", kills, workers, progress_out
    )
    if faults and not without_shim:
        _run_all(
            _faults(bench, facts, seed),
            progress,
            "fault_",
            faults,
            workers,
            progress_out,
        )
    for what, value in progress.summary():
        out.print(f"{what}: {value}", markup=False, highlight=False)
    for message, count in progress.messages.most_common(12):
        out.print(f"  told {count:,} times: {message}", markup=False, highlight=False, overflow="ignore", crop=False)
    for trial, what in progress.wrong[:_SHOWN]:
        out.print(f"[{trial}] {what}", markup=False, style="red", overflow="ignore", crop=False)
    (folder / "results.json").write_text(as_json(progress, {"seed": seed}), encoding="utf-8")
    out.print(f"written to {folder / 'results.json'}", markup=False)
    if progress.wrong or progress.totals["opens_failed"]:
        raise typer.Exit(1)


def _kill_rounds(bench: Bench, facts: dict[str, Any], way: str, seed: int) -> Iterator[Trial]:
    number = 0
    while True:
        name = f"{way} {seed}-{number}"
        yield name, lambda name=name: kill_round(bench, name, facts)  # type: ignore[misc]  # the default binds the name
        number += 1


def _faults(bench: Bench, facts: dict[str, Any], seed: int) -> Iterator[Trial]:
    for chosen in chosen_faults(facts["kinds"], seed):
        yield chosen.name, lambda one=chosen: fault(bench, one.step, one.kind, one.call)  # type: ignore[misc]  # as above


def _named(bench: Bench, facts: dict[str, Any], name: str) -> Iterator[Trial]:
    if name.startswith(("kills ", "torn ")):
        yield name, lambda: kill_round(bench, name, facts)
    else:
        step, kind, call = name.split()
        one = Fault(step, kind, int(call))
        yield name, lambda: fault(bench, one.step, one.kind, one.call)


def _run_all(
    trials: Iterator[Trial], progress: Progress, prefix: str, wanted: int, workers: int, console: Console
) -> None:
    """Run trials, several at a time in processes of their own, until there were as many kills or faults as wanted."""
    running: dict[int, tuple[str, Path]] = {}
    shown = -1
    while progress.sum_of(prefix) < wanted or running:
        while len(running) < workers and progress.sum_of(prefix) < wanted:
            following = next((trial for trial in trials if trial[0] not in progress.tried), None)
            if following is None:
                wanted = progress.sum_of(prefix)
                break
            name, work = following
            process, answer = _start(work)
            running[process] = (name, answer)
        if not running:
            break
        process, _ = os.wait()
        name, answer = running.pop(process)
        progress.note(name, _answer(answer))
        reached = progress.sum_of(prefix)
        if reached // 20 > shown:
            shown = reached // 20
            console.print(f"{prefix.rstrip('_')}s: {reached:,} of {wanted:,}; wrong: {len(progress.wrong):,}")


def _start(work: Callable[[], Verdict]) -> tuple[int, Path]:
    descriptor, name = tempfile.mkstemp(suffix=".json")
    process = os.fork()
    if process:
        os.close(descriptor)
        return process, Path(name)
    try:
        verdict = work()
    except BaseException:
        verdict = Verdict(wrong=[f"the trial itself failed: {traceback.format_exc()}"])
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(vars(verdict), stream)
    os._exit(0)


def _answer(path: Path) -> Verdict:
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return Verdict(**json.loads(text)) if text else Verdict(wrong=["the trial ended without an answer"])


if __name__ == "__main__":
    typer.run(run)
