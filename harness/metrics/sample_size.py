"""Shows how a Frechet distance falls with the number of generated images, and extrapolates it to infinitely many.

The estimate's bias is close to c / N. So a straight line through distances against 1/N gives, at N = infinity, the unbiased value
of this generator against this finite reference (Chong and Forsyth 2020, arXiv 1911.07023). No protocol of the paper uses that
value, so it is never the headline score and never has its name.
"""

from statistics import fmean, stdev

import numpy as np

from harness.errors import HarnessError
from harness.metrics.adm import StoredReference
from harness.metrics.features import Features
from harness.metrics.protocol import score_key
from harness.metrics.scores import frechet, over_seeds

SMALLEST = 10  # the first point uses 1/10 of the images


def sample_size_curve(
    generated: Features, reference: Features | StoredReference, seed: int, points: int = 8
) -> dict[str, object]:
    """Frechet distances of random subsets of increasing size, and the least-squares line through them against 1/N.

    Returns {"score": label, "counts": [...], "values": [...], "slope": c, "at_infinity": value}.
    """
    smallest = max(2, len(generated) // SMALLEST)
    if points < 3 or len(generated) < smallest + points:
        raise HarnessError(f"given {len(generated)} images and {points} points; expected more images than points, and 3 points")
    counts = np.linspace(smallest, len(generated), points).round().astype(int)
    rng = np.random.default_rng(seed)
    values = [frechet(generated[np.sort(rng.permutation(len(generated))[:count])], reference, "pool") for count in counts]
    slope, intercept = np.polyfit(1 / counts, values, 1)
    return {
        "score": score_key("fid", generated.label, "protocol-mismatch"),
        "counts": counts.tolist(),
        "values": values,
        "slope": float(slope),
        "at_infinity": float(intercept),
    }


def mean_and_sd(runs: list[dict[str, float]]) -> dict[str, dict[str, float | int | None]]:
    """{score: {"mean", "sd", "runs"}} over several generation seeds. sd (ddof 1) is None for a single run."""
    means = over_seeds(runs, fmean)
    spread = over_seeds(runs, stdev) if len(runs) > 1 else dict.fromkeys(means)
    return {name: {"mean": mean, "sd": spread[name], "runs": len(runs)} for name, mean in means.items()}
