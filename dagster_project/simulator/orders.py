"""What a passed coin gate costs: token prices, beans, and the wallets of the own app with their coin lots."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from dagster_project.simulator.arrays import PURCHASE_STREAM, Array, random_stream
from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import Gates
from dagster_project.simulator.playback_rows import gate_number
from dagster_project.simulator.viewers import CHUNK_PERSONS, Journeys, Persons
from dagster_project.simulator.vocabulary import COIN_ALL, COIN_UNLOCK, EXT_ANDROID, EXT_IOS

BEAN_MICROS = 10_000
"""100 Beans stand for 1.00 USD."""
# sku, paid coins, bonus coins, gross in micros
PACKS = (
    ("coins_100", 100, 0, 990_000),
    ("coins_500", 500, 25, 4_990_000),
    ("coins_1000", 1000, 100, 9_990_000),
    ("coins_2500", 2500, 400, 19_990_000),
)
STORES = ("apple", "google", "stripe")
STORE_FEE_PPM = {"apple": 300_000, "google": 150_000, "stripe": 35_000, "tiktok_subscription": 300_000}


@dataclass(frozen=True)
class Orders:
    """Coin orders, shape (n,), of real and counterfactual journeys. Money in micro US dollars."""

    gate: Array
    """Row in the chunk's gates."""
    journey: Array
    number: Array
    list_tokens: Array
    offered_tokens: Array
    token_paid: Array
    token_bonus: Array
    cash_micros: Array
    """Value of the paid tokens; own coins at the price of the lots they came from, rounded half up."""


@dataclass(frozen=True)
class CoinPurchases:
    """Coin packs bought for own-app orders, shape (n,)."""

    order: Array
    """Row in the orders."""
    pack: Array
    ordinal: Array


def price_orders(
    parameters: WorldParameters, catalogue: Catalogue, persons: Persons, journeys: Journeys, gates: Gates
) -> Orders:
    """Price every coin order; own-app wallets are still empty (see `settle_wallets`)."""
    generator = random_stream(parameters.seed, PURCHASE_STREAM, int(persons.number[0]) // CHUNK_PERSONS)
    gate = np.flatnonzero(gates.outcome == COIN_UNLOCK)
    journey = gates.journey[gate]
    episodes = gates.cover_to[gate] - gates.seq[gate] + 1
    listed = catalogue.price_tokens[journeys.series[journey]] * episodes
    # A bundle for the whole rest is priced one short of the round number: shares of it do not come out even.
    listed = np.where((gates.mode[gate] == COIN_ALL) & (episodes > 1), listed - 1, listed)
    offered = np.where(gates.arm[gate] == 1, listed - listed // 10, listed)
    kind = generator.random(len(gate))
    bonus = np.where(kind < 0.03, offered, np.where(kind < 0.10, (offered * 3) // 10, 0))
    paid = offered - bonus
    return Orders(
        gate=gate,
        journey=journey,
        number=gate_number(journeys, journey, gates.seq[gate]),
        list_tokens=listed,
        offered_tokens=offered,
        token_paid=paid,
        token_bonus=bonus,
        cash_micros=paid * BEAN_MICROS,
    )


def store_of(surface: Array) -> Array:
    """Return the index into STORES of an own surface."""
    return np.where(surface == EXT_IOS, 0, np.where(surface == EXT_ANDROID, 1, 2))


def settle_wallets(
    journeys: Journeys, gates: Gates, orders: Orders, taking_part: Array
) -> tuple[Orders, CoinPurchases]:
    """Buy packs and spend lots first in, first out, for the own-app orders that take part (mask, shape (n,)).

    A lot's paid coins go before its bonus coins. Orders that do not take part keep no cash.
    """
    own = journeys.surface[orders.journey] >= EXT_IOS
    person = journeys.person[orders.journey]
    rows = np.flatnonzero(own & taking_part)
    rows = rows[np.lexsort((orders.number[rows], gates.passed_ms[orders.gate[rows]], person[rows]))]
    paid, bonus = orders.token_paid.copy(), orders.token_bonus.copy()
    cash = np.where(own, 0, orders.cash_micros)
    bought: list[tuple[int, int, int]] = []
    lots: deque[list[int]] = deque()
    owner = -1
    for row in rows.tolist():
        if person[row] != owner:
            owner, lots = int(person[row]), deque()
        need = int(orders.offered_tokens[row])
        ordinal = 0
        while sum(lot[0] + lot[1] for lot in lots) < need:
            missing = need - sum(lot[0] + lot[1] for lot in lots)
            pack = next((i for i, (_, p, b, _) in enumerate(PACKS) if p + b >= missing), len(PACKS) - 1)
            lots.append([PACKS[pack][1], PACKS[pack][2], pack])
            bought.append((row, pack, ordinal))
            ordinal += 1
        paid[row], bonus[row], cash[row] = _spend(lots, need)
    purchases = np.array(bought, dtype=np.int64).reshape(-1, 3)
    settled = replace(orders, token_paid=paid, token_bonus=bonus, cash_micros=cash)
    return settled, CoinPurchases(order=purchases[:, 0], pack=purchases[:, 1], ordinal=purchases[:, 2])


def _spend(lots: deque[list[int]], need: int) -> tuple[int, int, int]:
    """Take coins from the oldest lots; return paid coins, bonus coins and the paid coins' value in micros."""
    paid_total = bonus_total = 0
    numerator, denominator = 0, 1
    while need > 0:
        lot = lots[0]
        paid = min(lot[0], need)
        bonus = min(lot[1], need - paid)
        _, pack_paid, _, pack_micros = PACKS[lot[2]]
        numerator = numerator * pack_paid + paid * pack_micros * denominator
        denominator *= pack_paid
        paid_total, bonus_total, need = paid_total + paid, bonus_total + bonus, need - paid - bonus
        lot[0] -= paid
        lot[1] -= bonus
        if lot[0] + lot[1] == 0:
            lots.popleft()
    return paid_total, bonus_total, (2 * numerator + denominator) // (2 * denominator)
