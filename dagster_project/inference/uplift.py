"""What a discount changed among the viewers it was offered to, by the arm they were assigned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from dagster_project.inference.experiments import (
    SAMPLE_RATIO_ALPHA,
    ArmMoments,
    always_valid_half_width,
    conversion_difference,
    cuped_difference,
    holm,
    log_ratio,
    sample_ratio_p,
    welch_difference,
)
from dagster_project.inference.results import InvalidEstimate, Status

UPLIFT_KEYS = ("experiment_id", "arm", "control_arm", "metric", "horizon_days", "segment")
UPLIFT_COLUMNS: Mapping[str, str] = {
    "mean_control": "Mean of the metric per exposed viewer of the control arm; null unless status is ok",
    "mean_treatment": "The same of the treated arm; null unless status is ok",
    "difference": "mean_treatment less mean_control; null unless status is ok",
    "ci_low": "Lower end of its 95% interval (Newcombe for conversion, else Welch); null unless status is ok",
    "ci_high": "Upper end of that interval; null unless status is ok",
    "ratio": "mean_treatment over mean_control; null unless status is ok and both are positive",
    "ratio_ci_low": "Lower end of its 95% interval (delta method on the log scale); null with the ratio",
    "ratio_ci_high": "Upper end of that interval; null with the ratio",
    "cuped_difference": "The difference adjusted for watching and spending before exposure; null unless status is ok",
    "cuped_ci_low": "Lower end of its 95% interval; null unless status is ok",
    "cuped_ci_high": "Upper end of that interval; null unless status is ok",
    "always_valid_low": "Lower end of the 95% confidence sequence, which holds at every look; null unless status is ok",
    "always_valid_high": "Upper end of that sequence; null unless status is ok",
    "p_value": "P-value of no difference, Holm-adjusted over the arms of the experiment; null unless status is ok",
    "srm_p": "P-value of an equal split among all exposed; below 0.001 blocks the row; null when there is none to test",
    "status": "ok, immature, suppressed, not_identified or not_applicable",
    "status_reason": "Why there is no estimate; null when status is ok",
}
"""Name and meaning of the columns that `uplift` adds."""

MOST_UNVALUED_SHARE = 0.05
"""Unlocks without a known cash value beyond which revenue is not compared; up to it they count as nothing earned."""

_NUMBERS = tuple(name for name in UPLIFT_COLUMNS if name not in ("srm_p", "status", "status_reason"))
_COVARIATES = ("watch", "spend", "unseen")
_MICROS = 1_000_000
_ALL = "all"
_CELL = ("experiment_id", "metric", "horizon_days", "segment")


def uplift(marts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Intention-to-treat effect of each arm against the control arm.

    Args:
        marts: `mrt_discounts__uplift` (the comparisons) and `mrt_discounts__arm_moments` (sums per arm).

    Returns:
        One row per row of `mrt_discounts__uplift`: its keys and `UPLIFT_COLUMNS`. Money in whole currency units.
    """
    arms = {
        (*(row[name] for name in _CELL), row["arm"]): row
        for row in marts["mrt_discounts__arm_moments"].iter_rows(named=True)
    }
    splits = _sample_ratios(marts["mrt_discounts__arm_moments"])
    rows: list[dict[str, Any]] = []
    for comparison in marts["mrt_discounts__uplift"].select(UPLIFT_KEYS).iter_rows(named=True):
        cell = tuple(comparison[name] for name in _CELL)
        control, treatment = arms[(*cell, comparison["control_arm"])], arms[(*cell, comparison["arm"])]
        overall = splits[comparison["experiment_id"], _ALL]
        own = splits[comparison["experiment_id"], comparison["segment"]]
        status, reason = _status(control, treatment, overall, own)
        numbers = _compare(control, treatment) if status is Status.OK else {}
        rows.append(comparison | numbers | {"srm_p": own, "status": str(status), "status_reason": reason})
    _adjust_for_arms(rows)
    schema = marts["mrt_discounts__uplift"].select(UPLIFT_KEYS).schema
    types = {name: pl.String if name.startswith("status") else pl.Float64 for name in UPLIFT_COLUMNS}
    return _checked(pl.DataFrame(rows, schema={**schema, **types}))


def _sample_ratios(moments: pl.DataFrame) -> dict[tuple[str, str], float | None]:
    """The p-value of the split by experiment and segment, over everyone exposed, matured or not."""
    exposed = moments.group_by("experiment_id", "segment", "arm").agg(pl.col("n_exposed").first())
    return {
        (experiment, segment): sample_ratio_p(part.sort("arm")["n_exposed"].to_list())
        for (experiment, segment), part in exposed.group_by("experiment_id", "segment")
    }


def _status(
    control: Mapping[str, Any], treatment: Mapping[str, Any], overall: float | None, own: float | None
) -> tuple[Status, str | None]:
    if any(p is not None and p < SAMPLE_RATIO_ALPHA for p in (overall, own)):
        return Status.NOT_IDENTIFIED, "viewers did not split over the arms as planned (sample ratio mismatch)"
    if min(control["viewer_n"], treatment["viewer_n"]) < 2:
        return Status.IMMATURE, "fewer than two viewers of an arm were exposed a whole horizon ago"
    lines, unvalued = (control[name] + treatment[name] for name in ("n_lines", "n_unvalued_lines"))
    if control["metric"] == "net_revenue" and unvalued > MOST_UNVALUED_SHARE * lines:
        return Status.NOT_IDENTIFIED, "the cash value of more than 5% of the unlocks is unknown or in another currency"
    if control["outcome_sum_sq"] == 0 and treatment["outcome_sum_sq"] == 0:
        return Status.NOT_IDENTIFIED, "no viewer of either arm has an outcome yet"
    return Status.OK, None


def _compare(control: Mapping[str, Any], treatment: Mapping[str, Any]) -> dict[str, float | None]:
    """All numbers of one comparison."""
    before, after = _moments(control), _moments(treatment)
    plain = welch_difference(before, after)
    shown = conversion_difference(before, after) if control["metric"] == "conversion" else plain
    ratio = log_ratio(before, after)
    cuped = cuped_difference(before, after)
    reach = always_valid_half_width(plain.standard_error**2, before.n + after.n)
    return {
        "mean_control": before.mean,
        "mean_treatment": after.mean,
        "difference": shown.estimate,
        "ci_low": shown.low,
        "ci_high": shown.high,
        "ratio": ratio.estimate if ratio else None,
        "ratio_ci_low": ratio.low if ratio else None,
        "ratio_ci_high": ratio.high if ratio else None,
        "cuped_difference": cuped.estimate,
        "cuped_ci_low": cuped.low,
        "cuped_ci_high": cuped.high,
        "always_valid_low": plain.estimate - reach,
        "always_valid_high": plain.estimate + reach,
        "p_value": shown.p_value,
    }


def _moments(row: Mapping[str, Any]) -> ArmMoments:
    """The exact sums of one arm; micros become currency units."""
    unit = Fraction(1, _MICROS) if row["metric"] == "net_revenue" else Fraction(1)

    def product(first: str, second: str) -> Fraction:
        if first == second:
            return _exact(row[f"{first}_sum_sq"])
        ordered = first, second
        name = "_".join(ordered) if f"{'_'.join(ordered)}_sum" in row else "_".join(reversed(ordered))
        return _exact(row[f"{name}_sum"])

    return ArmMoments(
        n=row["viewer_n"],
        total=_exact(row["outcome_sum"]) * unit,
        total_sq=_exact(row["outcome_sum_sq"]) * unit**2,
        covariate=tuple(_exact(row[f"{name}_sum"]) for name in _COVARIATES),
        covariate_sq=tuple(tuple(product(first, second) for second in _COVARIATES) for first in _COVARIATES),
        covariate_outcome=tuple(_exact(row[f"outcome_{name}_sum"]) * unit for name in _COVARIATES),
    )


def _exact(value: int | Decimal) -> Fraction:
    """A whole number as SQL delivers it: an integer, or a decimal where 64 bits are too few."""
    return Fraction(value)


def _adjust_for_arms(rows: Sequence[dict[str, Any]]) -> None:
    """Holm over the arms compared with the same control, in place."""
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("p_value") is not None:
            families.setdefault(tuple(row[name] for name in (*_CELL, "control_arm")), []).append(row)
    for family in families.values():
        for row, adjusted in zip(family, holm([row["p_value"] for row in family]), strict=True):
            row["p_value"] = adjusted


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, if each row that is ok has its numbers, and each interval holds its estimate.

    Raises:
        InvalidEstimate: A row breaks this.
    """
    slack = 1e-9
    is_ok = pl.col("status") == str(Status.OK)
    intervals = (
        ("ci_low", "difference", "ci_high"),
        ("cuped_ci_low", "cuped_difference", "cuped_ci_high"),
        ("always_valid_low", "difference", "always_valid_high"),
    )
    may_lack = ("ratio", "ratio_ci_low", "ratio_ci_high")
    is_sound = pl.all_horizontal(
        *(pl.col(name).is_finite().fill_null(name in may_lack) for name in _NUMBERS),
        *(pl.col(low) <= pl.col(middle) + slack for low, middle, _ in intervals),
        *(pl.col(middle) <= pl.col(high) + slack for _, middle, high in intervals),
    )
    broken = frame.filter(is_ok & ~is_sound)
    if broken.height:
        raise InvalidEstimate(f"{broken.height} uplifts break their own rules, first: {broken.row(0, named=True)}")
    return frame
