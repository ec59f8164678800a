"""What each feed and table must look like: one YAML each, in the shape of the Open Data Contract Standard.

`model` is the typed contract, `loader` reads the YAML with file:line errors, `render` writes what follows from it
(raw DDL, dbt sources, dictionary).
"""

from dagster_project.contracts.loader import feed_contracts, load_contract, reference_contracts, statement_contracts
from dagster_project.contracts.model import Column, LogicalType, TableContract

__all__ = [
    "Column",
    "LogicalType",
    "TableContract",
    "feed_contracts",
    "load_contract",
    "reference_contracts",
    "statement_contracts",
]
