"""What each feed and table must look like: one YAML each, in the shape of the Open Data Contract Standard.

`model` is the typed contract, `loader` reads the YAML with file:line errors, `render` writes what follows from it
(raw DDL, dbt sources, dictionary). `native/` holds platforms' own files: their fields, and the SQL that maps them to
the columns of a feed.
"""

from dagster_project.contracts.loader import (
    feed_contracts,
    load_contract,
    native_contracts,
    reference_contracts,
    statement_contracts,
)
from dagster_project.contracts.model import Column, LogicalType, NativeContract, TableContract

__all__ = [
    "Column",
    "LogicalType",
    "NativeContract",
    "TableContract",
    "feed_contracts",
    "load_contract",
    "native_contracts",
    "reference_contracts",
    "statement_contracts",
]
