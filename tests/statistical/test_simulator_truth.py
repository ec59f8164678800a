"""A simulated world agrees with itself: closed forms with paths drawn, and paths with the rows written."""

import gzip
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

from dagster_project.simulator import WorldParameters, write_world

PARAMETERS = WorldParameters(viewers=15_000, days=84, seed=20_260_302, series=9, studios=3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("worlds") / "truth"
    write_world(out, PARAMETERS)
    return out


def _pairs(world: Path, name: str, keys: list[str]) -> pl.DataFrame:
    """Return realised rows beside parametric ones with the standard score of a share among n."""
    table = pl.read_csv(world / f"truth/{name}.csv", infer_schema_length=None)
    realised = table.filter(pl.col("kind") == "realised")
    parametric = table.filter(pl.col("kind") == "parametric").select(*keys, pl.col("truth").alias("p"))
    return (
        realised.join(parametric, on=keys)
        .filter((pl.col("n") >= 100) & (pl.col("p") > 0.01) & (pl.col("p") < 0.99))
        .with_columns(z=(pl.col("truth") - pl.col("p")) / (pl.col("p") * (1 - pl.col("p")) / pl.col("n")).sqrt())
    )


def _agrees(scores: pl.Series) -> None:
    """Independent standard scores: their squares sum to a chi-square, and their mean stays near zero."""
    values = scores.to_numpy()
    assert len(values) >= 12
    assert chi2.sf(float((values**2).sum()), len(values)) > 1e-4
    assert abs(values.mean()) * np.sqrt(len(values)) < 4.0


@pytest.mark.parametrize(("episode", "hours"), [(2, 672), (6, 24), (8, 168), (12, 72), (12, 672)])
def test_reach_drawn_agrees_with_its_closed_form(world: Path, episode: int, hours: int) -> None:
    pairs = _pairs(world, "reach", ["series_id", "surface", "cohort_week", "episode_seq", "horizon_hours"])
    cells = pairs.filter(
        (pl.col("episode_seq") == episode) & (pl.col("horizon_hours") == hours) & (pl.col("surface") != "all")
    )
    _agrees(cells["z"])


@pytest.mark.parametrize(("episode", "days"), [(4, 3), (8, 7), (8, 14)])
def test_survival_drawn_agrees_with_its_recursion(world: Path, episode: int, days: int) -> None:
    keys = ["series_id", "surface", "cohort_week", "episode_seq", "window_days"]
    table = pl.read_csv(world / "truth/survival.csv", infer_schema_length=None)
    start = table.filter((pl.col("kind") == "realised") & (pl.col("episode_seq") == 1))
    size = start.select("series_id", "surface", "window_days", pl.col("n").alias("entrants"))
    cells = (
        _pairs(world, "survival", keys)
        .filter((pl.col("episode_seq") == episode) & (pl.col("window_days") == days) & (pl.col("surface") != "all"))
        .join(size, on=["series_id", "surface", "window_days"])
        .with_columns(z=(pl.col("truth") - pl.col("p")) / (pl.col("p") * (1 - pl.col("p")) / pl.col("entrants")).sqrt())
    )
    _agrees(cells["z"])


@pytest.mark.parametrize("mode", ["all", "autoplay", "active"])
@pytest.mark.parametrize(("episode", "seconds"), [(1, 604800), (3, 60), (5, 5), (6, 86400)])
def test_continuation_drawn_agrees_with_its_closed_form(world: Path, mode: str, episode: int, seconds: int) -> None:
    pairs = _pairs(world, "continuation", ["series_id", "surface", "episode_seq", "window_seconds", "mode"])
    cells = pairs.filter(
        (pl.col("episode_seq") == episode)
        & (pl.col("window_seconds") == seconds)
        & (pl.col("mode") == mode)
        & (pl.col("surface") != "all")
    )
    if mode == "active" and seconds == 5:
        assert cells.height > 0
    _agrees(cells["z"])


@pytest.mark.parametrize("outcome", ["story_exit", "gate_bounce", "coin_unlock", "ad_unlock"])
def test_gate_outcomes_drawn_agree_with_the_planted_ones(world: Path, outcome: str) -> None:
    keys = ["series_id", "surface", "gate_episode_seq", "cohort_week", "window_hours", "outcome"]
    cells = _pairs(world, "gate", keys).filter(
        (pl.col("gate_episode_seq") <= 11)
        & (pl.col("window_hours") == 72)
        & (pl.col("outcome") == outcome)
        & (pl.col("surface") != "all")
    )
    _agrees(cells["z"])


def test_the_discount_lifts_conversion_as_planted_and_the_empty_one_does_not(world: Path) -> None:
    uplift = pl.read_csv(world / "truth/uplift.csv").filter(pl.col("metric") == "conversion")
    checked = 0
    for (experiment, _), rows in uplift.group_by(["experiment_id", "horizon_days"], maintain_order=True):
        drawn, closed = (
            rows.filter(kind="realised").row(0, named=True),
            rows.filter(kind="parametric").row(0, named=True),
        )
        low, high = closed["mean_control"], closed["mean_treatment"]
        error = np.sqrt(low * (1 - low) / drawn["n_control"] + high * (1 - high) / drawn["n_treatment"])
        assert abs(drawn["truth"] - closed["truth"]) < 4 * error
        assert (closed["truth"] > 0) == (experiment == "exp-minis-discount10")
        checked += 1
    assert checked >= 4


def test_the_broken_experiment_has_a_broken_split(world: Path) -> None:
    rows = pl.read_csv(world / "truth/uplift.csv").filter(
        (pl.col("experiment_id") == "exp-broken-split")
        & (pl.col("horizon_days") == 7)
        & (pl.col("metric") == "conversion")
    )
    control, treatment = rows.select("n_control", "n_treatment").row(0)
    assert chi2.sf((control - treatment) ** 2 / (control + treatment), 1) < 0.001


def test_diverted_revenue_agrees_with_the_planted_share(world: Path) -> None:
    rows = pl.read_csv(world / "truth/diversion.csv", schema_overrides={"event_week": pl.String}).filter(
        (pl.col("method") == "all_markets") & (pl.col("measure") == "displaced_minor")
    )
    drawn, closed = (rows.filter(kind=kind)["truth"].item() for kind in ("realised", "parametric"))
    assert closed > 0
    assert abs(drawn - closed) < 0.25 * closed


def _first_starts(world: Path) -> pl.DataFrame:
    """Read the view files as delivered and return each viewer's first start of each episode."""
    frames = []
    for path in sorted((world / "landing/views").iterdir()):
        lines = [
            line
            for line in gzip.decompress(path.read_bytes()).split(b"\n")
            if line.endswith(b'"}') and b'"bad' not in line
        ]
        frames.append(
            pl.read_ndjson(
                io.BytesIO(b"\n".join(lines)),
                schema={
                    "event_id": pl.String, "playback_id": pl.String, "app_id": pl.String, "viewer_id": pl.String,
                    "anon_id": pl.String, "series_id": pl.String, "episode_seq": pl.Int64, "event_type": pl.String,
                    "event_ts": pl.String, "received_ts": pl.String, "watched_ms": pl.Int64, "is_test": pl.Boolean,
                    "ivt_flag": pl.String,
                },
                ignore_errors=True,
            )
        )  # fmt: skip
    tests = pl.read_csv(
        world / "reference/test_account.csv", schema_overrides={"app_id": pl.String, "viewer_id": pl.String}
    )
    rows = (
        pl.concat(frames)
        .filter(pl.col("event_id").str.contains(r"^7\d{18}$") & (pl.col("event_type") != "levitate"))
        .sort("received_ts", maintain_order=True)
        .unique("event_id", keep="first")
        .filter(~pl.col("is_test") & (pl.col("ivt_flag") != "invalid"))
        .join(tests, on=["app_id", "viewer_id"], how="anti")
        .with_columns(viewer=pl.col("app_id") + "|" + pl.coalesce("viewer_id", pl.lit("~") + pl.col("anon_id")))
        .with_columns(at=pl.col("event_ts").str.to_datetime(time_zone="UTC"))
    )
    plays = rows.group_by("viewer", "series_id", "episode_seq", "playback_id").agg(
        pl.col("at").filter(pl.col("event_type") == "start").min().fill_null(pl.col("at").min()).alias("start"),
        pl.col("watched_ms").max(),
    )
    started = plays.filter(pl.col("watched_ms").is_null() | (pl.col("watched_ms") >= 1000))
    return started.group_by("viewer", "series_id", "episode_seq").agg(pl.col("start").min())


def test_rows_written_hold_the_reach_that_truth_states(world: Path) -> None:
    """Weekly cohorts old enough to be followed for 28 days and a late week: files and truth agree exactly."""
    starts = _first_starts(world).sort("start", "episode_seq")
    entry = starts.group_by("viewer", "series_id", maintain_order=True).first().filter(pl.col("episode_seq") == 1)
    entry = entry.select("viewer", "series_id", pl.col("start").alias("entered")).with_columns(
        cohort_week=pl.col("entered").dt.truncate("1w").dt.strftime("%Y-%m-%d")
    )
    reached = starts.join(entry, on=["viewer", "series_id"]).with_columns(
        elapsed=(pl.col("start") - pl.col("entered")).dt.total_milliseconds()
    )
    truth = pl.read_csv(world / "truth/reach.csv", infer_schema_length=None).filter(
        (pl.col("kind") == "realised")
        & (pl.col("surface") == "all")
        & (pl.col("cohort_week") < "2026-04-13")
        & pl.col("horizon_hours").is_in([24, 672])
    )
    entrants = entry.group_by("series_id", "cohort_week").len("entrants")
    compared = 0
    for hours in (24, 672):
        furthest = (
            reached.filter(pl.col("elapsed") <= hours * 3_600_000)
            .group_by("series_id", "cohort_week", "viewer")
            .agg(pl.col("episode_seq").max().alias("furthest"))
        )
        for episode in (2, 5, 9, 10, 15, 40):
            counted = (
                furthest.filter(pl.col("furthest") >= episode).group_by("series_id", "cohort_week").len("n_reached")
            )
            both = (
                truth.filter((pl.col("horizon_hours") == hours) & (pl.col("episode_seq") == episode))
                .join(entrants, on=["series_id", "cohort_week"], how="left")
                .join(counted, on=["series_id", "cohort_week"], how="left")
                .with_columns(pl.col("n_reached").fill_null(0))
            )
            assert both["n"].to_list() == both["entrants"].to_list()
            assert (both["truth"] - both["n_reached"] / both["entrants"]).abs().max() < 1e-8
            compared += both.height
    assert compared > 300
