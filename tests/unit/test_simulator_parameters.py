"""Overrides and impossible worlds are refused in words that say what to do."""

from datetime import date
from typing import Any

import pytest

from dagster_project.simulator import WorldParameters, parse_overrides


def test_overrides_are_read_as_the_type_of_their_field() -> None:
    found = parse_overrides(
        ["start=2026-05-04", "studios=3", "diversion=0", "class_weights=1,2,3", " late_share = 0.25 "]
    )
    assert found == {
        "start": date(2026, 5, 4),
        "studios": 3,
        "diversion": 0.0,
        "class_weights": (1.0, 2.0, 3.0),
        "late_share": 0.25,
    }
    world: Any = WorldParameters
    assert world(viewers=5, **found).studios == 3


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["discount"], "key=value"),
        (["discounteffect=1"], "known keys: .*discount_effect.*suspect_share"),
        (["viewers=3"], "unknown override 'viewers'"),
        (["series=many"], "series='many' is not a whole number"),
        (["start=tomorrow"], "not a date"),
        (["diversion=0.1", "diversion=0.2"], "given twice"),
    ],
)
def test_a_wrong_override_names_itself(pairs: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_overrides(pairs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"viewers": 0}, "viewers must be at least 1"),
        ({"duplicate_share": 1.5}, "duplicate_share must lie between 0 and 1"),
        ({"class_weights": (1.0,)}, "three numbers"),
        ({"discount_effect": -1.0}, "above -1"),
        ({"autoplay_share_own": 0.99, "later_share_own": 0.5}, "must not exceed 1 together"),
        ({"diversion": -0.1}, "must not be negative"),
    ],
)
def test_an_impossible_world_is_refused(change: dict[str, object], message: str) -> None:
    world: Any = WorldParameters
    with pytest.raises(ValueError, match=message):
        world(**change)
