"""What one payee may see of the released ledger: their own lines, and what is due to them but not posted.

Every read is filtered by the payee, so that nothing of another party can reach a page.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboards.errors import UnknownRecipient
from dashboards.fonts import FontSet
from dashboards.published import Release, Row
from dashboards.statement.month import Month, span
from dashboards.titles import Title, printable

LINES = "payouts.lines"
PENDING = "payouts.pending"
SHOULD_BE = "payouts.should_be"
BLOCKERS = "payouts.blockers"
CLOSES = "payouts.closes"
"""One row per closed month: posted_period and hash, the head of the chain. Not every release holds it."""
PAYABLE = "PAYABLE"

_LINE_COLUMNS = (
    "line_id",
    "statement_id",
    "contract_id",
    "contract_version",
    "series_id",
    "activity_period",
    "posted_period",
    "stream",
    "currency",
    "line_type",
    "reason",
    "tier_no",
    "base_minor",
    "rate_ppm",
    "posted_before_minor",
    "restated_minor",
    "amount_minor",
    "source_statement",
)
_PENDING_COLUMNS = (
    "contract_id",
    "contract_version",
    "series_id",
    "activity_period",
    "stream",
    "currency",
    "line_type",
    "should_be_minor",
    "posted_minor",
    "pending_minor",
)
_VERSION = re.compile(r"-v(\d+)$")


@dataclass(frozen=True)
class PostedLine:
    """One posted line; amounts in minor units. `pool_minor` is the entitlement of all parties of the contract
    together, None where it is not known any more.
    """

    line_id: str
    statement_id: str
    contract_id: str
    contract_version: int
    series_id: str
    activity_period: str
    posted_period: str
    stream: str
    currency: str
    line_type: str
    reason: str
    tier_no: int | None
    base_minor: int
    rate_ppm: int | None
    posted_before_minor: int | None
    restated_minor: int | None
    amount_minor: int
    source_statement: str | None
    pool_minor: int | None = None

    @property
    def is_earning(self) -> bool:
        return self.line_type == "EARNING"


@dataclass(frozen=True)
class PendingItem:
    """What is due and not posted yet for one series, month and kind of revenue, minor units."""

    contract_id: str
    contract_version: int
    series_id: str
    activity_period: str
    stream: str
    currency: str
    line_type: str
    should_be_minor: int
    posted_minor: int
    pending_minor: int


@dataclass(frozen=True)
class Blocker:
    """A matter that must be mended first. `subject` is None where it may name somebody else's business."""

    kind: str
    reason: str
    subject: str | None


@dataclass(frozen=True)
class Balance:
    """One currency of the month, minor units: what was carried in, the month's lines, what they come to.

    `carried_minor` is never above zero: a month below zero is carried until later months make up for it.
    """

    currency: str
    carried_minor: int
    lines: Sequence[PostedLine]
    to_date_minor: int

    @property
    def posted_minor(self) -> int:
        """Sum of the month's lines: the ledger's own total."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def due_minor(self) -> int:
        """Carried and posted together; below zero nothing is paid."""
        return self.carried_minor + self.posted_minor


def closed_months(release: Release) -> list[Month]:
    """Every month from the first with a posted line to the last."""
    posted = {row["posted_period"] for row in release.read(LINES, ["posted_period"])}
    months = sorted(Month.parse(period) for period in posted)
    return span(months[0], months[-1]) if months else []


def payees(release: Release, month: Month) -> list[str]:
    """Everybody who was posted a line in the month or before, or is due something of it, sorted."""
    found = {
        row["party_id"]
        for row in release.read(LINES, ["party_id", "posted_period"], {"direction": PAYABLE})
        if row["posted_period"] <= str(month)
    }
    for table in (SHOULD_BE, PENDING):
        rows = release.read(table, ["party_id", "activity_period"], {"direction": PAYABLE})
        found |= {row["party_id"] for row in rows if row["activity_period"] <= str(month)}
    return sorted(found)


def version_of(statement_id: str) -> int:
    """The version a statement number ends with; 1 when it names none."""
    match = _VERSION.search(statement_id)
    return int(match[1]) if match else 1


class Account:
    """The released ledger as one payee sees it in one month. Raises UnknownRecipient for one without part in it."""

    def __init__(self, release: Release, party_id: str, month: Month, fonts: FontSet) -> None:
        if party_id not in payees(release, month):
            raise UnknownRecipient(
                f"{party_id!r} was never due anything up to {month}, so there is no statement; "
                "the ids of payees are in payouts.lines, column party_id"
            )
        self._release = release
        self.party_id = party_id
        self.month = month
        self.fonts = fonts
        self.identity = release.identity
        studio = release.read("core.dim_studio", ["name", "legal_name", "locale"], {"studio_id": party_id})
        name = (studio[0]["legal_name"] or studio[0]["name"]) if studio else party_id
        self.payee = printable(name, party_id, "Payee", studio[0]["locale"] if studio else "en", fonts)

    @cached_property
    def history(self) -> list[PostedLine]:
        """Every line posted to the payee up to the month, in order of posting and line id."""
        rows = self._own(LINES, _LINE_COLUMNS, ["posted_period", "line_id"])
        return [self._line(row) for row in rows if row["posted_period"] <= str(self.month)]

    @cached_property
    def lines(self) -> list[PostedLine]:
        """The lines of the month, in order of statement, series and line id."""
        own = [line for line in self.history if line.posted_period == str(self.month)]
        return sorted(own, key=lambda line: (line.statement_id, line.series_id, line.line_id))

    @cached_property
    def balances(self) -> list[Balance]:
        """One per currency the payee was ever posted in, or is due, by code."""
        found = []
        for currency in sorted({line.currency for line in self.history} | {p.currency for p in self.pending}):
            carried = 0
            for period in sorted({line.posted_period for line in self.history if line.currency == currency}):
                if period < str(self.month):
                    carried = min(0, carried + self._posted(currency, period))
            to_date = sum(line.amount_minor for line in self.history if line.currency == currency)
            own = [line for line in self.lines if line.currency == currency]
            found.append(Balance(currency, carried, own, to_date))
        return found

    @cached_property
    def pending(self) -> list[PendingItem]:
        """What the release holds as due and not posted, by month and contract; zero differences left out."""
        rows = self._own(PENDING, _PENDING_COLUMNS, ["activity_period", "contract_id", "series_id", "stream"])
        return [PendingItem(**row) for row in rows if row["pending_minor"]]

    @cached_property
    def blockers(self) -> list[Blocker]:
        """What is blocked: matters of the payee's own contracts by name, those of platform statements without."""
        own = {line.contract_id for line in self.history} | {item.contract_id for item in self.pending}
        found = []
        for row in self._release.read(BLOCKERS, ["kind", "reason", "subject"], order_by=["kind", "reason", "subject"]):
            if row["kind"] != "contract":
                found.append(Blocker(row["kind"], row["reason"], None))
            elif str(row["subject"]).split(" version ")[0] in own:
                found.append(Blocker(row["kind"], row["reason"], row["subject"]))
        return found

    @cached_property
    def seal(self) -> str | None:
        """The hash that seals the month; None when the release does not hold it."""
        if not self._release.has(CLOSES):
            return None
        rows = self._release.read(CLOSES, ["hash"], {"posted_period": str(self.month)})
        return str(rows[0]["hash"]) if rows else None

    @cached_property
    def titles(self) -> dict[str, Title]:
        """Titles of the series on the payee's lines."""
        series = sorted({line.series_id for line in self.history} | {item.series_id for item in self.pending})
        rows = self._release.read("core.dim_series", ["series_id", "title", "language"], {"series_id": series})
        known = {row["series_id"]: row for row in rows}
        return {
            one: printable(
                known[one]["title"] if one in known else None,
                one,
                "Series",
                known[one]["language"] if one in known else None,
                self.fonts,
            )
            for one in series
        }

    @cached_property
    def whole_tiers(self) -> frozenset[tuple[str, int]]:
        """Contract versions whose whole base is paid at the rate reached."""
        own = sorted({line.contract_id for line in self.lines})
        rows = self._release.read(
            "core.dim_contract", ["contract_id", "contract_version"], {"contract_id": own, "tier_kind": "WHOLE"}
        )
        return frozenset((row["contract_id"], row["contract_version"]) for row in rows)

    @cached_property
    def _pools(self) -> dict[tuple[object, ...], tuple[int, int]]:
        columns = [*_POOL_KEY, "amount_minor", "entitlement_minor"]
        found: dict[tuple[object, ...], tuple[int, int]] = {}
        twice = set()
        for row in self._own(SHOULD_BE, columns, list(_POOL_KEY)):
            key = tuple(row[c] for c in _POOL_KEY)
            # A month in which a contract year ends has two rows of a tier: which one a line is of is not known.
            if key in found:
                twice.add(key)
            found[key] = (row["amount_minor"], row["entitlement_minor"])
        return {key: pool for key, pool in found.items() if key not in twice}

    def _own(self, table: str, columns: Sequence[str], order_by: Sequence[str]) -> list[Row]:
        return self._release.read(table, columns, {"direction": PAYABLE, "party_id": self.party_id}, order_by)

    def _line(self, row: Row) -> PostedLine:
        # The pool is that of today; where the line would be another one today, it is not the line's own.
        mine, pool = self._pools.get(tuple(row[c] for c in _POOL_KEY), (None, None))
        known = row["line_type"] == "EARNING" and mine == row["amount_minor"]
        return PostedLine(**row, pool_minor=pool if known else None)

    def _posted(self, currency: str, period: str) -> int:
        return sum(
            line.amount_minor for line in self.history if line.currency == currency and line.posted_period == period
        )


_POOL_KEY = ("contract_id", "contract_version", "series_id", "activity_period", "stream", "currency", "tier_no")
