import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from harness.errors import HarnessError
from harness.metrics.inception_score import inception_score

C = 6


def transcription(logits, chunk):
    """The definition, for one image and one class at a time."""
    values = []
    for start in range(0, len(logits), chunk):
        part = logits[start : start + chunk].astype(np.float64)
        p = np.exp(part - part.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        marginal = p.mean(axis=0)
        divergences = [sum(p[i, c] * np.log(p[i, c] / marginal[c]) for c in range(p.shape[1])) for i in range(len(p))]
        values.append(np.exp(np.mean(divergences)))
    return np.mean(values)


def test_uniform_predictions_score_one():
    assert inception_score(np.full((12, C), 3.0))[0] == pytest.approx(1, abs=1e-12)


def test_one_hot_predictions_score_the_number_of_classes():
    assert inception_score(np.tile(np.eye(C), (5, 1)) * 1e4)[0] == pytest.approx(C, rel=1e-12)


def test_soft_one_hot_predictions():
    sure = 0.8
    p = np.full((C, C), (1 - sure) / (C - 1))
    np.fill_diagonal(p, sure)
    entropy = -(p[0] * np.log(p[0])).sum()
    assert inception_score(np.log(p))[0] == pytest.approx(C * np.exp(-entropy), rel=1e-12)


def test_agrees_with_the_transcription_and_does_not_shuffle():
    logits = np.random.default_rng(0).standard_normal((60, C)).astype(np.float32) * 3
    assert inception_score(logits, 20)[0] == pytest.approx(transcription(logits, 20), rel=1e-12)
    assert inception_score(np.repeat(np.eye(C), 4, axis=0) * 1e4, 4)[0] == pytest.approx(
        1
    )  # sorted by class: each chunk sees one


def test_float32_underflow_is_no_nan():
    logits = np.array([[0, 200], [200, 0]], dtype=np.float32)
    assert inception_score(logits)[0] == pytest.approx(2)


def test_spread_is_over_chunks():
    logits = np.concatenate([np.eye(C), np.ones((C, C))]) * 1e4
    assert inception_score(logits, C) == pytest.approx(((C + 1) / 2, (C - 1) / 2))


def test_a_short_last_chunk_counts_as_much_as_a_full_one():
    logits = np.random.default_rng(3).standard_normal((58, C)).astype(np.float32) * 3
    assert inception_score(logits, 20)[0] == pytest.approx(transcription(logits, 20), rel=1e-12)
    assert transcription(logits, 20) != pytest.approx(transcription(logits[:40], 20), rel=1e-3)


def test_non_finite_logits_are_refused():
    with pytest.raises(HarnessError, match="NaN"):
        inception_score(np.array([[0.0, np.inf]]))


def test_shuffled_chunks_are_torch_fidelitys():
    logits = np.random.default_rng(1).standard_normal((60, C)).astype(np.float32) * 3
    theirs = isc_features_to_metric(torch.from_numpy(logits), splits=6, shuffle=True)
    ours = inception_score(logits, 10, shuffled=True)
    assert ours == pytest.approx((theirs["inception_score_mean"], theirs["inception_score_std"]), rel=1e-6)
    assert ours != inception_score(logits, 10)


def test_one_chunk_is_the_same_to_the_last_bit_in_any_order():
    logits = np.random.default_rng(2).standard_normal((30, C)).astype(np.float32)
    assert inception_score(logits, shuffled=True) == inception_score(logits)
