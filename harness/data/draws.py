"""Draws random subsets of images by a given seed. No other file does this."""

import numpy as np


def drawn_indices(count: int, chosen: int, seed: int) -> np.ndarray:
    """Sorted int64 indices of `chosen` out of `count` images, without repetition.

    With the same seed, a smaller subset is part of a larger one.
    """
    return np.sort(np.random.Generator(np.random.PCG64(seed)).permutation(count)[:chosen])
