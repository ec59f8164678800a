"""Judges the profile of a delivery with Great Expectations, before anything is computed from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_project.contracts.model import TableContract
from dagster_project.ingest import drift, gate_rules
from dagster_project.ingest.drift import Departure, FeedHistory
from dagster_project.ingest.gate_rules import FIGURES, SMALL_DELIVERY_LINES, Rule, Severity
from dagster_project.ingest.profile import FeedProfile

_VOLUME_LOW, _VOLUME_HIGH = 0.2, 5.0


@dataclass(frozen=True)
class GateCheck:
    """One rule and what was observed; `sentence` says both for people.

    Attributes:
        observed: The figure; None where it is not defined or the rule has several.
        judged: False where the figure is not defined or there is nothing to compare with; it passes then.
    """

    name: str
    severity: Severity
    passed: bool
    observed: float | None
    expected: str
    sentence: str
    judged: bool = True


@dataclass(frozen=True)
class GateResult:
    """The verdict on one feed's delivery: passed unless a critical check failed.

    Attributes:
        validation: The validation result of Great Expectations.
    """

    feed: str
    passed: bool
    checks: tuple[GateCheck, ...]
    validation: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class _Figure:
    """One number of a rule and the range it must lie in; a number that is not defined is not judged.

    Attributes:
        name: Column of the frame that Great Expectations judges.
        subject: Day or column it is about; empty where the rule has but one figure.
        note: Names, for people.
    """

    rule: Rule
    severity: Severity
    name: str
    observed: float | None
    minimum: float | None
    maximum: float | None
    subject: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Unjudged:
    """A rule that has nothing to compare with, and why."""

    rule: Rule
    severity: Severity
    reason: str


def check_profile(contract: TableContract, profile: FeedProfile, history: FeedHistory | None = None) -> GateResult:
    """Validate the one-row profile frame; critical failures block what stands on the feed.

    Args:
        history: What is usual for the feed; without it nothing is compared with earlier days or deliveries.
    """
    found = [*_own_figures(contract, profile), *(_compared(contract, profile, history) if history else ())]
    figures = [one for one in found if isinstance(one, _Figure)]
    outcomes, validation = _validate(figures, profile)
    by_rule: dict[str, list[tuple[_Figure, bool]]] = {}
    for figure, outcome in zip(figures, outcomes, strict=True):
        by_rule.setdefault(figure.rule.name, []).append((figure, outcome))
    checks = tuple(_check(judged) for judged in by_rule.values()) + tuple(
        GateCheck(
            one.rule.name, one.severity, True, None, "", f"{one.rule.meaning}: not judged ({one.reason})", judged=False
        )
        for one in found
        if isinstance(one, _Unjudged)
    )
    blocked = any(not check.passed and check.severity == "critical" for check in checks)
    return GateResult(contract.name, not blocked, checks, validation)


def _own_figures(contract: TableContract, profile: FeedProfile) -> Iterator[_Figure | _Unjudged]:
    """What the profile says by itself."""

    def figure(rule: Rule, observed: float | None, minimum: float | None, maximum: float | None) -> _Figure | _Unjudged:
        if profile.n_lines < rule.least_lines:
            reason = f"{profile.n_lines:,} lines, fewer than {rule.least_lines}"
            return _Unjudged(rule, rule.severity(contract, profile), reason)
        note = getattr(profile, rule.names) if rule.names else None
        return _Figure(
            rule, rule.severity(contract, profile), rule.name, observed, minimum, maximum, note=note or ""
        )  # fmt: skip

    if profile.n_lines >= SMALL_DELIVERY_LINES:
        readable = profile.n_accepted + profile.n_duplicate + profile.n_conflict
        yield figure(gate_rules.READABLE, readable, gate_rules.READABLE.minimum, None)
    yield figure(gate_rules.REJECTED, profile.reject_ppm, None, contract.reject_threshold_ppm)
    for rule in FIGURES:
        if rule.applies(contract):
            yield figure(rule, getattr(profile, rule.name), rule.minimum, rule.maximum)
    usual = profile.median_accepted_before
    if usual is not None and usual >= SMALL_DELIVERY_LINES:
        yield figure(gate_rules.USUAL_NUMBER, profile.n_accepted, usual * _VOLUME_LOW, usual * _VOLUME_HIGH)


def _compared(contract: TableContract, profile: FeedProfile, history: FeedHistory) -> Iterator[_Figure | _Unjudged]:
    """What earlier days and deliveries say."""
    departures: dict[Rule, list[Departure] | str] = {
        gate_rules.DAY_VOLUME: drift.day_volumes(history),
        gate_rules.NULL_DRIFT: drift.null_shares(profile.null_ppm, profile.n_accepted, history),
        gate_rules.VALUE_DRIFT: drift.value_shares(history),
    }
    for rule, found in departures.items():
        if not rule.applies(contract):
            continue
        severity = rule.severity(contract, profile)
        if isinstance(found, str):
            yield _Unjudged(rule, severity, found)
            continue
        for one in found:
            yield _Figure(
                rule, severity, f"{rule.name}:{one.subject}", one.observed, one.low, one.high, one.subject, one.names
            )
    named: dict[Rule, list[str] | str] = {gate_rules.NEW_VALUES: drift.new_and_vanished(history)}
    days = drift.missing_days(history)
    named[gate_rules.MISSING_DAYS] = days if isinstance(days, str) else [day.isoformat() for day in days]
    for rule, names in named.items():
        if not rule.applies(contract):
            continue
        severity = rule.severity(contract, profile)
        if isinstance(names, str):
            yield _Unjudged(rule, severity, names)
        else:
            yield _Figure(rule, severity, rule.name, len(names), None, rule.maximum, note=_listed(names))


def _listed(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _validate(figures: Sequence[_Figure], profile: FeedProfile) -> tuple[list[bool], Any]:
    """Whether each figure lies in its range, in order; and the validation result."""
    # Eight seconds of import: only where a delivery is judged.
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # Otherwise each verdict leaves a temporary folder behind.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    defined = [figure for figure in figures if figure.observed is not None]
    frame = pd.DataFrame({figure.name: pd.array([figure.observed], dtype="Float64") for figure in defined})
    batch: Any = (
        context.data_sources.add_pandas("profile")
        .add_dataframe_asset(profile.feed)
        .add_batch_definition_whole_dataframe("profile")
        .get_batch({"dataframe": frame})
    )
    suite = gx.ExpectationSuite(name=profile.feed)
    for figure in defined:
        suite.add_expectation(
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=figure.name,
                min_value=figure.minimum,
                max_value=figure.maximum,
                severity=figure.severity,
                meta={"sentence": _sentence(figure), "rule": figure.rule.name},
            )
        )
    validation = batch.validate(suite)
    for result in validation.results:
        # Its pages cannot show a number of NumPy's.
        result.result["observed_value"] = float(result.result["observed_value"])
    held = {result.expectation_config.kwargs["column"]: bool(result.success) for result in validation.results}
    return [figure.observed is None or held[figure.name] for figure in figures], validation


def _check(judged: Sequence[tuple[_Figure, bool]]) -> GateCheck:
    """The verdict on one rule, of all its figures; what failed is named, or the last where nothing did."""
    first = judged[0][0]
    failed = [figure for figure, passed in judged if not passed]
    if len(judged) == 1 and not first.subject:
        sentence = _sentence(first)
    elif failed:
        sentence = f"{first.rule.meaning}: " + "; ".join(map(_words, failed))
    else:
        sentence = f"{first.rule.meaning}: as usual ({', '.join(figure.subject for figure, _ in judged)})"
    is_single = len(judged) == 1
    return GateCheck(
        first.rule.name,
        first.severity,
        not failed,
        first.observed if is_single else None,
        _range(first) if is_single else "as before",
        sentence,
        judged=any(figure.observed is not None for figure, _ in judged),
    )


def _sentence(figure: _Figure) -> str:
    return f"{figure.rule.meaning}: {_words(figure)}"


def _words(figure: _Figure) -> str:
    seen = "not defined" if figure.observed is None else f"{figure.observed:,.0f}"
    subject = f"{figure.subject} " if figure.subject else ""
    return f"{subject}{seen}, expected {_range(figure)}" + (f" ({figure.note})" if figure.note else "")


def _range(figure: _Figure) -> str:
    if figure.minimum is None:
        return f"at most {figure.maximum:,.0f}"
    if figure.maximum is None:
        return f"at least {figure.minimum:,.0f}"
    if figure.subject and figure.minimum == 0:
        return f"at most {figure.maximum:,.0f}"
    return f"between {figure.minimum:,.0f} and {figure.maximum:,.0f}"
