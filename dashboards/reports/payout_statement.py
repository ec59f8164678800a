"""The payout statement: one payee, one closed month, from the ledger lines that the release holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from dashboards import theme
from dashboards.document import Block, Document
from dashboards.errors import UnknownPeriod
from dashboards.figures.record import FigureRecord
from dashboards.fonts import FontSet
from dashboards.published import Release
from dashboards.statement.account import Account, closed_months, payees
from dashboards.statement.context import StatementContext
from dashboards.statement.month import Month
from dashboards.statement.small_print import small_print
from dashboards.statement.summary import header, nothing_yet, summary
from dashboards.statement.tables import lines_table, pending_table


@dataclass(frozen=True)
class PayoutStatement:
    """See `dashboards.registry.Report`."""

    name: str = "payout_statement"
    title: str = "Payout statement"
    period_kind: Literal["week", "month"] = "month"

    def recipients(self, release: Release, period: str) -> list[str]:
        """Every payee with a part in the ledger by then: a month without a line is told too."""
        return payees(release, Month.parse(period))

    def periods(self, release: Release) -> list[str]:
        """Every month from the first with a posted line to the last."""
        return [str(month) for month in closed_months(release)]

    def build(self, release: Release, period: str, recipient: str, fonts: FontSet) -> Document:
        """The statement of one payee and month.

        Raises UnknownPeriod for a month that was not closed, UnknownRecipient for one who was never due
        anything.
        """
        month = Month.parse(period)
        if month not in closed_months(release):
            raise UnknownPeriod(f"{month} has no posted lines in this release; close it first, then publish again")
        account = Account(release, recipient, month, fonts)
        context = StatementContext(account, FigureRecord())
        small = account.payee.fitted(150.0, theme.TYPE["footer"], fonts)
        identity = release.identity
        pages = self._pages(context)
        return Document(
            report=self.name,
            period=str(month),
            recipient=recipient,
            title=f"{self.title}: {account.payee.text}, {month.name}",
            language="en",
            made_at=identity.as_of,
            footer=[
                {"text": small.text, "lang": small.language},
                {"text": f" \u00b7 {self.name} {month} \u00b7 release {identity.content_hash[:8]}", "lang": "en"},
                {"text": "    Confidential: for ", "lang": "en"},
                {"text": small.text, "lang": small.language},
                {"text": " only", "lang": "en"},
            ],
            state="amber" if account.blockers else "green",
            pages=pages,
            figures=context.record,
            findings=[],
            meta={
                "release": {
                    "release_id": identity.release_id,
                    "content_hash": identity.content_hash,
                    "as_of": identity.as_of.isoformat(),
                },
                "payee": account.payee.text,
                "chain_hash": account.seal,
            },
            tables=_tables(account),
        )

    @staticmethod
    def _pages(context: StatementContext) -> list[list[Block]]:
        page: list[Block | None] = [header(context)]
        for balance in context.account.balances:
            page += [summary(context, balance), lines_table(context, balance)]
        if not context.account.balances:
            page.append(nothing_yet(context))
        page += [pending_table(context), small_print(context)]
        return [[block for block in page if block is not None]]


def _tables(account: Account) -> dict[str, Sequence[Mapping[str, object]]]:
    statements: dict[tuple[str, str], int] = {}
    for line in account.lines:
        key = (line.statement_id, line.currency)
        statements[key] = statements.get(key, 0) + line.amount_minor
    return {
        "lines": [asdict(line) for line in account.lines],
        "statements": [
            {"statement_id": one, "currency": code, "total_minor": total}
            for (one, code), total in sorted(statements.items())
        ],
        "pending": [asdict(item) for item in account.pending],
        "blockers": [asdict(one) for one in account.blockers],
    }


REPORT = PayoutStatement()
