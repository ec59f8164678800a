"""Failures a caller can act on. Each message says what happened, where, why, and what to do next."""


class ReportError(Exception):
    """Base of every failure that building a report raises on purpose."""


class ReleaseUnreadable(ReportError):
    """The released file is missing, is not a DuckDB file, or cannot be opened."""


class ReleaseIncomplete(ReportError):
    """The released file lacks a table, a column or a row that every report needs."""


class OutOfScope(ReportError):
    """A block asked for rows of a series that does not belong to the report's recipient."""


class UnknownReport(ReportError):
    """No report of that name is registered."""


class UnknownPeriod(ReportError):
    """The period is misspelt, or the release does not cover it."""


class UnknownRecipient(ReportError):
    """The release knows no such recipient for that report and period."""


class ReportBlocked(ReportError):
    """A critical check of the release failed: the report must not be delivered."""


class TypesettingFailed(ReportError):
    """The page could not be typeset; the message carries the compiler's diagnosis."""


class FontsUnusable(ReportError):
    """The installed font packages do not hold the files the reports are set in."""
