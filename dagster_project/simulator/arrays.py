"""The array type and the random streams that the simulator's modules share."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# One number per independent stream, so that adding draws to one part of the world never moves another part.
CATALOGUE_STREAM = 1
VIEWER_STREAM = 2
JOURNEY_STREAM = 3
DELIVERY_STREAM = 4
MALFORMED_STREAM = 5
STATEMENT_STREAM = 6
PURCHASE_STREAM = 7
ADVERTISING_STREAM = 8


def random_stream(seed: int, *path: int) -> np.random.Generator:
    """Return the generator that belongs to a path of integers under one seed."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=path)))


def draw_code(generator: np.random.Generator, weights: Array, size: int) -> Array:
    """Draw `size` codes 0..k-1 with the given (unnormalised) weights, shape (k,)."""
    cumulative = np.cumsum(weights, dtype=np.float64)
    place = np.searchsorted(cumulative, generator.random(size) * cumulative[-1], side="right")
    return np.asarray(np.minimum(place, len(weights) - 1))
