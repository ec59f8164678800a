"""Markets: weight, region entity, time zone offset, own-app habits and the staged rollout of the Mini."""

from dataclasses import dataclass

import numpy as np

from dagster_project.simulator.arrays import Array


@dataclass(frozen=True)
class Market:
    """One country. `wave` orders the rollout: 0 live before the world, 1..4 staged, -1 never."""

    country: str
    weight: float
    region_entity: str
    utc_offset_hours: float
    ios_share: float
    wave: int
    ecpm_micros: int
    """Frozen reference price of a thousand rewarded impressions, in micro US dollars."""
    has_drama_center: bool = False


MARKETS: tuple[Market, ...] = (
    Market("US", 20.0, "AMS", -6, 0.55, 0, 17_500_000, True),
    Market("BR", 9.0, "AMS", -3, 0.18, 0, 2_100_000, True),
    Market("MX", 7.0, "AMS", -6, 0.22, 0, 2_400_000, True),
    Market("ID", 8.0, "ROW", 7, 0.10, 0, 1_150_000, True),
    Market("TH", 4.5, "ROW", 7, 0.28, 0, 1_700_000),
    Market("PH", 6.0, "ROW", 8, 0.15, 1, 1_050_000),
    Market("VN", 4.5, "ROW", 7, 0.25, 1, 900_000),
    Market("CA", 3.0, "AMS", -5, 0.58, 1, 13_000_000),
    Market("GB", 4.5, "EU", 0, 0.50, 2, 12_250_000),
    Market("DE", 4.0, "EU", 1, 0.36, 2, 11_400_000),
    Market("FR", 3.5, "EU", 1, 0.34, 2, 8_300_000),
    Market("MY", 2.5, "ROW", 8, 0.26, 2, 2_600_000),
    Market("ES", 3.0, "EU", 1, 0.24, 3, 5_200_000),
    Market("IT", 3.0, "EU", 1, 0.28, 3, 5_600_000),
    Market("JP", 4.0, "ROW", 9, 0.62, 3, 14_800_000),
    Market("CO", 3.0, "AMS", -5, 0.16, 3, 1_350_000),
    Market("AR", 2.5, "AMS", -3, 0.14, 4, 1_250_000),
    Market("CL", 1.5, "AMS", -4, 0.24, 4, 1_900_000),
    Market("PL", 2.0, "EU", 1, 0.20, 4, 4_100_000),
    Market("SA", 2.0, "ROW", 3, 0.45, 4, 6_700_000),
    Market("IN", 7.0, "ROW", 5.5, 0.05, -1, 620_000),
    Market("KR", 3.0, "ROW", 9, 0.35, -1, 12_900_000),
    Market("TW", 2.5, "ROW", 8, 0.52, -1, 9_800_000),
    Market("AU", 2.5, "ROW", 10, 0.56, -1, 14_100_000),
    Market("NL", 1.5, "EU", 1, 0.42, -1, 9_900_000),
    Market("SE", 1.0, "EU", 1, 0.55, -1, 10_600_000),
    Market("TR", 3.0, "ROW", 3, 0.18, -1, 1_450_000),
    Market("PE", 1.5, "AMS", -5, 0.14, -1, 1_300_000),
)
COUNTRIES = tuple(market.country for market in MARKETS)
REGION_ENTITIES = ("AMS", "EU", "ROW")
NEVER_DAY = 1 << 20
"""Launch day of a market that never gets the Mini."""
_WAVE_FRACTIONS = {1: 0.29, 2: 0.41, 3: 0.53, 4: 0.64}


def launch_days(days: int) -> Array:
    """Return for each market the world day on which the Mini goes live, shape (markets,).

    Negative: live before the world began. Staged launches fall on whole weeks from the start.
    """
    return np.array(
        [
            -35 - 7 * (index % 3)
            if market.wave == 0
            else NEVER_DAY
            if market.wave < 0
            else max(7, 7 * round(days * _WAVE_FRACTIONS[market.wave] / 7))
            for index, market in enumerate(MARKETS)
        ],
        dtype=np.int64,
    )
