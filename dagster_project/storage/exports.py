"""Writes what leaves the warehouse as Parquet into the folder of one run: the hand-over to inference and release."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from dagster_project.storage.layout import DataLayout
from dagster_project.storage.manifest import ExportedModel

KEPT_RUNS = 3


def export_models(
    connection: duckdb.DuckDBPyConnection,
    layout: DataLayout,
    run_id: str,
    models: Sequence[ExportedModel],
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Write `runs/<run_id>/<model>.parquet` for every model; the folder appears whole or not at all.

    Returns:
        The folder.
    """
    folder = layout.runs / run_id
    partial = layout.runs / f".{run_id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    for number, model in enumerate(models):
        if progress:
            progress(model.name, number / len(models))
        target = str(partial / f"{model.name}.parquet").replace("'", "''")
        connection.execute(f"copy (select * from {model.relation}) to '{target}' (format parquet, compression zstd)")
    partial.rename(folder)
    _forget_old_runs(layout, keep=run_id)
    return folder


def read_export(folder: Path, model: str) -> pl.DataFrame:
    """One exported model as a frame."""
    return pl.read_parquet(folder / f"{model}.parquet")


def write_estimates(folder: Path, released: str, estimates: pl.DataFrame) -> Path:
    """Write the estimates of one released table beside the exports of its run."""
    target = folder / "estimates" / f"{released}.parquet"
    target.parent.mkdir(exist_ok=True, mode=0o700)
    partial = target.with_suffix(".partial")
    estimates.write_parquet(partial)
    partial.rename(target)
    return target


def _forget_old_runs(layout: DataLayout, keep: str) -> None:
    """Exports are working copies; the releases are what is kept."""
    runs = sorted(
        (path for path in layout.runs.iterdir() if path.name != keep), key=lambda path: path.stat().st_mtime_ns
    )
    for path in runs[: max(0, len(runs) - KEPT_RUNS + 1)]:
        shutil.rmtree(path, ignore_errors=True)
