"""Inception score: how sure a classifier is of each image, and how many classes it sees over all of them.

IS = exp( mean_x KL( p(y|x) || p(y) ) )   (Salimans et al. 2016, arXiv 1606.03498)

The images are dealt out to chunks, and the scores of the chunks are averaged. The ADM evaluator takes consecutive images, so that
pictures sorted by class score far too low; torch-fidelity first shuffles them by a fixed seed. Independent samples of a generator
score the same either way, but for chance.
"""

import numpy as np
from scipy.special import log_softmax

from harness.errors import HarnessError
from harness.metrics.frechet import check_features

SHUFFLE_SEED = 2020  # torch-fidelity's own, so that its default and ours deal out the same images


def inception_score(logits: np.ndarray, chunk: int | None = None, shuffled: bool = False) -> tuple[float, float]:
    """Mean and standard deviation over chunks of the Inception score of logits (N, C).

    `chunk` images form one chunk; None takes all N as one. A short last chunk would count as much as a full one, so N must
    be a multiple of `chunk`. `shuffled` deals the images out by SHUFFLE_SEED, in place of their order.
    """
    check_features(logits, minimum=1)
    chunk = chunk or len(logits)
    if len(logits) % chunk:
        raise HarnessError(f"given {len(logits)} images; expected a multiple of {chunk} for the Inception score; score that many")
    order = np.random.RandomState(SHUFFLE_SEED).permutation(len(logits)) if shuffled else np.arange(len(logits))
    if chunk == len(logits):
        order = np.arange(len(logits))  # one chunk: order means nothing but another rounding
    scores = [_chunk_score(logits[np.sort(order[start : start + chunk])]) for start in range(0, len(logits), chunk)]
    return float(np.mean(scores)), float(np.std(scores))


def _chunk_score(logits: np.ndarray) -> float:
    log_p = log_softmax(logits.astype(np.float64), axis=1)  # float32 probabilities underflow to log 0
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    log_marginal = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
