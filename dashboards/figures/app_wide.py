"""Figures of the whole app that a studio may see, because no single other studio can be read out of them.

Beside `benchmark` the one reader of more than the studio's own rows. What leaves this module are the
release's own pooled estimates: no id, no title, no amount of anybody else. They are shown only when at least
FEWEST_STUDIOS other studios are in them, or none; an experiment only when the studio's own
series are in it and its name is nobody else's.
"""

from collections.abc import Sequence
from functools import cached_property

from dashboards.errors import OutOfScope
from dashboards.figures.benchmark import FEWEST_STUDIOS
from dashboards.figures.scope import StudioScope
from dashboards.published import Filter, Release, Row

UPLIFT = "discounts.uplift"
DIVERSION = "cannibalization.diversion"
EVENT_STUDY = "cannibalization.event_study"
_OFFERS = "core.fct_offer"
_AMOUNTS = frozenset(
    {"displaced_minor", "in_platform_minor", "own_app_net_micros", "in_platform_net_micros", "mean_control"}
)
"""What the app earns is the operator's to know; a studio sees rates and differences."""


class AppWide:
    """The app-wide estimates of a release, as one studio may see them."""

    def __init__(self, release: Release, scope: StudioScope) -> None:
        self._release = release
        self._scope = scope

    @cached_property
    def is_shown(self) -> bool:
        """Whether enough studios have series in the app for its figures to be nobody's own."""
        return self._enough({row["studio_id"] for row in self._owners})

    def rollout(self, table: str, columns: Sequence[str], where: Filter, order_by: Sequence[str] = ()) -> list[Row]:
        """Rows of DIVERSION or EVENT_STUDY; none unless `is_shown`. Raises OutOfScope for anything else."""
        if table not in (DIVERSION, EVENT_STUDY) or _AMOUNTS & set(columns):
            raise OutOfScope(f"{table} ({', '.join(columns)}) is not a figure of the whole app that studios may see")
        return self._release.read(table, columns, where, order_by) if self.is_shown else []

    def experiments(self) -> tuple[list[str], int]:
        """Experiments that may be shown, sorted, and how many more have the studio's series but too few others."""
        tested = {row["experiment_id"] for row in self._release.read(UPLIFT, ["experiment_id"], distinct=True)}
        if not tested:
            return [], 0
        owner = {row["series_id"]: row["studio_id"] for row in self._owners}
        offers = self._release.read(
            _OFFERS, ["experiment_id", "series_id"], {"experiment_id": sorted(tested)}, distinct=True
        )
        partners: dict[str, set[str]] = {}
        for row in offers:
            if row["series_id"] in owner:
                partners.setdefault(row["experiment_id"], set()).add(owner[row["series_id"]])
        mine = {e: studios for e, studios in partners.items() if self._scope.studio_id in studios}
        shown = sorted(
            e for e, studios in mine.items() if self._enough(studios) and not self._scope.names_somebody_else(e)
        )
        return shown, len(mine) - len(shown)

    def uplift(self, columns: Sequence[str], where: Filter, order_by: Sequence[str] = ()) -> list[Row]:
        """Rows of UPLIFT of the experiments that may be shown."""
        if _AMOUNTS & set(columns):
            raise OutOfScope(f"{UPLIFT} ({', '.join(columns)}) would show what the whole app earns")
        rows = self._release.read(UPLIFT, columns, {**where, "experiment_id": self.experiments()[0]}, order_by)
        words = ("arm", "control_arm", "segment")
        return [
            row
            for row in rows
            if not any(self._scope.names_somebody_else(str(row[word])) for word in words if word in row)
        ]

    @cached_property
    def _owners(self) -> list[Row]:
        return self._release.read("core.dim_series", ["series_id", "studio_id"])

    def _enough(self, studios: set[str]) -> bool:
        others = studios - {self._scope.studio_id}
        return not others or len(others) >= FEWEST_STUDIOS
