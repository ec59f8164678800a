"""Platform statements, invoices, remittances and bank entries, consistent to the cent with the rows written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from dagster_project.simulator.arrays import STATEMENT_STREAM, random_stream
from dagster_project.simulator.deals import PLATFORM_FEE_PPM
from dagster_project.simulator.exact import largest_remainder, round_half_away
from dagster_project.simulator.markets import MARKETS, REGION_ENTITIES
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.statement_basis import UNATTRIBUTED, StatementBasis

_ECPM = {market.country: market.ecpm_micros for market in MARKETS}
_REGION = {market.country: market.region_entity for market in MARKETS}
_ISSUE_DAYS = 10
_DUE_DAYS = 20
_INVALID_TRAFFIC_PPM = 14_000
_LATE_DEDUCTION_PPM = 250_000


@dataclass(frozen=True)
class Deduction:
    """A deduction for activity of an earlier month, issued on a later statement and naming its series."""

    series: str
    activity_period: str
    minor: int
    """Negative."""


@dataclass(frozen=True)
class Statement:
    """One version of a platform statement; amounts in cents, periods inclusive."""

    number: str
    version: int
    replaces: str | None
    stream: str
    region: str
    starts_on: date
    ends_on: date
    issued_on: date
    status: str
    gross: int
    refund: int
    test: int
    platform_fee: int
    adjustment: int
    """For the statement's own period; deductions of earlier months come on top."""
    weights: dict[str, int]
    """Series or UNATTRIBUTED -> weight of the logs in the period."""
    by_country: dict[str, int]
    quantity: dict[str, int]
    deductions: tuple[Deduction, ...] = field(default=())

    @property
    def activity_period(self) -> str:
        """Month of the activity, YYYY-MM."""
        return self.starts_on.isoformat()[:7]

    @property
    def all_adjustments(self) -> int:
        """The adjustment column: own period and earlier months."""
        return self.adjustment + sum(one.minor for one in self.deductions)

    @property
    def settleable(self) -> int:
        """What the platform owes on it."""
        return self.gross - self.refund - self.test - self.platform_fee + self.all_adjustments

    @property
    def is_live(self) -> bool:
        """Whether no later version replaced it."""
        return self.status != "replaced"


@dataclass(frozen=True)
class Invoice:
    """One invoice over live statements of a stream, region and month; amounts in cents."""

    number: str
    statements: tuple[Statement, ...]
    issued_on: date
    due_on: date
    paid_on: date | None
    bank_fee: int

    @property
    def amount(self) -> int:
        """Sum of the statements' settleable amounts."""
        return sum(one.settleable for one in self.statements)


def half_months(parameters: WorldParameters) -> Iterator[tuple[date, date]]:
    """Yield the half-months (first day, last day) that touch the world."""
    last = parameters.start + timedelta(days=parameters.days - 1)
    first = parameters.start.replace(day=1)
    while first <= last:
        yield first, first.replace(day=15)
        following = (first + timedelta(days=32)).replace(day=1)
        yield first.replace(day=16), following - timedelta(days=1)
        first = following


def months(parameters: WorldParameters) -> Iterator[tuple[date, date]]:
    """Yield the months (first day, last day) that touch the world."""
    halves = list(half_months(parameters))
    for (first, _), (_, last) in zip(halves[::2], halves[1::2], strict=True):
        yield first, last


def complete_months(parameters: WorldParameters) -> list[str]:
    """Return the months (YYYY-MM) that ended inside the world and whose statements are all out by its end."""
    end = parameters.start + timedelta(days=parameters.days)
    return [first.isoformat()[:7] for first, last in months(parameters) if last + timedelta(days=_ISSUE_DAYS) < end]


def build_statements(parameters: WorldParameters, basis: StatementBasis) -> list[Statement]:
    """Return all statement versions issued before the world's end, in order of issue."""
    end = parameters.start + timedelta(days=parameters.days)
    found: list[Statement] = []
    for first, last in half_months(parameters):
        if last + timedelta(days=_ISSUE_DAYS) < end:
            found += [
                one for region in REGION_ENTITIES if (one := _ad_statement(parameters, basis, region, first, last))
            ]
    for first, last in months(parameters):
        if last + timedelta(days=_ISSUE_DAYS) < end:
            found += [one for region in REGION_ENTITIES if (one := _bean_statement(basis, region, first, last))]
    found = _deduct_later(parameters, found)
    found = _replace_one(parameters, found)
    return sorted(found, key=lambda one: (one.issued_on, one.number))


def _within(day: str, first: date, last: date) -> bool:
    return first.isoformat() <= day <= last.isoformat()


def _ad_statement(
    parameters: WorldParameters, basis: StatementBasis, region: str, first: date, last: date
) -> Statement | None:
    """Half-month of advertising revenue: valid impressions at prices near, not at, the reference prices."""
    weights: dict[str, int] = {}
    rewarded: dict[str, int] = {}
    for (day, country, series), count in sorted(basis.completed_rewarded.items()):
        if _within(day, first, last) and _REGION[country] == region:
            weights[series] = weights.get(series, 0) + count * _ECPM[country]
            rewarded[country] = rewarded.get(country, 0) + count
    if not any(weights.values()):
        return None
    weights.setdefault(UNATTRIBUTED, 0)
    plain: dict[str, int] = {}
    for (day, country), count in sorted(basis.other_impressions.items()):
        if _within(day, first, last) and _REGION[country] == region:
            plain[country] = plain.get(country, 0) + count
    generator = random_stream(parameters.seed, STATEMENT_STREAM, REGION_ENTITIES.index(region), first.toordinal())
    by_country, quantity = {}, {}
    for country in sorted({*rewarded, *plain}):
        price_ppm = 970_000 + int(generator.integers(0, 60_001))
        micros = Fraction(
            (5 * rewarded.get(country, 0) + plain.get(country, 0)) * _ECPM[country] * price_ppm, 5000 * 10**6
        )
        by_country[country] = round_half_away(micros / 10_000)
        quantity[country] = rewarded.get(country, 0) + plain.get(country, 0)
    gross = sum(by_country.values())
    return Statement(
        number=f"TT-IAA-{region}-{first.isoformat()[:7]}-H{1 if first.day == 1 else 2}",
        version=1,
        replaces=None,
        stream="iaa",
        region=region,
        starts_on=first,
        ends_on=last,
        issued_on=last + timedelta(days=_ISSUE_DAYS),
        status="confirmed",
        gross=gross,
        refund=0,
        test=0,
        platform_fee=0,
        adjustment=-round_half_away(Fraction(gross * _INVALID_TRAFFIC_PPM, 10**6)),
        weights=weights,
        by_country=by_country,
        quantity=quantity,
    )


def _bean_statement(basis: StatementBasis, region: str, first: date, last: date) -> Statement | None:
    """Month of Bean revenue at the reference value, less refunds, tests and the platform's fee."""
    weights: dict[str, int] = {}
    sums: dict[str, dict[str, int]] = {"unlocked": {}, "refunded": {}, "test": {}}
    for (day, country, series, kind), micros in sorted(basis.beans_micros.items()):
        if _within(day, first, last) and _REGION[country] == region:
            sums[kind][country] = sums[kind].get(country, 0) + micros
            if kind == "unlocked":
                weights[series] = weights.get(series, 0) + micros
    if not any(weights.values()):
        return None
    by_country = {
        country: round_half_away(Fraction(sums["unlocked"].get(country, 0) + sums["test"].get(country, 0), 10_000))
        for country in sorted({*sums["unlocked"], *sums["test"]})
    }
    gross = sum(by_country.values())
    refund = -round_half_away(Fraction(sum(sums["refunded"].values()), 10_000))
    test = round_half_away(Fraction(sum(sums["test"].values()), 10_000))
    fee = round_half_away(Fraction((gross - refund - test) * PLATFORM_FEE_PPM, 10**6))
    return Statement(
        number=f"TT-IAP-{region}-{first.isoformat()[:7]}",
        version=1,
        replaces=None,
        stream="iap_beans",
        region=region,
        starts_on=first,
        ends_on=last,
        issued_on=last + timedelta(days=_ISSUE_DAYS),
        status="confirmed",
        gross=gross,
        refund=refund,
        test=test,
        platform_fee=fee,
        adjustment=0,
        weights=weights,
        by_country=by_country,
        quantity=dict(by_country),
    )


def _deduct_later(parameters: WorldParameters, statements: list[Statement]) -> list[Statement]:
    """Take back a part of the first month's largest series on the first statement of the third month."""
    advertising = [one for one in statements if one.stream == "iaa"]
    periods = sorted({one.activity_period for one in advertising})
    if len(periods) < 3:
        return statements
    region = max(
        REGION_ENTITIES,
        key=lambda name: sum(
            one.gross for one in advertising if one.region == name and one.activity_period == periods[0]
        ),
    )
    early = [one for one in advertising if one.region == region and one.activity_period == periods[0]]
    target = next((one for one in advertising if one.region == region and one.activity_period == periods[2]), None)
    earned: dict[str, int] = {}
    for one in early:
        for series, minor in largest_remainder(one.gross, one.weights).items():
            earned[series] = earned.get(series, 0) + minor
    earned.pop(UNATTRIBUTED, None)
    if target is None or not earned:
        return statements
    series = max(sorted(earned), key=lambda key: earned[key])
    minor = -round_half_away(Fraction(earned[series] * _LATE_DEDUCTION_PPM, 10**6))
    changed = replace(target, deductions=(Deduction(series, periods[0], minor),)) if minor else target
    return [changed if one is target else one for one in statements]


def _replace_one(parameters: WorldParameters, statements: list[Statement]) -> list[Statement]:
    """Replace the first statement of the second month: its first version had stated too little."""
    advertising = [one for one in statements if one.stream == "iaa" and not one.deductions]
    periods = sorted({one.activity_period for one in advertising})
    if len(periods) < 2:
        return statements
    target = next(one for one in advertising if one.activity_period == periods[1])
    short = round_half_away(Fraction(target.gross * 13_000, 10**6))
    by_country = largest_remainder(target.gross - short, target.by_country) if target.gross else target.by_country
    first = replace(target, status="replaced", gross=target.gross - short, by_country=by_country)
    issued = target.issued_on + timedelta(days=9)
    if issued >= parameters.start + timedelta(days=parameters.days):
        return statements
    second = replace(target, number=f"{target.number}-B", version=2, replaces=target.number, issued_on=issued)
    return [one for one in statements if one is not target] + [first, second]


def build_invoices(parameters: WorldParameters, statements: Sequence[Statement]) -> list[Invoice]:
    """Return one invoice per stream, region and complete month over its live statements, with what was paid.

    The second month of one region stays unpaid, one early payment bears a wire fee.
    """
    end = parameters.start + timedelta(days=parameters.days)
    closed = complete_months(parameters)
    found = []
    for month in closed:
        for stream in ("iaa", "iap_beans"):
            for region in REGION_ENTITIES:
                parts = tuple(
                    one
                    for one in statements
                    if one.is_live and (one.stream, one.region, one.activity_period) == (stream, region, month)
                )
                amount = sum(one.settleable for one in parts)
                if amount <= 0:
                    continue
                issued = max(one.issued_on for one in parts)
                due = issued + timedelta(days=_DUE_DAYS)
                paid = due - timedelta(days=3)
                unpaid = closed.index(month) == 1 and region == "ROW" and stream == "iaa"
                wire = closed.index(month) == 0 and region == "ROW" and amount > 3_000
                found.append(
                    Invoice(
                        f"INV-{stream.split('_')[0].upper()}-{region}-{month}",
                        parts,
                        issued,
                        due,
                        paid if paid < end and not unpaid else None,
                        1_500 if wire else 0,
                    )
                )
    return found
