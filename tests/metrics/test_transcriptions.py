"""The five definitions in plain numpy, compared with the harness at the size of a real evaluation."""

import numpy as np
import pytest
import scipy.linalg

from harness.metrics.features import Features
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores

PROTOCOL = PROTOCOLS["images-train"]


def made_up(count, widths, seed, shift):
    """Correlated positive features, as an extractor's are after ReLU and pooling."""
    rng = np.random.default_rng(seed)
    parts = {}
    for name, width in widths.items():
        mixing = rng.standard_normal((8, width)) * 0.3
        parts[name] = np.abs(rng.standard_normal((count, 8)) @ mixing + 0.5 * rng.standard_normal((count, width)) + shift)
    return Features(**{name: part.astype(np.float32) for name, part in parts.items()}, label="made-up")


def frechet_definition(x, y):
    """|m1 - m2|^2 + tr(S1 + S2) - 2 tr (S1 S2)^(1/2), the trace from the eigenvalues of the product itself."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values = scipy.linalg.eigvals(s1 @ s2)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.sqrt(values.real.clip(min=0)).sum()


def inception_score_definition(logits):
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    return np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())


def precision_recall_definition(generated, reference, k=3):
    def distances(a, b):
        a, b = a.astype(np.float64), b.astype(np.float64)
        return (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T

    def radii(a):
        within = distances(a, a)
        np.fill_diagonal(within, np.inf)
        return np.partition(within, k - 1, axis=1)[:, k - 1]

    between = distances(generated, reference)
    precision = (between <= radii(reference)[None]).any(axis=1).mean()
    return precision, (between <= radii(generated)[:, None]).any(axis=0).mean()


def check(generated, reference, relative):
    found = raw_scores(generated, reference, PROTOCOL)
    assert found["fid"] == pytest.approx(frechet_definition(generated.pool, reference.pool), rel=relative)
    assert found["sfid"] == pytest.approx(frechet_definition(generated.spatial, reference.spatial), rel=relative)
    assert found["is"] == pytest.approx(inception_score_definition(generated.logits), rel=1e-6)
    assert (found["precision"], found["recall"]) == precision_recall_definition(generated.pool, reference.pool)


@pytest.mark.parametrize(("n", "m"), [(700, 900), (80, 90), (80, 900)])
def test_all_five_agree_also_where_images_are_fewer_than_features(n, m):
    widths = {"pool": 128, "spatial": 97, "logits": 30}
    # Where a covariance is singular, the eigenvalues of the product carry half its digits: about 1e-7 of the trace.
    check(made_up(n, widths, 0, 0.0), made_up(m, widths, 1, 0.2), 1e-6)


@pytest.mark.slow
def test_all_five_agree_at_full_size():
    widths = {"pool": 2048, "spatial": 2023, "logits": 1008}
    check(made_up(5000, widths, 0, 0.0), made_up(5000, widths, 1, 0.2), 1e-6)


@pytest.mark.slow
def test_the_two_distances_agree_at_full_width_with_fewer_images():
    widths = {"pool": 2048, "spatial": 2023, "logits": 1008}
    check(made_up(1000, widths, 0, 0.0), made_up(1500, widths, 1, 0.2), 1e-6)
