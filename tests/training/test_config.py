"""Impossible values are refused where they enter."""

import pytest

from harness.config import from_mapping
from harness.errors import HarnessError
from harness.training.config import TrainConfig

GOOD = {"nimg": 100, "batch": 32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nimg": 0}, "nimg"),
        ({"batch": "32"}, "batch"),
        ({"betas": [0.5, 1]}, "betas"),
        ({"ema_decay": 1.5}, "ema_decay: given 1.5; expected a number from 0 to 1"),
        ({"augment": ["colour"]}, "colour"),
        ({"engine": "fast"}, "fast"),
        ({"lr": 1e-3}, "unknown key in train 'lr'"),
        ({"r1_weight": float("nan")}, "r1_weight"),
    ],
)
def test_bad_values_are_one_clear_error(change, message):
    with pytest.raises(HarnessError, match=message):
        from_mapping(TrainConfig, {**GOOD, **change}, "train")


def test_a_run_never_sees_fewer_images_than_asked():
    assert from_mapping(TrainConfig, GOOD, "train").steps == 4


def test_intervals():
    config = TrainConfig(nimg=10_000, batch=100)
    assert config.interval_steps(None, 50) == 2
    assert config.interval_steps(5_000, 50) == 50
    assert config.interval_steps(1, 50) == 1
