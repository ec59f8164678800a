"""A file past its reject threshold is held whole: nothing of it counts until an operator has decided."""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.staging import FileReading
from dagster_project.storage.raw_tables import accepted_in_spite
from dagster_project.storage.warehouse import Connection

HOLD_MINIMUM_ROWS = 20
"""Fewer rejected rows never hold a file: in a file of ten lines one slip is a tenth."""
_SHOWN_REASONS = 3
_MILLION = 1_000_000


def hold_spoilt(connection: Connection, contract: TableContract, loaded: Sequence[FileReading]) -> bool:
    """Hold the files of which `staged` holds too many failed rows; True when there were any not held before.

    Their good rows fail as `held`. Rows that failed for the watermark alone are good again in the other files, because
    the rows of a file that is held now may have moved it.
    """
    failed = dict(
        connection.execute("select _file_index, count(*) from staged where not _ok group by _file_index").fetchall()
    )
    spoilt = [
        reading
        for reading in loaded
        if reading.status == "read" and _is_past(contract, failed.get(reading.index, 0), reading.lines_read)
    ]
    if spoilt:
        settled = accepted_in_spite(connection, contract.name)
        spoilt = [reading for reading in spoilt if reading.sha256 not in settled]
    if not spoilt:
        return False
    for reading in spoilt:
        reading.status, reading.reason_code = "held", "held"
    indexes = [reading.index for reading in loaded if reading.status == "held"]
    connection.execute(
        "update staged set _ok = false, _code = 'held' where _ok and list_contains(?, _file_index)", [indexes]
    )
    connection.execute(
        "update staged set _ok = true, _code = null "
        "where _code = 'out_of_window' and not list_contains(?, _file_index)",
        [indexes],
    )
    return True


def explain_held(connection: Connection, loaded: Sequence[FileReading]) -> None:
    """Say of each held file how many of its lines failed, and the commonest reasons with a line to look at."""
    for reading in loaded:
        if reading.status != "held":
            continue
        reasons = connection.execute(
            "select reason_code, count(*), min(_line_no), arg_min(detail, _line_no) from problem_row "
            "where _file_index = ? and reason_code <> 'held' group by 1 order by 2 desc, 1",
            [reading.index],
        ).fetchall()
        total = sum(count for _, count, _, _ in reasons)
        shown = "; ".join(
            f"{reason} {count:,}, first in line {line}: {detail}"
            for reason, count, line, detail in reasons[:_SHOWN_REASONS]
        )
        reading.detail = f"{total:,} of {reading.lines_read:,} lines are rejected ({shown})"


def _is_past(contract: TableContract, rejected: int, lines: int) -> bool:
    return rejected >= HOLD_MINIMUM_ROWS and rejected * _MILLION > contract.reject_threshold_ppm * lines
