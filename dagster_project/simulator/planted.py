"""Everything planted in a world in words and numbers, for `truth/parameters.json`."""

from typing import Any

import numpy as np

from dagster_project.simulator.catalogue import Catalogue, series_id
from dagster_project.simulator.deals import PLATFORM_FEE_PPM
from dagster_project.simulator.markets import MARKETS, NEVER_DAY, launch_days
from dagster_project.simulator.orders import BEAN_MICROS, STORE_FEE_PPM
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.paths import EXPERIMENTS
from dagster_project.simulator.reference import iso
from dagster_project.simulator.vocabulary import SURFACES


def planted(parameters: WorldParameters, catalogue: Catalogue) -> dict[str, Any]:
    """Return the parameters, the series with special parts, bad endings, experiments, launches and rates."""
    broken = parameters.broken_split_share
    return {
        "parameters": parameters.as_json(),
        "starts_at": iso(catalogue.start_ms),
        "ends_at": iso(catalogue.end_ms),
        "roles": {role: series_id(index) for role, index in catalogue.roles.items()},
        "free_change": {"at": iso(catalogue.free_change_ms), "free_episodes": catalogue.free_change_to},
        "delisted": {
            "surface": SURFACES[0],
            "from": iso(catalogue.delisted_from_ms),
            "to": iso(catalogue.delisted_to_ms),
        },
        "bad_endings": [[series_id(int(one)), int(seq)] for one, seq in np.argwhere(catalogue.bad_ending)],
        "experiments": {
            EXPERIMENTS[0]: {"planned": [0.5, 0.5], "drawn": [0.5, 0.5], "relative_lift": parameters.discount_effect},
            EXPERIMENTS[1]: {"planned": [0.5, 0.5], "drawn": [0.5, 0.5], "relative_lift": 0.0},
            EXPERIMENTS[2]: {"planned": [0.5, 0.5], "drawn": [broken, round(1 - broken, 9)], "relative_lift": 0.0},
        },
        "launch_day": {
            market.country: None if day == NEVER_DAY else day
            for market, day in zip(MARKETS, launch_days(parameters.days).tolist(), strict=True)
        },
        "rates": {
            "bean_micros": BEAN_MICROS,
            "platform_fee_ppm": PLATFORM_FEE_PPM,
            "store_fee_ppm": dict(STORE_FEE_PPM),
        },
    }
