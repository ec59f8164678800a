"""What platform statements are made from: sums over the accepted rows that were written, by day, market and series."""

from collections import defaultdict

import polars as pl

from dagster_project.simulator.delivery import GOOD

UNATTRIBUTED = "UNATTRIBUTED"
_TIKTOK = ("tiktok_minis", "tiktok_drama_center")
_REVENUE_EVENTS = ("impression",)


class StatementBasis:
    """Adds up valid advertisements, Bean revenue, top-ups and own-app ad revenue file by file.

    Keys carry the UTC event date as ISO text. Money is in micro US dollars.
    """

    def __init__(self) -> None:
        self.completed_rewarded: dict[tuple[str, str, str], int] = defaultdict(int)
        """(date, country, series or UNATTRIBUTED) -> valid completed rewarded impressions in the platform's apps."""
        self.other_impressions: dict[tuple[str, str], int] = defaultdict(int)
        """(date, country) -> valid impressions of other formats there."""
        self.beans_micros: dict[tuple[str, str, str, str], int] = defaultdict(int)
        """(date, country, series, kind) -> value of paid Beans; kind is unlocked, refunded or test."""
        self.store_micros: dict[tuple[str, str, str, str, str], tuple[int, int, int]] = {}
        """(date, store, sku, country, event type) -> rows, gross, fee."""
        self.network_micros: dict[tuple[str, str, str], tuple[int, int]] = {}
        """(date, network, country) -> revenue of all and of invalid own-app impressions."""

    def add(self, feed: str, rows: pl.DataFrame) -> None:
        """Add one file's rows; only accepted ones count."""
        good = rows.filter(pl.col("delivery") == GOOD)
        if good.height == 0:
            return
        good = good.with_columns(date=pl.from_epoch("event_ms", time_unit="ms").dt.strftime("%Y-%m-%d"))
        if feed == "ads":
            self._add_ads(good)
        elif feed == "unlocks":
            self._add_unlocks(good)
        elif feed == "topups":
            self._add_topups(good)

    def _add_ads(self, rows: pl.DataFrame) -> None:
        platform = rows.filter(
            pl.col("surface").is_in(_TIKTOK) & (pl.col("ivt_flag") != "invalid") & ~pl.col("from_test")
        )
        watched = platform.filter(
            (pl.col("event_type") == "complete") & (pl.col("ad_format") == "rewarded") & pl.col("is_ended")
        ).with_columns(pl.col("series_id").fill_null(UNATTRIBUTED))
        for date, country, series, count in watched.group_by("date", "country", "series_id").len().iter_rows():
            self.completed_rewarded[date, country, series] += count
        plain = platform.filter((pl.col("event_type") == "impression") & (pl.col("ad_format") != "rewarded"))
        for date, country, count in plain.group_by("date", "country").len().iter_rows():
            self.other_impressions[date, country] += count
        own = rows.filter(pl.col("revenue_amount").is_not_null() & ~pl.col("from_test"))
        own = own.with_columns(micros=_micros("revenue_amount"), bad=pl.col("ivt_flag") == "invalid")
        sums = own.group_by("date", "network", "country").agg(
            pl.col("micros").sum(), pl.col("micros").filter("bad").sum().alias("bad_micros")
        )
        for date, network, country, micros, bad in sums.iter_rows():
            before = self.network_micros.get((date, network, country), (0, 0))
            self.network_micros[date, network, country] = (before[0] + micros, before[1] + bad)

    def _add_unlocks(self, rows: pl.DataFrame) -> None:
        kind = (
            pl.when("from_test")
            .then(pl.lit("test"))
            .when(pl.col("event_type") == "unlocked")
            .then(pl.lit("unlocked"))
            .otherwise(pl.lit("refunded"))
        )
        beans = rows.filter(
            (pl.col("unlock_method") == "beans") & (~pl.col("from_test") | (pl.col("event_type") == "unlocked"))
        ).with_columns(kind=kind, micros=_micros("price_amount"))
        sums = beans.group_by("date", "country", "series_id", "kind").agg(pl.col("micros").sum())
        for date, country, series, what, micros in sums.iter_rows():
            self.beans_micros[date, country, series, what] += micros

    def _add_topups(self, rows: pl.DataFrame) -> None:
        sums = (
            rows.filter(~pl.col("from_test"))
            .with_columns(gross=_micros("gross_amount"), fee=_micros("fee_amount"))
            .group_by("date", "store", "sku_id", "country", "event_type")
            .agg(pl.len(), pl.col("gross").sum(), pl.col("fee").sum())
        )
        for *key, count, gross, fee in sums.iter_rows():
            place = (key[0], key[1], key[2], key[3], key[4])
            before = self.store_micros.get(place, (0, 0, 0))
            self.store_micros[place] = (before[0] + count, before[1] + gross, before[2] + fee)


def _micros(column: str) -> pl.Expr:
    """Read decimal text with six places as whole micros."""
    return pl.col(column).str.replace(".", "", literal=True).cast(pl.Int64)
