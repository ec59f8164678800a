"""The words for series without a curve: which of the five reasons, and what a reader may conclude."""

from datetime import timedelta

from dashboards import formats
from dashboards.charts.empty import EmptyState
from dashboards.figures.curves import HORIZON_HOURS
from dashboards.figures.scope import Series
from dashboards.figures.week import StudioWeek


def empty_curve(week: StudioWeek, series: Series, *, wide: bool) -> EmptyState | None:
    """Why the series' curve cannot be drawn, or None when it can. `wide` allows longer lines."""
    days = formats.day_span(week.week.monday, week.week.sunday)
    curve = week.curve(series)
    status = curve.status()
    starters = week.starters(series)
    if status == "missing" and starters == 0:
        status = "zero"
    if series.published_episodes < 1:
        return EmptyState("not_released", ("No episode is released yet.",))
    if status == "missing":
        return EmptyState(
            "missing",
            _lines(wide, f"No events received for {days}.", "This is missing data,", "not zero viewers."),
        )
    if status == "zero":
        return EmptyState("zero", _lines(wide, "viewers started the series", f"in the week {days}."), "0")
    if status == "suppressed":
        return EmptyState(
            "suppressed", _lines(wide, "Too few viewers: the platform", "does not show this figure.")
        )
    if status == "too_early":
        ripe = formats.day(week.week.next_monday + timedelta(hours=HORIZON_HOURS))
        return EmptyState(
            "too_early",
            _lines(
                wide, f"Too early: under {HORIZON_HOURS // 24} days of viewing.", f"Complete from {ripe}."
            ),
        )
    if len(curve.known) < 3 and series.published_episodes < 3:
        return _single(week, series)
    return None


def _single(week: StudioWeek, series: Series) -> EmptyState:
    # One or two points make no line: the number itself, with its interval.
    curve = week.curve(series)
    last = curve.known[-1]
    assert last.estimate is not None
    if last.episode == 1:
        return EmptyState(
            "single",
            ("started; one episode is released,", "so there is no drop to show yet."),
            formats.count(last.n_entered),
        )
    decimals = formats.rate_decimals(last.estimate.base)
    low, high = last.estimate.interval.low, last.estimate.interval.high
    return EmptyState(
        "single",
        (
            f"reach episode {last.episode}, the last released",
            f"(95% interval {formats.percent_range(low, high, decimals)}).",
        ),
        formats.percent(last.estimate.value, decimals),
    )


def _lines(wide: bool, *lines: str) -> tuple[str, ...]:
    return (" ".join(lines),) if wide else lines
