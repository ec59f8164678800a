"""Two arms of a randomised experiment, from moments alone.

Sums, sums of squares and cross products add over cells, so SQL delivers them exactly; everything here is a closed form
on them. Shapes: `k` covariates are vectors of length k and matrices k x k, in the order of the caller.

References: Welch 1947 (difference of means); Newcombe 1998, method 10 (difference of shares); Deng, Xu, Kohavi and
Walker 2013 (CUPED, here with the within-arm slope, which is the analysis of covariance); Fabijan et al. 2019 (sample
ratio); Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, equation 9 (asymptotic confidence sequence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from dagster_project.inference.results import CONFIDENCE_LEVEL, Z_VALUE

SAMPLE_RATIO_ALPHA = 0.001
"""A split this unlikely under the plan means that assignment or logging is broken, and no figure stands."""
PLANNED_VIEWERS = 10_000
"""Total size at which the confidence sequence is tightest; fixed, because choosing it by the data would break it."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ArmMoments:
    """Exact sums of one arm: viewers, outcome, and the covariates that were fixed before exposure.

    Attributes:
        n: Viewers.
        total: Sum of the outcome.
        total_sq: Sum of its squares.
        covariate: Sums of the covariates.
        covariate_sq: Sums of their products with each other, symmetric.
        covariate_outcome: Sums of their products with the outcome.
    """

    n: int
    total: Fraction
    total_sq: Fraction
    covariate: tuple[Fraction, ...] = ()
    covariate_sq: tuple[tuple[Fraction, ...], ...] = ()
    covariate_outcome: tuple[Fraction, ...] = ()

    @property
    def mean(self) -> float:
        """Mean of the outcome per viewer."""
        return float(self.total / self.n)

    @property
    def variance(self) -> float:
        """Sample variance of the outcome (divisor n - 1), cancellation-free because the sums are exact."""
        return float((self.total_sq - self.total**2 / self.n) / (self.n - 1))

    @property
    def covariate_means(self) -> Vector:
        """Means of the covariates, shape (k,)."""
        return np.array([float(one / self.n) for one in self.covariate])

    @property
    def covariate_spread(self) -> Vector:
        """Centred sums of products of the covariates, shape (k, k)."""
        return np.array(
            [
                [float(cell - left * right / self.n) for cell, right in zip(row, self.covariate, strict=True)]
                for row, left in zip(self.covariate_sq, self.covariate, strict=True)
            ]
        ).reshape(len(self.covariate), len(self.covariate))

    @property
    def covariate_slopes(self) -> Vector:
        """Centred sums of products of covariates and outcome, shape (k,)."""
        return np.array(
            [
                float(product - one * self.total / self.n)
                for product, one in zip(self.covariate_outcome, self.covariate, strict=True)
            ]
        )


@dataclass(frozen=True)
class Effect:
    """An estimate with its 95% interval; `standard_error` and `p_value` on the scale of the test."""

    estimate: float
    low: float
    high: float
    standard_error: float
    p_value: float


def welch_difference(control: ArmMoments, treatment: ArmMoments) -> Effect:
    """Difference of means, treatment less control, with Welch's degrees of freedom. Needs two viewers per arm."""
    return _difference(
        treatment.mean - control.mean,
        control.variance / control.n,
        treatment.variance / treatment.n,
        control.n,
        treatment.n,
    )


def conversion_difference(control: ArmMoments, treatment: ArmMoments) -> Effect:
    """Difference of shares with Newcombe's interval and the p-value of the pooled score test."""
    c, t = int(control.total), int(treatment.total)
    low, high = confint_proportions_2indep(
        t, treatment.n, c, control.n, method="newcomb", compare="diff", alpha=1 - CONFIDENCE_LEVEL
    )
    difference = treatment.mean - control.mean
    pooled = (c + t) / (control.n + treatment.n)
    standard_error = math.sqrt(pooled * (1 - pooled) * (1 / control.n + 1 / treatment.n))
    p_value = 1.0 if standard_error == 0 else float(2 * stats.norm.sf(abs(difference) / standard_error))
    return Effect(difference, min(float(low), difference), max(float(high), difference), standard_error, p_value)


def log_ratio(control: ArmMoments, treatment: ArmMoments) -> Effect | None:
    """Ratio of means, treatment to control, with the delta interval of its log; None unless both are positive."""
    if control.mean <= 0 or treatment.mean <= 0:
        return None
    log_estimate = math.log(treatment.mean / control.mean)
    standard_error = math.sqrt(
        treatment.variance / (treatment.n * treatment.mean**2) + control.variance / (control.n * control.mean**2)
    )
    return Effect(
        estimate=math.exp(log_estimate),
        low=math.exp(log_estimate - Z_VALUE * standard_error),
        high=math.exp(log_estimate + Z_VALUE * standard_error),
        standard_error=standard_error,
        p_value=_two_sided_normal(log_estimate, standard_error),
    )


def cuped_difference(control: ArmMoments, treatment: ArmMoments) -> Effect:
    """Difference of means adjusted for the covariates by the slope within arms.

    A covariate without variation, or one that the others determine, adds nothing: the slope is the least-norm one.
    """
    spread = control.covariate_spread + treatment.covariate_spread
    slopes = control.covariate_slopes + treatment.covariate_slopes
    # Covariates differ in scale by orders of magnitude; unscaled, the cut-off of the rank would drop the small ones.
    scale = np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), 1.0))
    theta = np.linalg.pinv(spread / np.outer(scale, scale), hermitian=True) @ (slopes / scale) / scale

    def adjusted_variance(arm: ArmMoments) -> float:
        centred = arm.variance * (arm.n - 1) - 2 * theta @ arm.covariate_slopes + theta @ arm.covariate_spread @ theta
        return max(float(centred), 0.0) / (arm.n - 1) / arm.n

    shift = float(theta @ (treatment.covariate_means - control.covariate_means))
    return _difference(
        treatment.mean - control.mean - shift,
        adjusted_variance(control),
        adjusted_variance(treatment),
        control.n,
        treatment.n,
    )


def always_valid_half_width(variance_of_estimate: float, n_viewers: int) -> float:
    """Half the width of the 95% confidence sequence: valid at every look, however often one looks.

    Args:
        variance_of_estimate: Squared standard error of the difference now.
        n_viewers: Viewers of both arms now.
    """
    alpha = 1 - CONFIDENCE_LEVEL
    rho_sq = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / PLANNED_VIEWERS
    grown = n_viewers * rho_sq + 1
    boundary = 2 * grown / (n_viewers**2 * rho_sq) * math.log(math.sqrt(grown) / alpha)
    return math.sqrt(variance_of_estimate * n_viewers * boundary)


def sample_ratio_p(observed: Sequence[int]) -> float | None:
    """P-value of the chi-square test of an equal split over the arms; None with fewer than two arms or no viewer."""
    if len(observed) < 2 or sum(observed) == 0:
        return None
    return float(stats.chisquare(list(observed)).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for the number of comparisons (Holm 1979), in the order given."""
    if len(p_values) < 2:
        return list(p_values)
    adjusted: Any = multipletests(list(p_values), method="holm")[1]
    return [float(one) for one in adjusted]


def _difference(estimate: float, control: float, treatment: float, n_control: int, n_treatment: int) -> Effect:
    """A difference from the variances of two means."""
    variance = control + treatment
    if variance == 0:
        return Effect(estimate, estimate, estimate, 0.0, 1.0 if estimate == 0 else 0.0)
    freedom = variance**2 / (control**2 / (n_control - 1) + treatment**2 / (n_treatment - 1))
    standard_error = math.sqrt(variance)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE_LEVEL / 2, freedom)) * standard_error
    p_value = float(2 * stats.t.sf(abs(estimate) / standard_error, freedom))
    return Effect(estimate, estimate - reach, estimate + reach, standard_error, p_value)


def _two_sided_normal(estimate: float, standard_error: float) -> float:
    if standard_error == 0:
        return 1.0 if estimate == 0 else 0.0
    return float(2 * stats.norm.sf(abs(estimate) / standard_error))
