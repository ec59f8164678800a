"""The one resource: the private warehouse, locked for the whole run."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from dagster_project.settings import Settings, load_settings
from dagster_project.storage.erased_persons import Persons, load_persons
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import open_warehouse, writer_lock

LOCK_WAIT_SECONDS = 300.0
Progress = Callable[[str, float], None]
_listener: list[Progress] = []


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Let `progress(what, share)` hear of the work done by runs of this process."""
    _listener.append(progress)
    try:
        yield
    finally:
        _listener.remove(progress)


def report_progress(what: str, share: float) -> None:
    """Tell whoever listens how far a step has come (share 0 to 1)."""
    for progress in _listener:
        progress(what, share)


class WarehouseResource(dg.ConfigurableResource[Any]):
    """The data root's warehouse; one run at a time holds the writer lock, from its first step to its last."""

    data_root: str
    _settings: Settings | None = PrivateAttr(default=None)

    @property
    def layout(self) -> DataLayout:
        return DataLayout(Path(self.data_root))

    @property
    def settings(self) -> Settings:
        return self._settings or load_settings()

    def persons(self) -> Persons:
        """Pseudonyms and erasures of this data root; read when asked, so that no key is in any configuration."""
        return load_persons(self.layout, self.settings.pseudonym_key_file)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Any, None, None]:
        self.layout.prepare()
        with writer_lock(self.layout, LOCK_WAIT_SECONDS):
            yield self

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An open connection; closed at the end so that dbt and the next step can open the file."""
        with closing(open_warehouse(self.layout)) as connection:
            yield connection
