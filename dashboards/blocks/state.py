"""Can I trust it? The release's checks and what is still provisional, before any figure."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.document import Block, State
from dashboards.figures.record import Figure
from dashboards.figures.scope import StudioScope
from dashboards.titles import clean, cut

_MOST_SENTENCES = 3
_LONGEST_DETAIL = 180
_PROVISIONAL = {
    "views": "Viewing figures",
    "unlocks": "Unlock figures",
    "ads": "Ad revenue",
}


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass, in words the recipient may read."""

    check_name: str
    severity: str
    sentence: str


def failed_checks(scope: StudioScope) -> tuple[int, list[FailedCheck]]:
    """How many checks the release ran, and those that failed, critical ones first."""
    rows = scope.shared(
        "meta.checks",
        ["check_name", "asset", "severity", "passed", "detail"],
        {"release_id": scope.identity.release_id},
        ["check_name", "asset"],
    )
    failed = [
        FailedCheck(row["check_name"], row["severity"], _sentence(scope, row)) for row in rows if not row["passed"]
    ]
    return len(rows), sorted(failed, key=lambda c: (c.severity != "critical", c.check_name, c.sentence))


def state_of(context: WeeklyContext) -> State:
    """Red when a critical check failed, amber when anything needs attention or is provisional, else green."""
    total, failed = failed_checks(context.week.scope)
    if any(check.severity == "critical" for check in failed):
        return "red"
    return "amber" if failed or not total or _provisional(context) else "green"


def state_banner(context: WeeklyContext) -> Block:
    """The banner under the head."""
    total, failed = failed_checks(context.week.scope)
    record = context.record
    checks = record.text(Figure("checks.total", total, formats.count(total), "checks", how="rows of meta.checks"))
    if failed:
        attention = record.text(
            Figure("checks.failed", len(failed), formats.count(len(failed)), "checks", how="rows not passed")
        )
        needs = "needs" if len(failed) == 1 else "need"
        lead = f"{attention} of {checks} checks {needs} attention."
    elif total:
        lead = f"All {checks} checks passed." if total > 1 else "The one check passed."
    else:
        lead = "No check is recorded for this release."
    sentences = [check.sentence for check in failed[:_MOST_SENTENCES]]
    rest = len(failed) - _MOST_SENTENCES
    if rest > 0:
        more = record.text(Figure("checks.unsaid", rest, formats.count(rest), "checks", how="failed and not spelt out"))
        sentences.append(f"{more} more failed.")
    sentences += _provisional(context)
    return Block("banner", {"state": state_of(context), "lead": lead, "text": " ".join(sentences)})


def _sentence(scope: StudioScope, row: Mapping[str, str | None]) -> str:
    name = clean(str(row["check_name"] or "check")).replace("_", " ").strip()
    detail = clean(row["detail"] or "")
    if not detail or scope.names_somebody_else(f"{row['check_name']} {detail}"):
        # A detail that speaks of another studio is theirs to read; that the check failed is everybody's.
        if scope.names_somebody_else(name):
            return "A check on data outside this report failed."
        return f"The check \u201c{name}\u201d failed."
    return f"{cut(detail, _LONGEST_DETAIL).rstrip('.')}."


def _provisional(context: WeeklyContext) -> list[str]:
    week = context.week
    sentences = []
    for source, subject in _PROVISIONAL.items():
        if not week.has_rows(week.week) or not week.is_provisional(source):
            continue
        if source == "ads" and week.total("ad_revenue_micros").value is None:
            continue
        reached = week.freshness.get(source)
        verb = "is" if source == "ads" else "are"
        because = (
            "the log has no recorded end"
            if reached is None
            else f"the log reaches {formats.moment(reached)} and late rows may follow"
        )
        days = formats.day_span(week.week.monday, week.week.sunday)
        sentences.append(f"{subject} for {days} {verb} provisional: {because}.")
    return sentences
