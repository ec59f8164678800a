"""Findings: claims with a truth condition, ranked, at most three.

"More", "fewer", "rose" and "fell" need an interval of the difference that excludes zero, or a total outside
its normal weekly range. Nothing here says "because".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.compare import Difference, Interval
from dashboards.sentences import Sentence, plain

Verb = Literal["rose", "fell"]
MOST_FINDINGS = 3
MOST_PER_METRIC = 2
_ENOUGH = 3.0
"""An effect of three interval widths is beyond doubt; more certainty does not make it more important."""
SMALLEST_BASE = 100
"""A share that rests on fewer units is shown, but neither compared nor ranked."""


@dataclass(frozen=True)
class Finding:
    """One claim.

    `value`, `delta_prev`, `delta_bench` and `interval` are unrounded and in the metric's unit; `interval`
    is that of the comparison which makes the claim true; `strength` is |effect| over the width of that
    interval; `n` the units behind `value`; `figures` the names of the printed figures.
    """

    id: str
    metric: str
    claim: Sentence
    evidence: Sentence
    truth_condition: str
    value: float | int | None
    delta_prev: float | int | None
    delta_bench: float | None
    interval: Interval | None
    n: int | None
    severity: int
    strength: float
    is_negative: bool
    is_guardrail: bool
    chart_id: str | None
    figures: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.severity * min(self.strength, _ENOUGH)

    @property
    def alt_text(self) -> str:
        """The claim and its evidence as plain text."""
        return f"{plain(self.claim)} {plain(self.evidence)}".strip()

    def as_plain(self) -> dict[str, object]:
        return {
            "id": self.id,
            "metric": self.metric,
            "claim": plain(self.claim),
            "evidence": plain(self.evidence),
            "truth_condition": self.truth_condition,
            "value": self.value,
            "delta_prev": self.delta_prev,
            "delta_bench": self.delta_bench,
            "interval": [self.interval.low, self.interval.high] if self.interval else None,
            "n": self.n,
            "severity": self.severity,
            "is_negative": self.is_negative,
            "chart_id": self.chart_id,
            "alt_text": self.alt_text,
            "figures": list(self.figures),
        }


def verb(difference: Difference) -> Verb | None:
    """ "rose" or "fell" when the interval of the difference excludes zero, else None: no verb of change."""
    if difference.interval.low > 0:
        return "rose"
    if difference.interval.high < 0:
        return "fell"
    return None


def compared(difference: Difference, more: str, less: str, same: str) -> str:
    """The word the difference allows: `more` or `less` when it is clear, else `same`."""
    word = verb(difference)
    return more if word == "rose" else less if word == "fell" else same


def choose(candidates: Sequence[Finding], most: int = MOST_FINDINGS) -> list[Finding]:
    """The findings to print, strongest first.

    At most MOST_PER_METRIC of one metric. When a guardrail is negative, at least one of its findings is
    among them.
    """
    ranked = sorted(candidates, key=lambda f: (-f.score, f.id))
    chosen: list[Finding] = []
    for finding in ranked:
        same = sum(f.metric == finding.metric for f in chosen)
        if len(chosen) < most and same < MOST_PER_METRIC:
            chosen.append(finding)
    warnings = [f for f in ranked if f.is_negative and f.is_guardrail]
    if warnings and not any(f.is_negative for f in chosen):
        chosen = [*chosen[: most - 1], warnings[0]]
    return chosen
