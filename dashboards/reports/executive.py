"""The executive page: one file for whoever runs the platform, rebuilt with every release."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dashboards.document import WebPage
from dashboards.errors import UnknownPeriod, UnknownRecipient
from dashboards.executive.context import PageContext
from dashboards.executive.page import compose
from dashboards.fonts import FontSet
from dashboards.periods import Week
from dashboards.published import Release, aware

OPERATOR = "operator"


@dataclass(frozen=True)
class Executive:
    """See `dashboards.registry.Report`. With `now` (aware) the page also says when a run is missing."""

    name: str = "executive"
    title: str = "Executive page"
    period_kind: Literal["week", "month"] = "week"
    now: datetime | None = None

    def recipients(self, release: Release, period: str) -> list[str]:
        """The operator alone: the page speaks of everybody."""
        Week.parse(period)
        return [OPERATOR]

    def periods(self, release: Release) -> list[str]:
        """Every ISO week from the first with a weekly row to the last that the view log covers whole.

        The last is there even without a row: that there is nothing is told too.
        """
        mondays = [aware(row["week_start"]).date() for row in release.read("weekly.series_week", ["week_start"])]
        week = Week.last_complete(release.identity.as_of)
        found = [str(week)]
        while mondays and week.before(1).monday >= min(mondays):
            week = week.before(1)
            found.append(str(week))
        return found[::-1]

    def build(self, release: Release, period: str, recipient: str, fonts: FontSet) -> WebPage:
        """The page of one week.

        Raises UnknownPeriod for a week the view log does not cover whole, UnknownRecipient for anybody but the
        operator.
        """
        week = Week.parse(period)
        last = Week.last_complete(release.identity.as_of)
        if week > last:
            raise UnknownPeriod(f"week {week} is not complete: the last complete week is {last}")
        if recipient != OPERATOR:
            raise UnknownRecipient(f"{recipient!r} does not get the {self.name} page; it goes to {OPERATOR!r}")
        context = PageContext(release, week, fonts, self.now)
        title = f"{self.title}, week {week.number} of {week.monday.isocalendar().year}"
        html, state = compose(context, title)
        identity = release.identity
        return WebPage(
            report=self.name,
            period=str(week),
            recipient=recipient,
            title=title,
            file_name="executive.html",
            html=html,
            state=state,
            figures=context.record,
            meta={
                "release": {
                    "release_id": identity.release_id,
                    "content_hash": identity.content_hash,
                    "as_of": identity.as_of.isoformat(),
                }
            },
            tables=context.tables,
        )


REPORT = Executive()
