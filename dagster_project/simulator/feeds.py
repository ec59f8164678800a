"""Columns of the four feeds and the rendering of compact rows into them."""

from enum import Enum

import numpy as np
import polars as pl

from dagster_project.simulator.arrays import Array
from dagster_project.simulator.catalogue import Catalogue, episode_id, series_id
from dagster_project.simulator.markets import COUNTRIES
from dagster_project.simulator.vocabulary import (
    ACCESS_TYPES,
    APP_IDS,
    ENTRY_POINTS,
    EVENT_TYPES,
    IVT_FLAGS,
    SURFACES,
)


class Kind(Enum):
    """Logical type of a feed column."""

    TEXT = "text"
    WHOLE = "whole number"
    FLAG = "flag"
    MONEY = "decimal text with six places"
    TIME = "time in UTC"


_POLARS_TYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.WHOLE: pl.Int64(),
    Kind.FLAG: pl.Boolean(),
    Kind.MONEY: pl.String(),
    Kind.TIME: pl.Datetime("us", "UTC"),
}
T, W, F, M, Z = Kind.TEXT, Kind.WHOLE, Kind.FLAG, Kind.MONEY, Kind.TIME

COLUMNS: dict[str, dict[str, Kind]] = {
    "views": {
        "event_id": T,
        "playback_id": T,
        "session_id": T,
        "surface": T,
        "app_id": T,
        "viewer_id": T,
        "anon_id": T,
        "series_id": T,
        "episode_id": T,
        "episode_seq": W,
        "event_type": T,
        "event_ts": Z,
        "received_ts": Z,
        "position_ms": W,
        "duration_ms": W,
        "watched_ms": W,
        "is_autoplay_next": F,
        "entry_point": T,
        "access_type": T,
        "unlock_order_id": T,
        "country": T,
        "os": T,
        "app_version": T,
        "host_version": T,
        "is_test": F,
        "ivt_flag": T,
    },
    "unlocks": {
        "source": T,
        "order_id": T,
        "line_no": W,
        "event_seq": W,
        "event_type": T,
        "platform_order_id": T,
        "surface": T,
        "app_id": T,
        "viewer_id": T,
        "series_id": T,
        "episode_seq_from": W,
        "episode_seq_to": W,
        "unlock_method": T,
        "experiment_id": T,
        "arm": T,
        "assigned_ts": Z,
        "list_price_tokens": W,
        "offered_price_tokens": W,
        "discount_funder": T,
        "token_type": T,
        "token_paid": W,
        "token_bonus": W,
        "price_amount": M,
        "price_currency": T,
        "pay_type": T,
        "ad_event_id": T,
        "refund_tokens": W,
        "refund_reason": T,
        "event_ts": Z,
        "received_ts": Z,
        "country": T,
        "is_test": F,
        "raw_payload": T,
    },
    "ads": {
        "ad_event_id": T,
        "impression_id": T,
        "reward_transaction_id": T,
        "surface": T,
        "app_id": T,
        "viewer_id": T,
        "anon_id": T,
        "series_id": T,
        "episode_seq": W,
        "placement_id": T,
        "ad_format": T,
        "trigger": T,
        "event_type": T,
        "is_ended": F,
        "verification": T,
        "revenue_amount": M,
        "currency": T,
        "revenue_precision": T,
        "network": T,
        "mediation": T,
        "country": T,
        "event_ts": Z,
        "received_ts": Z,
        "ivt_flag": T,
        "is_test": F,
    },
    "topups": {
        "store": T,
        "store_transaction_id": T,
        "original_transaction_id": T,
        "event_type": T,
        "product_type": T,
        "sku_id": T,
        "tokens_paid": W,
        "tokens_bonus": W,
        "gross_amount": M,
        "currency": T,
        "tax_amount": M,
        "fee_amount": M,
        "app_id": T,
        "viewer_id": T,
        "country": T,
        "event_ts": Z,
        "received_ts": Z,
        "is_test": F,
    },
}
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.3fZ"

_OPEN_ID_BASE = 6_900_000_000_000_000_000
_EVENT_BASE = 7_400_000_000_000_000_000
_PLAYBACK_BASE = 7_200_000_000_000_000_000
_OS = ("android", "ios", "web")
_APP_VERSIONS = ("3.8.0", "3.9.1", "3.9.2", "4.0.0")
_HOST_VERSIONS = ("43.9.0", "44.2.0", "44.5.1", "45.0.3")


def schema(feed: str) -> dict[str, pl.DataType]:
    """Return the polars types of a feed's columns."""
    return {name: _POLARS_TYPES[kind] for name, kind in COLUMNS[feed].items()}


def texts(lookup: tuple[str, ...] | list[str], codes: Array) -> pl.Series:
    """Return the texts that codes stand for; a negative code is null."""
    table = pl.Series([*lookup, None], dtype=pl.String)
    position = np.where(codes < 0, len(lookup), codes) if codes.dtype.kind == "i" else codes
    return table.gather(pl.Series(position.astype(np.uint32)))


def times(milliseconds: Array) -> pl.Series:
    """Return epoch milliseconds as UTC times; negative is null."""
    raw = pl.Series(milliseconds)
    return (
        pl.select(pl.when(raw >= 0).then(raw)).to_series().cast(pl.Datetime("ms", "UTC")).cast(pl.Datetime("us", "UTC"))
    )


def number_ids(prefix: str, numbers: Array, base: int = 0) -> pl.Series:
    """Return ids made of a prefix and a number; a negative number is null."""
    raw = pl.Series(numbers)
    text = pl.lit(prefix) + (pl.col("n") + base).cast(pl.String)
    return raw.to_frame("n").select(pl.when(pl.col("n") >= 0).then(text)).to_series()


def viewer_ids(surface: Array, person: Array) -> pl.Series:
    """Return the viewer id in the surface's app: an open_id per TikTok app, one user id in the own app."""
    frame = pl.DataFrame({"s": surface.astype(np.int64), "p": person})
    open_id = (pl.col("p") * 3 + pl.col("s") + _OPEN_ID_BASE).cast(pl.String)
    own_id = pl.lit("u") + (pl.col("p") + 100_000).cast(pl.String)
    return frame.select(pl.when(pl.col("s") >= 2).then(own_id).otherwise(open_id)).to_series()


def anonymous_ids(journey_number: Array) -> pl.Series:
    """Return the id of an anonymous visit, null where the number is negative."""
    return number_ids("guest-", journey_number)


def null_texts(size: int) -> pl.Series:
    """Return a column of nulls."""
    return pl.Series([None], dtype=pl.String).new_from_index(0, size)


def render_views(rows: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Turn compact playback rows into the columns of the views feed."""
    codes = {name: rows[name].to_numpy() for name in rows.columns}
    surface, series, seq = codes["surface"], codes["series"].astype(np.int64), codes["seq"].astype(np.int64)
    anonymous = codes["anonymous_journey"]
    width = catalogue.duration_ms.shape[1]
    episode_ids = [episode_id(one, ep) for one in range(catalogue.n_series) for ep in range(width)]
    viewer = viewer_ids(surface, codes["person"])
    hosted = surface < 2
    return pl.DataFrame(
        {
            "event_id": number_ids("", codes["playback"] * 8 + codes["slot"], _EVENT_BASE),
            "playback_id": number_ids("", codes["playback"], _PLAYBACK_BASE),
            "session_id": number_ids("s", codes["session"]),
            "surface": texts(SURFACES, surface),
            "app_id": texts(APP_IDS, surface),
            "viewer_id": pl.select(pl.when(pl.Series(anonymous) < 0).then(viewer)).to_series(),
            "anon_id": anonymous_ids(anonymous),
            "series_id": texts([series_id(one) for one in range(catalogue.n_series)], series),
            "episode_id": texts(episode_ids, series * width + seq),
            "episode_seq": pl.Series(seq),
            "event_type": texts(EVENT_TYPES, codes["kind"]),
            "event_ts": times(codes["event_ms"]),
            "received_ts": times(codes["received_ms"]),
            "position_ms": rows["position_ms"].cast(pl.Int64),
            "duration_ms": pl.Series(catalogue.duration_ms[series, seq]),
            "watched_ms": rows.select(
                pl.when(pl.col("watched_ms") >= 0).then(pl.col("watched_ms").cast(pl.Int64))
            ).to_series(),
            "is_autoplay_next": rows["is_autoplay"],
            "entry_point": texts(ENTRY_POINTS, codes["entry_point"]),
            "access_type": texts(ACCESS_TYPES, codes["access"]),
            "unlock_order_id": number_ids("or", codes["order"]),
            "country": texts(COUNTRIES, codes["country"]),
            "os": texts(_OS, codes["os"]),
            "app_version": texts(_APP_VERSIONS, codes["version"]),
            "host_version": texts(_HOST_VERSIONS, np.where(hosted, codes["version"].astype(np.int64), -1)),
            "is_test": rows["is_test"],
            "ivt_flag": texts(IVT_FLAGS, codes["ivt"]),
        },
        schema_overrides=schema("views"),
    )


def conflicting_views(rows: pl.DataFrame) -> pl.DataFrame:
    """Return copies with the same event id and another position."""
    return rows.with_columns(pl.col("position_ms") + 173)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Format times as ISO-8601 UTC text with milliseconds; other columns stay."""
    stamps = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(TIME_FORMAT) for name in stamps)
