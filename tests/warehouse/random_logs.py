"""A small random world of all four logs with everything that trips a pipeline: late and waiting rows, rewatching,
seeks, playbacks that change hands, copies of impressions, refunds before their order, test and invalid traffic."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 42
SERIES = {"s1": 6, "s2": 4}
SURFACES = {"own": ("ext_ios", "ext_web"), "mini": ("tiktok_minis",)}
FEEDS = ("views", "unlocks", "ads", "topups")

Rows = dict[str, list[dict[str, Any]]]


def reference_tables() -> dict[str, list[dict[str, Any]]]:
    """Catalogue: two series, some episodes published late or never, one length unknown, locks that change."""
    episodes = []
    for series, total in SERIES.items():
        for seq in range(1, total + 1):
            published: datetime | None = START - timedelta(days=30)
            if (series, seq) == ("s1", 5):
                published = START + timedelta(days=20)
            if (series, seq) == ("s1", 6):
                published = None
            duration = None if (series, seq) == ("s2", 2) else 40_000 + 5_000 * seq
            episodes.append(
                {"series_id": series, "episode_seq": seq, "duration_ms": duration, "published_ts": published}
            )
    access = []
    for series, total in SERIES.items():
        for surface in ("ext_ios", "ext_web", "tiktok_minis"):
            for seq in range(1, total + 1):
                term = {"series_id": series, "episode_seq": seq, "surface": surface}
                change = START + timedelta(days=15)
                access += [
                    {
                        **term,
                        "country": "*",
                        "valid_from": START - timedelta(days=90),
                        "valid_to": change,
                        "is_free": seq <= 2,
                    },
                    {**term, "country": "*", "valid_from": change, "is_free": seq <= 3, "price_tokens": 50},
                ]
                if surface == "ext_web":
                    access.append(
                        {**term, "country": "JP", "valid_from": START - timedelta(days=90), "is_free": seq <= 4}
                    )
    listing = {"series_id": "s2", "surface": "tiktok_minis", "app_id": "mini"}
    return {
        "studios": [{"studio_id": "st1", "name": "One"}, {"studio_id": "st2", "name": "Two"}],
        "series": [
            {"series_id": "s1", "studio_id": "st1", "title": "One", "total_episodes": 6},
            {"series_id": "s2", "studio_id": "st2", "title": "Two", "total_episodes": 4},
        ],
        "episodes": episodes,
        "episode_access": access,
        "series_listing": [
            {
                **listing,
                "valid_from": START - timedelta(days=90),
                "valid_to": START + timedelta(days=10),
                "listing_status": "active",
            },
            {
                **listing,
                "valid_from": START + timedelta(days=10),
                "valid_to": START + timedelta(days=25),
                "listing_status": "delisted",
            },
            {**listing, "valid_from": START + timedelta(days=25), "listing_status": "active"},
        ],
        "test_account": [{"app_id": "own", "viewer_id": "v3"}],
    }


@dataclass
class _Writer:
    generator: random.Random
    rows: Rows

    def add(self, feed: str, at: datetime, row: Mapping[str, Any]) -> None:
        """Add a row that arrives after seconds, at times after days, and seldom before it happened (a wrong clock)."""
        chance = self.generator.random()
        delay = timedelta(seconds=self.generator.uniform(0.5, 40))
        if chance < 0.03:
            delay = timedelta(hours=self.generator.uniform(20, 90))
        elif chance < 0.04:
            delay = -timedelta(hours=self.generator.uniform(1, 30))
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        self.rows[feed].append({**row, "event_ts": at, "received_ts": at + delay})


def random_world(seed: int, viewers: int = 60) -> Rows:
    """Rows of all feeds by feed name."""
    generator = random.Random(seed)
    writer = _Writer(generator, {feed: [] for feed in FEEDS})
    for number in range(viewers):
        app = generator.choice(list(SURFACES))
        for series in generator.sample(list(SERIES), k=generator.choice((1, 1, 2))):
            _visit(writer, number, app, series)
    _unseen_viewers(writer)
    return writer.rows


def _visit(writer: _Writer, number: int, app: str, series: str) -> None:
    generator = writer.generator
    total = SERIES[series]
    at = START + timedelta(days=generator.uniform(0, DAYS))
    anonymous = generator.random() < 0.25
    identity = (
        {"viewer_id": None, "anon_id": f"d{number}"} if anonymous else {"viewer_id": f"v{number}", "anon_id": None}
    )
    common = {
        "app_id": app,
        "series_id": series,
        "country": generator.choice(("US", "US", "JP")),
        "is_test": generator.random() < 0.03,
    }
    flag = {"ivt_flag": generator.choices((None, "none", "suspect", "invalid"), (6, 3, 1, 1))[0]}
    episode = 1 if generator.random() < 0.8 else generator.randint(2, total)
    surface = generator.choice(SURFACES[app])
    for _ in range(generator.randint(1, 2 * total)):
        if generator.random() < 0.15:
            surface = generator.choice(SURFACES[app])
        place = {**common, "surface": surface}
        length = _play(writer, {**place, **flag}, identity, number, episode, at)
        at += timedelta(seconds=length)
        if identity["viewer_id"] and episode >= 2 and generator.random() < 0.5:
            _gate(writer, place, identity["viewer_id"], episode + 1, at, number)
        if generator.random() < 0.5:
            _advertise(writer, {**place, **flag}, identity, episode, at)
        if anonymous and generator.random() < 0.1:
            identity, anonymous = {"viewer_id": f"v{number}", "anon_id": f"d{number}"}, False
        step = generator.choices((1, 0, -1, 2), (10, 2, 1, 1))[0]
        episode = min(total, max(1, episode + step))
        at += timedelta(seconds=generator.choice((0.001, 2, 8, 30, 600, 40_000, 300_000)) * generator.uniform(0.5, 1.5))


def _play(
    writer: _Writer, place: Mapping[str, Any], identity: Mapping[str, Any], number: int, episode: int, at: datetime
) -> float:
    """One playback with seeks, pauses and lost rows; returns its length in seconds."""
    generator = writer.generator
    playback_id = f"p{len(writer.rows['views'])}"
    position, watched, second = 0, 0, 0.0
    is_silent, is_preload = generator.random() < 0.1, generator.random() < 0.08
    viewer = dict(identity)
    autoplay = generator.choice((True, False, None))
    marks = [("start", 0.0, 0, 0)]
    for _ in range(generator.randint(0, 5)):
        if is_preload:
            break
        step = generator.uniform(2, 40)
        second += step
        watched += round(step * 1000)
        kind = generator.choices(("progress", "seek", "pause", "complete"), (6, 2, 1, 1))[0]
        if kind == "seek":
            position = generator.randint(0, 70_000)
        elif generator.random() < 0.15:  # a rewind or a stall that no row tells of
            position = max(0, position + round(generator.uniform(-0.5, 0.9) * step * 1000))
        else:
            position += round(step * 1000)
        marks.append((kind, second, position, watched))
    if is_preload:
        marks.append(("stop", 0.9, 900, 900))
    if generator.random() < 0.1 and len(marks) > 1:
        marks = marks[1:]
    for index, (kind, after, where, played) in enumerate(marks):
        if index and generator.random() < 0.03 and viewer["viewer_id"] is None:
            viewer["viewer_id"] = f"v{number}"  # the device signs in half way
        writer.add(
            "views",
            at + timedelta(seconds=after),
            {
                **place,
                **viewer,
                "event_id": f"{playback_id}-{index}",
                "playback_id": playback_id,
                "episode_id": f"{place['series_id']}-{episode}",
                "episode_seq": episode,
                "event_type": kind,
                "position_ms": where,
                "duration_ms": generator.choice((None, 44_000, 45_000)),
                "watched_ms": None if is_silent or generator.random() < 0.03 else played,
                "is_autoplay_next": autoplay,
                "access_type": "vip" if number % 17 == 0 else "free",
            },
        )
    return second


def _gate(writer: _Writer, place: Mapping[str, Any], viewer: str, episode: int, at: datetime, number: int) -> None:
    """An offer, and at times its unlock with refunds of all kinds."""
    generator = writer.generator
    order = f"o{len(writer.rows['unlocks'])}"
    base = {
        **place,
        "source": "app",
        "viewer_id": viewer if generator.random() < 0.95 else None,
        "line_no": 1,
        "event_seq": 0,
        "episode_seq_from": episode,
        "episode_seq_to": episode + generator.choice((0, 0, 2)),
        "token_paid": 0,
        "token_bonus": 0,
    }
    writer.add("unlocks", at, {**base, "order_id": f"of-{order}", "event_type": "offered", "offered_price_tokens": 50})
    if generator.random() < 0.3:
        writer.add("unlocks", at + timedelta(seconds=3), {**base, "order_id": f"of-{order}", "event_type": "tapped"})
    method = generator.choice((None, "coin", "ad_reward", "subscription"))
    if method is None:
        return
    paid = 50 if method == "coin" else 0
    price = {"price_amount": Decimal("0.500001"), "price_currency": "USD"} if paid else {}
    unlock = {**base, "order_id": order, "unlock_method": method}
    writer.add("unlocks", at + timedelta(seconds=20), {**unlock, "event_type": "unlocked", "token_paid": paid, **price})
    if not paid:
        return
    writer.add("topups", at + timedelta(seconds=10), _purchase(order, viewer, place, "purchase", 1))
    for sequence in range(1, generator.choice((1, 1, 2, 3))):
        back = at + timedelta(days=generator.uniform(-0.1, 20))
        refund = {"price_amount": Decimal("-0.2"), "price_currency": "USD"}
        writer.add(
            "unlocks", back, {**unlock, "event_seq": sequence, "event_type": "refunded", "token_paid": -20, **refund}
        )
    if generator.random() < 0.1:
        writer.add("topups", at + timedelta(days=3), _purchase(order, viewer, place, "refund", -1))


def _purchase(order: str, viewer: str, place: Mapping[str, Any], event_type: str, sign: int) -> dict[str, Any]:
    return {
        "store": "apple",
        "store_transaction_id": f"t-{order}",
        "event_type": event_type,
        "product_type": "coin_pack",
        "tokens_paid": sign * 100,
        "gross_amount": sign * Decimal("0.99"),
        "tax_amount": sign * Decimal("0.05"),
        "fee_amount": sign * Decimal("0.148500"),
        "currency": "USD",
        "app_id": place["app_id"],
        "viewer_id": viewer,
        "country": place["country"],
        "is_test": place["is_test"],
    }


def _advertise(
    writer: _Writer, place: Mapping[str, Any], identity: Mapping[str, Any], episode: int, at: datetime
) -> None:
    """An impression, at times logged again by another party a day later, and an adjustment of its revenue."""
    generator = writer.generator
    number = len(writer.rows["ads"])
    ad = {
        **place,
        **identity,
        "impression_id": f"i{number}" if generator.random() < 0.9 else None,
        "network": generator.choice((None, "n1", "n2")),
        "episode_seq": episode,
        "placement_id": "gate",
        "ad_format": "rewarded",
        "verification": "client_only",
        "revenue_amount": None if place["app_id"] == "mini" else Decimal("0.012345"),
        "currency": None if place["app_id"] == "mini" else "USD",
    }
    writer.add("ads", at, {**ad, "ad_event_id": f"a{number}", "event_type": "impression"})
    writer.add("ads", at, {**ad, "ad_event_id": f"a{number}-c", "event_type": "click"})
    if generator.random() < 0.3:
        later = at + timedelta(days=generator.uniform(-1.5, 1.5))
        writer.add("ads", later, {**ad, "ad_event_id": f"a{number}-b", "event_type": "impression"})
    if generator.random() < 0.1 and ad["revenue_amount"] is not None:
        change = {"revenue_amount": Decimal("-0.002345"), "event_type": "adjustment"}
        writer.add("ads", at + timedelta(days=10), {**ad, "ad_event_id": f"a{number}-d", **change})


def _unseen_viewers(writer: _Writer) -> None:
    """Rows that belong to no viewer and to no series of the catalogue."""
    at = START + timedelta(days=5)
    writer.add(
        "ads",
        at,
        {
            "ad_event_id": "home",
            "surface": "ext_web",
            "app_id": "own",
            "placement_id": "home",
            "ad_format": "native",
            "event_type": "impression",
            "verification": "client_only",
            "revenue_amount": Decimal("0.01"),
            "currency": "USD",
        },
    )


def arrival_order(rows: Rows) -> list[tuple[str, dict[str, Any]]]:
    """All rows of all feeds as they came in."""
    return sorted(
        ((feed, row) for feed, of_feed in rows.items() for row in of_feed), key=lambda item: item[1]["received_ts"]
    )


def by_feed(rows: Sequence[tuple[str, dict[str, Any]]]) -> Rows:
    """Rows grouped by feed again."""
    grouped: Rows = {feed: [] for feed in FEEDS}
    for feed, row in rows:
        grouped[feed].append(row)
    return grouped
