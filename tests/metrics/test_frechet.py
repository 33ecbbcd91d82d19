import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.metrics.frechet import Statistics, frechet_distance, frechet_from_features, statistics

N, D = 60, 7


def whitened(n, d, seed):
    """Samples with mean exactly 0 and covariance exactly the identity."""
    x = np.random.default_rng(seed).standard_normal((n, d))
    x -= x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


def correlated(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


def transcription(x, y):
    """The definition, with scipy's square root of the product of two covariances."""
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.asarray(scipy.linalg.sqrtm(s1 @ s2)).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root)


def test_closed_form_of_diagonal_gaussians():
    mean, a, b = np.arange(D), np.linspace(0.5, 3, D), np.linspace(4, 0.1, D)
    x, y = whitened(N, D, 0) * np.sqrt(a), whitened(N + 9, D, 1) * np.sqrt(b) + mean
    expected = (mean**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_from_features(x, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("factor", [0.0, 0.3, 2.5])
def test_scale(factor):
    x = correlated(N, D, 2)
    x -= x.mean(axis=0)
    assert frechet_from_features(factor * x, x) == pytest.approx((1 - factor) ** 2 * np.cov(x, rowvar=False).trace(), rel=1e-10)


def test_translation():
    x, m = correlated(N, D, 3), np.linspace(-2, 5, D)
    assert frechet_from_features(x + m, x) == pytest.approx((m**2).sum(), rel=1e-12)


def test_rotation_permutation_and_symmetry_change_nothing():
    x, y = correlated(N, D, 4), correlated(N + 5, D, 5)
    rotation = np.linalg.qr(np.random.default_rng(6).standard_normal((D, D)))[0]
    expected = frechet_from_features(x, y)
    assert frechet_from_features(x @ rotation, y @ rotation) == pytest.approx(expected, rel=1e-10)
    assert frechet_from_features(x[::-1], y) == pytest.approx(expected, rel=1e-10)
    assert frechet_from_features(x[:, ::-1], y[:, ::-1]) == pytest.approx(expected, rel=1e-10)
    assert frechet_from_features(y, x) == pytest.approx(expected, rel=1e-10)


def test_duplicating_every_row_shrinks_the_covariance_as_ddof_1_says():
    x = correlated(N, D, 7)
    factor = 2 * (N - 1) / (2 * N - 1)  # covariance of the doubled set / covariance of the set
    expected = (1 - np.sqrt(factor)) ** 2 * np.cov(x, rowvar=False).trace()
    assert frechet_from_features(np.concatenate([x, x]), x) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 80, 7), (9, 80, 20), (80, 9, 20), (9, 12, 20), (20, 20, 20), (21, 500, 20)])
def test_agrees_with_the_transcription(n, m, d):
    x, y = correlated(n, d, 8), correlated(m, d, 9)
    # scipy's root of a singular matrix is itself only good to about half the digits
    assert frechet_from_features(x, y) == pytest.approx(transcription(x, y), rel=1e-9 if min(n, m) > d else 1e-6)


def test_low_rank_equals_the_eigendecomposition():
    x, y = correlated(30, 50, 10), correlated(40, 50, 11)
    assert frechet_from_features(x, y) == pytest.approx(frechet_distance(statistics(x), statistics(y)), rel=1e-7)


def test_identical_sets_are_not_clamped():
    x = correlated(30, 50, 12).astype(np.float32)
    assert abs(frechet_distance(statistics(x), statistics(x))) < 1e-4
    assert abs(frechet_from_features(x, x)) < 1e-8
    tiny = [frechet_from_features(correlated(20, 30, seed), correlated(20, 30, seed)) for seed in range(20)]
    assert min(tiny) < 0


@settings(max_examples=25)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 1000))
def test_any_split_into_shards_equals_one_batch(sizes, seed):
    x = correlated(max(2, sum(sizes)), D, seed) + 1e3  # a large mean is where naive sums of squares fail
    total = None
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        total = statistics(part) if total is None else total.merge(statistics(part))
    assert total.count == len(x)
    np.testing.assert_allclose(total.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(total.covariance, np.cov(x, rowvar=False), rtol=1e-9, atol=1e-9)


def test_chunking_equals_numpy(monkeypatch):
    x = correlated(1000, D, 13).astype(np.float32)
    monkeypatch.setattr("harness.metrics.frechet.CHUNK", 17)
    np.testing.assert_allclose(statistics(x).covariance, np.cov(x, rowvar=False, dtype=np.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((1, D)), "expected at least 2"),
        (np.full((N, D), np.nan), "NaN or infinity"),
        (np.full((N, D), np.inf), "NaN or infinity"),
        (np.ones((N, D + 1)), "width"),
        (np.ones((N, D), dtype=np.int64), "type int64"),
        (np.ones((N, D, 1)), "shape"),
    ],
)
def test_bad_features_raise(x, message):
    good = correlated(N, D, 14)
    for pair in ((x, good), (good, x)):
        with pytest.raises(HarnessError, match=message):
            frechet_from_features(*pair)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Statistics(1, np.zeros(3), np.eye(3)), "at least 2"),
        (Statistics(9, np.zeros(3), np.eye(4)), "shapes"),
        (Statistics(9, np.zeros(4), np.eye(4)), "width"),
        (Statistics(9, np.zeros(3), np.full((3, 3), np.nan)), "NaN"),
    ],
)
def test_bad_statistics_raise(bad, message):
    with pytest.raises(HarnessError, match=message):
        frechet_distance(Statistics(9, np.zeros(3), np.eye(3)), bad)
