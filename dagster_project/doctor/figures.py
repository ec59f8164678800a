"""What the databases and the ledger say: batches that wait, the release and its checks, freshness, genuineness."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from dagster_project.core.errors import WarehouseError
from dagster_project.core.findings import Finding, Level, age_words, listed
from dagster_project.ledger.verify import LedgerCheck, verify_ledger
from dagster_project.storage.inspection import (
    FeedFreshness,
    ReleasedState,
    WarehouseState,
    Writer,
    released_state,
    warehouse_state,
)
from dagster_project.storage.layout import DataLayout

# A day's delivery, and half a day for it to come in.
FRESH_FOR = timedelta(hours=36)
CLOCK_TOLERANCE = timedelta(hours=1)
LATE_SHARE = 0.05


def read_warehouse(layout: DataLayout, writer: Writer) -> tuple[WarehouseState | None, list[Finding]]:
    """What the warehouse knows, or None and why it was not asked."""
    if writer.is_holding:
        return None, []  # told with the writer
    if not layout.warehouse.exists():
        return WarehouseState(), []
    log = layout.warehouse.with_name(layout.warehouse.name + ".wal")
    if log.exists() and log.stat().st_size:
        return None, [
            Finding(
                Level.ATTENTION,
                "warehouse",
                "it is not opened",
                where=str(log),
                why="a killed run has left a log, which only a run should fold in",
                fix="run `cliffhanger run`, then ask again",
            )
        ]
    try:
        return warehouse_state(layout), []
    except WarehouseError as error:
        return None, [Finding(Level.BROKEN, "warehouse", error.what, where=error.where, why=error.why, fix=error.fix)]


def read_release(layout: DataLayout) -> tuple[ReleasedState | None, list[Finding]]:
    """What the published file says, or None."""
    if not layout.published.exists():
        return None, []
    try:
        return released_state(layout), []
    except WarehouseError as error:
        fix = "publish an earlier one with `cliffhanger release rollback`"
        return None, [Finding(Level.BROKEN, "release", error.what, where=error.where, why=error.why, fix=fix)]


def pending(layout: DataLayout, state: WarehouseState | None) -> list[Finding]:
    """Batches that were taken in and that no release holds."""
    if state is None or not layout.warehouse.exists():
        return []
    if not state.pending:
        return [Finding(Level.OK, "batches", "everything that was taken in is released")]
    return [
        Finding(
            Level.ATTENTION,
            "batches",
            f"{len(state.pending)} taken in and not released, the first at {state.pending[0]:%Y-%m-%d %H:%M} UTC",
            why="; ".join(state.failed_gates) or "the run after them did not end, or was `cliffhanger ingest`",
            fix="mend what is named and run `cliffhanger run`",
        )
    ]


def held(state: WarehouseState | None) -> list[Finding]:
    """Files that count for nothing until somebody decides."""
    if state is None or not state.held:
        return []
    return [
        Finding(
            Level.ATTENTION,
            "held",
            f"{len(state.held):,} files wait for a decision",
            where=listed(f"landing/{name}" for name in state.held),
            why="too many of their rows were refused, so none of them counts",
            fix="`cliffhanger quarantine list` says why; deliver them anew or take them in with `quarantine retry`",
        )
    ]


def release(
    layout: DataLayout, released: ReleasedState | None, state: WarehouseState | None, now: datetime
) -> list[Finding]:
    """The published release and the checks it did not pass."""
    if released is None:
        if layout.published.exists():
            return []  # told where it could not be read
        return [Finding(Level.ATTENTION, "release", "nothing is released yet", fix="run `cliffhanger run`")]
    what = f"{released.release_id}, made {age_words(now - released.created_at)} ago"
    found = []
    if state is not None and state.last_release not in (None, released.release_id):
        found.append(
            Finding(
                Level.ATTENTION,
                "release",
                f"{released.release_id} is published, not the last one ({state.last_release})",
                why="it was rolled back",
                fix="publish the last one with `cliffhanger release rollback` and its id when it is mended",
            )
        )
    if released.failed_checks:
        found.append(
            Finding(
                Level.ATTENTION,
                "release",
                f"{what}; {len(released.failed_checks)} of its checks need attention",
                why=listed(released.failed_checks),
                fix="ask meta.checks of the released file what each means",
            )
        )
    return found or [Finding(Level.OK, "release", f"{what}, all checks passed")]


def freshness(released: ReleasedState | None, now: datetime) -> list[Finding]:
    """How old the released data of each feed are and how much of them came late."""
    return [judge_freshness(feed, now) for feed in (released.freshness if released else ())]


def judge_freshness(feed: FeedFreshness, now: datetime) -> Finding:
    """One feed against the clock."""
    if feed.as_of is None:
        return Finding(Level.ATTENTION, "freshness", f"{feed.feed}: no row yet", fix="deliver the feed if there is one")
    age = now - feed.as_of
    late = "" if feed.late_share is None else f", {feed.late_share:.1%} late"
    what = f"{feed.feed}: data to {feed.as_of:%Y-%m-%d %H:%M} UTC, {age_words(age)} old{late}"
    why, fix = "", ""
    if age < -CLOCK_TOLERANCE:
        why, fix = "they come from the future", "mend the clock of this machine or of the sender (CLIFFHANGER_NOW?)"
    elif age > FRESH_FOR:
        why, fix = f"more than {age_words(FRESH_FOR)}", "see whether the feed still lands and runs still end well"
    elif feed.status == "behind":
        why, fix = "it is behind the other feeds", "see whether its last delivery has landed"
    elif feed.late_share is not None and feed.late_share > LATE_SHARE:
        why, fix = f"more than {LATE_SHARE:.0%} of its rows come late", "ask the sender; recent figures will still move"
    return Finding(Level.ATTENTION if why else Level.OK, "freshness", what, why=why, fix=fix)


def ledger(layout: DataLayout, state: WarehouseState | None, released: ReleasedState | None) -> list[Finding]:
    """Whether the ledger is what the closes wrote, and whole."""
    try:
        check = verify_ledger(layout)
    except WarehouseError as error:
        return [Finding(Level.BROKEN, "ledger", error.what, where=error.where, why=error.why, fix=error.fix)]
    remembered = {*(state.closed_months if state else ()), *(released.closed_months if released else ())}
    return judge_ledger(check, remembered, str(layout.ledger))


def judge_ledger(check: LedgerCheck, remembered: Iterable[str], where: str) -> list[Finding]:
    """`remembered` are the closed months that the databases know of."""
    fix = "restore the folder from a copy (docs/runbooks/backup-and-restore.md) and run `cliffhanger verify`"
    found = [
        Finding(
            Level.BROKEN,
            "ledger",
            f"{period.period} was changed",
            where=f"{where}/{period.period}",
            why="; ".join(period.problems),
            fix=fix,
        )
        for period in check.periods
        if period.problems
    ]
    lost = sorted(set(remembered) - {period.period for period in check.periods})
    if lost:
        why = "the databases hold lines of these months"
        found.append(Finding(Level.BROKEN, "ledger", f"{listed(lost)} lost", where=where, why=why, fix=fix))
    if found:
        return found
    if not check.periods:
        return [Finding(Level.OK, "ledger", "no month is closed yet")]
    return [Finding(Level.OK, "ledger", f"{len(check.periods)} closed months, genuine, head {check.head[:12]}")]
