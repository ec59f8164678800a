"""From a pseudonym back to the id, for whoever has key and landing: by a row of the person and its delivered line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice

import pyarrow.parquet as pq

from dagster_project.contracts import TableContract, feed_contracts
from dagster_project.core.errors import NothingToDo
from dagster_project.erasure.landed_files import delivered_lines
from dagster_project.erasure.mentions import texts_in
from dagster_project.storage.erased_persons import Persons
from dagster_project.storage.landing import FileForm, LandedFile, discover, open_landed
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.raw_tables import names_of
from dagster_project.storage.renamed_persons import rows_of
from dagster_project.storage.warehouse import Connection

_PSEUDONYM = re.compile(r"p-[0-9a-f]{32}")


def delivered_id(connection: Connection, layout: DataLayout, persons: Persons, text: str) -> str:
    """The id as it was delivered; a text that is no pseudonym is one already.

    Raises:
        NothingToDo: No row has that pseudonym, or its file is no longer in landing.
    """
    if not _PSEUDONYM.fullmatch(text):
        return text
    for contract in feed_contracts().values():
        columns = [column.name for column in contract.columns if column.names_viewer]
        landed = {file.name: file for file in discover(layout, contract).files}
        for sha256, line_no in rows_of(connection, contract.relation, columns, text)[:1]:
            for name in names_of(connection, sha256):
                if name in landed:
                    for candidate in _texts(contract, landed[name], line_no):
                        if persons.pseudonym(candidate) == text:
                            return candidate
    raise NothingToDo(
        "nobody has that pseudonym, or the file of its rows is no longer in landing",
        where=str(layout.root),
        fix="give the id as it was delivered",
    )


def _texts(contract: TableContract, file: LandedFile, line_no: int) -> Iterator[str]:
    if file.form is FileForm.PARQUET:
        with open_landed(file) as stream, pq.ParquetFile(stream) as source:
            columns = [
                name for name in source.schema_arrow.names if name in {column.name for column in contract.columns}
            ]
            row_no = 1
            for batch in source.iter_batches(columns=columns, use_threads=False):
                if line_no < row_no + batch.num_rows:
                    yield from (str(value) for value in batch.slice(line_no - row_no, 1).to_pylist()[0].values())
                    return
                row_no += batch.num_rows
        return
    for line in islice(delivered_lines(file), line_no - 1, line_no):
        text = line.decode("utf-8", "surrogateescape")
        yield from texts_in(text)
        for delimiter in ",;\t" if file.form is FileForm.CSV else "":
            yield from next(csv.reader([text], delimiter=delimiter), [])
