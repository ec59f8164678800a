"""The one door to the data: a released DuckDB file, opened read-only and pinned for the life of a report.

`Release.read` takes a table, columns, equality filters and an order, and nothing else: there is no way to
write an aggregation here, so that what a report prints is what the release says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from dashboards.errors import ReleaseIncomplete, ReleaseUnreadable

Row = dict[str, Any]
Filter = Mapping[str, str | int | bool | Sequence[str | int] | None]

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ALIAS = "released"
"""The file is attached under this name: opened directly it would be called after itself, and a file
`cliffhanger.duckdb` with a schema `cliffhanger` makes every name of that schema ambiguous."""


@dataclass(frozen=True)
class Identity:
    """What pins a release: its id, the hash of its content, and how far its view log reaches (aware, UTC)."""

    release_id: str
    content_hash: str
    as_of: datetime


class Release:
    """One released file, held open: a later swap of the file under its name does not change what is read.

    Raises ReleaseUnreadable when the file cannot be opened, ReleaseIncomplete when `meta.releases` does not
    name it or the file does not say how far its data reach.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ReleaseUnreadable(
                f"no released file at {path}: nothing has been published there yet; run the pipeline first"
            )
        self._connection = duckdb.connect(":memory:")
        try:
            quoted = str(path).replace("'", "''")
            # DuckDB would draw a progress bar on stdout, which belongs to the command's data.
            self._connection.execute("SET enable_progress_bar = false")
            self._connection.execute(f"ATTACH '{quoted}' AS {_ALIAS} (READ_ONLY)")
        except duckdb.Error as error:
            self._connection.close()
            raise ReleaseUnreadable(
                f"the released file {path} cannot be opened read-only: {error}; "
                "check that it is complete, and that no process holds it open for writing"
            ) from error
        self._path = path
        self._catalog = self._load_catalog()
        self.identity = self._load_identity()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def has(self, table: str) -> bool:
        """Whether the release holds `schema.table`."""
        return table in self._catalog

    def read(
        self,
        table: str,
        columns: Sequence[str],
        where: Filter | None = None,
        order_by: Sequence[str] = (),
        *,
        distinct: bool = False,
    ) -> list[Row]:
        """Rows of `schema.table` whose columns equal `where` (a list means any of it; None means null).

        `distinct` leaves out repetitions. Times come back aware in UTC. Raises ReleaseIncomplete for a table
        or column the release lacks.
        """
        types = self._catalog.get(table)
        if types is None:
            raise ReleaseIncomplete(
                f"{self._path.name} has no table {table}, which the report needs; "
                "publish a release made with the matching version of the models"
            )
        where = where or {}
        absent = [c for c in (*columns, *where, *order_by) if c not in types]
        if absent:
            raise ReleaseIncomplete(
                f"{table} in {self._path.name} lacks {', '.join(sorted(set(absent)))}; "
                "publish a release made with the matching version of the models"
            )
        timed = {c for c in columns if types[c] == "TIMESTAMP WITH TIME ZONE"}
        selected = ", ".join(f'epoch_us("{c}")' if c in timed else f'"{c}"' for c in columns)
        clauses: list[str] = []
        values: list[object] = []
        for column, wanted in where.items():
            if wanted is None:
                clauses.append(f'"{column}" IS NULL')
            elif isinstance(wanted, str | int):
                clauses.append(f'"{column}" = ?')
                values.append(wanted)
            elif not wanted:
                return []
            else:
                clauses.append(f'"{column}" IN ({", ".join("?" * len(wanted))})')
                values.extend(wanted)
        schema, name = table.split(".")
        query = f'SELECT {"DISTINCT " if distinct else ""}{selected} FROM {_ALIAS}."{schema}"."{name}"'
        if clauses:
            query += " WHERE " + " AND ".join(clauses)
        if order_by:
            query += " ORDER BY " + ", ".join(f'"{c}" NULLS LAST' for c in order_by)
        rows = self._connection.execute(query, values).fetchall()
        return [{c: _utc(v) if c in timed else v for c, v in zip(columns, row, strict=True)} for row in rows]

    def _load_catalog(self) -> dict[str, dict[str, str]]:
        catalog: dict[str, dict[str, str]] = {}
        found = self._connection.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = ?",
            [_ALIAS],
        ).fetchall()
        for schema, table, column, kind in found:
            if all(_NAME.fullmatch(name) for name in (schema, table, column)):
                catalog.setdefault(f"{schema}.{table}", {})[column] = kind
        return catalog

    def _load_identity(self) -> Identity:
        rows = self.read("meta.releases", ["release_id", "content_hash", "as_of"], {"is_current": True})
        if len(rows) != 1:
            raise ReleaseIncomplete(
                f"meta.releases in {self._path.name} marks {len(rows)} releases as current, expected one; "
                "publish the release again"
            )
        views = self.read("health.freshness", ["as_of"], {"source": "views"})
        as_of = views[0]["as_of"] if views and views[0]["as_of"] is not None else rows[0]["as_of"]
        if as_of is None:
            raise ReleaseIncomplete(
                f"neither health.freshness nor meta.releases in {self._path.name} says how far "
                "the data reach; publish the release again"
            )
        return Identity(str(rows[0]["release_id"]), str(rows[0]["content_hash"]), aware(as_of))


def aware(value: datetime | date | str) -> datetime:
    """A time of the release as an aware UTC datetime, whether it was stored as a time, a date or ISO text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _utc(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest)
