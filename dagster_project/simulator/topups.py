"""Rows of the topups feed: coin packs for own-app orders, subscriptions and their renewals, refunds."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import PURCHASE_STREAM, Array, random_stream
from dagster_project.simulator.feeds import number_ids, schema, texts, times, viewer_ids
from dagster_project.simulator.markets import COUNTRIES
from dagster_project.simulator.orders import PACKS, STORE_FEE_PPM, STORES, CoinPurchases, Orders, store_of
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import Gates
from dagster_project.simulator.playback_rows import gate_number
from dagster_project.simulator.purchases import money
from dagster_project.simulator.viewers import CHUNK_PERSONS, TEST, Journeys, Persons
from dagster_project.simulator.vocabulary import APP_IDS, EXT_IOS, MILLISECONDS_PER_DAY, SUBSCRIPTION_PASS

STORE_NAMES = (*STORES, "tiktok_subscription")
EVENTS = ("purchase", "renewal", "refund", "chargeback")
PURCHASE, RENEWAL, REFUND, CHARGEBACK = range(4)
SUBSCRIPTION_MICROS = 9_990_000
_SUBSCRIPTION_SKU = len(PACKS)
_SKUS = (*(pack[0] for pack in PACKS), "pass_weekly")
_STREAM = 3
_RENEWAL_SHARE = 0.55
_REFUND_SHARE = 0.015
_TAX_PPM = 60_000


def topup_rows(
    parameters: WorldParameters,
    persons: Persons,
    journeys: Journeys,
    gates: Gates,
    orders: Orders,
    bought: CoinPurchases,
) -> pl.DataFrame:
    """Return all top-up rows of a chunk with `event_ms`, before delivery."""
    chunk = int(persons.number[0]) // CHUNK_PERSONS
    generator = random_stream(parameters.seed, PURCHASE_STREAM, chunk, _STREAM)
    build = _Builder(persons, journeys)
    gate = orders.gate[bought.order]
    number = orders.number[bought.order] * 16 + bought.ordinal
    at = gates.passed_ms[gate] - 1000 + bought.ordinal
    packs = build.rows(gates.journey[gate], number, number, PURCHASE, at, bought.pack, 1)

    passed = np.flatnonzero((gates.outcome == SUBSCRIPTION_PASS) & ~journeys.is_ghost[gates.journey])
    weeks = np.minimum(generator.geometric(1 - _RENEWAL_SHARE, len(passed)), 10)
    row = np.repeat(np.arange(len(passed)), weeks)
    week = np.arange(len(row)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    gate = passed[row]
    first = gate_number(journeys, gates.journey[gate], gates.seq[gate]) * 16
    at = gates.passed_ms[gate] - 1000 + week * 7 * MILLISECONDS_PER_DAY
    sku = np.full(len(row), _SUBSCRIPTION_SKU)
    frames = [packs]
    for event, mask in ((PURCHASE, week == 0), (RENEWAL, week > 0)):
        frames.append(
            build.rows(gates.journey[gate[mask]], (first + week)[mask], first[mask], event, at[mask], sku[mask], 1)
        )
    returned = np.flatnonzero(generator.random(len(number)) < _REFUND_SHARE)
    wait = generator.uniform(MILLISECONDS_PER_DAY, 25 * MILLISECONDS_PER_DAY, len(returned)).astype(np.int64)
    fraud = generator.random(len(returned)) < 0.2
    pack_gate = orders.gate[bought.order]
    pack_at = gates.passed_ms[pack_gate] + wait_by_row(returned, wait, len(number))
    for event, mask in ((REFUND, ~fraud), (CHARGEBACK, fraud)):
        rows = returned[mask]
        frames.append(
            build.rows(
                gates.journey[pack_gate[rows]], number[rows], number[rows], event, pack_at[rows], bought.pack[rows], -1
            )
        )
    return pl.concat(frames)


def wait_by_row(rows: Array, wait: Array, size: int) -> Array:
    """Spread waits over all rows, zero where none is given."""
    spread = np.zeros(size, dtype=np.int64)
    spread[rows] = wait
    return spread


class _Builder:
    def __init__(self, persons: Persons, journeys: Journeys) -> None:
        self.persons, self.journeys = persons, journeys

    def rows(
        self, journey: Array, number: Array, original: Array, event: int, at: Array, sku: Array, sign: int
    ) -> pl.DataFrame:
        """Return rows of one event type; sign -1 takes the money back."""
        size = len(journey)
        surface, person = self.journeys.surface[journey], self.journeys.person[journey]
        role, person_number = self.persons.role[person], self.persons.number[person]
        store = np.where(surface >= EXT_IOS, store_of(surface), 3)
        subscription = sku == _SUBSCRIPTION_SKU
        padded = [*PACKS, ("", 0, 0, SUBSCRIPTION_MICROS)]
        paid = np.array([pack[1] for pack in padded])[sku]
        bonus = np.array([pack[2] for pack in padded])[sku]
        gross = np.array([pack[3] for pack in padded])[sku]
        fee = gross * np.array([STORE_FEE_PPM[name] for name in STORE_NAMES])[store] // 1_000_000
        tax = gross * _TAX_PPM // 1_000_000 // 10_000 * 10_000
        present = np.ones(size, dtype=bool)
        frame = {
            "store": texts(STORE_NAMES, store),
            "store_transaction_id": number_ids("tx", number),
            "original_transaction_id": number_ids("tx", np.where(original == number, -1, original))
            if sign > 0
            else number_ids("tx", original),
            "event_type": texts(EVENTS, np.full(size, event)),
            "product_type": texts(("coin_pack", "subscription"), subscription.astype(np.int64)),
            "sku_id": texts(_SKUS, sku),
            "tokens_paid": sign * paid,
            "tokens_bonus": sign * bonus,
            "gross_amount": money(sign * gross, present),
            "currency": texts(("USD",), np.zeros(size, dtype=np.int64)),
            "tax_amount": money(sign * tax, present),
            "fee_amount": money(sign * fee, present),
            "app_id": texts(APP_IDS, surface),
            "viewer_id": viewer_ids(surface, person_number),
            "country": texts(COUNTRIES, self.journeys.country[journey]),
            "event_ts": times(at),
            "received_ts": times(np.full(size, -1)),
            "is_test": (role == TEST) & (person_number % 2 == 0),
        }
        return pl.DataFrame(frame, schema_overrides=schema("topups")).with_columns(
            pl.Series("event_ms", at, dtype=pl.Int64), pl.Series("person", person_number, dtype=pl.Int64)
        )
