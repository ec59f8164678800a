"""What one recipient may see: their own series, and tables that speak of nobody.

Blocks read the release through a `StudioScope` alone. Two modules read more: `benchmark`, which hands back
medians and counts, and `app_wide`, which hands back estimates of the whole app.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboards.errors import OutOfScope, UnknownRecipient
from dashboards.fonts import FontSet
from dashboards.published import Filter, Release, Row
from dashboards.titles import Title, printable

_SHARED = frozenset({"health.freshness", "meta.releases", "meta.checks"})
_MONEY = frozenset({"payouts.lines", "payouts.pending", "payouts.should_be"})
_SHORTEST_SUBSTRING = 4


@dataclass(frozen=True)
class Series:
    """One series as the dimension table describes it. `gate` is the first episode that must be unlocked."""

    series_id: str
    title: Title
    genre: str | None
    total_episodes: int
    published_episodes: int
    gate: int | None


class StudioScope:
    """The release as one studio may see it. Raises UnknownRecipient when the release has no such studio."""

    def __init__(self, release: Release, studio_id: str, fonts: FontSet) -> None:
        self._release = release
        rows = release.read("core.dim_studio", ["studio_id", "name"], {"studio_id": studio_id})
        if not rows:
            raise UnknownRecipient(
                f"the release has no studio {studio_id!r}: check the id in core.dim_studio, "
                "or leave the recipient out to build for every studio"
            )
        self.identity = release.identity
        self.studio_id = studio_id
        self.studio_name = printable(rows[0]["name"], studio_id, "Studio", None, fonts)
        self.series: dict[str, Series] = {}
        for row in release.read(
            "core.dim_series",
            [
                "series_id",
                "title",
                "language",
                "genre",
                "total_episodes",
                "published_episodes",
                "first_gated_episode_seq",
            ],
            {"studio_id": studio_id},
            ["series_id"],
        ):
            total = int(row["total_episodes"] or 0)
            self.series[row["series_id"]] = Series(
                row["series_id"],
                printable(row["title"], row["series_id"], "Series", row["language"], fonts),
                row["genre"],
                total,
                total if row["published_episodes"] is None else int(row["published_episodes"]),
                row["first_gated_episode_seq"],
            )

    def read(
        self, table: str, columns: Sequence[str], where: Filter | None = None, order_by: Sequence[str] = ()
    ) -> list[Row]:
        """Rows of the studio's own series. Raises OutOfScope when `where` names a series of somebody else."""
        where = dict(where or {})
        asked: object = where.get("series_id", tuple(self.series))
        wanted = [asked] if isinstance(asked, str) else list(asked) if isinstance(asked, Sequence) else []
        foreign = [s for s in wanted if s not in self.series]
        if foreign:
            raise OutOfScope(f"{table} was asked for {foreign[0]!r}, which is not a series of {self.studio_id}")
        where["series_id"] = [str(s) for s in wanted]
        return self._release.read(table, columns, where, order_by)

    def own_money(self, table: str, columns: Sequence[str], where: Filter) -> list[Row]:
        """Amounts due to the studio itself, whosever series they are of. Raises OutOfScope for other tables."""
        if table not in _MONEY:
            raise OutOfScope(f"{table} holds no amounts by party; read it through the studio's own series")
        order = [c for c in columns if not c.endswith("_minor")]
        return self._release.read(table, columns, {**where, "party_id": self.studio_id}, order)

    def shared(
        self, table: str, columns: Sequence[str], where: Filter | None = None, order_by: Sequence[str] = ()
    ) -> list[Row]:
        """Rows of a table that speaks of the release as a whole. Raises OutOfScope for any other table."""
        if table not in _SHARED:
            raise OutOfScope(f"{table} may hold rows of other studios; read it through the studio's own series")
        return self._release.read(table, columns, where, order_by)

    def names_somebody_else(self, text: str) -> bool:
        """Whether free text mentions an id, name or title of another studio; in doubt, yes."""
        folded = text.casefold()
        return any(
            word in folded if len(word) >= _SHORTEST_SUBSTRING else re.search(rf"\b{re.escape(word)}\b", folded)
            for word in self._foreign_words
        )

    @cached_property
    def _foreign_words(self) -> frozenset[str]:
        studios = self._release.read("core.dim_studio", ["studio_id", "name", "legal_name"])
        series = self._release.read("core.dim_series", ["series_id", "studio_id", "title"])
        words = {
            row[c] for row in studios if row["studio_id"] != self.studio_id for c in ("studio_id", "name", "legal_name")
        }
        words |= {row[c] for row in series if row["studio_id"] != self.studio_id for c in ("series_id", "title")}
        return frozenset(word.casefold().strip() for word in words if word and word.strip())
