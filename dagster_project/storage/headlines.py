"""What each family of metrics answers first: one or two figures a person wants to read after a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import duckdb

Unit = Literal["share", "points", "minor"]


@dataclass(frozen=True)
class Headline:
    """One figure of one family with its interval, or the reason why there is none.

    Attributes:
        family: retention, cliffhangers, discounts, cannibalization or payouts.
        sentence: What the figure is, to be read after it.
        unit: `share` and `points` are fractions of 1; `minor` is an exact integer in minor units of `currency`.
        estimate: The figure; None when `status` is not ok.
        ci_low, ci_high: Its 95% interval; None for exact money.
        status: ok, immature, not_identified or not_applicable.
        reason: Why it is not ok.
        currency: Of money.
    """

    family: str
    sentence: str
    unit: Unit
    estimate: float | int | None
    ci_low: float | None
    ci_high: float | None
    status: str
    reason: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class _Question:
    """A query for sentence, estimate, ci_low, ci_high, status, reason and currency; several rows, several headlines."""

    family: str
    table: str
    unit: Unit
    query: str


_QUESTIONS = (
    _Question(
        "retention",
        "audience.episode_reach",
        "share",
        """
        select 'reach the paywall of ' || series.title || ' (episode ' || reach.episode_seq || ') within 7 days',
            reach.estimate, reach.ci_low, reach.ci_high, reach.status, null, null
        from audience.episode_reach as reach
        inner join core.dim_series as series
            on reach.series_id = series.series_id and reach.episode_seq = series.first_gated_episode_seq
        where reach.surface = 'all' and reach.cohort_week = 'all' and reach.horizon_hours = 168
        order by reach.n_entered desc, reach.series_id limit 1
        """,
    ),
    _Question(
        "retention",
        "audience.cohort_days",
        "share",
        """
        select 'come back on day ' || day || ' after their first', estimate, ci_low, ci_high, status, null, null
        from audience.cohort_days
        where scope = 'all' and surface = 'all' and cohort_date = 'all' and mode = 'n_day' and day = 7
        """,
    ),
    _Question(
        "cliffhangers",
        "cliffhanger.continuation",
        "share",
        """
        select 'start the next episode within a minute of finishing episode 1 of ' || series.title,
            continuation.estimate, continuation.ci_low, continuation.ci_high, continuation.status, null, null
        from cliffhanger.continuation as continuation
        inner join core.dim_series as series on continuation.series_id = series.series_id
        where continuation.surface = 'all' and continuation.mode = 'all'
            and continuation.window_seconds = 60 and continuation.episode_seq = 1
        order by continuation.n_at_risk desc, continuation.series_id limit 1
        """,
    ),
    _Question(
        "cliffhangers",
        "cliffhanger.gate_decomposition",
        "share",
        """
        select 'turn away at the paywall of ' || series.title || ' and do not come back within 3 days',
            gate.estimate, gate.ci_low, gate.ci_high, gate.status, gate.status_reason, null
        from cliffhanger.gate_decomposition as gate
        inner join core.dim_series as series
            on gate.series_id = series.series_id and gate.gate_episode_seq = series.first_gated_episode_seq
        where gate.surface = 'all' and gate.cohort_week = 'all' and gate.window_hours = 72
            and gate.outcome = 'gate_bounce'
        order by gate.n_opportunities desc, gate.series_id limit 1
        """,
    ),
    _Question(
        "discounts",
        "discounts.uplift",
        "points",
        """
        select 'in the share who paid within 7 days, ' || arm || ' against ' || control_arm || ' (test '
            || experiment_id || ')',
            difference, ci_low, ci_high, status, status_reason, null
        from discounts.uplift
        where metric = 'conversion' and horizon_days = 7 and segment = 'all'
        order by experiment_id, arm
        """,
    ),
    _Question(
        "cannibalization",
        "cannibalization.diversion",
        "share",
        """
        select 'of in-platform revenue replaced own-app sales (' || n_launched_markets || ' of ' || n_markets
            || ' markets launched)',
            kappa, ci_low, ci_high, status, status_reason, null
        from cannibalization.diversion
        where scope = 'all' and method = 'staggered_did'
        """,
    ),
    _Question(
        "payouts",
        "payouts.lines",
        "minor",
        """
        select direction || ' posted for ' || posted_period || ' to ' || count(distinct party_id) || ' parties',
            sum(amount_minor)::bigint, null, null, 'ok', null, currency
        from payouts.lines
        where posted_period = (select max(posted_period) from payouts.lines)
        group by direction, posted_period, currency
        order by direction, currency
        """,
    ),
    _Question(
        "payouts",
        "payouts.pending",
        "minor",
        """
        select direction || ' earned and waiting for the next close', sum(pending_minor)::bigint, null, null, 'ok',
            null, currency
        from payouts.pending
        group by direction, currency
        order by direction, currency
        """,
    ),
)


def headlines(release: duckdb.DuckDBPyConnection, tables: Collection[str]) -> list[Headline]:
    """The headlines of an attached release that holds `tables`."""
    found = []
    for question in _QUESTIONS:
        rows = release.execute(question.query).fetchall() if question.table in tables else []
        for sentence, estimate, low, high, status, reason, currency in rows:
            found.append(
                Headline(question.family, sentence, question.unit, estimate, low, high, status, reason, currency)
            )
    answered = {headline.family for headline in found}
    for family in dict.fromkeys(question.family for question in _QUESTIONS):
        if family not in answered:
            found.append(
                Headline(family, "no figure", "share", None, None, None, "not_identified", "nothing to tell yet")
            )
    return found
