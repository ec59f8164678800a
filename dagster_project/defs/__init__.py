"""Dagster objects only: the same rooms as assets, in one graph that reads left to right.

Logic lives in `ingest`, `storage`, `inference` and `dashboards`; a module here says in which order it runs.
"""

import dagster as dg

from dagster_project.defs import automation, inference, ingest, publish, reports, warehouse
from dagster_project.defs.resources import WarehouseResource
from dagster_project.settings import Settings, load_settings


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """The whole graph for one data root.

    Raises:
        ContractError: A contract cannot be read.
        WarehouseError: The dbt project cannot be parsed.
    """
    settings = settings or load_settings()
    models, dbt = warehouse.build(settings)
    jobs, schedules, sensors = automation.build(settings)
    return dg.Definitions(
        assets=[
            *ingest.build(settings),
            models,
            *publish.build(settings),
            *inference.build(),
            *reports.build(settings),
        ],
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        resources={"warehouse": WarehouseResource(data_root=str(settings.data_root)), "dbt": dbt},
        executor=dg.in_process_executor,
    )
