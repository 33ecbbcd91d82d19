"""The benches of the metrics time what they say, and refuse to time two different things."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.metrics.metric import METRICS
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores
from pipelines.benches.fidelity import kept_pools
from pipelines.benches.metrics import compare_scores
from pipelines.benches.scores import WIDTHS, made_up, time_scores

CPU = Namespace(device="cpu")


@pytest.fixture(scope="module")
def sets():
    return [made_up(30, 0), made_up(30, 1)]


@pytest.fixture(scope="module")
def values(sets):
    return raw_scores(*sets, PROTOCOLS["images-train"])


def test_every_score_is_timed_and_the_sum_is_theirs():
    found = time_scores(30, "cpu")
    assert set(found["scores"]) == set(METRICS)
    assert found["cpu_seconds"] == sum(each["cpu_seconds"] for each in found["scores"].values()) > 0
    assert found["feature_bytes"] == 2 * 30 * 4 * sum(WIDTHS)


def test_made_up_features_are_alike_and_none_is_a_copy(sets):
    assert sets[0].pool.shape == (30, 2048)
    rows = np.concatenate([part.pool for part in sets])
    assert len(np.unique(rows, axis=0)) == 60
    np.testing.assert_array_equal(made_up(30, 1).logits, sets[1].logits)


def test_the_same_features_give_the_same_scores(sets, values):
    assert compare_scores(values, sets, CPU) == 0


def test_another_distance_is_not_timed(sets, values):
    further = replace(sets[0], pool=sets[0].pool * np.float32(1.001))
    with pytest.raises(HarnessError, match="expected one result; nothing is timed"):
        compare_scores(values, [further, sets[1]], CPU)


def test_another_recall_alone_is_not_timed(sets, values):
    with pytest.raises(HarnessError, match="nothing is timed"):
        compare_scores(values | {"recall": values["recall"] + 1 / 30}, sets, CPU)


def test_torch_fidelitys_features_are_read_back(tmp_path):
    parts = {"generated": torch.rand(3, 4), "reference": torch.rand(2, 4)}
    for name, part in parts.items():
        torch.save(part, tmp_path / f"{name}-inception-v3-compat-features-2048.pt")
    for given, expected in zip(kept_pools(tmp_path), parts.values(), strict=True):
        np.testing.assert_array_equal(given, expected.numpy())
