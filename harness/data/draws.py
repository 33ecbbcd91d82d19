"""Random subsets by a stated seed: the only place where images are drawn from a larger set."""

import numpy as np


def drawn_indices(count: int, chosen: int, seed: int) -> np.ndarray:
    """Sorted int64 indices of `chosen` of `count` images, without repetition.

    With the same seed a smaller draw is part of a larger one.
    """
    return np.sort(np.random.Generator(np.random.PCG64(seed)).permutation(count)[:chosen])
