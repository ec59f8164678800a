"""The summary of a run, printed."""

from __future__ import annotations

from rich.table import Table

from dagster_project.cli.console import out, printable
from dagster_project.core.errors import PartlyDone
from dagster_project.ledger.statements import decimal_text
from dagster_project.storage.headlines import Headline
from dagster_project.storage.summary import RunSummary


def print_files(summary: RunSummary) -> None:
    """What came in, by feed, and what was rejected, by reason."""
    if summary.held:
        out.print(
            f"{len(summary.held)} files are held back until you decide: `cliffhanger quarantine list`",
            markup=False,
        )
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
    for unknown in summary.unknown_columns:
        seen = f"first in {unknown.first_file_name} on {unknown.first_seen_at:%Y-%m-%d}"
        out.print(
            printable(f"  {unknown.feed} has a column its contract does not name: {unknown.column_name} ({seen})"),
            markup=False,
        )


def check_complete(summary: RunSummary) -> None:
    """Everything that has landed was taken in.

    Raises:
        PartlyDone: Some files were refused whole; the others are in.
    """
    if summary.refused:
        reasons = (f"{file.file_name} ({file.reason_code}: {file.detail})" for file in summary.refused)
        raise PartlyDone(
            f"{len(summary.refused)} of the landed files could not be taken in; all others are",
            where="landing",
            why="; ".join(reasons),
            fix="take them away or deliver them again, whole, a held one under its old name (or decide with "
            "`cliffhanger quarantine retry`); then run again",
        )


def print_summary(summary: RunSummary) -> None:
    """Everything: files, tables, checks, headlines, places."""
    print_files(summary)
    out.print()
    if summary.recomputed:
        parts = ", ".join(f"{one.affected:,} of {one.total:,} {one.scope}" for one in summary.recomputed)
        out.print(f"recomputed: {parts}", markup=False)
    published = {name: count for name, count in summary.tables.items() if not name.startswith("meta.")}
    reach = f"{summary.as_of:%Y-%m-%d %H:%M} UTC" if summary.as_of else "no views yet"
    out.print(f"{len(published)} tables, {sum(published.values()):,} rows; data to {reach}", markup=False)
    verdict = f"{summary.checks_passed} checks passed"
    if summary.checks_failed:
        verdict += f", {len(summary.checks_failed)} need attention: {'; '.join(summary.checks_failed)}"
    out.print(verdict, markup=False)
    if summary.data_docs:
        out.print(f"checks of the deliveries: {summary.data_docs}", markup=False)
    for headline in summary.headlines:
        out.print(f"  {_sentence(headline)}", markup=False)
    out.print(f"{summary.state}: {summary.published}  (release {summary.release_id})", markup=False)


def _sentence(headline: Headline) -> str:
    if headline.status != "ok" or headline.estimate is None:
        reason = f" ({headline.reason})" if headline.reason else ""
        return f"{headline.family}: {headline.status}{reason}: {headline.sentence}"
    if headline.unit == "minor" and headline.currency is not None:
        amount = decimal_text(int(headline.estimate), headline.currency)
        return f"{headline.family}: {amount} {headline.currency} (exact, ok) {headline.sentence}"
    if headline.unit == "points":
        figures = [
            f"{100 * value:+.1f}"
            for value in (headline.estimate, headline.ci_low, headline.ci_high)
            if value is not None
        ]
        return f"{headline.family}: {figures[0]} points ({' to '.join(figures[1:])}, ok) {headline.sentence}"
    interval = f"{headline.ci_low:.1%} to {headline.ci_high:.1%}"
    return f"{headline.family}: {headline.estimate:.1%} ({interval}, ok) {headline.sentence}"
