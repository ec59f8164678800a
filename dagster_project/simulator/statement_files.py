"""Write statements, invoices and cash as the files a finance team receives."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from dagster_project.simulator.exact import round_half_away
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.reference import Cell, write_csv
from dagster_project.simulator.statement_basis import StatementBasis
from dagster_project.simulator.statements import Invoice, Statement, complete_months, half_months, months
from dagster_project.simulator.vocabulary import APP_IDS

STATEMENT_COLUMNS = (
    "platform",
    "statement_no",
    "version",
    "replaces_statement_no",
    "stream",
    "region_entity",
    "period_start",
    "period_end",
    "statement_tz",
    "issued_on",
    "status",
    "gross",
    "refund",
    "test",
    "channel_fee",
    "tax",
    "platform_fee",
    "adjustment",
    "advance",
    "true_up",
    "settleable",
    "currency",
)
LINE_COLUMNS = (
    "platform",
    "statement_no",
    "version",
    "line_no",
    "app_id",
    "country",
    "placement",
    "metric",
    "quantity",
    "amount",
    "currency",
    "activity_period",
    "series_id",
    "reason",
)


def decimal_text(minor: int) -> str:
    """Return cents as decimal text with two places."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def write_statement_files(
    root: Path,
    parameters: WorldParameters,
    statements: Sequence[Statement],
    invoices: Sequence[Invoice],
    basis: StatementBasis,
) -> None:
    """Write landing/statements/<kind>/*.csv and reference invoices and periods."""
    folder = root / "landing" / "statements"
    for month in sorted({one.issued_on.isoformat()[:7] for one in statements}):
        issued = [one for one in statements if one.issued_on.isoformat()[:7] == month]
        write_csv(
            folder / "platform" / f"tiktok-{month}.csv", STATEMENT_COLUMNS, [_statement_row(one) for one in issued]
        )
        lines = [row for one in issued for row in _line_rows(one)]
        write_csv(folder / "platform_lines" / f"tiktok-{month}.csv", LINE_COLUMNS, lines)
    _write_cash(folder, invoices)
    _write_store(folder, parameters, basis)
    _write_networks(folder, parameters, basis)
    write_csv(
        root / "reference" / "invoice.csv",
        ("invoice_no", "statement_nos", "amount", "currency", "issued_on", "due_on"),
        [
            (
                one.number,
                ";".join(part.number for part in one.statements),
                decimal_text(one.amount),
                "USD",
                one.issued_on.isoformat(),
                one.due_on.isoformat(),
            )
            for one in invoices
        ],
    )
    periods: list[Sequence[Cell]] = [
        (
            "tiktok",
            "iaa",
            f"{first.isoformat()[:7]}-H{1 if first.day == 1 else 2}",
            first.isoformat(),
            last.isoformat(),
            "UTC",
            20,
        )
        for first, last in half_months(parameters)
    ]
    periods += [
        ("tiktok", "iap_beans", first.isoformat()[:7], first.isoformat(), last.isoformat(), "UTC", 20)
        for first, last in months(parameters)
    ]
    write_csv(
        root / "reference" / "periods.csv",
        ("platform", "stream", "period", "starts_on", "ends_on", "tz", "due_days"),
        periods,
    )


def _statement_row(one: Statement) -> Sequence[Cell]:
    zero = decimal_text(0)
    return (
        "tiktok",
        one.number,
        one.version,
        one.replaces,
        one.stream,
        one.region,
        one.starts_on.isoformat(),
        one.ends_on.isoformat(),
        "UTC",
        one.issued_on.isoformat(),
        one.status,
        decimal_text(one.gross),
        decimal_text(one.refund),
        decimal_text(one.test),
        zero,
        zero,
        decimal_text(one.platform_fee),
        decimal_text(one.all_adjustments),
        zero,
        zero,
        decimal_text(one.settleable),
        "USD",
    )


def _line_rows(one: Statement) -> list[Sequence[Cell]]:
    """Return the statement's lines; their amounts sum to its settleable amount."""
    metric = "impressions" if one.stream == "iaa" else "beans"
    found: list[tuple[str | None, str, int, int, str | None, str | None, str | None]] = [
        (country, metric, one.quantity[country], minor, one.activity_period, None, None)
        for country, minor in one.by_country.items()
    ]
    for name, minor, reason in (
        ("refund", -one.refund, "refund"),
        ("test", -one.test, "test_traffic"),
        ("platform_fee", -one.platform_fee, "platform_fee"),
        ("adjustment", one.adjustment, "invalid_traffic"),
    ):
        if minor:
            found.append((None, name, 0, minor, one.activity_period, None, reason))
    found += [
        (None, "adjustment", 0, cut.minor, cut.activity_period, cut.series, "invalid_traffic") for cut in one.deductions
    ]
    return [
        (
            "tiktok",
            one.number,
            one.version,
            number + 1,
            APP_IDS[0],
            country,
            None,
            metric_name,
            quantity,
            decimal_text(minor),
            "USD",
            activity,
            series,
            reason,
        )
        for number, (country, metric_name, quantity, minor, activity, series, reason) in enumerate(found)
    ]


def _write_cash(folder: Path, invoices: Sequence[Invoice]) -> None:
    paid = [one for one in invoices if one.paid_on is not None]
    for month in sorted({one.paid_on.isoformat()[:7] for one in paid if one.paid_on}):
        due = [one for one in paid if one.paid_on and one.paid_on.isoformat()[:7] == month]
        write_csv(
            folder / "remittance" / f"tiktok-{month}.csv",
            (
                "payer",
                "invoice_no",
                "statement_nos",
                "amount",
                "currency",
                "bank_fee",
                "withholding_tax",
                "received_amount",
                "status",
                "paid_on",
            ),
            [
                (
                    "tiktok",
                    one.number,
                    ";".join(part.number for part in one.statements),
                    decimal_text(one.amount),
                    "USD",
                    decimal_text(one.bank_fee),
                    decimal_text(0),
                    decimal_text(one.amount - one.bank_fee),
                    "paid",
                    one.paid_on.isoformat() if one.paid_on else None,
                )
                for one in due
            ],
        )
        write_csv(
            folder / "bank" / f"house-usd-{month}.csv",
            (
                "entry_id",
                "account",
                "booked_on",
                "value_on",
                "amount",
                "currency",
                "counterparty",
                "reference",
                "end_to_end_id",
            ),
            [
                (
                    f"BK-{one.number}",
                    "house-usd",
                    one.paid_on.isoformat() if one.paid_on else None,
                    (one.paid_on + timedelta(days=1)).isoformat() if one.paid_on else None,
                    decimal_text(one.amount - one.bank_fee),
                    "USD",
                    "TikTok Pte. Ltd.",
                    f"Payment {one.number}",
                    one.number,
                )
                for one in due
            ],
        )


def _write_store(folder: Path, parameters: WorldParameters, basis: StatementBasis) -> None:
    """Monthly sales of each store: charge and fee are rows of their own."""
    for month in complete_months(parameters):
        sums: dict[tuple[str, str, str, str], list[int]] = {}
        for (day, store, sku, country, event), (count, gross, fee) in sorted(basis.store_micros.items()):
            if day[:7] == month:
                total = sums.setdefault((store, sku, country, event), [0, 0, 0])
                total[0], total[1], total[2] = total[0] + count, total[1] + gross, total[2] + fee
        for store in sorted({key[0] for key in sums}):
            rows: list[Sequence[Cell]] = []
            for (_, sku, country, event), (count, gross, fee) in ((k, v) for k, v in sums.items() if k[0] == store):
                for kind, micros in (("charge", gross), ("fee", -fee)):
                    amount = decimal_text(round_half_away(Fraction(micros, 10_000)))
                    rows.append((store, month, len(rows) + 1, event, kind, sku, country, count, amount, "USD"))
            write_csv(
                folder / "store" / f"{store}-{month}.csv",
                (
                    "store",
                    "period",
                    "line_no",
                    "event_type",
                    "line_type",
                    "sku_id",
                    "country",
                    "quantity",
                    "amount",
                    "currency",
                ),
                rows,
            )


def _write_networks(folder: Path, parameters: WorldParameters, basis: StatementBasis) -> None:
    """Monthly statements of the own apps' ad networks."""
    for month in complete_months(parameters):
        sums: dict[tuple[str, str], list[int]] = {}
        for (day, network, country), (total, bad) in sorted(basis.network_micros.items()):
            if day[:7] == month:
                both = sums.setdefault((network, country), [0, 0])
                both[0], both[1] = both[0] + total, both[1] + bad
        for network in sorted({key[0] for key in sums}):
            rows: list[Sequence[Cell]] = []
            for (_, country), (total, bad) in ((k, v) for k, v in sums.items() if k[0] == network):
                estimated, cut = (round_half_away(Fraction(value, 10_000)) for value in (total, bad))
                rows.append(
                    (
                        network,
                        month,
                        country,
                        decimal_text(estimated),
                        decimal_text(-cut),
                        decimal_text(estimated - cut),
                        "final",
                        "USD",
                    )
                )
            write_csv(
                folder / "ad_network" / f"{network}-{month}.csv",
                ("network", "period", "country", "estimated", "ivt_deduction", "finalized", "status", "currency"),
                rows,
            )
