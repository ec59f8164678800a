"""What a close posts: differences once, with their reasons, whatever the order in which things are learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.core.money import Tier
from dagster_project.ledger.lines import LedgerLine
from dagster_project.ledger.plan import plan_close
from dagster_project.ledger.recompute import Step, Terms, entitle, split

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


def _terms(name: str, parties: dict[str, int] | None = None, version: int = 1, rate: int = 300_000) -> Terms:
    tiers = (Tier(50_000, rate), Tier(90_000, 417_003), Tier(None, 500_000))
    return Terms(
        name, version, "gross", "MARGINAL", "CUMULATIVE", tiers, (1, 2, 3), parties or {"A": 1, "B": 1, "C": 1}
    )


@dataclass(frozen=True)
class Fact:
    """One statement's money for one series and month of activity."""

    statement: str
    series: str
    activity: str
    amount: int
    reason: str = "RESTATEMENT"
    version: int = 1
    contract: str = "C"
    contract_version: int = 1


TERMS = [_terms("C"), _terms("C", version=2, rate=350_000), _terms("D")]


def _close(
    period: str, facts: Sequence[Fact], posted: Sequence[LedgerLine], live: set[str] | None = None
) -> list[LedgerLine]:
    sums: dict[Step, int] = defaultdict(int)
    sources: dict[tuple[Any, ...], list[tuple[str, str]]] = defaultdict(list)
    for fact in facts:
        step = Step(
            "PAYABLE", fact.contract, fact.contract_version, "LIFETIME", fact.series, fact.activity, "iaa", "USD"
        )
        sums[step] += fact.amount
        sources[step].append((fact.statement, str(fact.version)))
    steps = [Step(*list(vars(step).values())[:-1], amount) for step, amount in sums.items()]
    should_be = []
    for key, (base, amount) in split(entitle(steps, TERMS), TERMS).items():
        direction, contract, version, window, party, series, activity, stream, currency, tier = key
        behind = sorted(sources[Step(direction, contract, version, window, series, activity, stream, currency)])
        should_be.append(
            {
                "direction": direction,
                "contract_id": contract,
                "contract_version": version,
                "tier_window": window,
                "party_id": party,
                "series_id": series,
                "activity_period": activity,
                "stream": stream,
                "currency": currency,
                "tier_no": tier,
                "rate_ppm": TERMS[0].tiers[tier - 1].rate_ppm,
                "base_minor": base,
                "amount_minor": amount,
                "source_statement": ";".join(number for number, _ in behind),
                "source_version": ";".join(number for _, number in behind),
            }
        )
    bases = [
        {
            "direction": "PAYABLE",
            "contract_id": fact.contract,
            "series_id": fact.series,
            "activity_period": fact.activity,
            "stream": "iaa",
            "currency": "USD",
            "statement_no": fact.statement,
            "statement_version": fact.version,
            "reason": fact.reason,
            "base_minor": fact.amount,
        }
        for fact in facts
    ]
    alive = [(fact.statement, str(fact.version)) for fact in facts if live is None or fact.statement in live]
    return plan_close(period, should_be, posted, bases=bases, live=alive)


def _to_date(lines: Sequence[LedgerLine]) -> dict[tuple[str, str, str, str], int]:
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for line in lines:
        sums[line.contract_id, line.party_id, line.series_id, line.activity_period] += line.amount_minor
    return {key: amount for key, amount in sums.items() if amount}


facts = st.lists(
    st.builds(
        Fact,
        statement=st.sampled_from(["s1", "s2", "s3", "s4"]),
        series=st.sampled_from(["S1", "S10", "S2"]),
        activity=st.sampled_from(MONTHS),
        amount=st.integers(-40_000, 70_000).filter(bool),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda fact: (fact.statement, fact.series, fact.activity),
)


@settings(max_examples=80, deadline=None)
@given(facts, st.data())
def test_any_order_of_arrival_posts_the_same_to_date(known: list[Fact], data: st.DataObject) -> None:
    at_once: list[LedgerLine] = []
    for month in MONTHS:
        at_once += _close(month, known, at_once)
    late: list[LedgerLine] = []
    order = data.draw(st.permutations(known))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), min_size=3, max_size=3)))
    for month, cut in zip(MONTHS, [*cuts, len(order)], strict=True):
        late += _close(month, order[:cut], late)
    assert _to_date(late) == _to_date(at_once)
    assert all(line.posted_period >= line.activity_period for line in late)


@settings(max_examples=50, deadline=None)
@given(facts)
def test_closing_again_without_news_posts_nothing(known: list[Fact]) -> None:
    posted: list[LedgerLine] = []
    for month in MONTHS:
        posted += _close(month, known, posted)
    assert _close("2026-05", known, posted) == []
    assert _close("2026-04", known, posted) == []


@settings(max_examples=50, deadline=None)
@given(facts, st.integers(1, 50_000))
def test_an_event_and_its_reversal_never_happened(known: list[Fact], amount: int) -> None:
    posted: list[LedgerLine] = []
    for month in MONTHS:
        posted += _close(month, known, posted)
    event = Fact("late", "S1", "2026-01", -amount, "IVT_SPAM")
    posted += _close("2026-05", [*known, event], posted)
    posted += _close("2026-06", [*known, event, Fact("undone", "S1", "2026-01", amount, "IVT_SPAM")], posted)
    alone: list[LedgerLine] = []
    for month in MONTHS:
        alone += _close(month, known, alone)
    assert _to_date(posted) == _to_date(alone)


@settings(max_examples=50, deadline=None)
@given(facts, facts)
def test_another_contract_leaves_every_line_as_it_was(known: list[Fact], others: list[Fact]) -> None:
    beside = [Fact(fact.statement, fact.series, fact.activity, fact.amount, contract="D") for fact in others]
    alone = _close("2026-04", known, [])
    together = _close("2026-04", [*known, *beside], [])
    assert [line for line in together if line.contract_id == "C"] == alone


def _reasons(lines: Sequence[LedgerLine]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in lines:
        if line.line_type == "ADJUSTMENT":
            found[line.series_id, line.activity_period].add(line.reason)
    return dict(found)


JANUARY = Fact("jan", "S1", "2026-01", 48_000)
FEBRUARY = Fact("feb", "S1", "2026-02", 30_000)


def test_the_statements_own_reason_and_what_it_moves_in_the_tiers() -> None:
    posted = _close("2026-01", [JANUARY, FEBRUARY], [])
    posted += _close("2026-02", [JANUARY, FEBRUARY], posted)
    cut = Fact("mar", "S1", "2026-01", -10_000, "IVT_SPAM")
    lines = _close("2026-03", [JANUARY, FEBRUARY, cut], posted)
    assert _reasons(lines) == {("S1", "2026-01"): {"IVT_SPAM"}, ("S1", "2026-02"): {"TIER_RESTATE"}}
    first = {line.party_id: line.line_id for line in posted if line.activity_period == "2026-01"}
    assert {line.party_id: line.adjusts_line_id for line in lines if line.activity_period == "2026-01"} == first
    for line in lines:
        assert line.restated_minor is not None
        assert line.posted_before_minor is not None
        assert line.amount_minor == line.restated_minor - line.posted_before_minor


def test_a_replaced_statement_is_told_as_such_only_once() -> None:
    posted = _close("2026-01", [JANUARY], [])
    better = Fact("jan-b", "S1", "2026-01", 49_000, version=2)
    lines = _close("2026-02", [better], posted, live={"jan-b"})
    assert _reasons(lines) == {("S1", "2026-01"): {"STATEMENT_REPLACED"}}
    later = Fact("mar", "S1", "2026-01", -500, "REFUND")
    lines = _close("2026-03", [better, later], [*posted, *lines], live={"jan-b", "mar"})
    assert _reasons(lines) == {("S1", "2026-01"): {"REFUND"}}


def test_an_amendment_moves_the_base_to_another_version() -> None:
    posted = _close("2026-01", [JANUARY], [])
    amended = [
        Fact("jan", "S1", "2026-01", 20_000),
        Fact("jan", "S1", "2026-01", 28_000, contract_version=2),
    ]
    lines = _close("2026-02", amended, posted)
    assert _reasons(lines) == {("S1", "2026-01"): {"CONTRACT_AMENDMENT"}}
    assert {line.contract_version for line in lines} == {1, 2}
    assert sum(line.base_minor for line in lines) == 0


def test_a_minor_unit_between_parties_is_rounding() -> None:
    facts_known = [Fact("jan", "S1", "2026-01", 10), Fact("feb", "S1", "2026-02", 7)]
    posted = _close("2026-01", facts_known, [])
    posted += _close("2026-02", facts_known, posted)
    for size in range(1, 40):
        lines = _close("2026-03", [*facts_known, Fact("mar", "S1", "2026-01", size, "BACKPAY")], posted)
        found = _reasons(lines)
        if found.get(("S1", "2026-02")) == {"ROUNDING"}:
            february = [line for line in lines if line.activity_period == "2026-02"]
            assert sum(line.amount_minor for line in february) == 0
            assert all(line.base_minor == 0 for line in february)
            return
    raise AssertionError("no size moved a minor unit between parties alone")


def test_lines_are_numbered_within_contract_and_month() -> None:
    lines = _close("2026-01", [JANUARY, Fact("jan", "S1", "2026-01", 60_000, contract="D")], [])
    assert [line.line_id for line in lines] == [
        "L-2026-01-C-0001",
        "L-2026-01-C-0002",
        "L-2026-01-C-0003",
        *(f"L-2026-01-D-{number:04d}" for number in range(1, 7)),
    ]
    assert {line.statement_id for line in lines} == {"ST-C-2026-01-v1", "ST-D-2026-01-v1"}
    assert [(line.tier_no, line.party_id) for line in lines[3:]] == [
        (1, "A"),
        (1, "B"),
        (1, "C"),
        (2, "A"),
        (2, "B"),
        (2, "C"),
    ]
