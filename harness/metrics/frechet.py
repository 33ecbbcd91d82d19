"""Frechet distance between two Gaussians fitted to features: FID with pool features, sFID with spatial ones.

d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)   (Heusel et al. 2017, arXiv 1706.08500, eq. 6)

m and S are the mean and the unbiased covariance (ddof 1), as in the ADM evaluator. The distance is not clamped. Rounding can make
it slightly negative for identical sets.
"""

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from harness.errors import HarnessError

CHUNK = 4096  # rows converted to float64 at a time


@dataclass(frozen=True)
class Statistics:
    """Statistics of a set of features, in float64."""

    count: int
    mean: np.ndarray  # (d,)
    scatter: np.ndarray  # sum (x - mean)(x - mean)^T, (d, d)

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance (d, d), equal to `np.cov(x, rowvar=False)`."""
        return self.scatter / (self.count - 1)

    @cached_property
    def root(self) -> np.ndarray:
        """Symmetric square root (d, d) of the covariance. Cached, because one reference is compared with many sets."""
        values, vectors = np.linalg.eigh(self.covariance)
        # A covariance has no negative eigenvalue. Values below zero are rounding errors of eigh.
        return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T

    def merge(self, other: "Statistics") -> "Statistics":
        """Statistics of the union of two disjoint sets (Chan, Golub and LeVeque 1983)."""
        if self.mean.shape != other.mean.shape:
            raise _width_error(self.mean.size, other.mean.size)
        count = self.count + other.count
        delta = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(delta, delta) * (self.count * other.count / count)
        return Statistics(count, self.mean + delta * (other.count / count), scatter)


def statistics(x: np.ndarray) -> Statistics:
    """Float64 statistics of features x (N, d), computed chunk by chunk. HarnessError for NaN, infinity or a wrong shape."""
    check_features(x, minimum=1)
    return reduce(Statistics.merge, (_chunk(x[start : start + CHUNK]) for start in range(0, len(x), CHUNK)))


def _chunk(x: np.ndarray) -> Statistics:
    x = x.astype(np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    return Statistics(len(x), mean, centred.T @ centred)


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """Squared Frechet distance of two Gaussians, by tr (S1 S2)^(1/2) = tr (R S1 R)^(1/2) with R = S2^(1/2)."""
    for part in (a, b):
        _check_statistics(part)
    if a.mean.shape != b.mean.shape:
        raise _width_error(a.mean.size, b.mean.size)
    product = np.linalg.eigvalsh(b.root @ a.covariance @ b.root)
    cross = np.sqrt(product.clip(min=0)).sum()
    return _combine(a.mean, b.mean, np.trace(a.covariance), np.trace(b.covariance), cross)


def frechet_from_features(x: np.ndarray, y: np.ndarray) -> float:
    """Squared Frechet distance of features x (N, d) and y (M, d). If a set has at most d rows, the low-rank form is used.

    With centred rows Xc, Yc and Yc = QR:  tr (S1 S2)^(1/2) = |Xc Yc^T|_* / sqrt((N-1)(M-1)) = |Xc R^T|_* / sqrt((N-1)(M-1)).
    |.|_* is the sum of singular values. This form is exact for singular covariances.
    """
    check_features(x)
    check_features(y)
    if x.shape[1] != y.shape[1]:
        raise _width_error(x.shape[1], y.shape[1])
    if min(len(x), len(y)) > x.shape[1]:
        return frechet_distance(statistics(x), statistics(y))
    return _low_rank(x.astype(np.float64), y.astype(np.float64))


def _low_rank(x: np.ndarray, y: np.ndarray) -> float:
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x = (x - mean_x) / np.sqrt(len(x) - 1)
    y = (y - mean_y) / np.sqrt(len(y) - 1)
    small, large = (x, y) if len(x) <= len(y) else (y, x)
    if len(large) > large.shape[1]:
        large = np.asarray(np.linalg.qr(large, mode="r"))  # (d, d): the product keeps its singular values
    cross = np.linalg.svd(small @ large.T, compute_uv=False).sum()
    return _combine(mean_x, mean_y, (x**2).sum(), (y**2).sum(), cross)


def _combine(mean_a: np.ndarray, mean_b: np.ndarray, trace_a: float, trace_b: float, cross: float) -> float:
    return float(((mean_a - mean_b) ** 2).sum() + trace_a + trace_b - 2.0 * cross)


def check_features(x: np.ndarray, minimum: int = 2) -> None:
    """HarnessError unless x is a finite floating-point (N, d) array with at least `minimum` rows."""
    if x.ndim != 2 or not np.issubdtype(x.dtype, np.floating):
        raise HarnessError(f"given features of shape {x.shape} and type {x.dtype}; expected floating (N, d)")
    if len(x) < minimum:
        raise HarnessError(f"given {len(x)} images; expected at least {minimum} for a covariance; score more images")
    if not np.isfinite(x).all():
        raise HarnessError("given features with NaN or infinity; expected finite numbers; check the images and the extractor")


def _check_statistics(part: Statistics) -> None:
    dim = part.mean.size
    if part.mean.shape != (dim,) or part.scatter.shape != (dim, dim):
        raise HarnessError(f"given statistics of shapes {part.mean.shape} and {part.scatter.shape}; expected (d,) and (d, d)")
    if part.count < 2:
        raise HarnessError(f"given statistics of {part.count} images; expected at least 2 for a covariance")
    if not (np.isfinite(part.mean).all() and np.isfinite(part.scatter).all()):
        raise HarnessError("given statistics with NaN or infinity; expected finite numbers; make the statistics again")


def _width_error(given: int, expected: int) -> HarnessError:
    return HarnessError(f"given features of width {given} and {expected}; expected one width; use one extractor for both sets")
