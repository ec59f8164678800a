"""Finds the reports: every module of `dashboards.reports` that exposes a `REPORT`."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Protocol

from dashboards import reports
from dashboards.document import Document, WebPage
from dashboards.errors import UnknownReport
from dashboards.fonts import FontSet
from dashboards.published import Release


class Report(Protocol):
    """A report is a pure function of release, period, recipient and template."""

    @property
    def name(self) -> str:
        """The id in paths and commands."""

    @property
    def title(self) -> str:
        """What a reader calls it."""

    @property
    def period_kind(self) -> Literal["week", "month"]:
        """`week` for YYYY-Www, `month` for YYYY-MM."""

    def recipients(self, release: Release, period: str) -> list[str]:
        """Ids of those who get it for the period, sorted."""

    def periods(self, release: Release) -> list[str]:
        """Periods the release can be reported for, oldest first; the last is the default."""

    def build(self, release: Release, period: str, recipient: str, fonts: FontSet) -> Document | WebPage:
        """The report, ready to be rendered."""


def _discover() -> dict[str, Report]:
    found: dict[str, Report] = {}
    for module in sorted(pkgutil.iter_modules(reports.__path__), key=lambda m: m.name):
        report = getattr(importlib.import_module(f"{reports.__name__}.{module.name}"), "REPORT", None)
        if report is not None:
            found[report.name] = report
    return found


REPORTS: Mapping[str, Report] = MappingProxyType(_discover())


def get_report(name: str) -> Report:
    """The report of that name. Raises UnknownReport, naming those that exist."""
    try:
        return REPORTS[name]
    except KeyError:
        raise UnknownReport(f"there is no report {name!r}; there is {', '.join(sorted(REPORTS))}") from None
