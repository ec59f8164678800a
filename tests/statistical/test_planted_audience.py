"""Reach, survival and continuation of simulated logs agree with the laws that were planted, on three seeds."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest
from planted_worlds import SEEDS, audience_world
from standard_scores import FAR, faults, standard_error, with_scores

KEYS = {
    "reach": ["series_id", "surface", "cohort_week", "episode_seq", "horizon_hours"],
    "survival": ["series_id", "surface", "cohort_week", "episode_seq", "window_days"],
    "continuation": ["series_id", "surface", "episode_seq", "window_seconds", "mode"],
}
TABLES = {
    "reach": "audience.episode_reach",
    "survival": "audience.episode_survival",
    "continuation": "cliffhanger.continuation",
}
# The first locked episode, by series and by a surface on which it is that one in every market.
PAYWALLS = (("S001", "all", 9), ("S002", "tiktok_minis", 10), ("S002", "ext_ios", 11))
LEAST_EXPECTED = 15
"""Viewers expected on either side of a share for its score to be near normal."""


@cache
def compared(name: str, seed: int) -> pl.DataFrame:
    """Released rows that are ok beside the planted value; cohorts pooled."""
    world = audience_world(seed)
    planted = world.truth(name).filter(kind="parametric").select(*KEYS[name], pl.col("truth").alias("planted"))
    return world.released(TABLES[name]).filter(status="ok").join(planted, on=KEYS[name])


@cache
def pooled(name: str) -> pl.DataFrame:
    """Of all seeds, the cells by surface: no viewer is in two of them but for another episode or window."""
    frames = [compared(name, seed).with_columns(seed=pl.lit(seed)) for seed in SEEDS]
    return pl.concat(frames).filter(pl.col("surface") != "all")


def cell(name: str, seed: int, **key: object) -> dict[str, float]:
    """The one row of a key."""
    return compared(name, seed).filter(**key).row(0, named=True)


def score(row: dict[str, float]) -> float:
    """Distance from the planted value in standard errors."""
    return (row["estimate"] - row["planted"]) / standard_error(row["ci_low"], row["ci_high"])


@pytest.mark.parametrize(("series", "surface", "episode"), PAYWALLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_paywalls_are_where_they_were_planted(seed: int, series: str, surface: str, episode: int) -> None:
    access = pl.read_csv(audience_world(seed).root / "reference/episode_access.csv", infer_schema_length=None)
    locked = access.filter((pl.col("series_id") == series) & ~pl.col("is_free"))
    first = locked.group_by("surface").agg(pl.col("episode_seq").min())
    asked = first if surface == "all" else first.filter(surface=surface)
    assert set(asked["episode_seq"]) == {episode}


@pytest.mark.parametrize("hours", [168, 672])
@pytest.mark.parametrize(("series", "surface", "episode"), PAYWALLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_reach_of_the_paywall_is_found(seed: int, series: str, surface: str, episode: int, hours: int) -> None:
    """The effect is what the paywall takes: the planted reach of the last free episode less that of the first paid."""
    key = {"series_id": series, "surface": surface, "cohort_week": "all", "horizon_hours": hours}
    before, behind = (cell("reach", seed, episode_seq=seq, **key) for seq in (episode - 1, episode))
    effect = before["planted"] - behind["planted"]
    assert effect > 0.1
    for row in (before, behind):
        assert abs(score(row)) < FAR
        assert standard_error(row["ci_low"], row["ci_high"]) <= effect / 2


@pytest.mark.parametrize("days", [3, 7, 14])
@pytest.mark.parametrize(("series", "surface", "episode"), PAYWALLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_survival_past_the_paywall_is_found(seed: int, series: str, surface: str, episode: int, days: int) -> None:
    key = {"series_id": series, "surface": surface, "cohort_week": "all", "window_days": days}
    before, behind = (cell("survival", seed, episode_seq=seq, **key) for seq in (episode - 1, episode))
    effect = before["planted"] - behind["planted"]
    assert effect > 0.1
    for row in (before, behind):
        assert abs(score(row)) < FAR
        assert standard_error(row["ci_low"], row["ci_high"]) <= effect / 2


def endings(seed: int, series: str) -> tuple[int, int] | None:
    """A cliffhanger among the free episodes and the plain ending nearest before it; the earliest such pair."""
    world = audience_world(seed)
    labels = pl.read_csv(world.root / "reference/episodes.csv", infer_schema_length=None).filter(
        (pl.col("series_id") == series) & pl.col("episode_seq").is_between(1, 7)
    )
    bad = {seq for one, seq in world.parameters()["bad_endings"] if one == series}
    cliffs = labels.filter(pl.col("cliffhanger_label").is_not_null())["episode_seq"].to_list()
    plains = set(range(1, 8)) - set(cliffs) - bad
    pairs = [(cliff - plain, cliff, plain) for cliff in cliffs for plain in plains if plain < cliff]
    return min(pairs)[1:] if pairs else None


@pytest.mark.parametrize("seed", SEEDS)
def test_continuation_after_a_cliffhanger_is_found(seed: int) -> None:
    """And its difference from a plain ending: who is counted at both decides anew at each, so variances add."""
    chosen = {series: endings(seed, series) for series in ("S001", "S002")}
    assert any(chosen.values())
    for series, pair in chosen.items():
        if pair is None:
            continue
        key = {"series_id": series, "surface": "all", "window_seconds": 60, "mode": "all"}
        cliff, plain = (cell("continuation", seed, episode_seq=seq, **key) for seq in pair)
        assert abs(score(cliff)) < FAR
        assert abs(score(plain)) < FAR
        effect = cliff["planted"] - plain["planted"]
        error = sum(standard_error(row["ci_low"], row["ci_high"]) ** 2 for row in (cliff, plain)) ** 0.5
        assert effect > 0.03
        assert error <= effect / 2
        assert abs(cliff["estimate"] - plain["estimate"] - effect) / error < FAR


def is_measurable(count: str, share: str = "planted") -> pl.Expr:
    """Enough viewers are expected on either side of the share."""
    return pl.min_horizontal(pl.col(share), 1.0 - pl.col(share)) * pl.col(count) >= LEAST_EXPECTED


def reach_cells(episode: int, hours: int) -> pl.DataFrame:
    return pooled("reach").filter(
        (pl.col("episode_seq") == episode) & (pl.col("horizon_hours") == hours) & is_measurable("n_at_risk")
    )


@pytest.mark.parametrize(("episode", "hours"), [(2, 24), (5, 72), (8, 168), (9, 168), (11, 672), (20, 672)])
def test_reach_has_no_systematic_error(episode: int, hours: int) -> None:
    assert faults(with_scores(reach_cells(episode, hours))["score"]) == []


def as_if(cells: pl.DataFrame, other: str, survival: str = "1 - estimate") -> pl.Series:
    """Scores of another column in place of the estimate, with an interval as wide."""
    shift = pl.col(other) - pl.col("estimate")
    moved = {name: pl.col(name) + shift for name in ("estimate", "ci_low", "ci_high")}
    return with_scores(cells.with_columns(**moved), survival)["score"]


def test_the_share_most_dashboards_print_fails_the_same_test() -> None:
    """Counting who is still on the way as lost is the error the estimator is there to avoid, and it is seen."""
    assert faults(as_if(reach_cells(11, 672), "naive_share")) != []


@cache
def survivals() -> pl.DataFrame:
    """Released cells of all seeds and, as `naive`, the product with drops over everybody who started an episode."""
    cell_key = ["seed", "series_id", "surface", "window_days"]
    is_kept = 1.0 - pl.col("n_drop") / pl.col("n_started")
    return (
        pooled("survival")
        .sort("episode_seq")
        .with_columns(
            entered=pl.col("n_at_risk").first().over(cell_key),
            naive=is_kept.cum_prod().shift(1, fill_value=1.0).over(cell_key),
        )
        .filter(is_measurable("entered"))
    )


def survival_cells(episode: int, days: int) -> pl.DataFrame:
    return survivals().filter(episode_seq=episode, window_days=days)


@pytest.mark.parametrize(("episode", "days"), [(2, 3), (5, 7), (8, 14), (9, 3), (11, 7), (16, 14)])
def test_survival_has_no_systematic_error(episode: int, days: int) -> None:
    assert faults(with_scores(survival_cells(episode, days), survival="estimate")["score"]) == []


def test_survival_without_the_clock_fails_the_same_test() -> None:
    """Starts too young to be judged belong to neither drops nor starts: here they count as kept."""
    assert faults(as_if(survival_cells(11, 14), "naive", survival="estimate")) != []


def continuation_cells(mode: str, seconds: int) -> pl.DataFrame:
    return pooled("continuation").filter(
        (pl.col("mode") == mode)
        & (pl.col("window_seconds") == seconds)
        & (pl.col("episode_seq") <= 20)
        & is_measurable("n_at_risk")
    )


@pytest.mark.parametrize(
    ("mode", "seconds"), [("all", 5), ("all", 60), ("autoplay", 5), ("active", 60), ("all", 86_400), ("all", 604_800)]
)
def test_continuation_has_no_systematic_error(mode: str, seconds: int) -> None:
    assert faults(with_scores(continuation_cells(mode, seconds))["score"], least=100) == []


def test_continuation_blind_to_the_ending_fails_the_same_test() -> None:
    """One share for all free episodes of a series and surface: the test would see it if endings made no difference."""
    cells = continuation_cells("all", 60).filter(pl.col("episode_seq").is_between(2, 7))
    group = ["seed", "series_id", "surface"]
    share = pl.col("n_event").sum().over(group) / pl.col("n_at_risk").sum().over(group)
    error = (pl.col("planted") * (1 - pl.col("planted")) / pl.col("n_at_risk")).sqrt()
    sound = cells.with_columns(score=(pl.col("estimate") - pl.col("planted")) / error)
    blind = cells.with_columns(score=(share - pl.col("planted")) / error)
    assert faults(sound["score"]) == []
    assert faults(blind["score"]) != []
