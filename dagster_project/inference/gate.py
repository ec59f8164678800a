"""Where viewers end who meet a locked episode: what made them pass, and what made them leave."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from dagster_project.inference.results import Status, choose_status, finish
from dagster_project.inference.survival import product_limit, with_incidence

GATE_KEYS = ("series_id", "surface", "gate_episode_seq", "cohort_week", "window_hours", "outcome")
PASSES = ("coin_unlock", "ad_unlock", "subscription_pass", "promo_pass")
"""Ways through a lock: known the moment they happen."""
EXITS = ("in_episode_exit", "story_exit", "gate_bounce", "ad_failed")
"""Ways out: known only when the window is over, because until then the viewer may still come back and pass."""


def gate_decomposition(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """P(a viewer who started episode n while n + 1 was locked is in a given state W hours later).

    Competing risks under administrative censoring: every viewer's end of follow-up is known, so the subdistribution
    Kaplan-Meier is the Aalen-Johansen estimator (Aalen and Johansen 1978; Fine and Gray 1999, section 3). A pass has a
    time of its own. An exit takes place when the window closes, on those still followed then, so its incidence is a
    share of the followed.

    Args:
        marts: `mrt_cliffhanger__gate_decomposition` (counts) and `mrt_cliffhanger__gate_risk` (stretches of the risk
            table of the passes).

    Returns:
        One row per row of the mart: keys, `estimate`, interval (Greenwood, log-log; exact at the edges), status.
    """
    mart = marts["mrt_cliffhanger__gate_decomposition"]
    keys = [key for key in GATE_KEYS if key != "window_hours"]
    counted = product_limit(marts["mrt_cliffhanger__gate_risk"], mart, keys, "window_hours")
    n, d = pl.col("n_followed").cast(pl.Float64), pl.col("n_outcome").cast(pl.Float64)
    is_exit = pl.col("outcome").is_in(EXITS) & (pl.col("n_followed") > 0)
    states = counted.with_columns(
        survival=pl.when(is_exit).then(1.0 - d / n).otherwise("survival"),
        # Infinite where everyone left in this way, as after the last death in a risk table.
        greenwood_sum=pl.when(is_exit).then(d / (n * (n - d))).otherwise("greenwood_sum"),
    )
    status = choose_status(
        (pl.col("n_followed") == 0, Status.NOT_IDENTIFIED, "nobody has been followed for the whole window"),
    )
    return finish(with_incidence(states, "n_outcome", "n_followed").with_columns(*status), GATE_KEYS)
