"""The typed contract: what the rest of the project sees of a YAML file."""

from __future__ import annotations

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

    @property
    def key(self) -> tuple[str, ...]:
        """The natural key in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(column.name for column in sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def content_columns(self) -> tuple[Column, ...]:
        """The columns that make a row's content: all but delivery metadata."""
        return tuple(column for column in self.columns if not column.is_delivery_metadata)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
