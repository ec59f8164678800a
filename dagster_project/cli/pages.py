"""`cliffhanger ui` and `cliffhanger docs`: the pages that come with Dagster and dbt."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from dagster_project.cli.console import err, out
from dagster_project.cli.job import prepare_dagster_home
from dagster_project.core.errors import WarehouseError
from dagster_project.settings import DBT_DIR, load_settings, subprocess_environment
from dagster_project.storage.layout import DataLayout
from dagster_project.storage.warehouse import writer_lock

LOOPBACK = "127.0.0.1"


def ui(port: Annotated[int, typer.Option(min=0, max=65535, help="Port on the loopback address.")] = 3000) -> None:
    """Dagster's pages, with schedules and sensors, on the loopback address only: they have no login."""
    settings = load_settings()
    home = prepare_dagster_home(DataLayout(settings.data_root))
    err.print(f"http://{LOOPBACK}:{port}  (stop with Ctrl-C)", markup=False)
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "dagster_project.definitions",
        "-h",
        LOOPBACK,
        "-p",
        str(port),
    ]
    environment = subprocess_environment({"DAGSTER_HOME": str(home), "CLIFFHANGER_DATA": str(settings.data_root)})
    try:
        raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def docs() -> None:
    """dbt's pages for this warehouse, as one file to open in a browser."""
    from dbt.cli.main import dbtRunner

    layout = DataLayout(load_settings().data_root)
    layout.prepare()
    target = str(layout.dbt_target)
    arguments = [
        "docs",
        "generate",
        "--static",
        "--quiet",
        "--project-dir",
        str(DBT_DIR),
        "--profiles-dir",
        str(DBT_DIR),
    ]
    with writer_lock(layout, wait_seconds=60.0):
        result = dbtRunner().invoke([*arguments, "--target-path", target, "--log-path", target])
    if not result.success:
        raise WarehouseError(
            "dbt's pages cannot be made", where=target, why=str(result.exception), fix="run `cliffhanger run` first"
        )
    out.print(str(layout.dbt_target / "static_index.html"), markup=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ui")(ui)
    app.command("docs")(docs)
