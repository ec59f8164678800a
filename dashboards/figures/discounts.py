"""What lower prices did to revenue per viewer in the tests that the studio's series were part of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.compare import Difference, Interval
from dashboards.figures.app_wide import UPLIFT, AppWide
from dashboards.figures.record import Source
from dashboards.published import Row

METRIC = "net_revenue"
HORIZONS = (28, 7)
"""Days since a viewer first saw a price; the longer one where the release has it."""
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
Certainty = Literal["up", "down", "leans up", "leans down", "unclear"]


@dataclass(frozen=True)
class Uplift:
    """One arm of one test beside its control, for all viewers or those of one surface.

    `effect` is in whole units of `currency` a viewer who was shown a price, with its 95% interval; `always`
    the interval that stays valid however often one looks. None with a `status` other than `ok`.
    """

    experiment_id: str
    arm: str
    control: str
    segment: str
    horizon_days: int
    n_treatment: int
    n_control: int
    currency: str
    effect: Difference | None
    always: Interval | None
    ratio: float | None
    status: str
    reason: str | None

    @property
    def certainty(self) -> Certainty:
        """What may be said of the direction.

        "up" and "down" need the always-valid interval to exclude zero, because the report is read every week;
        "leans" is said when only the plain interval does.
        """
        if self.effect is None or not self.effect.is_clear:
            return "unclear"
        held = (self.always or self.effect.interval).excludes(0.0)
        if self.effect.value > 0:
            return "up" if held else "leans up"
        return "down" if held else "leans down"

    def source(self, column: str) -> Source:
        key: dict[str, str | int] = {
            "experiment_id": self.experiment_id,
            "arm": self.arm,
            "control_arm": self.control,
            "metric": METRIC,
            "horizon_days": self.horizon_days,
            "segment": self.segment,
        }
        return Source(UPLIFT, column, key)


def read_uplifts(app: AppWide) -> list[Uplift]:
    """Every arm of every test that may be shown: all viewers first, then its surfaces where there are several."""
    rows = app.uplift(
        [
            *("experiment_id", "arm", "control_arm", "segment", "horizon_days", "n_treatment", "n_control"),
            *("currency", "difference", "ci_low", "ci_high", "always_valid_low", "always_valid_high", "ratio"),
            *("status", "status_reason"),
        ],
        {"metric": METRIC, "horizon_days": list(HORIZONS)},
        ["experiment_id", "arm", "control_arm", "segment"],
    )
    cells: dict[tuple[str, str, str], dict[str, dict[int, Uplift]]] = {}
    for row in rows:
        one = _uplift(row)
        arms = cells.setdefault((one.experiment_id, one.arm, one.control), {})
        arms.setdefault(one.segment, {})[one.horizon_days] = one
    found: list[Uplift] = []
    for segments in cells.values():
        whole = segments.pop("all", None)
        if whole is None:
            continue
        # One horizon for a whole test, so that its rows can be compared.
        days = next((d for d in HORIZONS if d in whole and whole[d].status == "ok"), max(whole))
        found.append(whole[days])
        parts = [by_days[days] for _, by_days in sorted(segments.items()) if days in by_days]
        if len(parts) > 1 and whole[days].status == "ok":
            found += parts
    return found


def _uplift(row: Row) -> Uplift:
    effect = always = None
    if row["status"] == "ok" and row["difference"] is not None:
        effect = Difference(float(row["difference"]), Interval(float(row["ci_low"]), float(row["ci_high"])))
        if row["always_valid_low"] is not None and row["always_valid_high"] is not None:
            always = Interval(float(row["always_valid_low"]), float(row["always_valid_high"]))
    return Uplift(
        str(row["experiment_id"]),
        str(row["arm"]),
        str(row["control_arm"]),
        str(row["segment"]),
        int(row["horizon_days"]),
        int(row["n_treatment"] or 0),
        int(row["n_control"] or 0),
        str(row["currency"] or "USD"),
        effect,
        always,
        None if row["ratio"] is None or effect is None else float(row["ratio"]),
        str(row["status"]) if effect is not None or row["status"] != "ok" else "not_identified",
        row["status_reason"],
    )


def claim(certainties: Sequence[Certainty], withheld: int) -> str:
    """The headline over tests that have a result, one certainty a test, and how many have none to show.

    "raises" and "lowers" are said of tests whose always-valid interval excludes zero, "may" of those whose plain
    one does, and only when no test is certain.
    """
    said = _claim(certainties)
    return f"{said}; {_number(withheld)} more withheld" if withheld and certainties else said


def _claim(certainties: Sequence[Certainty]) -> str:
    n = len(certainties)
    if n == 0:
        return "No discount test has a result that can be shown"
    up, down, more, less = (sum(c == kind for c in certainties) for kind in ("up", "down", "leans up", "leans down"))
    if up or down:
        gains, losses, modal = up, down, ""
    else:
        gains, losses, modal = more, less, "may "
    if gains or losses:
        if n == 1:
            return f"The discount {_does(1, 'raise' if gains else 'lower', modal)} revenue"
        first = f"{_number(gains)} {_does(gains, 'raise', modal)} revenue" if gains else ""
        what = "it" if gains else "revenue"
        second = f"{_number(losses)} {_does(losses, 'lower', modal)} {what}" if losses else ""
        return f"Of {_number(n)} discount tests, {' and '.join(part for part in (first, second) if part)}"
    return "No clear effect of the discount" if n == 1 else f"No clear effect in any of {_number(n)} discount tests"


def _does(subjects: int, verb: str, modal: str) -> str:
    """The verb in the number of its subject: `raises`, `raise`, `may raise`."""
    return f"{modal}{verb}" if modal or subjects != 1 else f"{verb}s"


def _number(n: int) -> str:
    return _WORDS[n] if n < len(_WORDS) else str(n)
