"""The words for series without a curve: which of the five reasons, and what a reader may conclude."""

from datetime import timedelta

from dashboards import formats
from dashboards.blocks.context import WeeklyContext
from dashboards.charts.empty import EmptyState
from dashboards.figures.curves import HORIZON_HOURS
from dashboards.figures.record import Figure
from dashboards.figures.scope import Series

FEWEST_EPISODES = 3
"""A line through fewer episodes is a number, not a curve."""


def empty_curve(context: WeeklyContext, series: Series, *, wide: bool) -> EmptyState | None:
    """Why the series' curve cannot be drawn, or None when it can. `wide` allows longer lines."""
    week = context.week
    days = formats.day_span(week.week.monday, week.week.sunday)
    curve = week.curve(series)
    starters = context.measures.starters(series)
    if series.published_episodes < 1:
        return EmptyState("not_released", ("No episode is released yet.",))
    status = curve.status()
    if starters is not None and starters.value == 0:
        lines = _lines(wide, "viewers started the series", f"in the week {days}.")
        return EmptyState("zero", lines, context.record.text(starters))
    if status in ("missing", "zero"):
        lines = _lines(wide, f"No events received for {days}.", "This is missing data,", "not zero viewers.")
        return EmptyState("missing", lines)
    if status == "suppressed":
        lines = _lines(wide, "Too few viewers: the platform", "does not show this figure.")
        return EmptyState("suppressed", lines)
    if status == "too_early":
        ripe = formats.day(week.week.next_monday + timedelta(hours=HORIZON_HOURS))
        lines = _lines(wide, f"Too early: under {HORIZON_HOURS // 24} days of viewing.", f"Complete from {ripe}.")
        return EmptyState("too_early", lines)
    if series.published_episodes < FEWEST_EPISODES:
        return _single(context, series)
    return None


def _single(context: WeeklyContext, series: Series) -> EmptyState:
    curve, record = context.week.curve(series), context.record
    last = curve.known[-1]
    if last.episode == 1:
        started = Figure(
            f"counts.{series.series_id}.1.n_entered",
            last.n_entered,
            formats.count(last.n_entered),
            "viewers",
            sources=(curve.source(1, "n_entered"),),
        )
        lines = ("started; one episode is released,", "so there is no drop to show yet.")
        return EmptyState("single", lines, record.text(started))
    measured = context.measures.reach(series, last.episode)
    assert measured.figure is not None
    assert measured.interval is not None
    return EmptyState(
        "single",
        (
            f"reach episode {last.episode}, the last released",
            f"(95% interval {record.text(measured.interval)}).",
        ),
        record.text(measured.figure),
    )


def _lines(wide: bool, *lines: str) -> tuple[str, ...]:
    return (" ".join(lines),) if wide else lines
