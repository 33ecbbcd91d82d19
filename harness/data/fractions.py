"""The part of a training set that a data-efficiency run uses (Table III)."""

import numpy as np

from harness.data.draws import drawn_indices
from harness.errors import HarnessError


def fraction_indices(count: int, fraction: float, seed: int) -> np.ndarray:
    """Sorted int64 indices of `round(count * fraction)` out of `count` images, without repetition.

    With the same seed, a smaller fraction is part of a larger one.
    HarnessError unless 0 < fraction <= 1 and the fraction has at least one image.
    """
    if not 0 < fraction <= 1:
        raise HarnessError(f"given fraction {fraction}; expected a number above 0 and at most 1")
    chosen = round(count * fraction)
    if chosen < 1:
        raise HarnessError(f"fraction {fraction} of {count} images leaves none; use a larger fraction or more images")
    return drawn_indices(count, chosen, seed)
