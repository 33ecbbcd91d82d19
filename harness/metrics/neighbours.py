"""Nearest neighbours in feature space: are samples copies of training images?

A generator that has memorised puts its samples much nearer to training images than real images that it never saw lie.
"""

import numpy as np

BLOCK = 4096  # rows of a block: 64 MB of float64 at 2,048 features


def nearest(queries: np.ndarray, among: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds, for each row of queries (N, d), the `count` nearest rows of among (M, d), nearest first.

    Returns indices (int64) and Euclidean distances (float64), both (N, min(count, M)). Rows at equal distance keep their order.
    """
    x = queries.astype(np.float64)
    squares = np.concatenate([_squared(x, among[start : start + BLOCK]) for start in range(0, len(among), BLOCK)], axis=1)
    indices = np.argsort(squares, axis=1, kind="stable")[:, :count]
    return indices, np.sqrt(np.take_along_axis(squares, indices, axis=1))


def _squared(x: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Squared distances (N, m), as |a|^2 + |b|^2 - 2 a.b. Values that rounding makes negative become 0."""
    y = block.astype(np.float64)
    return np.maximum((x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1)[None, :] - 2 * x @ y.T, 0.0)
