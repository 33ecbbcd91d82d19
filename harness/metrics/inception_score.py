"""Inception score: high if a classifier is sure of each image and sees many classes over all images.

IS = exp( mean_x KL( p(y|x) || p(y) ) )   (Salimans et al. 2016, arXiv 1606.03498)

The images are divided into chunks, and the scores of the chunks are averaged. The ADM evaluator takes consecutive images, so
pictures sorted by class score far too low. torch-fidelity first shuffles the images by a fixed seed. For independent samples of a
generator the order makes only a random difference.
"""

import numpy as np
from scipy.special import log_softmax

from harness.metrics.frechet import check_features

SHUFFLE_SEED = 2020  # torch-fidelity's default, so that both form the same chunks


def inception_score(logits: np.ndarray, chunk: int | None = None, shuffled: bool = False) -> tuple[float, float]:
    """Mean and standard deviation over chunks of the Inception score of logits (N, C).

    chunk: images per chunk; None for one chunk of all N. A short last chunk weighs as much as a full one, as in the ADM
    evaluator: the 19,962 test images of CelebA are four chunks of 5,000, the last without 38. shuffled: whether to shuffle the
    images by SHUFFLE_SEED first.
    """
    check_features(logits, minimum=1)
    chunk = chunk or len(logits)
    order = np.random.RandomState(SHUFFLE_SEED).permutation(len(logits)) if shuffled else np.arange(len(logits))
    if chunk == len(logits):
        order = np.arange(len(logits))  # with one chunk, the order would change only the rounding
    scores = [_chunk_score(logits[np.sort(order[start : start + chunk])]) for start in range(0, len(logits), chunk)]
    return float(np.mean(scores)), float(np.std(scores))


def _chunk_score(logits: np.ndarray) -> float:
    log_p = log_softmax(logits.astype(np.float64), axis=1)  # in float32, probabilities would underflow to 0
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    log_marginal = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
