"""Contracts of a world: what studios are owed per series and stream, and the licence fees a platform owes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from dagster_project.simulator.catalogue import Catalogue, series_id, studio_id
from dagster_project.simulator.markets import MARKETS
from dagster_project.simulator.orders import BEAN_MICROS, PACKS, STORE_FEE_PPM, STORES
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.reference import Cell, write_csv
from dagster_project.simulator.titles import studio_record
from dagster_project.simulator.vocabulary import SURFACES

BEGINNING = "2025-01-01"
PLATFORM_FEE_PPM = 80_000
"""The platform's fee on Bean revenue net of refunds and tests."""
_LICENSED_SERIES = 4
_AMENDED_SERIES = 5


@dataclass(frozen=True)
class ContractVersion:
    """Terms of one payable contract that hold for activity in [valid_from, valid_to)."""

    contract_id: str
    version: int
    series: str
    studio: str
    stream: str
    valid_from: str
    valid_to: str | None
    recorded_at: str
    tier_kind: str
    tiers: tuple[tuple[int | None, int], ...]
    """(upper bound of the cumulative base in minor units or None, rate in parts per million)."""
    parties: tuple[tuple[str, int], ...]
    reserve_bps: int = 0
    advance_minor: int = 0


def operator_owned(series: int) -> bool:
    """Whether the operator owns a series itself; then nobody is paid for it."""
    return series % 7 == 3


def amendment_date(parameters: WorldParameters) -> date:
    """Return the sixteenth of the month after the world's first: a late-signed amendment takes effect there."""
    next_month = (parameters.start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return next_month.replace(day=16)


def payable_contracts(parameters: WorldParameters, catalogue: Catalogue) -> list[ContractVersion]:
    """Return all versions of the contracts with studios, ordered by contract and version."""
    found: list[ContractVersion] = []
    amended_from = amendment_date(parameters)
    for index in range(catalogue.n_series):
        if operator_owned(index):
            continue
        studio = studio_id(int(catalogue.studio[index]))
        tier_kind, tiers, parties = _terms(index, studio, max(20, parameters.viewers // 100))
        first = ContractVersion(
            contract_id=f"PAY-{series_id(index)}-IAA",
            version=1,
            series=series_id(index),
            studio=studio,
            stream="iaa",
            valid_from=BEGINNING,
            valid_to=None,
            recorded_at=f"{BEGINNING}T00:00:00.000Z",
            tier_kind=tier_kind,
            tiers=tiers,
            parties=parties,
            reserve_bps=1000 if index % 11 == 6 else 0,
            advance_minor=25_000 if index % 13 == 8 else 0,
        )
        if index == _AMENDED_SERIES:
            flat = replace(first, tier_kind="MARGINAL", tiers=((None, 300_000),), reserve_bps=0, advance_minor=0)
            recorded = (amended_from + timedelta(days=34)).isoformat()
            found.append(replace(flat, valid_to=amended_from.isoformat()))
            found.append(
                replace(
                    flat,
                    version=2,
                    tiers=((None, 350_000),),
                    valid_from=amended_from.isoformat(),
                    recorded_at=f"{recorded}T10:00:00.000Z",
                )
            )
        else:
            found.append(first)
        tier_kind, tiers, parties = _terms(index + 1, studio, max(500, parameters.viewers * 2 // 3))
        found.append(
            replace(
                first,
                contract_id=f"PAY-{series_id(index)}-IAP",
                stream="iap_beans",
                tier_kind=tier_kind,
                tiers=tiers,
                parties=parties,
                reserve_bps=0,
                advance_minor=0,
            )
        )
    return found


def _terms(
    index: int, studio: str, bound: int
) -> tuple[str, tuple[tuple[int | None, int], ...], tuple[tuple[str, int], ...]]:
    """Return tier kind, tiers and parties: flat, marginal, whole, thirds, uneven shares in turn.

    `bound` is the first tier's end in cents, set so that a series of middling success passes it.
    """
    alone = ((studio, 1),)
    variant = index % 5
    if variant == 1:
        return "MARGINAL", ((bound, 300_000), (3 * bound, 400_000), (None, 500_000)), alone
    if variant == 2:
        return "WHOLE", ((bound, 300_000), (None, 350_000)), alone
    if variant == 3:
        return "MARGINAL", ((None, 350_000),), ((studio, 1), ("coproducer-north", 1), ("coproducer-south", 1))
    if variant == 4:
        return "MARGINAL", ((None, 250_000),), ((studio, 4750), ("coproducer-north", 3333), ("writer-fund", 1917))
    return "MARGINAL", ((None, 300_000),), alone


def write_deal_tables(folder: Path, parameters: WorldParameters, catalogue: Catalogue) -> None:
    """Write contracts, tiers, parties, withholding and the effective-dated rates."""
    contracts = payable_contracts(parameters, catalogue)
    rows: list[Sequence[Cell]] = []
    for one in contracts:
        base = "net_of_ivt" if one.stream == "iaa" else "net_of_platform_fee"
        rows.append(
            (
                one.contract_id,
                one.version,
                "PAYABLE",
                one.studio,
                one.series,
                one.stream,
                "*",
                "*",
                one.valid_from,
                one.valid_to,
                one.recorded_at,
                "RETROACTIVE",
                "USD",
                base,
                one.tier_kind,
                "LIFETIME",
                0,
                None,
                "false",
                one.advance_minor,
                None,
                None,
                None,
                10_000,
                one.reserve_bps,
                3 if one.reserve_bps else 0,
                "CUMULATIVE",
                "false",
            )
        )
    for index in range(min(_LICENSED_SERIES, catalogue.n_series)):
        rows.append(
            (
                f"LIC-{series_id(index)}",
                1,
                "RECEIVABLE",
                "tiktok",
                series_id(index),
                "licence",
                SURFACES[1],
                "*",
                BEGINNING,
                None,
                f"{BEGINNING}T00:00:00.000Z",
                "PROSPECTIVE",
                "USD",
                "gross",
                "MARGINAL",
                "LIFETIME",
                250_000 + 150_000 * index,
                "go_live",
                "false",
                0,
                None,
                None,
                None,
                0,
                0,
                0,
                "CUMULATIVE",
                "false",
            )
        )
    write_csv(
        folder / "contracts.csv",
        (
            "contract_id",
            "version",
            "direction",
            "counterparty_id",
            "series_id",
            "stream",
            "surface",
            "territories",
            "valid_from",
            "valid_to",
            "recorded_at",
            "amend_mode",
            "currency",
            "base",
            "tier_kind",
            "tier_window",
            "licence_fee_minor",
            "licence_trigger",
            "licence_recoupable",
            "advance_minor",
            "cross_collateral_group",
            "guarantee_minor",
            "cap_minor",
            "threshold_minor",
            "reserve_bps",
            "reserve_periods",
            "split_mode",
            "pay_when_paid",
        ),
        rows,
    )
    licences = [f"LIC-{series_id(index)}" for index in range(min(_LICENSED_SERIES, catalogue.n_series))]
    write_csv(
        folder / "contract_tiers.csv",
        ("contract_id", "version", "tier_no", "upto_minor", "rate_ppm"),
        [
            (one.contract_id, one.version, number + 1, bound, rate)
            for one in contracts
            for number, (bound, rate) in enumerate(one.tiers)
        ]
        + [(licence, 1, 1, None, 0) for licence in licences],
    )
    write_csv(
        folder / "contract_parties.csv",
        ("contract_id", "version", "party_id", "share_weight"),
        [(one.contract_id, one.version, party, weight) for one in contracts for party, weight in one.parties]
        + [(licence, 1, "house", 1) for licence in licences],
    )
    _write_rates(folder, parameters)


def _write_rates(folder: Path, parameters: WorldParameters) -> None:
    write_csv(
        folder / "withholding.csv",
        ("party_id", "territory", "rate_ppm", "valid_from", "valid_to"),
        [
            (studio_id(index), "US", 100_000, BEGINNING, None)
            for index in range(parameters.studios)
            if studio_record(index)[2] in {"CN", "TH"}
        ],
    )
    values: list[Sequence[Cell]] = [
        ("ecpm", surface, market.country, BEGINNING, None, market.ecpm_micros)
        for surface in SURFACES[:2]
        for market in MARKETS
    ]
    write_csv(
        folder / "reference_value.csv",
        ("kind", "surface", "country", "valid_from", "valid_to", "micros_usd"),
        [*values, ("token", SURFACES[0], "*", BEGINNING, None, BEAN_MICROS)],
    )
    write_csv(
        folder / "token_value.csv",
        ("surface", "token_type", "micros_usd", "valid_from", "valid_to"),
        [
            (SURFACES[0], "BEANS", BEAN_MICROS, BEGINNING, None),
            *((name, "COIN", 9990, BEGINNING, None) for name in SURFACES[2:]),
        ],
    )
    write_csv(
        folder / "fee_schedule.csv",
        ("surface", "stream", "fee_ppm", "valid_from", "valid_to"),
        [
            (SURFACES[0], "iap_beans", PLATFORM_FEE_PPM, BEGINNING, None),
            *(
                (name, "own_app", STORE_FEE_PPM[store], BEGINNING, None)
                for name, store in zip(SURFACES[2:], STORES, strict=True)
            ),
        ],
    )
    write_csv(
        folder / "price_schedule.csv",
        (
            "surface",
            "country",
            "pay_type",
            "sku_id",
            "price_amount",
            "currency",
            "tokens_paid",
            "tokens_bonus",
            "valid_from",
            "valid_to",
        ),
        [
            (
                name,
                "*",
                "WEB" if name == SURFACES[4] else "IAP",
                sku,
                f"{micros // 1_000_000}.{micros // 10_000 % 100:02d}",
                "USD",
                paid,
                bonus,
                BEGINNING,
                None,
            )
            for name in SURFACES[2:]
            for sku, paid, bonus, micros in PACKS
        ],
    )
    days = [parameters.start + timedelta(days=offset) for offset in range(0, parameters.days, 30)]
    write_csv(
        folder / "fx_rate.csv",
        ("source_currency", "target_currency", "rate_date", "rate_e10"),
        [
            ("USD", target, day.isoformat(), rate + 7_000_003 * position)
            for position, day in enumerate(days)
            for target, rate in (("CNY", 66_528_822_055), ("EUR", 8_950_948_800), ("KRW", 13_412_500_000_000))
        ],
    )
