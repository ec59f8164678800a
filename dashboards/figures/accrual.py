"""The studio's ad share by month of activity: what the ledger has posted, and what an open month adds so far.

Amounts are integers in minor units and are added, never divided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dashboards.figures.record import Source
from dashboards.figures.week import StudioWeek
from dashboards.published import Row

PENDING, LINES = "payouts.pending", "payouts.lines"
STREAM = "iaa"
"""In-app advertising."""
_READ = ("series_id", "activity_period", "currency")
_LINE_KEY = ("line_id",)
_PENDING_KEY = ("contract_id", "contract_version", "party_id", "series_id", "activity_period", "stream", "line_type")


@dataclass(frozen=True)
class Month:
    """Ad share of one activity month in one currency. `by_series` adds up to `total`.

    `sources` are the cells behind `posted` and `pending`.
    """

    month: str
    currency: str
    posted: int
    pending: int
    by_series: Mapping[str, int]
    sources: Mapping[str, tuple[Source, ...]]

    @property
    def total(self) -> int:
        return self.posted + self.pending


@dataclass(frozen=True)
class Accrual:
    """Months up to `month` (YYYY-MM), oldest first; `impressions` of the month's reported weeks, None if unknown."""

    month: str
    months: list[Month]
    impressions: int | None

    def currencies(self) -> list[str]:
        """Currencies, the one with most months first."""
        found = [m.currency for m in self.months]
        return sorted(set(found), key=lambda c: (-found.count(c), c))

    def of(self, currency: str) -> list[Month]:
        return [m for m in self.months if m.currency == currency]

    def current(self, currency: str) -> Month | None:
        """The report's own month, when the release has anything for it."""
        return next((m for m in self.of(currency) if m.month == self.month), None)


def read_accrual(week: StudioWeek) -> Accrual:
    """The ad share due to the studio itself; co-producers' and partners' shares are not in it."""
    month = f"{week.week.sunday:%Y-%m}"
    where = {"direction": "PAYABLE", "stream": STREAM}
    posted = week.scope.own_money(LINES, [*_LINE_KEY, *_READ, "amount_minor"], where)
    pending = week.scope.own_money(PENDING, [*dict.fromkeys([*_PENDING_KEY, *_READ]), "pending_minor"], where)
    return Accrual(month, _months(posted, pending, month), _impressions(week, month))


def _months(posted: list[Row], pending: list[Row], last: str) -> list[Month]:
    found: dict[tuple[str, str], Month] = {}
    for table, kind, column, key, rows in (
        (LINES, "posted", "amount_minor", _LINE_KEY, posted),
        (PENDING, "pending", "pending_minor", _PENDING_KEY, pending),
    ):
        for row in rows:
            # A half-month of a platform's calendar, 2026-06-H1, belongs to its month.
            name, currency, amount = str(row["activity_period"])[:7], str(row["currency"]), row[column]
            if name > last or amount is None:
                continue
            month = found.setdefault((name, currency), Month(name, currency, 0, 0, {}, {}))
            source = Source(table, column, {k: row[k] for k in key})
            found[name, currency] = replace(
                month,
                posted=month.posted + (int(amount) if kind == "posted" else 0),
                pending=month.pending + (int(amount) if kind == "pending" else 0),
                by_series={
                    **month.by_series,
                    row["series_id"]: month.by_series.get(row["series_id"], 0) + int(amount),
                },
                sources={**month.sources, kind: (*month.sources.get(kind, ()), source)},
            )
    return [found[key] for key in sorted(found)]


def _impressions(week: StudioWeek, month: str) -> int | None:
    counted = [
        total.value
        for w in week.weeks
        if f"{w.monday:%Y-%m}" == month or f"{w.sunday:%Y-%m}" == month
        if (total := week.total("ad_impressions", w)).value is not None
    ]
    return sum(counted) if counted else None
