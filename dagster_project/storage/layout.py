"""Where everything lies below the data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dagster_project.core.errors import WarehouseError


@dataclass(frozen=True)
class DataLayout:
    """Paths below one data root; `private` folders are readable by the owner alone."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def reference(self) -> Path:
        return self.root / "reference"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def warehouse_dir(self) -> Path:
        return self.root / "warehouse"

    @property
    def warehouse(self) -> Path:
        return self.warehouse_dir / "warehouse.duckdb"

    @property
    def writer_lock(self) -> Path:
        return self.warehouse_dir / "writer.lock"

    @property
    def runs(self) -> Path:
        return self.warehouse_dir / "runs"

    @property
    def dagster_home(self) -> Path:
        return self.warehouse_dir / "dagster"

    @property
    def dbt_target(self) -> Path:
        return self.warehouse_dir / "dbt"

    @property
    def data_docs(self) -> Path:
        """What the gate expected of the latest deliveries and saw: pages for a browser, closed to other users."""
        return self.warehouse_dir / "data_docs"

    @property
    def data_docs_index(self) -> Path:
        return self.data_docs / "index.html"

    @property
    def report_cache(self) -> Path:
        return self.warehouse_dir / "report_cache"

    @property
    def privacy(self) -> Path:
        """The key for pseudonyms, tombstones and receipts of erasures: not to be made anew from anything."""
        return self.root / "privacy"

    @property
    def pseudonym_key(self) -> Path:
        return self.privacy / "pseudonym.key"

    @property
    def erased_persons(self) -> Path:
        return self.privacy / "erased.jsonl"

    @property
    def erasure_journal(self) -> Path:
        return self.privacy / "erasure.journal"

    @property
    def receipts(self) -> Path:
        return self.privacy / "receipts"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def published_dir(self) -> Path:
        return self.root / "published"

    @property
    def published(self) -> Path:
        return self.published_dir / "cliffhanger.duckdb"

    @property
    def releases(self) -> Path:
        return self.published_dir / "releases"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    def prepare(self) -> None:
        """Create the folders this project writes to, closed to other users.

        Raises:
            WarehouseError: One cannot be made.
        """
        private = (self.quarantine, self.warehouse_dir, self.runs, self.dagster_home, self.dbt_target)
        modes = dict.fromkeys((*private, self.ledger, self.privacy), 0o700)
        modes |= dict.fromkeys((self.published_dir, self.releases, self.reports), 0o755)
        for folder, mode in modes.items():
            try:
                folder.mkdir(mode=mode, parents=True, exist_ok=True)
            except OSError as error:
                raise WarehouseError(
                    "a folder of the data root cannot be made",
                    where=str(folder),
                    why=error.strerror or str(error),
                    fix="make the data root writable and free disk space, then run again",
                ) from error
