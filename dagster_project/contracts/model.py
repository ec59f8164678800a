"""The typed contract: what the rest of the project sees of a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LogicalType(StrEnum):
    """Types of the Open Data Contract Standard that feeds use."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        minimum, maximum: Inclusive bounds of an integer, or None.
        max_length: Longest text in characters, or None.
        pattern: Regular expression the whole text must match, or None.
        valid_values: The closed list of values, or empty.
        is_delivery_metadata: True when it tells about the delivery, not the event; it is left out of a row's content.
        is_personal: True when it identifies a person.
        has_few_values: True for an open list of few values, such as countries or apps.
        key_position: Place in the natural key from 1, or None.
    """

    name: str
    logical_type: LogicalType
    physical_type: str
    description: str
    is_required: bool = False
    key_position: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    valid_values: tuple[str, ...] = ()
    is_delivery_metadata: bool = False
    is_personal: bool = False
    has_few_values: bool = False

    @property
    def is_category(self) -> bool:
        """True when its values are few, so that their shares can be watched: a closed list, a flag, or declared so."""
        return bool(self.valid_values) or self.has_few_values or self.logical_type is LogicalType.BOOLEAN

    @property
    def names_viewer(self) -> bool:
        """True for the id of a viewer or device, which is stored as a pseudonym."""
        return self.is_personal and self.name.endswith("_id")

    @property
    def is_source_text(self) -> bool:
        """True for the row in the source's own words, which may name persons in ways nobody has described."""
        return self.is_delivery_metadata and self.logical_type is LogicalType.STRING


class Clock(StrEnum):
    """How a native field writes a moment or a day."""

    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"
    UTC_TEXT = "utc_text"
    RFC3339 = "rfc3339"


@dataclass(frozen=True)
class NativeField:
    """One field of a platform's own records.

    Attributes:
        name: What the mapping calls it.
        source: JSON path (`$.event.price`) or header, as the platform writes it.
        aliases: Other spellings of `source` that the platform uses.
        clock: For timestamps: how the moment is written.
        date_format: For dates: how the day is written (strptime), or None for YYYY-MM-DD.
        is_required: For tables with a header: the header must name it.
        is_personal: True when it identifies a person.
    """

    name: str
    source: str
    description: str
    logical_type: LogicalType = LogicalType.STRING
    aliases: tuple[str, ...] = ()
    clock: Clock | None = None
    date_format: str | None = None
    is_required: bool = False
    is_personal: bool = False


@dataclass(frozen=True)
class Lookup:
    """A reference table beside each native record: `keys` gives an SQL expression over the record per key column."""

    name: str
    table: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """Native records that cannot be mapped: SQL condition, reason code and SQL text that says why."""

    when: str
    reason_code: str
    detail: str


@dataclass(frozen=True)
class NativeContract:
    """A platform's own files, which become rows of a feed of this project.

    Attributes:
        target: Name of that feed or statement kind.
        landing: Folder below `landing/` its files arrive in.
        file_form: jsonl (one JSON object a line) or csv (a header, then records; comma, semicolon or tab).
        adapter: Name of the module in `ingest/adapters` that opens up a record first; empty when none is needed.
        trailer: First field of the control line below a table that tells the number of its records, or None.
        mapping: SQL expression over fields and lookups for each column of the target; the others stay empty.
    """

    name: str
    target: str
    purpose: str
    grain: str
    usage: str
    limitations: str
    landing: str
    file_form: str
    fields: tuple[NativeField, ...]
    mapping: Mapping[str, str]
    lookups: tuple[Lookup, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    adapter: str = ""
    trailer: str | None = None


@dataclass(frozen=True)
class TableContract:
    """One feed, statement kind or reference table.

    Attributes:
        name: Name of the feed or table.
        relation: Schema-qualified name in the private warehouse.
        landing: Folder below `landing/` its files arrive in; empty for reference tables.
        key: Natural key, in order.
        event_time, received_time: Names of the two clock columns; None when there are none.
        event_time_from: First acceptable event time.
        required_any: Groups of columns of which at least one must be present.
        reject_threshold_ppm: Share of bad rows, in millionths, above which a delivery is not to be trusted.
        file_required: For reference tables: the file must exist.
        late_after_hours: Age at arrival from which a row counts as late, or None.
        natives: Platforms' own files whose records become rows of this feed.
    """

    name: str
    relation: str
    purpose: str
    grain: str
    columns: tuple[Column, ...]
    landing: str = ""
    event_time: str | None = None
    received_time: str | None = None
    event_time_from: datetime | None = None
    required_any: tuple[tuple[str, ...], ...] = ()
    reject_threshold_ppm: int = 50_000
    file_required: bool = False
    late_after_hours: int | None = None
    natives: tuple[NativeContract, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The natural key in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(column.name for column in sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def carries_money(self) -> bool:
        """True when one of its columns is an amount of money."""
        return any(column.logical_type is LogicalType.NUMBER for column in self.columns)

    @property
    def content_columns(self) -> tuple[Column, ...]:
        """The columns that make a row's content: all but delivery metadata."""
        return tuple(column for column in self.columns if not column.is_delivery_metadata)

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders below `landing/` whose files bring rows: its own, then those of native files."""
        return (self.landing, *(native.landing for native in self.natives))

    def native(self, name: str) -> NativeContract:
        """The native feed of that name.

        Raises:
            KeyError: There is none.
        """
        for native in self.natives:
            if native.name == name:
                return native
        raise KeyError(name)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
