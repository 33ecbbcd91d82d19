"""One-sided tests over seeds that a weighted sum of means is greater than a bound, and Holm's correction for many tests.

Welch's t with Satterthwaite's degrees of freedom: the standard error of sum_i w_i m_i is sqrt(sum_i w_i^2 s_i^2 / n_i).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

LEVEL = 0.05


@dataclass(frozen=True)
class Tested:
    """The result of testing a contrast over seeds."""

    estimate: float
    low: float  # of the 90% interval
    high: float  # of the 90% interval
    p_above: float  # p-value for being above the bound
    p_below: float  # p-value for being below the bound


def contrast(groups: Mapping[str, Sequence[float]], weights: Mapping[str, float], bound: float) -> Tested:
    """Tests sum_i weights[i] * mean(groups[i]) against `bound`. Every group needs at least two values."""
    from scipy.stats import t  # half a second to import

    parts = {name: weights[name] ** 2 * variance(groups[name]) / len(groups[name]) for name in weights}
    estimate = sum(weight * fmean(groups[name]) for name, weight in weights.items())
    error = math.sqrt(sum(parts.values()))
    if error == 0:
        above = 0.0 if estimate > bound else 1.0
        return Tested(estimate, estimate, estimate, above, 1.0 - above)
    freedom = sum(parts.values()) ** 2 / sum(part**2 / (len(groups[name]) - 1) for name, part in parts.items())
    statistic = (estimate - bound) / error
    half = float(t.ppf(1 - LEVEL, freedom)) * error
    return Tested(estimate, estimate - half, estimate + half, float(t.sf(statistic, freedom)), float(t.cdf(statistic, freedom)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: the k-th smallest of m is multiplied by m - k + 1. They never fall and are at most 1."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
