"""Inception score: how sure a classifier is of each image, and how many classes it sees over all of them.

IS = exp( mean_x KL( p(y|x) || p(y) ) )   (Salimans et al. 2016, arXiv 1606.03498)

As in the ADM evaluator the images are taken in consecutive chunks, unshuffled, and the scores of the chunks are averaged.
"""

import numpy as np
from scipy.special import log_softmax

from harness.errors import HarnessError
from harness.metrics.frechet import check_features


def inception_score(logits: np.ndarray, chunk: int | None = None) -> tuple[float, float]:
    """Mean and standard deviation over chunks of the Inception score of logits (N, C).

    `chunk` images form one chunk; None takes all N as one. A short last chunk would count as much as a full one, so N must
    be a multiple of `chunk`.
    """
    check_features(logits, minimum=1)
    chunk = chunk or len(logits)
    if len(logits) % chunk:
        raise HarnessError(f"given {len(logits)} images; expected a multiple of {chunk} for the Inception score; score that many")
    scores = [_chunk_score(logits[start : start + chunk]) for start in range(0, len(logits), chunk)]
    return float(np.mean(scores)), float(np.std(scores))


def _chunk_score(logits: np.ndarray) -> float:
    log_p = log_softmax(logits.astype(np.float64), axis=1)  # float32 probabilities underflow to log 0
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    log_marginal = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
