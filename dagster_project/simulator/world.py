"""Write a whole world: chunks of viewers are drawn, walked and spilled, then merged day by day into log files."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl

from dagster_project.simulator.advertising import ad_rows
from dagster_project.simulator.arrays import (
    DELIVERY_STREAM,
    MALFORMED_STREAM,
    random_stream,
)
from dagster_project.simulator.behaviour import build_behaviour
from dagster_project.simulator.catalogue import build_catalogue
from dagster_project.simulator.counts import CountsLedger
from dagster_project.simulator.deals import payable_contracts, write_deal_tables
from dagster_project.simulator.delivery import deliver
from dagster_project.simulator.feeds import COLUMNS, conflicting_views, render_views, times
from dagster_project.simulator.journeys import walk
from dagster_project.simulator.malformed import plan_extra_lines
from dagster_project.simulator.orders import price_orders, settle_wallets
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.planted import planted
from dagster_project.simulator.playback_rows import playback_rows
from dagster_project.simulator.purchases import unlock_rows
from dagster_project.simulator.reference import Cell, write_catalogue_tables, write_csv
from dagster_project.simulator.reference_viewers import LINK_HEADER, link_rows, test_account_rows
from dagster_project.simulator.spill import Spill
from dagster_project.simulator.statement_basis import StatementBasis
from dagster_project.simulator.statement_files import write_statement_files
from dagster_project.simulator.statements import Statement, build_invoices, build_statements, complete_months
from dagster_project.simulator.topups import topup_rows
from dagster_project.simulator.truth_diversion import DiversionTruth
from dagster_project.simulator.truth_parametric import ParametricAudience
from dagster_project.simulator.truth_payouts import payouts_table
from dagster_project.simulator.truth_realised import RealisedAudience
from dagster_project.simulator.truth_tables import ParametricTables
from dagster_project.simulator.truth_uplift import UpliftTruth
from dagster_project.simulator.viewers import CHUNK_PERSONS, JourneyPlanner, Persons, draw_persons, total_persons
from dagster_project.simulator.vocabulary import FEEDS, MILLISECONDS_PER_DAY
from dagster_project.simulator.writers import FILE_FORMATS, FileFormat, write_feed_file

Progress = Callable[[str, float], None]
_WRITERS = 2
_LEAST_OPPORTUNITIES = 30
"""Gate cells with fewer opportunities are left out of the truth: nothing can be said about them."""


@dataclass(frozen=True)
class WorldSummary:
    """What was written: lines and files per feed, and viewers drawn."""

    path: Path
    lines: dict[str, int]
    files: dict[str, int]
    viewers: int
    view_lines_per_viewer: float


def write_world(
    out: Path,
    parameters: WorldParameters,
    *,
    file_format: FileFormat = "jsonl.gz",
    progress: Progress | None = None,
) -> WorldSummary:
    """Write a data root (landing, reference) with its truth into `out`, which must not exist or be empty.

    The same parameters and format give byte-identical files. The world is built beside `out` and renamed at the
    end: a failure leaves nothing behind. Raises FileExistsError when `out` holds anything, ValueError for an
    unknown format.
    """
    if file_format not in FILE_FORMATS:
        raise ValueError(f"unknown file format {file_format!r}; known: {', '.join(FILE_FORMATS)}")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"cannot simulate into {out}: it is not an empty folder; choose a new or empty one")
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        building.chmod(0o755)
        summary = _World(building, parameters, file_format, progress or (lambda stage, share: None)).write(out)
        if out.exists():
            out.rmdir()
        building.rename(out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return summary


class _World:
    def __init__(self, root: Path, parameters: WorldParameters, file_format: FileFormat, progress: Progress) -> None:
        self.root, self.parameters, self.file_format, self.progress = root, parameters, file_format, progress
        self.catalogue = build_catalogue(parameters)
        self.behaviour = build_behaviour(parameters, self.catalogue)
        self.planner = JourneyPlanner(parameters, self.catalogue, self.behaviour)
        self.audience = RealisedAudience(parameters, self.catalogue)
        self.uplift = UpliftTruth(self.catalogue, self.behaviour)
        self.diversion = DiversionTruth(parameters, self.catalogue)
        self.basis = StatementBasis()
        self.counts = CountsLedger()
        self.links: list[Sequence[Cell]] = []
        self.test_accounts: list[Sequence[Cell]] = []

    def write(self, out: Path) -> WorldSummary:
        spill = Spill(self.root / "_spill", self.parameters.days, self.catalogue.start_ms)
        self._draw_chunks(spill)
        self._merge_days(spill)
        spill.close()
        shutil.rmtree(self.root / "_spill")
        statements = self._write_reference()
        self._write_truth(statements)
        self.progress("done", 1.0)
        views = self.counts.value("views", "lines")
        return WorldSummary(
            path=out,
            lines={feed: self.counts.value(feed, "lines") for feed in FEEDS},
            files={feed: self.counts.value(feed, "files") for feed in FEEDS},
            viewers=self.parameters.viewers,
            view_lines_per_viewer=views / self.parameters.viewers,
        )

    def _draw_chunks(self, spill: Spill) -> None:
        total = sum(total_persons(self.parameters))
        for chunk, first in enumerate(range(0, total, CHUNK_PERSONS)):
            self.progress("viewers", first / total)
            persons = draw_persons(self.parameters, first, min(first + CHUNK_PERSONS, total))
            self._draw_chunk(spill, chunk, persons)

    def _draw_chunk(self, spill: Spill, chunk: int, persons: Persons) -> None:
        parameters, catalogue = self.parameters, self.catalogue
        journeys = self.planner.draw(persons)
        paths = walk(parameters.seed, catalogue, self.behaviour, persons, journeys)
        self.audience.add(journeys, paths)
        self.links += link_rows(parameters, catalogue, persons)
        self.test_accounts += test_account_rows(persons)

        gates = paths.gates
        orders = price_orders(parameters, catalogue, persons, journeys, gates)
        real, bought = settle_wallets(journeys, gates, orders, ~journeys.is_ghost[orders.journey])
        self.uplift.add(journeys, gates, real)
        self.diversion.add(persons, journeys, gates, real, orders)
        unlocks = unlock_rows(parameters, catalogue, persons, journeys, gates, real)
        rows = {
            "views": playback_rows(parameters, catalogue, persons, journeys, paths),
            "unlocks": unlocks.drop("lag_ms"),
            "ads": ad_rows(parameters, catalogue, persons, journeys, gates),
            "topups": topup_rows(parameters, persons, journeys, gates, real, bought),
        }
        for position, feed in enumerate(FEEDS):
            generator = random_stream(parameters.seed, DELIVERY_STREAM, chunk, position)
            lag = unlocks["lag_ms"].to_numpy() if feed == "unlocks" else None
            marked = self._mark(feed, rows[feed])
            spill.add(feed, chunk, deliver(generator, parameters, marked, _CONFLICTING[feed], catalogue.end_ms, lag))

    def _mark(self, feed: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Add what counts need: whether a test viewer sent the row, and its traffic flag."""
        real, test, _ = total_persons(self.parameters)
        from_test = (pl.col("person") >= real) & (pl.col("person") < real + test)
        flag = pl.col("ivt") if feed == "views" else pl.lit(0, dtype=pl.UInt8)
        if feed == "ads":
            flag = pl.col("ivt_flag").replace_strict({"none": 0, "suspect": 1, "invalid": 2}, return_dtype=pl.UInt8)
        return rows.with_columns(from_test.alias("from_test"), flag.alias("ivt"))

    def _merge_days(self, spill: Spill) -> None:
        """Write the files of all days; two at a time, as encoding and compressing run outside the interpreter."""
        lock = Lock()
        tasks = [(day, feed) for day in range(self.parameters.days) for feed in FEEDS]
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            for done, _ in enumerate(pool.map(lambda task: self._write_file(spill, lock, *task), tasks)):
                self.progress("files", done / len(tasks))

    def _write_file(self, spill: Spill, lock: Lock, day: int, feed: str) -> None:
        at = np.datetime64(self.catalogue.start_ms + day * MILLISECONDS_PER_DAY, "ms")
        date = str(at.astype("datetime64[D]"))
        with lock:
            rows = spill.day(feed, day)
        extra = plan_extra_lines(
            random_stream(self.parameters.seed, MALFORMED_STREAM, FEEDS.index(feed), day),
            feed,
            rows.height,
            self.parameters.malformed_share,
            self.parameters.blank_share,
            self.file_format,
        )
        path = self.root / "landing" / feed / f"{date}.{self.file_format}"
        write_feed_file(path, feed, self._render(feed, rows), extra, date, self.file_format)
        with lock:
            self.counts.add_file(feed, rows, extra)
            self.basis.add(feed, rows)

    def _render(self, feed: str, rows: pl.DataFrame) -> pl.DataFrame:
        if feed == "views":
            return render_views(rows, self.catalogue)
        return rows.with_columns(times(rows["received_ms"].to_numpy()).alias("received_ts")).select(list(COLUMNS[feed]))

    def _write_reference(self) -> list[Statement]:
        self.progress("reference", 0.0)
        folder = self.root / "reference"
        write_catalogue_tables(folder, self.parameters, self.catalogue)
        write_csv(folder / "identity_link.csv", LINK_HEADER, self.links)
        write_csv(folder / "test_account.csv", ("app_id", "viewer_id"), self.test_accounts)
        write_deal_tables(folder, self.parameters, self.catalogue)
        statements = build_statements(self.parameters, self.basis)
        invoices = build_invoices(self.parameters, statements)
        write_statement_files(self.root, self.parameters, statements, invoices, self.basis)
        return statements

    def _write_truth(self, statements: list[Statement]) -> None:
        self.progress("truth", 0.0)
        folder = self.root / "truth"
        folder.mkdir()
        text = json.dumps(planted(self.parameters, self.catalogue), indent=2, sort_keys=True)
        (folder / "parameters.json").write_text(text + "\n", encoding="utf-8")
        self.counts.table().write_csv(folder / "counts.csv")
        self.uplift.table().with_columns(pl.col(pl.Float64).round(9)).write_csv(folder / "uplift.csv")
        self.diversion.table().with_columns(pl.col("truth").round(6)).write_csv(folder / "diversion.csv")
        contracts = payable_contracts(self.parameters, self.catalogue)
        payouts = payouts_table(statements, contracts, complete_months(self.parameters))
        payouts.write_csv(folder / "payouts.csv")
        laws = ParametricAudience(self.parameters, self.catalogue, self.behaviour)
        closed = ParametricTables(self.parameters, self.catalogue, laws, self.audience)
        for name, drawn, parametric in (
            ("reach", self.audience.reach_table(), closed.reach()),
            ("survival", self.audience.survival_table(), closed.survival()),
            ("continuation", self.audience.continuation_table(), closed.continuation()),
            ("gate", self.audience.gate_table(), closed.gate()),
        ):
            if name == "gate":
                cell = ["series_id", "surface", "gate_episode_seq"]
                drawn = drawn.filter(pl.col("n") >= _LEAST_OPPORTUNITIES)
                parametric = parametric.join(drawn.select(cell).unique(), on=cell, how="semi", maintain_order="left")
            both = pl.concat([drawn.select(parametric.columns), parametric], how="vertical_relaxed")
            both.with_columns(pl.col("truth").round(9)).write_csv(folder / f"{name}.csv")


_CONFLICTING: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "views": conflicting_views,
    "unlocks": lambda rows: rows.with_columns(pl.col("episode_seq_to") + 1),
    "ads": lambda rows: rows.with_columns(pl.col("placement_id") + "_b"),
    "topups": lambda rows: rows.with_columns(pl.col("sku_id") + "_b"),
}
