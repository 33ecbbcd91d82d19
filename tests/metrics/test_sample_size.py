import numpy as np
import pytest

from harness.errors import HarnessError
from harness.metrics.features import Features
from harness.metrics.sample_size import mean_and_sd, sample_size_curve


def normal(count, seed, label="digits-cnn@00000000"):
    pool = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return Features(pool, pool, pool, label)


def test_the_line_through_1_over_n_removes_the_bias_of_small_samples():
    reference = normal(40_000, 0)
    curve = sample_size_curve(normal(4_000, 1), reference, seed=0, points=6)
    assert curve["counts"] == [400, 1120, 1840, 2560, 3280, 4000]
    assert curve["values"][0] > 4 * curve["values"][-1] > 0  # the truth is 0; the bias is c / N
    assert curve["slope"] > 0
    assert abs(curve["at_infinity"]) < 0.5 * curve["values"][-1]
    line = curve["at_infinity"] + curve["slope"] / np.array(curve["counts"])
    np.testing.assert_allclose(line, curve["values"], atol=0.01)


def test_the_last_point_is_all_images_and_the_draw_follows_the_seed():
    generated, reference = normal(300, 2), normal(500, 3)
    curves = [sample_size_curve(generated, reference, seed) for seed in (0, 0, 1)]
    assert curves[0] == curves[1] != curves[2]
    assert curves[0]["values"][-1] == pytest.approx(curves[2]["values"][-1])


def test_even_with_the_papers_weights_it_is_not_called_fid():
    curve = sample_size_curve(normal(100, 4, "inception-v3"), normal(100, 5, "inception-v3"), seed=0)
    assert curve["score"] == "fd/inception-v3"


def test_too_few_images_or_points_are_refused():
    for count, points in ((8, 8), (100, 2)):
        with pytest.raises(HarnessError, match="points"):
            sample_size_curve(normal(count, 6), normal(100, 7), seed=0, points=points)


def test_mean_and_sd_over_seeds():
    found = mean_and_sd([{"a": 1.0, "b": 4.0}, {"a": 2.0, "b": 4.0}, {"a": 3.0, "b": 4.0}])
    assert found == {"a": {"mean": 2.0, "sd": 1.0, "runs": 3}, "b": {"mean": 4.0, "sd": 0.0, "runs": 3}}
    assert mean_and_sd([{"a": 1.0}])["a"] == {"mean": 1.0, "sd": None, "runs": 1}
    for runs in ([], [{"a": 1.0}, {"b": 1.0}]):
        with pytest.raises(HarnessError, match="same scores"):
            mean_and_sd(runs)
