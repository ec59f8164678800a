"""Looks at the surroundings and the data root and says what it finds; changes nothing and waits for nobody.

`surroundings` looks at this machine and the settings, `places` at folders and files, `deliveries` at what was
delivered, `figures` at the databases and the ledger, `privacy` at the key of the pseudonyms. What is judged is judged
by pure functions of what was seen.
"""

from __future__ import annotations

from dagster_project.core.findings import Finding
from dagster_project.doctor import deliveries, figures, places, privacy, surroundings
from dagster_project.settings import Settings
from dagster_project.storage.inspection import beside_writers
from dagster_project.storage.layout import DataLayout

__all__ = ["examine"]


def examine(settings: Settings) -> list[Finding]:
    """Everything worth saying, in the order in which it is best mended."""
    layout = DataLayout(settings.data_root)
    found = surroundings.examine(settings)
    root = places.data_root(layout)
    found += root
    if not layout.root.is_dir():
        return found
    found += places.disk_space(layout) + places.permissions(layout) + surroundings.telemetry(layout)
    found += deliveries.reference(layout) + deliveries.ignored(layout)
    with beside_writers(layout) as writer:
        found += places.writer(layout, writer)
        state, unread = figures.read_warehouse(layout, writer)
        found += unread
        if not writer.is_holding:
            found += places.left_over(layout)
    released, unreadable = figures.read_release(layout)
    found += unreadable
    found += deliveries.waiting(layout, state, settings.now()) + deliveries.judged(layout)
    found += privacy.persons(layout, settings, state)
    found += figures.held(state) + figures.pending(layout, state)
    found += figures.release(layout, released, state, settings.now())
    found += figures.freshness(released, settings.now()) + figures.ledger(layout, state, released)
    return found
