"""Judges the profile of a delivery with Great Expectations, before anything is computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dagster_project.contracts.model import LogicalType, TableContract
from dagster_project.ingest.profile import FeedProfile

Severity = Literal["critical", "warning"]
SMALL_DELIVERY_LINES = 1_000
"""Below this a share says little: it warns, it does not block."""
_RECEIVED_BEFORE_EVENT_LIMIT_PPM = 50_000
_UNKNOWN_SERIES_LIMIT_PPM = 50_000
_CONFLICT_LIMIT_PPM = 10_000
_DUPLICATE_LIMIT_PPM = 500_000
_LATE_LIMIT_PPM = 200_000
_FUTURE_LIMIT_PPM = 10_000
_VOLUME_LOW, _VOLUME_HIGH = 0.2, 5.0


@dataclass(frozen=True)
class GateCheck:
    """One expectation and what was observed; `sentence` says both for people."""

    name: str
    severity: Severity
    passed: bool
    observed: float | None
    expected: str
    sentence: str


@dataclass(frozen=True)
class GateResult:
    """The verdict on one feed's delivery: passed unless a critical check failed."""

    feed: str
    passed: bool
    checks: tuple[GateCheck, ...]


@dataclass(frozen=True)
class _Rule:
    """A figure of the profile and the range it must lie in; a figure that is not defined is not judged."""

    name: str
    severity: Severity
    minimum: float | None
    maximum: float | None
    meaning: str


def check_profile(contract: TableContract, profile: FeedProfile) -> GateResult:
    """Validate the one-row profile frame; critical failures block what stands on the feed."""
    rules = _rules(contract, profile)
    outcomes = _validate(rules, profile)
    checks = tuple(
        _check(rule, passed, _figures(profile)[rule.name], profile.held_files if rule.name == "n_held_files" else None)
        for rule, passed in zip(rules, outcomes, strict=True)
    )
    blocked = any(not check.passed and check.severity == "critical" for check in checks)
    return GateResult(contract.name, not blocked, checks)


def _rules(contract: TableContract, profile: FeedProfile) -> list[_Rule]:
    blocking: Severity = "critical" if profile.n_lines >= SMALL_DELIVERY_LINES else "warning"
    rules = [
        _Rule("reject_ppm", blocking, None, contract.reject_threshold_ppm, "rejected rows per million lines"),
        _Rule(
            "received_before_event_ppm",
            blocking,
            None,
            _RECEIVED_BEFORE_EVENT_LIMIT_PPM,
            "rows per million received more than a day before they happened",
        ),
        _Rule("unknown_series_ppm", blocking, None, _UNKNOWN_SERIES_LIMIT_PPM, "rows per million of an unknown series"),
        _Rule("n_rejected_files", "warning", None, 0, "files refused as a whole"),
        _Rule("n_held_files", _when_held(contract), None, 0, "files held back"),
        _Rule("conflict_ppm", "warning", None, _CONFLICT_LIMIT_PPM, "conflicting rows per million lines"),
        _Rule("duplicate_ppm", "warning", None, _DUPLICATE_LIMIT_PPM, "repeated rows per million lines"),
        _Rule("late_ppm", "warning", None, _LATE_LIMIT_PPM, "late rows per million"),
        _Rule("future_ppm", "warning", None, _FUTURE_LIMIT_PPM, "rows per million that lie after the watermark"),
    ]
    if profile.n_lines >= SMALL_DELIVERY_LINES:
        # A delivery that only repeats known rows is in order: what counts is that something could be read.
        rules.insert(0, _Rule("n_readable", "critical", 1, None, "rows that could be read"))
    usual = profile.median_accepted_before
    if usual is not None and usual >= SMALL_DELIVERY_LINES:
        rules.append(
            _Rule("n_accepted", "warning", usual * _VOLUME_LOW, usual * _VOLUME_HIGH, "rows against the usual number")
        )
    return rules


def _when_held(contract: TableContract) -> Severity:
    """A release without a file of money would say wrong sums; without one of views its counts are merely behind."""
    has_money = any(column.logical_type is LogicalType.NUMBER for column in contract.columns)
    return "critical" if has_money else "warning"


def _figures(profile: FeedProfile) -> dict[str, float | None]:
    return {
        "n_readable": profile.n_accepted + profile.n_duplicate + profile.n_conflict,
        "n_accepted": profile.n_accepted,
        "n_rejected_files": profile.n_rejected_files,
        "n_held_files": profile.n_held_files,
        "reject_ppm": profile.reject_ppm,
        "conflict_ppm": profile.conflict_ppm,
        "duplicate_ppm": profile.duplicate_ppm,
        "received_before_event_ppm": profile.received_before_event_ppm,
        "unknown_series_ppm": profile.unknown_series_ppm,
        "late_ppm": profile.late_ppm,
        "future_ppm": profile.future_ppm,
    }


def _validate(rules: Sequence[_Rule], profile: FeedProfile) -> list[bool]:
    """Whether each rule holds, in order."""
    # Eight seconds of import: only where a delivery is judged.
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    frame = pd.DataFrame({name: pd.array([value], dtype="Float64") for name, value in _figures(profile).items()})
    batch: Any = (
        context.data_sources.add_pandas("profile")
        .add_dataframe_asset("profile")
        .add_batch_definition_whole_dataframe("profile")
        .get_batch({"dataframe": frame})
    )
    suite = gx.ExpectationSuite(name=f"delivery of {profile.feed}")
    for rule in rules:
        suite.add_expectation(
            gx.expectations.ExpectColumnValuesToBeBetween(
                column=rule.name, min_value=rule.minimum, max_value=rule.maximum, severity=rule.severity
            )
        )
    results = batch.validate(suite).results
    held = {result.expectation_config.kwargs["column"]: bool(result.success) for result in results}
    return [held[rule.name] for rule in rules]


def _check(rule: _Rule, passed: bool, observed: float | None, named: str | None) -> GateCheck:
    if rule.minimum is None:
        expected = f"at most {rule.maximum:,.0f}"
    elif rule.maximum is None:
        expected = f"at least {rule.minimum:,.0f}"
    else:
        expected = f"between {rule.minimum:,.0f} and {rule.maximum:,.0f}"
    seen = "not defined" if observed is None else f"{observed:,.0f}"
    sentence = f"{rule.meaning}: {seen}, expected {expected}" + (f" ({named})" if named else "")
    return GateCheck(rule.name, rule.severity, passed, observed, expected, sentence)
