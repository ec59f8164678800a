"""What was refused of the delivered files, as operators ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster_project.storage.warehouse import Connection


@dataclass(frozen=True)
class RefusalQuestion:
    """Which refusals are asked for; None asks for all.

    Attributes:
        file: Name below `landing/` under which the content was ever seen, or its sha-256.
    """

    feed: str | None = None
    reason: str | None = None
    file: str | None = None

    def conditions(self) -> tuple[str, list[Any]]:
        """SQL over the columns feed, reason_code and file_sha256, and its parameters."""
        tests, parameters = ["true"], []
        if self.feed is not None:
            tests.append("feed = ?")
            parameters.append(self.feed)
        if self.reason is not None:
            tests.append("reason_code = ?")
            parameters.append(self.reason)
        if self.file is not None:
            tests.append(
                "(file_sha256 = ? or file_sha256 in (select file_sha256 from raw.file_names where file_name = ?))"
            )
            parameters += [self.file, self.file]
        return " and ".join(tests), parameters


@dataclass(frozen=True)
class Refusal:
    """The rows of one content that were refused for one reason, or the content as a whole.

    Attributes:
        status: Of the file: loaded (its other rows count), rejected, held, or replaced by a later delivery.
        rows: Refused rows; None for a file as a whole.
        first_line_no, detail: Where to look first and what is wrong there.
        is_mended: The refused rows were delivered anew by `quarantine retry --mended`.
    """

    feed: str
    file_name: str
    file_sha256: str
    status: str
    reason_code: str
    rows: int | None
    first_line_no: int | None
    detail: str | None
    is_mended: bool
    ingested_at: datetime


@dataclass(frozen=True)
class RefusedRow:
    """One refused row; personal values in `raw_text` are masked. `line_no` is None for a whole file."""

    feed: str
    file_name: str
    line_no: int | None
    reason_code: str
    detail: str | None
    raw_text: str | None


@dataclass(frozen=True)
class RefusedContent:
    """A content of which something was refused: `refused_rows` without those that are only held with their file."""

    feed: str
    file_name: str
    file_sha256: str
    status: str
    refused_rows: int


# Good rows that are only held with their file are told by one line about the file.
_ROWS = "select * from raw.quarantine where reason_code <> 'held'"
_WHOLE_FILES = (
    "select feed, file_name, file_sha256, reason_code, detail from raw.files where status in ('rejected', 'held')"
)


def refusals(connection: Connection, question: RefusalQuestion) -> list[Refusal]:
    """Refused rows by feed, file and reason, and files refused whole; the latest first within a feed."""
    conditions, parameters = question.conditions()
    rows = connection.execute(
        f"""
        with refused as (
            select feed, file_sha256, reason_code, count(*) as n_rows, min(line_no) as first_line_no,
                arg_min(detail, line_no) as detail
            from ({_ROWS}) where {conditions} group by all
            union all
            select feed, file_sha256, reason_code, null, null, detail from ({_WHOLE_FILES}) where {conditions}
        )
        select feed, files.file_name, file_sha256, files.status, refused.reason_code, n_rows, first_line_no,
            refused.detail,
            (feed, file_sha256) in (select (feed, file_sha256) from raw.decisions where decision = 'mended'),
            files.ingested_at
        from refused inner join raw.files as files using (feed, file_sha256)
        order by feed, files.ingested_at desc, files.file_name, n_rows desc nulls first, refused.reason_code
        """,
        [*parameters, *parameters],
    ).fetchall()
    return [Refusal(*row) for row in rows]


def refused_rows(connection: Connection, question: RefusalQuestion, limit: int) -> list[RefusedRow]:
    """Refused rows by file and line, at most `limit`; a file refused whole is one row without a line."""
    conditions, parameters = question.conditions()
    rows = connection.execute(
        f"""
        select feed, file_name, line_no, reason_code, detail, raw_text from ({_ROWS}) where {conditions}
        union all
        select feed, file_name, null, reason_code, detail, null from ({_WHOLE_FILES}) where {conditions}
        order by feed, file_name, line_no nulls first, reason_code
        limit {int(limit)}
        """,
        [*parameters, *parameters],
    ).fetchall()
    return [RefusedRow(*row) for row in rows]


def refused_contents(connection: Connection, question: RefusalQuestion) -> list[RefusedContent]:
    """The contents with such refusals, the latest first; those that a later delivery has replaced are left out."""
    conditions, parameters = question.conditions()
    rows = connection.execute(
        f"""
        with refused as (
            select feed, file_sha256 from ({_ROWS}) where {conditions}
            union
            select feed, file_sha256 from ({_WHOLE_FILES}) where {conditions}
        )
        select feed, file_name, file_sha256, status, (
            select count(*) from ({_ROWS}) as refused_row
            where refused_row.feed = files.feed and refused_row.file_sha256 = files.file_sha256
        )
        from raw.files as files semi join refused using (feed, file_sha256)
        where status <> 'replaced'
        order by ingested_at desc, files.rowid desc
        """,
        [*parameters, *parameters],
    ).fetchall()
    return [RefusedContent(*row) for row in rows]
