"""What viewers do at the end of an episode."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from dagster_project.inference.results import Status, choose_status, finish
from dagster_project.inference.survival import product_limit, with_incidence

CONTINUATION_KEYS = ("series_id", "surface", "episode_seq", "window_seconds", "mode")


def continuation(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """P(a viewer who completed episode n starts n + 1 within W), in all and by autoplay or by hand.

    The curve of one mode is the subdistribution incidence: who continued the other way stays at risk to the end of
    follow-up, so the two modes add up to all.

    Args:
        marts: `mrt_cliffhanger__continuation` (counts) and `mrt_cliffhanger__continuation_risk` (stretches of the risk
            table).

    Returns:
        One row per row of the mart: keys, `estimate`, interval (Greenwood, log-log on survival; exact at the
        edges), status.
    """
    mart = marts["mrt_cliffhanger__continuation"]
    keys = [key for key in CONTINUATION_KEYS if key != "window_seconds"]
    counted = product_limit(marts["mrt_cliffhanger__continuation_risk"], mart, keys, "window_seconds")
    status = choose_status(
        (~pl.col("is_next_published"), Status.NOT_APPLICABLE, "the next episode is not published"),
        (pl.col("n_at_risk") == 0, Status.NOT_IDENTIFIED, "nobody completed the episode with the next one to start"),
        (~pl.col("is_followed_up"), Status.NOT_IDENTIFIED, "nobody has been followed for the whole window"),
    )
    return finish(with_incidence(counted, "n_event", "n_at_risk").with_columns(*status), CONTINUATION_KEYS)
