"""Rows of the ads feed: rewarded advertisements at gates and advertisements on the home page."""

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import ADVERTISING_STREAM, Array, random_stream
from dagster_project.simulator.catalogue import Catalogue, series_id
from dagster_project.simulator.feeds import anonymous_ids, number_ids, schema, texts, times, viewer_ids
from dagster_project.simulator.markets import COUNTRIES, MARKETS
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import Gates
from dagster_project.simulator.playback_rows import gate_number
from dagster_project.simulator.purchases import money
from dagster_project.simulator.viewers import CHUNK_PERSONS, INVALID, TEST, Journeys, Persons
from dagster_project.simulator.vocabulary import (
    AD_FAILED,
    AD_UNLOCK,
    ANONYMOUS,
    APP_IDS,
    EXT_IOS,
    IVT_FLAGS,
    SURFACES,
)

EVENTS = ("request", "fill", "no_fill", "impression", "click", "complete", "reward_granted", "reward_denied")
REQUEST, FILL, NO_FILL, IMPRESSION, CLICK, COMPLETED, REWARD_GRANTED, REWARD_DENIED = range(8)
FORMATS = ("rewarded", "interstitial", "banner", "native", "app_open")
PLACEMENTS = ("gate_rewarded", "home_bonus", "home_banner", "app_open")
VERIFICATIONS = ("client_only", "ssv_ok", "ssv_failed", "ssv_missing")
NETWORKS = ("pangle", "admob", "applovin")
TRIGGERS = ("gate", "home_view", "app_start")
INVALID_ADVERTISEMENT_SHARE = 0.01
HOME_ADS_PER_JOURNEY = 0.35
_MOST_HOME_ADS = 8


def ad_rows(
    parameters: WorldParameters, catalogue: Catalogue, persons: Persons, journeys: Journeys, gates: Gates
) -> pl.DataFrame:
    """Return all ad rows of a chunk with `event_ms`, before delivery. Minis report no revenue, own apps do."""
    generator = random_stream(parameters.seed, ADVERTISING_STREAM, int(persons.number[0]) // CHUNK_PERSONS)
    build = _Builder(generator, catalogue, persons, journeys)
    real = ~journeys.is_ghost[gates.journey]
    watched = np.flatnonzero(real & (gates.outcome == AD_UNLOCK))
    failed = np.flatnonzero(real & (gates.outcome == AD_FAILED))
    number = gate_number(journeys, gates.journey, gates.seq)
    asked = gates.offered_ms + 1500
    empty = generator.random(len(failed)) < 0.6
    no_fill, closed = failed[empty], failed[~empty]
    both = np.concatenate([watched, closed])
    groups = build.groups(number, both)
    complete_at = gates.passed_ms[watched] - 400
    frames = [
        build.gate_rows(gates, np.concatenate([watched, failed]), number, REQUEST, 0, asked),
        build.gate_rows(gates, no_fill, number, NO_FILL, 1, asked + 900),
        build.gate_rows(gates, both, number, IMPRESSION, 1, asked + 1200, groups),
        build.gate_rows(gates, watched, number, COMPLETED, 2, np.zeros(0), groups, moment=complete_at, ended=1),
        build.gate_rows(gates, closed, number, COMPLETED, 2, asked + 9000, groups, ended=0),
        build.gate_rows(gates, watched, number, REWARD_GRANTED, 3, np.zeros(0), groups, moment=complete_at + 150),
        build.gate_rows(gates, closed, number, REWARD_DENIED, 3, asked + 9200, groups),
        build.home_rows(),
    ]
    return pl.concat(frames)


class _Builder:
    def __init__(
        self, generator: np.random.Generator, catalogue: Catalogue, persons: Persons, journeys: Journeys
    ) -> None:
        self.generator, self.catalogue, self.persons, self.journeys = generator, catalogue, persons, journeys

    def groups(self, number: Array, gate: Array) -> dict[str, Array]:
        """Draw what all rows of one advertisement share: invalid flag, network, revenue; indexed by gate row."""
        size = len(number)
        return {
            "invalid": self.generator.random(size) < INVALID_ADVERTISEMENT_SHARE,
            "network": self.generator.integers(1, 3, size),
            "price": np.exp(self.generator.normal(0.0, 0.35, size)),
            "verified": self.generator.random(size),
        }

    def gate_rows(
        self,
        gates: Gates,
        gate: Array,
        number: Array,
        event: int,
        slot: int,
        at: Array,
        groups: dict[str, Array] | None = None,
        moment: Array | None = None,
        ended: int = -1,
    ) -> pl.DataFrame:
        """Return one event of each of these gates' advertisements."""
        journey = gates.journey[gate]
        own = self.journeys.surface[journey] >= EXT_IOS
        size = len(gate)
        shared = {name: values[gate] for name, values in groups.items()} if groups else {}
        verified = shared.get("verified", np.zeros(size))
        checked = event == REWARD_GRANTED
        verification = np.where(own & checked, np.where(verified < 0.95, 1, 3), 0)
        ecpm = np.array([market.ecpm_micros for market in MARKETS])[self.journeys.country[journey]]
        revenue = np.rint(ecpm * shared.get("price", np.ones(size)) / 1000).astype(np.int64)
        return self._frame(
            journey,
            event,
            (at[gate] if moment is None else moment),
            number[gate] * 8 + slot,
            impression=np.where(event >= IMPRESSION, number[gate], -1) if groups else np.full(size, -1),
            reward=number[gate] if event == REWARD_GRANTED else np.full(size, -1),
            seq=gates.seq[gate],
            placement=np.zeros(size, dtype=np.int64),
            ad_format=np.zeros(size, dtype=np.int64),
            ended=np.full(size, ended),
            verification=verification,
            revenue=np.where(own & (event == IMPRESSION), revenue, -1),
            network=np.where(own, shared.get("network", np.ones(size, dtype=np.int64)), 0),
            invalid=shared.get("invalid", np.zeros(size, dtype=bool)),
            trigger=np.zeros(size, dtype=np.int64),
        )

    def home_rows(self) -> pl.DataFrame:
        """Return advertisements on the home page, seconds before a journey opens: they belong to no series.

        Some are rewarded (a daily bonus) and watched to the end, the others plain impressions.
        """
        journeys = self.journeys
        shown = np.minimum(self.generator.poisson(HOME_ADS_PER_JOURNEY, len(journeys)), _MOST_HOME_ADS)
        shown[journeys.is_ghost] = 0
        journey = np.repeat(np.arange(len(journeys)), shown)
        ordinal = np.arange(len(journey)) - np.repeat(np.cumsum(shown) - shown, shown)
        size = len(journey)
        own = journeys.surface[journey] >= EXT_IOS
        draw = self.generator.random(size)
        placement = np.where(draw < 0.4, 1, np.where(own & (draw < 0.6), 3, 2))
        ecpm = np.array([market.ecpm_micros for market in MARKETS])[journeys.country[journey]]
        price = np.where(placement == 1, 1.0, 0.2) * np.exp(self.generator.normal(0.0, 0.35, size))
        revenue = np.rint(ecpm * price / 1000).astype(np.int64)
        number = (journeys.number[journey] * _MOST_HOME_ADS + ordinal) * 8
        network = np.where(own, self.generator.integers(1, 3, size), 0)
        invalid = self.generator.random(size) < INVALID_ADVERTISEMENT_SHARE
        at = journeys.start_ms[journey] - 60_000 * (1 + ordinal)

        def rows(mask: Array, event: int, slot: int, after_ms: int, ended: int) -> pl.DataFrame:
            count = int(mask.sum())
            return self._frame(
                journey[mask],
                event,
                at[mask] + after_ms,
                -(number[mask] + slot) - 2,
                impression=-number[mask] - 2,
                reward=np.full(count, -1),
                seq=np.full(count, -1),
                placement=placement[mask],
                ad_format=np.array([0, 0, 2, 4])[placement[mask]],
                ended=np.full(count, ended),
                verification=np.zeros(count, dtype=np.int64),
                revenue=np.where(own[mask] & (event == IMPRESSION), revenue[mask], -1),
                network=network[mask],
                invalid=invalid[mask],
                trigger=np.where(placement[mask] == 3, 2, 1),
            )

        bonus = placement == 1
        return pl.concat(
            [
                rows(np.ones(size, dtype=bool), IMPRESSION, 1, 0, -1),
                rows(bonus, COMPLETED, 2, 31_000, 1),
                rows(bonus, REWARD_GRANTED, 3, 31_200, -1),
            ]
        )

    def _frame(
        self,
        journey: Array,
        event: int,
        at: Array,
        number: Array,
        *,
        impression: Array,
        reward: Array,
        seq: Array,
        placement: Array,
        ad_format: Array,
        ended: Array,
        verification: Array,
        revenue: Array,
        network: Array,
        invalid: Array,
        trigger: Array,
    ) -> pl.DataFrame:
        journeys, size = self.journeys, len(journey)
        surface, person = journeys.surface[journey], journeys.person[journey]
        anonymous = journeys.viewer_class[journey] == ANONYMOUS
        role, person_number = self.persons.role[person], self.persons.number[person]
        own = surface >= EXT_IOS
        flag = np.where((role == INVALID) | invalid, 2, self.persons.is_suspect[person])
        viewer = viewer_ids(surface, person_number)
        has_series = seq >= 0
        frame = {
            "ad_event_id": _ad_ids(number, "ad"),
            "impression_id": _ad_ids(impression, "im") if size else pl.Series([], dtype=pl.String),
            "reward_transaction_id": number_ids("rw", np.where(own, reward, -1)),
            "surface": texts(SURFACES, surface),
            "app_id": texts(APP_IDS, surface),
            "viewer_id": pl.select(pl.when(~pl.Series(anonymous)).then(viewer)).to_series(),
            "anon_id": anonymous_ids(np.where(anonymous, journeys.number[journey], -1)),
            "series_id": texts(
                [series_id(one) for one in range(self.catalogue.n_series)],
                np.where(has_series, journeys.series[journey], -1),
            ),
            "episode_seq": pl.select(pl.when(pl.Series(has_series)).then(pl.Series(seq, dtype=pl.Int64))).to_series(),
            "placement_id": texts(PLACEMENTS, placement),
            "ad_format": texts(FORMATS, ad_format),
            "trigger": texts(TRIGGERS, trigger),
            "event_type": texts(EVENTS, np.full(size, event)),
            "is_ended": pl.select(pl.when(pl.Series(ended) >= 0).then(pl.Series(ended) == 1)).to_series(),
            "verification": texts(VERIFICATIONS, verification),
            "revenue_amount": money(np.maximum(revenue, 0), revenue >= 0),
            "currency": texts(("USD",), np.where(revenue >= 0, 0, -1)),
            "revenue_precision": texts(("exact", "estimated"), np.where(revenue >= 0, network - 1, -1)),
            "network": texts(NETWORKS, network),
            "mediation": texts(("max",), np.where(network == 2, 0, -1)),
            "country": texts(COUNTRIES, journeys.country[journey]),
            "event_ts": times(at),
            "received_ts": times(np.full(size, -1)),
            "ivt_flag": texts(IVT_FLAGS, flag.astype(np.int64)),
            "is_test": (role == TEST) & (person_number % 2 == 0),
        }
        return pl.DataFrame(frame, schema_overrides=schema("ads")).with_columns(
            pl.Series("event_ms", at, dtype=pl.Int64), pl.Series("person", person_number, dtype=pl.Int64)
        )


def _ad_ids(numbers: Array, prefix: str) -> pl.Series:
    """Return ids of gate advertisements (numbers from 0) and of home page ones (numbers below -1); -1 is null."""
    raw = pl.DataFrame({"n": numbers}, schema={"n": pl.Int64})
    gate = pl.lit(prefix) + pl.col("n").cast(pl.String)
    home = pl.lit(prefix + "h") + (-pl.col("n")).cast(pl.String)
    return raw.select(pl.when(pl.col("n") >= 0).then(gate).when(pl.col("n") < -1).then(home)).to_series()
