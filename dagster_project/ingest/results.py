"""What taking in files tells its caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class FileOutcome:
    """What became of one delivered file: lines_read = accepted + duplicate + conflict + rejected + blank.

    Attributes:
        status: `loaded`; `rejected` (nothing of it was loaded, see reason_code); `held` (too many bad rows: every line
            counts as rejected until an operator decides); `known` (the same content was taken in before); `changing`
            (it was still being written, a later run reads it).
        file_sha256: Of the bytes as delivered; empty when they were not all read.
    """

    feed: str
    file_name: str
    file_sha256: str
    status: str
    lines_read: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    blank: int = 0
    reason_code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class FeedResult:
    """What one run took in of one feed; `rejected_by_reason` counts rows by reason code."""

    feed: str
    files: tuple[FileOutcome, ...]
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
