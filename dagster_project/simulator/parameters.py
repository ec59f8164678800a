"""Every planted knob of a simulated world, typed, with defaults that make a good demonstration."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, get_type_hints

_SHARES = (
    "mid_entry_share",
    "skip_share",
    "autoplay_share_tiktok",
    "autoplay_share_own",
    "later_share_tiktok",
    "later_share_own",
    "rewatch_share",
    "preload_share",
    "scrub_share",
    "pause_share",
    "late_share",
    "duplicate_share",
    "conflict_share",
    "malformed_share",
    "blank_share",
    "test_share",
    "invalid_share",
    "suspect_share",
    "linked_share",
    "refund_share",
    "unmeasured_share",
    "broken_split_share",
)


@dataclass(frozen=True)
class WorldParameters:
    """What is planted in a world. Shares lie in 0..1; effects are relative (discount) or on the log scale (diversion).

    Raises ValueError when a value cannot describe a world.
    """

    viewers: int = 30_000
    """Real persons; test and invalid viewers come on top."""
    days: int = 120
    """Days from `start` to the end of the world; nothing is received after it."""
    seed: int = 1
    start: date = date(2026, 3, 2)
    studios: int = 12
    series: int = 36

    journeys_per_viewer: float = 2.1
    """Mean number of series a person opens before any of them falls outside the world."""
    weekly_growth: float = 0.01
    mid_entry_share: float = 0.06
    class_weights: tuple[float, ...] = (0.40, 0.38, 0.22)
    """Latent frailty classes: casual, regular, devoted."""
    class_multipliers: tuple[float, ...] = (2.2, 0.8, 0.22)
    """What a class multiplies every exit hazard by."""
    exit_level: float = 0.009
    exit_opening: float = 0.055
    story_level: float = 0.013
    story_opening: float = 0.055
    cliff_multiplier: float = 0.45
    """A labelled cliffhanger multiplies the story hazard of its ending by this."""
    bad_ending_multiplier: float = 5.0
    skip_share: float = 0.012
    """Episodes left half-way for the next one: no completion, no drop."""

    autoplay_share_tiktok: float = 0.72
    autoplay_share_own: float = 0.58
    later_share_tiktok: float = 0.055
    later_share_own: float = 0.085
    later_median_hours: float = 16.0
    later_spread: float = 1.1
    """Standard deviation of the log of a come-back-later gap."""

    gate_scale: float = 1.0
    """Multiplies every probability of passing a gate."""
    discount_effect: float = 0.25
    """Relative lift of coin conversion at a first priced offer in the discount arm; 0 is a null world."""
    broken_split_share: float = 0.68
    """Share of viewers in the control arm of the experiment whose randomisation is broken (planned: one half)."""
    diversion: float = 0.25
    """Own-app journeys in a market with the Mini fall by the factor exp(-diversion); 0 is a null world."""
    linked_share: float = 0.5
    """Share of persons with both accounts who consented to a link."""
    refund_share: float = 0.02

    rewatch_share: float = 0.02
    preload_share: float = 0.12
    scrub_share: float = 0.05
    pause_share: float = 0.05
    unmeasured_share: float = 0.01
    """Playbacks of old players that report no watched_ms."""

    late_share: float = 0.008
    """Rows delivered 24 hours to 7 days after their event."""
    duplicate_share: float = 0.01
    conflict_share: float = 0.0006
    malformed_share: float = 0.0012
    blank_share: float = 0.0002
    test_share: float = 0.004
    """Test viewers, as a share of `viewers`, on top of them; likewise `invalid_share`."""
    invalid_share: float = 0.005
    suspect_share: float = 0.01

    def __post_init__(self) -> None:
        for name, least in (("viewers", 1), ("days", 2), ("seed", 0), ("studios", 1), ("series", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        if len(self.class_weights) != 3 or len(self.class_multipliers) != 3:
            raise ValueError("class_weights and class_multipliers need three numbers: casual, regular, devoted")
        if min(self.class_weights) < 0 or sum(self.class_weights) <= 0 or min(self.class_multipliers) < 0:
            raise ValueError(
                "class_weights and class_multipliers must not be negative, and some weight must be positive"
            )
        if (
            self.autoplay_share_tiktok + self.later_share_tiktok > 1
            or self.autoplay_share_own + self.later_share_own > 1
        ):
            raise ValueError("autoplay and come-back-later shares of one surface must not exceed 1 together")
        if self.discount_effect <= -1:
            raise ValueError(f"discount_effect is a relative lift above -1, got {self.discount_effect}")
        if self.diversion < 0 or self.later_spread <= 0 or self.later_median_hours <= 0 or self.journeys_per_viewer < 1:
            raise ValueError(
                "diversion must not be negative, later_spread and later_median_hours must be positive, "
                "journeys_per_viewer at least 1"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the parameters as plain JSON values."""
        return {
            name: value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """Turn `key=value` strings into typed fields of `WorldParameters`.

    Raises ValueError for a pair without `=`, an unknown key (naming the known ones), a repeated key or a value
    that cannot be read as the field's type.
    """
    hints = get_type_hints(WorldParameters)
    known = [field.name for field in fields(WorldParameters) if field.name not in {"viewers", "days", "seed"}]
    found: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        key = key.strip()
        if not separator:
            raise ValueError(f"an override is written key=value, got {pair!r}; known keys: {', '.join(known)}")
        if key not in known:
            raise ValueError(f"unknown override {key!r}; known keys: {', '.join(known)}")
        if key in found:
            raise ValueError(f"override {key!r} is given twice")
        try:
            found[key] = _parse_value(hints[key], text.strip())
        except ValueError as error:
            raise ValueError(f"override {key}={text!r} is not {_describe(hints[key])}: {error}") from error
    return found


def _parse_value(kind: object, text: str) -> object:
    if kind is int:
        return int(text)
    if kind is float:
        return float(text)
    if kind is date:
        return date.fromisoformat(text)
    return tuple(float(part) for part in text.split(","))


def _describe(kind: object) -> str:
    if kind is int:
        return "a whole number"
    if kind is float:
        return "a number"
    return "a date (YYYY-MM-DD)" if kind is date else "numbers separated by commas"
