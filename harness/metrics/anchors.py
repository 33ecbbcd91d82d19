"""Anchors for an unfamiliar scale: the same scores for two halves of the data against each other, and for data with noise."""

import numpy as np

from harness.data.views import Images, Noised
from harness.metrics.extractors import Extractor
from harness.metrics.features import Features, features
from harness.metrics.protocol import Protocol
from harness.metrics.scores import scores

NOISE = (16, 48, 96)
"""Standard deviations of the added Gaussian noise, in grey levels of 255."""


def scale_anchors(
    reference_images: Images,
    extractor: Extractor,
    protocol: Protocol,
    seed: int,
    *,
    reference: Features | None = None,
    batch_size: int = 64,
    progress: bool = True,
    device: str = "cpu",
) -> dict[str, dict[str, float]]:
    """Scores one random half of the reference against the other, and the whole reference with noise of three strengths.

    Returns {"half-against-half": scores, "noise-16": scores, ...}. reference: features of the images, if already known.
    device: where the distances for precision and recall are computed, hours of a processor at 50,000 images.
    """
    if reference is None:
        reference = features(reference_images, extractor, batch_size, progress)
    anchors = {"half-against-half": _halves(reference, protocol, seed, device)}
    whole = protocol.reduced(len(reference), len(reference))
    for strength in NOISE:
        seen = features(Noised(reference_images, strength, seed), extractor, batch_size, progress)
        anchors[f"noise-{strength}"] = scores(seen, reference, whole, device)
    return anchors


def _halves(reference: Features, protocol: Protocol, seed: int, device: str) -> dict[str, float]:
    order = np.random.default_rng(seed).permutation(len(reference))
    half = len(reference) // 2
    return scores(reference[order[:half]], reference[order[half : 2 * half]], protocol.reduced(half, half), device)
