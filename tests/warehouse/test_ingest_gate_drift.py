"""What departs from the usual is told, ordinary days are not: planted departures and seeded ordinary nights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from dagster_project.ingest import drift
from dagster_project.ingest.drift import Departure, FeedHistory

LAST = date(2026, 5, 19)
COUNTRIES = {"US": 0.35, "BR": 0.2, "MX": 0.15, "ID": 0.12, "TR": 0.1, "JP": 0.05, "DE": 0.03}
APPS = {"ios-1": 0.5, "android-1": 0.3, "mini-1": 0.2}
NULLS = {"country": 0.02, "session_id": 0.3, "unlock_order_id": 0.9, "watched_ms": 0.0}
ORDINARY_NIGHTS = 50
FALSE_ALARMS_ALLOWED = 2
"""Of 50 ordinary nights, each judged by five rules."""


@dataclass(frozen=True)
class Night:
    """A delivery and the fourteen before it."""

    history: FeedHistory
    null_ppm: dict[str, int | None]
    n_rows: int


def ordinary_night(seed: int) -> Night:
    """Days that vary by weekday and chance (sigma 10 %), mixes and null shares by more than sampling."""
    generator = np.random.default_rng(seed)
    days: dict[date, int] = {}
    nulls: list[dict[str, int | None]] = []
    values: list[dict[str, dict[str, int]]] = []
    for back in range(30):
        day = LAST - timedelta(days=back)
        weekend = 1.25 if day.weekday() >= 5 else 1.0
        rows = int(generator.poisson(20_000 * weekend * generator.lognormal(0, 0.1)))
        days[day] = rows
        nulls.append({name: _null(generator, share, rows) for name, share in NULLS.items()})
        values.append({"country": _mix(generator, COUNTRIES, rows), "app_id": _mix(generator, APPS, rows)})
    return Night(
        FeedHistory(
            days=days,
            delivered={LAST: days[LAST]},
            received_until=datetime(2026, 5, 19, 23, 59, 50, tzinfo=UTC),
            null_ppm=nulls[1 : drift.TRAINING + 1],
            values=values[0],
            earlier_values=values[1 : drift.TRAINING + 1],
        ),
        nulls[0],
        days[LAST],
    )


def _null(generator: np.random.Generator, share: float, rows: int) -> int:
    if share in (0.0, 1.0):
        return int(share * 1_000_000)
    return int(1_000_000 * generator.binomial(rows, generator.beta(share * 500, (1 - share) * 500)) / rows)


def _mix(generator: np.random.Generator, shares: dict[str, float], rows: int) -> dict[str, int]:
    drawn = generator.dirichlet([share * 300 for share in shares.values()])
    counts = generator.multinomial(rows, drawn)
    return {name: int(count) for name, count in zip(shares, counts, strict=True) if count}


def outside(found: list[Departure] | str) -> list[str]:
    assert not isinstance(found, str), found
    return [one.subject for one in found if not one.low <= one.observed <= one.high]


def alarms(night: Night) -> list[str]:
    history = night.history
    missing, values = drift.missing_days(history), drift.new_and_vanished(history)
    assert isinstance(missing, list)
    assert isinstance(values, list)
    return [
        *outside(drift.day_volumes(history)),
        *outside(drift.null_shares(night.null_ppm, night.n_rows, history)),
        *outside(drift.value_shares(history)),
        *map(str, missing),
        *values,
    ]


def test_ordinary_nights_are_silent() -> None:
    told = {seed: found for seed in range(ORDINARY_NIGHTS) if (found := alarms(ordinary_night(seed)))}
    assert len(told) <= FALSE_ALARMS_ALLOWED, told


@pytest.mark.parametrize("factor", [0.1, 0.4, 2.5, 6.0])
def test_a_day_that_is_too_small_or_too_large_is_told(factor: float) -> None:
    for seed in range(20):
        history = ordinary_night(seed).history
        rows = int(17_000 * factor)
        planted = replace(history, days={**history.days, LAST: rows}, delivered={LAST: rows})
        assert outside(drift.day_volumes(planted)) == [LAST.isoformat()]


def test_one_bad_day_before_does_not_hide_the_next() -> None:
    history = ordinary_night(3).history
    days = {**history.days, LAST - timedelta(days=1): 3_000, LAST: 3_000}
    delivered = {LAST - timedelta(days=1): 3_000, LAST: 3_000}
    told = outside(drift.day_volumes(replace(history, days=days, delivered=delivered)))
    assert told == [(LAST - timedelta(days=1)).isoformat(), LAST.isoformat()]


def test_a_day_that_is_not_over_is_not_judged() -> None:
    history = replace(ordinary_night(1).history, received_until=datetime(2026, 5, 19, 15, tzinfo=UTC))
    assert drift.day_volumes(history) == "no event day is complete in it"
    stragglers = replace(history, received_until=datetime(2026, 5, 20, 3, tzinfo=UTC), delivered={LAST: 300})
    assert drift.day_volumes(stragglers) == "no event day is complete in it", "most of the day came before"


def test_without_enough_before_nothing_is_judged_and_it_is_said() -> None:
    history = ordinary_night(1).history
    young = replace(
        history,
        days={day: rows for day, rows in history.days.items() if day > LAST - timedelta(days=7)},
        null_ppm=history.null_ppm[:6],
        earlier_values=history.earlier_values[:6],
    )
    assert drift.day_volumes(young) == "fewer than 7 of the 14 days before have rows"
    assert drift.null_shares({"country": 900_000}, 20_000, young) == "6 earlier deliveries, 7 are needed"
    assert drift.value_shares(young) == "6 earlier deliveries, 7 are needed"
    assert drift.new_and_vanished(young) == "6 earlier deliveries, 7 are needed"
    small = replace(history, days=dict.fromkeys(history.days, 40), delivered={LAST: 40})
    assert drift.day_volumes(small) == "40 rows a day are usual, fewer than 1,000"
    assert drift.missing_days(small) == "40 rows a day are usual, fewer than 100"
    assert drift.null_shares({"country": 900_000}, 999, history) == "999 rows, fewer than 1,000"
    bunches = replace(history, n_viewers=199)
    for found in (drift.null_shares({"country": 900_000}, 20_000, bunches), drift.value_shares(bunches)):
        assert found == "199 viewers, fewer than 200"
    assert drift.new_and_vanished(bunches) == "199 viewers, fewer than 200"
    assert outside(drift.null_shares({"country": 900_000}, 20_000, replace(history, n_viewers=200))) == ["country"]


def test_a_day_without_rows_is_named_and_a_straggler_does_not_widen_the_search() -> None:
    history = ordinary_night(2).history
    gap, older = LAST - timedelta(days=1), LAST - timedelta(days=6)
    days = {day: rows for day, rows in history.days.items() if day not in (gap, older)}
    assert drift.missing_days(replace(history, days=days)) == [gap], "the older gap was told when it came about"
    late = {LAST: history.days[LAST], LAST - timedelta(days=8): 5}
    assert drift.missing_days(replace(history, days=days, delivered=late)) == [gap]
    assert drift.missing_days(history) == []


@pytest.mark.parametrize(("column", "share"), [("country", 0.15), ("session_id", 0.5), ("watched_ms", 0.06)])
def test_a_column_that_loses_its_values_is_named(column: str, share: float) -> None:
    for seed in range(20):
        night = ordinary_night(seed)
        planted = {**night.null_ppm, column: int(share * 1_000_000)}
        assert column in outside(drift.null_shares(planted, night.n_rows, night.history))


def test_a_column_that_is_suddenly_filled_is_named() -> None:
    night = ordinary_night(4)
    assert outside(drift.null_shares({**night.null_ppm, "unlock_order_id": 0}, night.n_rows, night.history)) == [
        "unlock_order_id"
    ]


def test_a_mix_that_moves_by_a_quarter_is_named_with_what_moved() -> None:
    for seed in range(20):
        history = ordinary_night(seed).history
        moved = dict(history.values["country"])
        moved["ID"] += 5_000
        moved["US"] -= 5_000
        found = drift.value_shares(replace(history, values={**history.values, "country": moved}))
        assert outside(found) == ["country"]
        assert isinstance(found, list)
        (country,) = (one for one in found if one.subject == "country")
        assert {words.split()[0] for words in country.names.split(", ")[:2]} == {"ID", "US"}


def test_new_and_vanished_values_are_named() -> None:
    history = ordinary_night(5).history
    apps = {"ios-1": 9_000, "mini-1": 5_000, "mini-2": 800, "typo": 20}
    found = drift.new_and_vanished(replace(history, values={**history.values, "app_id": apps}))
    assert isinstance(found, list)
    assert [words.rpartition(" (")[0] for words in found] == ["app_id: mini-2 is new", "app_id: android-1 is gone"]
