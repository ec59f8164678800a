"""Which faults are tried, in which order, and what is known of those that were."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fault_trials.trials import Verdict

_KINDS_OF_CALL = {
    "w": ("no_space", "io_error", "short"),
    "f": ("io_error", "no_space"),
    "t": ("no_space", "io_error"),
    "u": ("io_error",),
    "n": ("io_error", "no_space"),
    "o": ("no_space", "io_error"),
    "m": ("no_space",),
    "r": ("io_error", "short"),
}
"""What can happen to a call, by the letters of the C source."""
_FULL_EVERY = 12
"""At so many-th calls that write, the disk stays full from there on."""


@dataclass(frozen=True)
class Fault:
    """The `call`-th I/O call of a step goes wrong in this way."""

    step: str
    kind: str
    call: int

    @property
    def name(self) -> str:
        return f"{self.step} {self.kind} {self.call}"


def all_faults(kinds: Mapping[str, str]) -> list[Fault]:
    """Every call of a clean run with everything that can happen to it, step by step."""
    found = []
    for step, calls in kinds.items():
        for call, letter in enumerate(calls, start=1):
            found += [Fault(step, kind, call) for kind in _KINDS_OF_CALL[letter]]
            if letter == "w" and call % _FULL_EVERY == 0:
                found.append(Fault(step, "disk_full", call))
    return found


def chosen_faults(kinds: Mapping[str, str], seed: int) -> Iterator[Fault]:
    """All faults in random order: however many of them are tried, they are spread over the whole run."""
    faults = all_faults(kinds)
    random.Random(seed).shuffle(faults)
    yield from faults


@dataclass
class Progress:
    """What was tried so far, kept line by line in a file so that it survives this program.

    Attributes:
        tried: Names of the trials that are done.
        totals: Counts over all of them.
        wrong: Trial and broken promise.
    """

    path: Path
    tried: set[str] = field(default_factory=set)
    totals: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)
    longest_open_seconds: float = 0.0

    @staticmethod
    def read(path: Path) -> Progress:
        """What an earlier run of this program has left; a last line that was cut is not counted."""
        progress = Progress(path)
        if path.exists():
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            path.write_text(whole, encoding="utf-8")
            for line in whole.splitlines():
                entry = json.loads(line)
                progress._count(entry["trial"], Verdict(**entry["verdict"]))
        return progress

    def note(self, trial: str, verdict: Verdict) -> None:
        """Keep what a trial showed."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"trial": trial, "verdict": asdict(verdict)}) + "\n")
        self._count(trial, verdict)

    def sum_of(self, prefix: str) -> int:
        """Over all counts that begin so."""
        return sum(count for what, count in self.totals.items() if what.startswith(prefix))

    def _count(self, trial: str, verdict: Verdict) -> None:
        self.tried.add(trial)
        self.totals.update(verdict.counts)
        self.wrong += [(trial, what) for what in verdict.wrong]
        self.messages.update(_shortened(message) for message in verdict.messages)
        self.longest_open_seconds = max(self.longest_open_seconds, verdict.longest_open_seconds)

    def summary(self) -> list[tuple[str, str]]:
        """Lines for people: what, how many."""
        kills, faults = self.sum_of("kill_"), self.sum_of("fault_")
        return [
            ("kills", f"{kills:,} ({self._by_kind('kill_')})"),
            ("faults", f"{faults:,} ({self._by_kind('fault_')})"),
            (
                "after a fault",
                f"{self.totals['done']:,} runs went on to their end, {self.totals['told']:,} told why not",
            ),
            ("opened", f"{self.totals['opens']:,} times, longest {self.longest_open_seconds:.2f} s"),
            ("could not be opened", f"{self.totals['opens_failed']:,}"),
            ("clean runs compared whole", f"{self.totals['clean_runs']:,}"),
            ("differences and broken promises", f"{len(self.wrong):,}"),
        ]

    def _by_kind(self, prefix: str) -> str:
        kinds = sorted((what, count) for what, count in self.totals.items() if what.startswith(prefix))
        return ", ".join(f"{what.removeprefix(prefix).replace('_', ' ')} {count:,}" for what, count in kinds) or "none"


def _shortened(message: str) -> str:
    """Without paths and numbers, so that equal messages are counted together."""
    words = [word for word in message.split() if "/" not in word and not any(sign.isdigit() for sign in word)]
    return " ".join(words)[:200]


def as_json(progress: Progress, facts: Mapping[str, Any], names: Sequence[str] = ()) -> str:
    """The result of the whole as one JSON object."""
    found = {
        **facts,
        "kills": progress.sum_of("kill_"),
        "faults": progress.sum_of("fault_"),
        "counts": dict(sorted(progress.totals.items())),
        "longest_open_seconds": progress.longest_open_seconds,
        "wrong": [f"{trial}: {what}" for trial, what in progress.wrong],
        "messages": dict(progress.messages.most_common()),
        **({"trials": list(names)} if names else {}),
    }
    return json.dumps(found, indent=1)
