"""The weekly studio report: one studio, one ISO week. A new part is one block module and one line in
`_pages`.
"""

from dataclasses import dataclass
from typing import Literal

from dashboards import theme
from dashboards.blocks.context import WeeklyContext
from dashboards.blocks.findings import find, findings_block
from dashboards.blocks.header import header, studio_name, week_span
from dashboards.blocks.lead_retention import lead_retention
from dashboards.blocks.pages import second_page, third_page
from dashboards.blocks.series_retention import series_retention
from dashboards.blocks.state import state_banner, state_of
from dashboards.blocks.tiles import tiles
from dashboards.document import Block, Document
from dashboards.errors import UnknownPeriod, UnknownRecipient
from dashboards.figures.findings import Finding
from dashboards.figures.record import FigureRecord
from dashboards.figures.week import WEEKLY, StudioWeek
from dashboards.fonts import FontSet
from dashboards.periods import Week
from dashboards.published import Release, aware


@dataclass(frozen=True)
class StudioWeekly:
    """See `dashboards.registry.Report`."""

    name: str = "studio_weekly"
    title: str = "Weekly studio report"
    period_kind: Literal["week", "month"] = "week"

    def recipients(self, release: Release, period: str) -> list[str]:
        """Every studio with a series, whether or not the week brought it data: missing data is reported
        too.
        """
        Week.parse(period)
        owners = {row["studio_id"] for row in release.read("core.dim_series", ["studio_id"])}
        studios = release.read("core.dim_studio", ["studio_id"], order_by=["studio_id"])
        return [row["studio_id"] for row in studios if row["studio_id"] in owners]

    def periods(self, release: Release) -> list[str]:
        """Every ISO week from the first with a weekly row to the last that the view log covers whole."""
        mondays = [aware(row["week_start"]).date() for row in release.read(WEEKLY, ["week_start"])]
        week = Week.last_complete(release.identity.as_of)
        found: list[str] = []
        while mondays and week.monday >= min(mondays):
            found.append(str(week))
            week = week.before(1)
        return found[::-1]

    def build(self, release: Release, period: str, recipient: str, fonts: FontSet) -> Document:
        """The report of one studio and week.

        Raises UnknownPeriod for a week the view log does not cover whole, UnknownRecipient for a studio
        without series.
        """
        week = Week.parse(period)
        if week > Week.last_complete(release.identity.as_of):
            raise UnknownPeriod(
                f"week {week} is not complete: views reach {release.identity.as_of:%Y-%m-%d %H:%M} UTC; "
                f"the last complete week is {Week.last_complete(release.identity.as_of)}"
            )
        studio_week = StudioWeek(release, recipient, week, fonts)
        if not studio_week.series:
            raise UnknownRecipient(f"studio {recipient!r} has no series in this release, so there is nothing to report")
        context = WeeklyContext(studio_week, FigureRecord())
        findings = find(context)
        pages = self._pages(context, findings)
        name = studio_name(context)
        small = name.fitted(150.0, theme.TYPE["footer"], fonts)
        identity = release.identity
        return Document(
            report=self.name,
            period=str(week),
            recipient=recipient,
            title=f"{self.title}: {name.text}, week {week.number} of {week.monday.isocalendar().year}",
            language="en",
            made_at=identity.as_of,
            footer=[
                {"text": small.text, "lang": name.language},
                {
                    "text": f" \u00b7 {self.name} {week} \u00b7 release {identity.content_hash[:8]}",
                    "lang": "en",
                },
                {"text": "    Confidential: for ", "lang": "en"},
                {"text": small.text, "lang": name.language},
                {"text": " only", "lang": "en"},
            ],
            state=state_of(context),
            pages=pages,
            figures=context.record,
            findings=findings,
            meta={
                "release": {
                    "release_id": identity.release_id,
                    "content_hash": identity.content_hash,
                    "as_of": identity.as_of.isoformat(),
                }
            },
            tables=context.tables,
            joins_pages=True,
            running_head=[
                {"text": small.text, "lang": name.language},
                {"text": f" \u00b7 Weekly studio report \u00b7 Week {week.number}, {week_span(context)}", "lang": "en"},
            ],
        )

    @staticmethod
    def _pages(context: WeeklyContext, findings: list[Finding]) -> list[list[Block]]:
        first = [
            header(context),
            state_banner(context),
            findings_block(context, findings),
            tiles(context),
            lead_retention(context),
            series_retention(context),
        ]
        pages = (first, second_page(context), third_page(context))
        return [[block for block in page if block is not None] for page in pages]


REPORT = StudioWeekly()
