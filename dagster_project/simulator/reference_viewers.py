"""Reference tables about viewers: consented links between a person's accounts, and test accounts."""

from collections.abc import Sequence

import numpy as np

from dagster_project.simulator.catalogue import Catalogue
from dagster_project.simulator.feeds import viewer_ids
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.reference import Cell, iso
from dagster_project.simulator.viewers import BOTH, TEST, Persons
from dagster_project.simulator.vocabulary import APP_IDS, DRAMA_CENTER, EXT_IOS, MILLISECONDS_PER_DAY, MINIS


def link_rows(parameters: WorldParameters, catalogue: Catalogue, persons: Persons) -> list[Sequence[Cell]]:
    """Return the identity links of a chunk: a person's open_id in the Mini and user id in the own app."""
    rows = np.flatnonzero(persons.is_linked & (persons.kind == BOTH))
    number = persons.number[rows]
    minis = viewer_ids(np.full(len(rows), MINIS), number).to_list()
    own = viewer_ids(np.full(len(rows), EXT_IOS), number).to_list()
    found: list[Sequence[Cell]] = []
    for position, row in enumerate(rows.tolist()):
        linked = catalogue.start_ms + int(number[position]) * 7919 % (parameters.days * 86_400) * 1000
        unlinked = linked + 40 * MILLISECONDS_PER_DAY if number[position] % 50 == 7 else None
        found.append(
            (
                f"union-{int(number[position]):08d}",
                minis[position],
                APP_IDS[MINIS],
                own[position],
                "login_with_tiktok" if row % 3 else "email_match",
                "true" if persons.is_consented[row] else "false",
                iso(linked),
                iso(unlinked) if unlinked is not None and unlinked < catalogue.end_ms else None,
            )
        )
    return found


LINK_HEADER = (
    "union_id",
    "open_id",
    "app_id",
    "app_user_id",
    "method",
    "consented",
    "linked_ts",
    "unlinked_ts",
)


def test_account_rows(persons: Persons) -> list[Sequence[Cell]]:
    """Return the test accounts of a chunk: those test viewers whose rows do not carry the test flag themselves."""
    rows = persons.number[(persons.role == TEST) & (persons.number % 2 == 1)]
    found: list[Sequence[Cell]] = []
    for surface in (MINIS, DRAMA_CENTER, EXT_IOS):
        ids = viewer_ids(np.full(len(rows), surface), rows).to_list()
        found.extend((APP_IDS[surface], one) for one in ids)
    return found
