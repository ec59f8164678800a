"""Files to typed rows: read once, checked line by line, each row kept exactly once, refusals kept with their reason.

The way of a file: `staging` reads it (`unpacking`, `framing`, then `json_lines`, `csv_records` or `parquet_rows`) into
typed rows by the rules of the contract (`staging_sql`, `typing_rules`); `merge` settles keys against all history and
writes rows, rejects and books in one transaction. `profile` sums a batch up, `history`
tells what was usual before, `gate` judges it by `gate_rules` and `drift`, and `data_docs` shows the verdict.
"""

from dagster_project.ingest.feed import ingest_feed, pending_files
from dagster_project.ingest.profile import FeedProfile, profile_feed
from dagster_project.ingest.reingest import reingest
from dagster_project.ingest.results import FeedResult, FileOutcome
from dagster_project.storage.raw_tables import prepare_raw

__all__ = [
    "FeedProfile",
    "FeedResult",
    "FileOutcome",
    "ingest_feed",
    "pending_files",
    "prepare_raw",
    "profile_feed",
    "reingest",
]
