"""The partition axis of raw: the UTC day a file was taken in."""

from datetime import UTC, datetime

import dagster as dg

from dagster_project.settings import Settings

FIRST_INGEST_DAY = "2020-01-01"


def ingest_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Every UTC day from 2020 up to and including today (or the fixed day, when it lies ahead)."""
    ahead = (settings.now().date() - datetime.now(UTC).date()).days
    return dg.DailyPartitionsDefinition(start_date=FIRST_INGEST_DAY, end_offset=1 + max(0, ahead))
