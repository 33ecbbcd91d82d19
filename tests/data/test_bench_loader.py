"""The bench of reading batches reads what a training reads."""

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data.arrays import open_split
from pipelines.benches import loader
from pipelines.profile import load_profile

PAPER = Path(__file__).resolve().parents[2] / "pipelines/paper/params.yaml"


def test_made_up_images_lie_in_shards_and_are_all_there(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "SHARD_BYTES", 3 * 8 * 8 * 4)
    loader.make_images(tmp_path, 8, 10)
    assert len(list(tmp_path.glob("*.npy"))) == 3
    images = open_split(tmp_path, "train")
    assert images.shape == (10, 3, 8, 8)
    before = images[np.arange(10)]
    loader.drop_pages(tmp_path)
    np.testing.assert_array_equal(open_split(tmp_path, "train")[np.arange(10)], before)


def test_every_step_is_timed_once_and_in_order():
    asked = []
    assert len(loader.timed(asked.append, 3, torch.device("cpu"))) == 3
    assert asked == [0, 1, 2]


@pytest.mark.parametrize(("cold", "warm"), [(0.5, 0.25)])
def test_rates_are_batches_over_median_seconds_and_the_need_is_the_plans(tmp_path, monkeypatch, cold, warm):
    cell, seconds = load_profile(PAPER).cells["table1-16"], iter([[9.0, cold, 0.1], [warm] * 3])
    monkeypatch.setitem(loader.KEPT, "cifar10", 200)
    monkeypatch.setattr(loader, "timed", lambda *_given: next(seconds))
    monkeypatch.setattr(loader, "modelled_hours", lambda _cell: {"H100": 10.0})
    found = loader.measure(cell, tmp_path, torch.device("cpu"), 3)
    assert (found["cold_images_per_s"], found["images_per_s"]) == (128 / cold, 128 / warm)
    assert found["needed_images_per_s"] == pytest.approx(68_096_000 / 36_000)
    assert (found["images"], found["resident"], found["resolution"]) == (200, True, 32)
