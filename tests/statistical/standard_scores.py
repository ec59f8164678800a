"""How far estimates lie from a planted truth, in standard errors taken from their released intervals."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import chi2

Z = 1.959963984540054
FAR = 4.0
"""Standard errors that chance does not explain."""
_LEAST_TAIL = 1e-4


def standard_error(low: float, high: float) -> float:
    """Of an estimate with a 95% interval, on the scale of the interval."""
    return (high - low) / (2 * Z)


def with_scores(cells: pl.DataFrame, survival: str = "1 - estimate") -> pl.DataFrame:
    """Add `score` to rows of estimate, ci_low, ci_high and planted.

    The intervals are symmetric in log(-log S), and there a score is nearest to normal. S is the estimate itself, or
    one minus it.
    """

    def scale(name: str) -> pl.Expr:
        share = pl.col(name) if survival == "estimate" else 1.0 - pl.col(name)
        return (-share.log()).log()

    error = (scale("ci_high") - scale("ci_low")).abs() / (2 * Z)
    return cells.with_columns(score=(scale("estimate") - scale("planted")) / error)


def faults(scores: pl.Series, least: int = 12) -> list[str]:
    """What independent scores of an unbiased estimator with honest intervals would hardly show."""
    values = scores.to_numpy()
    found = []
    if len(values) < least:
        found.append(f"only {len(values)} scores, not {least}")
    mean = float(values.mean()) * np.sqrt(len(values))
    if abs(mean) > FAR:
        found.append(f"the mean lies {mean:.1f} standard errors from 0")
    tail = float(chi2.sf((values**2).sum(), len(values)))
    if tail < _LEAST_TAIL:
        found.append(f"the sum of squares of {len(values)} is {(values**2).sum():.0f}, by chance with p = {tail:.1g}")
    if np.abs(values).max() > FAR:
        found.append(f"one lies {np.abs(values).max():.1f} standard errors from 0")
    return found
