"""The summary of a run, printed."""

from __future__ import annotations

from rich.table import Table

from dagster_project.cli.console import out
from dagster_project.storage.summary import Headline, RunSummary


def print_files(summary: RunSummary) -> None:
    """What came in, by feed, and what was rejected, by reason."""
    if not summary.files:
        out.print("Nothing new has landed.", markup=False)
        return
    names = ("feed", "files", "lines", "accepted", "duplicate", "conflict", "rejected", "blank")
    table = Table(*names, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for feed in summary.files:
        counts = (feed.files, feed.lines_read, feed.accepted, feed.duplicate, feed.conflict, feed.rejected, feed.blank)
        table.add_row(feed.feed, *(f"{count:,}" for count in counts))
    out.print(table)
    for feed in summary.files:
        if feed.rejected_by_reason:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in feed.rejected_by_reason.items())
            out.print(f"  {feed.feed} in quarantine: {reasons}", markup=False)
        if feed.rejected_files:
            out.print(f"  {feed.feed}: {feed.rejected_files} files refused whole", markup=False)


def print_summary(summary: RunSummary) -> None:
    """Everything: files, tables, checks, headlines, places."""
    print_files(summary)
    out.print()
    published = {name: count for name, count in summary.tables.items() if not name.startswith("meta.")}
    out.print(f"{len(published)} tables, {sum(published.values()):,} rows; data to {summary.as_of}", markup=False)
    verdict = f"{summary.checks_passed} checks passed"
    if summary.checks_failed:
        verdict += f", {len(summary.checks_failed)} need attention: {'; '.join(summary.checks_failed)}"
    out.print(verdict, markup=False)
    for headline in summary.headlines:
        out.print(f"  {_sentence(headline)}", markup=False)
    out.print(f"{summary.state}: {summary.published}  (release {summary.release_id})", markup=False)


def _sentence(headline: Headline) -> str:
    if headline.estimate is None or headline.ci_low is None or headline.ci_high is None:
        return f"{headline.family}: {headline.sentence}: {headline.status}"
    interval = f"{headline.ci_low:.1%} to {headline.ci_high:.1%}"
    return f"{headline.family}: {headline.estimate:.1%} ({interval}, {headline.status}) {headline.sentence}"
