"""Rows of the unlocks feed: offers, taps, orders and their lines, passes, refunds."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import PURCHASE_STREAM, Array, random_stream
from dagster_project.simulator.catalogue import Catalogue, series_id
from dagster_project.simulator.delivery import draw_lag
from dagster_project.simulator.feeds import number_ids, schema, texts, times, viewer_ids
from dagster_project.simulator.markets import COUNTRIES
from dagster_project.simulator.orders import Orders
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import EXPERIMENTS, Gates
from dagster_project.simulator.playback_rows import gate_number
from dagster_project.simulator.viewers import CHUNK_PERSONS, TEST, Journeys, Persons
from dagster_project.simulator.vocabulary import (
    AD_UNLOCK,
    APP_IDS,
    COIN_UNLOCK,
    DRAMA_CENTER,
    EXT_IOS,
    GATE_BOUNCE,
    MILLISECONDS_PER_DAY,
    MILLISECONDS_PER_HOUR,
    PROMO_PASS,
    SUBSCRIPTION_PASS,
    SURFACES,
)

METHODS = ("beans", "coin", "ad_reward", "subscription", "vip_pass", "promo")
ARMS = ("control", "discount10")
FUNDERS = ("platform", "studio", "shared")
EVENTS = (
    "offered",
    "sheet_opened",
    "tapped",
    "payment_failed",
    "unlocked",
    "refunded",
    "refund_reversed",
    "chargeback",
    "revoked",
)
OFFERED, SHEET_OPENED, TAPPED, PAYMENT_FAILED, UNLOCKED, REFUNDED, REFUND_REVERSED, CHARGEBACK, REVOKED = range(9)
REASONS = ("accidental_purchase", "quality", "fraud")
_REFUND_STREAM = 1
_LINES_STREAM = 2


def assignment_times(journeys: Journeys, gates: Gates) -> Array:
    """Return for each gate when its viewer first met a priced offer of the gate's experiment, -1 if never.

    Counterfactual journeys assign nobody.
    """
    shown = (gates.offered_ms >= 0) & (gates.experiment >= 0) & ~journeys.is_ghost[gates.journey]
    key = journeys.person[gates.journey] * len(EXPERIMENTS) + gates.experiment
    first = np.full(int(key.max()) + 1 if len(key) else 1, np.iinfo(np.int64).max)
    np.minimum.at(first, key[shown], gates.offered_ms[shown])
    return np.where(shown, first[np.maximum(key, 0)], -1)


def unlock_rows(
    parameters: WorldParameters,
    catalogue: Catalogue,
    persons: Persons,
    journeys: Journeys,
    gates: Gates,
    orders: Orders,
) -> pl.DataFrame:
    """Return all unlock rows of a chunk with `event_ms` and `lag_ms`, before delivery."""
    chunk = int(persons.number[0]) // CHUNK_PERSONS
    generator = random_stream(parameters.seed, PURCHASE_STREAM, chunk, _REFUND_STREAM)
    assigned = assignment_times(journeys, gates)
    real = ~journeys.is_ghost[gates.journey]
    shown = np.flatnonzero(real & (gates.offered_ms >= 0))
    build = _Builder(catalogue, persons, journeys, gates, assigned)

    failed = shown[(gates.outcome[shown] == GATE_BOUNCE) & gates.is_first[shown]]
    failed = failed[generator.random(len(failed)) < 0.08]
    tapped = shown[gates.is_first[shown] & np.isin(gates.outcome[shown], (COIN_UNLOCK, SUBSCRIPTION_PASS))]
    frames = [
        build.events(shown, OFFERED, gates.offered_ms[shown]),
        build.events(tapped, TAPPED, gates.offered_ms[tapped] + 3000),
        build.events(failed, SHEET_OPENED, gates.offered_ms[failed] + 2000),
        build.events(failed, PAYMENT_FAILED, gates.offered_ms[failed] + 15_000),
    ]
    passes = shown[np.isin(gates.outcome[shown], (AD_UNLOCK, SUBSCRIPTION_PASS, PROMO_PASS))]
    frames.append(build.passes(passes))
    frames.append(build.exemptions(np.flatnonzero(journeys.is_exempt & ~journeys.is_ghost)))
    kept = np.flatnonzero(real[orders.gate])
    lag = draw_lag(generator, parameters.late_share, len(kept))
    refunds, lag = _refunds(generator, parameters, build, orders, kept, lag)
    lines = _order_lines(random_stream(parameters.seed, PURCHASE_STREAM, chunk, _LINES_STREAM), build, orders, kept)
    lines = lines.with_columns(pl.Series("lag_ms", lag[lines["order_row"].to_numpy()])).drop("order_row")
    rest = pl.concat([*frames, refunds])
    rest = rest.with_columns(pl.Series("lag_ms", draw_lag(generator, parameters.late_share, rest.height)))
    return pl.concat([rest, lines.select(rest.columns)])


def _order_lines(generator: np.random.Generator, build: "_Builder", orders: Orders, kept: Array) -> pl.DataFrame:
    """Return one line per order, or for some batches one per episode whose amounts sum to the order."""
    gates = build.gates
    gate = orders.gate[kept]
    episodes = gates.cover_to[gate] - gates.seq[gate] + 1
    by_line = (episodes > 1) & (generator.random(len(kept)) < 0.3)
    count = np.where(by_line, episodes, 1)
    row = np.repeat(np.arange(len(kept)), count)
    line = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    order = kept[row]

    def portion(total: Array) -> Array:
        """Split each order's total over its lines without losing a unit."""
        return np.asarray(total[order] * (line + 1) // count[row] - total[order] * line // count[row])

    gate_row = orders.gate[order]
    first = np.where(by_line[row], gates.seq[gate_row] + line, gates.seq[gate_row])
    last = np.where(by_line[row], first, gates.cover_to[gate_row])
    own = build.journeys.surface[orders.journey[order]] >= EXT_IOS
    frame = build.rows(
        gate_row,
        UNLOCKED,
        gates.passed_ms[gate_row],
        line_no=line + 1,
        first=first,
        last=last,
        method=own.astype(np.int64),
        order_prefix="or",
        list_tokens=portion(orders.list_tokens),
        offered_tokens=portion(orders.offered_tokens),
        paid=portion(orders.token_paid),
        bonus=portion(orders.token_bonus),
        cash_micros=portion(orders.cash_micros),
    )
    return frame.with_columns(pl.Series("order_row", row))


def _refunds(
    generator: np.random.Generator,
    parameters: WorldParameters,
    build: "_Builder",
    orders: Orders,
    kept: Array,
    lag: Array,
) -> tuple[pl.DataFrame, Array]:
    """Return refund rows, and the orders' lags: some orders arrive only after their refund."""
    size = len(kept)
    refunded = generator.random(size) < parameters.refund_share
    kind = generator.random(size)
    swift = refunded & (generator.random(size) < 0.1)
    lag = np.where(swift, 30 * MILLISECONDS_PER_HOUR + lag, lag)
    after = np.where(
        swift, MILLISECONDS_PER_HOUR, generator.uniform(2 * MILLISECONDS_PER_HOUR, 18 * MILLISECONDS_PER_DAY, size)
    ).astype(np.int64)
    at = build.gates.passed_ms[orders.gate[kept]] + after
    paid, bonus, cash = (values[kept] for values in (orders.token_paid, orders.token_bonus, orders.cash_micros))
    partial = refunded & (kind < 0.3)
    whole = refunded & (kind >= 0.3)
    charged_back = whole & (kind > 0.88)
    reversed_later = whole & (kind > 0.78) & ~charged_back
    frames = []

    def add(mask: Array, event: int, event_seq: int, moment: Array, share: tuple[int, int], sign: int) -> None:
        rows = np.flatnonzero(mask)
        part, whole_of = share
        tokens_paid, tokens_bonus = paid[rows] * part // whole_of, bonus[rows] * part // whole_of
        gate = orders.gate[kept[rows]]
        own = build.journeys.surface[orders.journey[kept[rows]]] >= EXT_IOS
        frames.append(
            build.rows(
                gate,
                event,
                moment[rows],
                line_no=np.ones(len(rows), dtype=np.int64),
                event_seq=event_seq,
                first=build.gates.seq[gate],
                last=build.gates.cover_to[gate],
                method=own.astype(np.int64),
                order_prefix="or",
                paid=sign * tokens_paid,
                bonus=sign * tokens_bonus,
                cash_micros=sign * (cash[rows] * part // whole_of),
                refund_tokens=tokens_paid + tokens_bonus if sign < 0 else np.full(len(rows), -1),
                reason=(rows % 2) if event != CHARGEBACK else np.full(len(rows), 2),
            )
        )

    add(partial, REFUNDED, 1, at, (1, 4), -1)
    add(partial, REFUNDED, 2, at + 2 * MILLISECONDS_PER_DAY, (1, 2), -1)
    add(whole & ~charged_back, REFUNDED, 1, at, (1, 1), -1)
    add(charged_back, CHARGEBACK, 1, at, (1, 1), -1)
    add(reversed_later, REFUND_REVERSED, 1, at + MILLISECONDS_PER_DAY, (1, 1), 1)
    return pl.concat(frames), lag


class _Builder:
    """Fills the columns of the unlocks feed from gates."""

    def __init__(
        self, catalogue: Catalogue, persons: Persons, journeys: Journeys, gates: Gates, assigned: Array
    ) -> None:
        self.catalogue, self.persons, self.journeys, self.gates = catalogue, persons, journeys, gates
        self.assigned = assigned

    def events(self, gate: Array, event: int, at: Array) -> pl.DataFrame:
        """Return rows of what happens before an unlock; the order id is the offer's."""
        gates, journey = self.gates, self.gates.journey[gate]
        priced = self.journeys.surface[journey] != DRAMA_CENTER
        price = self.catalogue.price_tokens[self.journeys.series[journey]]
        offered = np.where(gates.arm[gate] == 1, price - price // 10, price)
        return self.rows(
            gate,
            event,
            at,
            first=gates.seq[gate],
            last=gates.seq[gate],
            method=np.full(len(gate), -1),
            list_tokens=np.where(priced, price, -1),
            offered_tokens=np.where(priced, offered, -1),
            order_prefix="of",
        )

    def passes(self, gate: Array) -> pl.DataFrame:
        """Return unlocks without tokens: rewarded advertisement, subscription, promotion."""
        gates = self.gates
        outcome = gates.outcome[gate]
        method = np.select([outcome == AD_UNLOCK, outcome == SUBSCRIPTION_PASS], [2, 3], 5)
        number = gate_number(self.journeys, gates.journey[gate], gates.seq[gate])
        return self.rows(
            gate,
            UNLOCKED,
            gates.passed_ms[gate],
            first=gates.seq[gate],
            last=gates.cover_to[gate],
            method=method,
            order_prefix="or",
            advertisement=np.where(method == 2, number * 8 + 3, -1),
        )

    def exemptions(self, journey: Array) -> pl.DataFrame:
        """Return the passes that viewers held before they opened a series, dated just before its first episode."""
        series = self.journeys.series[journey]
        at = self.journeys.start_ms[journey] - 2000
        return self._frame(
            journey,
            UNLOCKED,
            at,
            gate_number(self.journeys, journey, np.zeros(len(journey), dtype=np.int64)),
            "or",
            first=np.ones(len(journey), dtype=np.int64),
            last=self.catalogue.total_episodes[series],
            method=np.full(len(journey), 4),
        )

    def rows(
        self,
        gate: Array,
        event: int,
        at: Array,
        *,
        first: Array,
        last: Array,
        method: Array,
        order_prefix: str,
        **columns: Array | int,
    ) -> pl.DataFrame:
        """Return rows that belong to gates, with their experiment arm."""
        gates, journey = self.gates, self.gates.journey[gate]
        assigned = self.assigned[gate]
        return self._frame(
            journey,
            event,
            at,
            gate_number(self.journeys, journey, gates.seq[gate]),
            order_prefix,
            first=first,
            last=last,
            method=method,
            experiment=np.where(assigned >= 0, gates.experiment[gate], -1),
            arm=np.where(assigned >= 0, gates.arm[gate], -1),
            assigned=assigned,
            **columns,
        )

    def _frame(
        self,
        journey: Array,
        event: int,
        at: Array,
        number: Array,
        order_prefix: str,
        *,
        first: Array,
        last: Array,
        method: Array,
        **columns: Array | int,
    ) -> pl.DataFrame:
        size = len(journey)
        absent, zero = np.full(size, -1), np.zeros(size, dtype=np.int64)

        def column(name: str, default: Array) -> Array:
            value = columns.get(name, default)
            return np.full(size, value) if isinstance(value, int) else value

        journeys = self.journeys
        person, surface = journeys.person[journey], journeys.surface[journey]
        role, person_number = self.persons.role[person], self.persons.number[person]
        own, minis = surface >= EXT_IOS, surface == 0
        arm, experiment = column("arm", absent), column("experiment", absent)
        by_coin = (method == 0) | (method == 1)
        has_price = column("list_tokens", absent) >= 0
        discounted = (arm == 1) & has_price
        cash = column("cash_micros", zero)
        frame = {
            "source": texts(("minis", "own"), own.astype(np.int64)),
            "order_id": number_ids(order_prefix, number),
            "line_no": column("line_no", zero + 1),
            "event_seq": column("event_seq", zero),
            "event_type": texts(EVENTS, np.full(size, event)),
            "platform_order_id": number_ids("tt", np.where(minis & by_coin, number, -1)),
            "surface": texts(SURFACES, surface),
            "app_id": texts(APP_IDS, surface),
            "viewer_id": viewer_ids(surface, person_number),
            "series_id": texts([series_id(one) for one in range(self.catalogue.n_series)], journeys.series[journey]),
            "episode_seq_from": first,
            "episode_seq_to": last,
            "unlock_method": texts(METHODS, method),
            "experiment_id": texts(EXPERIMENTS, experiment),
            "arm": texts(ARMS, arm),
            "assigned_ts": times(column("assigned", absent)),
            "list_price_tokens": _whole(column("list_tokens", absent)),
            "offered_price_tokens": _whole(column("offered_tokens", absent)),
            "discount_funder": texts(FUNDERS, np.where(discounted, experiment, -1)),
            "token_type": texts(("BEANS", "COIN"), np.where(by_coin | has_price, own.astype(np.int64), -1)),
            "token_paid": column("paid", zero),
            "token_bonus": column("bonus", zero),
            "price_amount": money(np.where(by_coin, cash, 0), by_coin),
            "price_currency": texts(("USD",), np.where(by_coin, 0, -1)),
            "pay_type": texts(("IAP", "WEB", "unknown"), np.where(by_coin, np.where(surface == 4, 1, 0), -1)),
            "ad_event_id": number_ids("ad", column("advertisement", absent)),
            "refund_tokens": _whole(column("refund_tokens", absent)),
            "refund_reason": texts(REASONS, column("reason", absent)),
            "event_ts": times(at),
            "received_ts": times(absent),
            "country": texts(COUNTRIES, journeys.country[journey]),
            "is_test": (role == TEST) & (person_number % 2 == 0),
            "raw_payload": texts(("{}",), absent),
        }
        return pl.DataFrame(frame, schema_overrides=schema("unlocks")).with_columns(
            pl.Series("event_ms", at, dtype=pl.Int64), pl.Series("person", person_number, dtype=pl.Int64)
        )


def _whole(values: Array) -> pl.Series:
    raw = pl.Series(values, dtype=pl.Int64)
    return pl.select(pl.when(raw >= 0).then(raw)).to_series()


def money(micros: Array, present: Array) -> pl.Series:
    """Return decimal text with six places from integer micros; null where not present."""
    frame = pl.DataFrame({"m": micros, "p": present})
    size = pl.col("m").abs()
    text = (
        pl.when(pl.col("m") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        + (size // 1_000_000).cast(pl.String)
        + pl.lit(".")
        + (size % 1_000_000).cast(pl.String).str.zfill(6)
    )
    return frame.select(pl.when(pl.col("p")).then(text)).to_series()
