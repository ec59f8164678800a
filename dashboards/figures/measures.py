"""The figures of a studio's week that tiles, findings and charts share, each with its comparison to last
week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards import formats
from dashboards.compare import Difference, Estimate, Interval, against_fixed, difference, normal_weekly_range
from dashboards.figures.benchmark import Benchmark
from dashboards.figures.curves import HORIZON_HOURS
from dashboards.figures.findings import SMALLEST_BASE, verb
from dashboards.figures.record import Figure, FigureRecord, Source
from dashboards.figures.scope import Series
from dashboards.figures.week import WEEKLY, StudioWeek
from dashboards.periods import Week

FEW_VIEWERS = "too few viewers to compare"
Signal = Literal["up", "down"]


@dataclass(frozen=True)
class Measured:
    """One measure of the week.

    `figure` is None when there is no number, and `reason` says why; beside a figure, `reason` says why it
    cannot be compared with last week, if so. `signal` is set only when the change is beyond noise: the
    interval of the difference excludes zero, or a total lies outside its normal weekly range (`normal`).
    `history` holds the unrounded values of the last eight weeks, oldest first, None for an unknown week.
    """

    figure: Figure | None
    previous: Figure | None
    change: Figure | None
    interval: Figure | None
    signal: Signal | None
    provisional: bool
    reason: str | None
    history: Sequence[int | float | None]
    difference: Difference | None = None
    normal: Interval | None = None


class Measures:
    """Makes measures of a studio's week and keeps every printed number in the record."""

    def __init__(self, week: StudioWeek, record: FigureRecord) -> None:
        self.week = week
        self.record = record

    def total(self, name: str, column: str, unit: Literal["viewers", "micros"], source: str, absent: str) -> Measured:
        """A weekly column added over the studio's series. `absent` is the reason to give when it is empty."""
        week = self.week
        history = week.history(lambda w: week.total(column, w).value)
        provisional = week.is_provisional(source)
        this = self._total_figure(name, column, unit, week.week, provisional)
        last = self._total_figure(f"{name}.last_week", column, unit, week.week.before(1), False)
        if this is None:
            reason = absent if week.has_rows(week.week) else "no events received"
            return Measured(None, last, None, None, None, provisional, reason, history)
        change = None
        normal = None
        signal: Signal | None = None
        if last is not None and self._comparable(column) and isinstance(last.value, int) and last.value > 0:
            assert isinstance(this.value, int)
            change = self.record.add(
                Figure(
                    f"{name}.change",
                    this.value / last.value - 1,
                    formats.relative(this.value / last.value - 1),
                    "share",
                    how="relative change of the first over the second",
                    of=(this.name, last.name),
                )
            )
        if not provisional and isinstance(this.value, int):
            earlier = [week.total(column, w).value for w in week.weeks[:-1]]
            normal = normal_weekly_range([v for v in earlier if v is not None])
            if normal is not None and normal.excludes(this.value):
                signal = "up" if this.value > normal.high else "down"
        incomparable = None if self._comparable(column) else "not comparable"
        return Measured(this, last, change, None, signal, provisional, incomparable, history, None, normal)

    def unlock_share(self) -> Measured:
        """Viewers who unlocked over viewers who saw an unlock offer, all series of the studio together."""
        week = self.week
        this, last = week.unlock_share(), week.unlock_share(week.week.before(1))
        previous = (
            None if last is None else self._share_figure("unlock_share.last_week", last, week.week.before(1), False)
        )
        history = week.history(lambda w: e.value if (e := week.unlock_share(w)) else None)
        provisional = week.is_provisional("unlocks")
        if this is None:
            reason = "no events received"
            if week.has_rows(week.week):
                shown = week.total("n_gate_viewers").value
                reason = "no viewer saw an unlock offer" if shown == 0 else "no unlock log received"
            return Measured(None, previous, None, None, None, provisional, reason, history)
        figure = self._share_figure("unlock_share", this, week.week, provisional)
        return self._compared(figure, previous, this, last, provisional, history)

    def reach(self, series: Series, episode: int, history: Sequence[int | float | None] = ()) -> Measured:
        """Reach of one episode within seven days by this week's starters of the series."""
        curve, before = self.week.curve(series), self.week.curve(series, 1)
        this, last = curve.estimate(episode), before.estimate(episode)
        point = curve.points.get(episode)
        provisional = point is not None and point.n_censored > 0
        name = f"reach.{series.series_id}.{episode}"
        previous = None
        if last is not None:
            previous = self._reach_figure(f"{name}.last_week", last, before.source(episode, "estimate"), False)
        if this is None:
            reason = self._why_no_reach(series, episode)
            return Measured(None, previous, None, None, None, provisional, reason, history)
        figure = self._reach_figure(name, this, curve.source(episode, "estimate"), provisional)
        return self._compared(figure, previous, this, last, provisional, history)

    def against_benchmark(self, series: Series, measured: Measured, benchmark: Benchmark) -> Difference | None:
        """Reach of the first paid episode against the benchmark's; None without enough to compare."""
        if series.gate is None or series.gate not in benchmark.points:
            return None
        this = self.week.curve(series).estimate(series.gate)
        if this is not None and this.base < SMALLEST_BASE:
            return None
        return None if this is None or measured.figure is None else against_fixed(this, benchmark.points[series.gate])

    def benchmark_figure(self, series: Series, benchmark: Benchmark, episode: int) -> Figure:
        """The benchmark at an episode of the series, as printed."""
        value = benchmark.points[episode]
        return self.record.add(
            Figure(
                f"benchmark.{series.series_id}.{episode}",
                value,
                formats.percent(value),
                "share",
                base=benchmark.n_series,
                how=f"median of {benchmark.n_series} similar series of {benchmark.n_studios} other studios",
            )
        )

    def starters(self, series: Series, week: Week | None = None) -> Figure | None:
        """Starters of one series in the week, as printed."""
        row = self.week.row(series, week)
        if row is None or row["n_starters"] is None:
            return None
        monday = (week or self.week.week).monday.isoformat()
        value = int(row["n_starters"])
        return self.record.add(
            Figure(
                f"starters.{series.series_id}.{monday}",
                value,
                formats.count(value),
                "viewers",
                sources=(Source(WEEKLY, "n_starters", {"series_id": series.series_id, "week_start": monday}),),
            )
        )

    def _compared(
        self,
        figure: Figure,
        previous: Figure | None,
        this: Estimate,
        last: Estimate | None,
        provisional: bool,
        history: Sequence[int | float | None],
    ) -> Measured:
        decimals = formats.rate_decimals(min(this.base, last.base if last else this.base))
        interval = self.record.add(
            Figure(
                f"{figure.name}.interval",
                None,
                formats.percent_range(this.interval.low, this.interval.high, formats.rate_decimals(this.base)),
                "share",
                interval=this.interval,
                how="95% interval of the figure",
                of=(figure.name,),
            )
        )
        if last is None or previous is None:
            return Measured(figure, None, None, interval, None, provisional, None, history)
        if min(this.base, last.base) < SMALLEST_BASE:
            return Measured(figure, previous, None, interval, None, provisional, FEW_VIEWERS, history)
        change = difference(this, last)
        moved = self.record.add(
            Figure(
                f"{figure.name}.change",
                change.value,
                formats.points(change.value, decimals),
                "points",
                interval=change.interval,
                how="difference of two independent estimates",
                of=(figure.name, previous.name),
            )
        )
        word = verb(change)
        signal: Signal | None = "up" if word == "rose" else "down" if word == "fell" else None
        return Measured(figure, previous, moved, interval, signal, provisional, None, history, change)

    def _total_figure(self, name: str, column: str, unit: str, week: Week, provisional: bool) -> Figure | None:
        total = self.week.total(column, week)
        if total.value is None:
            return None
        return self.record.add(
            Figure(
                name,
                total.value,
                formats.money(total.value) if unit == "micros" else formats.count(total.value),
                unit,
                "provisional" if provisional else "ok",
                how="sum",
                sources=total.sources,
            )
        )

    def _comparable(self, column: str) -> bool:
        # A row without the number is an unknown; a series without a row had nothing that week.
        now, before = self.week.total(column).series, self.week.total(column, self.week.week.before(1)).series
        return not any(
            (row := self.week.row(series, week)) is not None and row[column] is None
            for series in self.week.series
            for week in (self.week.week, self.week.week.before(1))
            if series.series_id in now | before
        )

    def _share_figure(self, name: str, estimate: Estimate, week: Week, provisional: bool) -> Figure:
        unlockers, viewers = (
            self.week.total("n_gate_unlockers", week),
            self.week.total("n_gate_viewers", week),
        )
        return self.record.add(
            Figure(
                name,
                estimate.value,
                formats.percent(estimate.value, formats.rate_decimals(estimate.base)),
                "share",
                "provisional" if provisional else "ok",
                estimate.interval,
                estimate.base,
                "share",
                unlockers.sources + viewers.sources,
            )
        )

    def _reach_figure(self, name: str, estimate: Estimate, source: Source, provisional: bool) -> Figure:
        return self.record.add(
            Figure(
                name,
                estimate.value,
                formats.percent(estimate.value, formats.rate_decimals(estimate.base)),
                "share",
                "provisional" if provisional else "ok",
                estimate.interval,
                estimate.base,
                sources=(source,),
            )
        )

    def _why_no_reach(self, series: Series, episode: int) -> str:
        if episode > series.published_episodes:
            return f"episode {episode} is not released yet"
        status = self.week.curve(series).status()
        point = self.week.curve(series).points.get(episode)
        if status == "missing":
            return "no events received"
        if status == "zero":
            return "nobody started the series"
        if point is not None and point.status == "suppressed":
            return "too few viewers to show"
        return f"too early: less than {HORIZON_HOURS // 24} days of viewing"
