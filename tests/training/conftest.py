"""Tiny networks with a BatchNorm each, and tiny images."""

import numpy as np
import pytest
import torch
from torch import nn

import harness.training.loop as loop
from harness.training.config import TrainConfig

NOISE_DIM, SIDE = 6, 8


def build_networks(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(NOISE_DIM, 5 * SIDE * SIDE),
        nn.Unflatten(1, (5, SIDE, SIDE)),
        nn.BatchNorm2d(5),
        nn.GELU(),
        nn.Conv2d(5, 3, 3, padding=1),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.Softplus(), nn.Conv2d(4, 1, 3), nn.Flatten()
    )
    return generator.to(dtype), discriminator.to(dtype)


@pytest.fixture
def networks():
    return build_networks


@pytest.fixture
def images():
    return np.random.default_rng(7).integers(0, 256, (37, 3, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture
def make_config():
    def make(**changes):
        values = {"nimg": 4 * 12, "batch": 4, "log_nimg": 8, "checkpoint_nimg": 12, "snapshots": 2, "seed": 3, "r1_weight": 0.1}
        return TrainConfig(**values | changes)

    return make


@pytest.fixture
def run(networks, images, tmp_path):
    """Trains in its own scratch directory; `after_step(done)` is called after each step of the engine."""

    def run(config, scratch="a", digest="d", after_step=None, **options):
        generator, discriminator = networks()
        (engine,) = loop.candidate_engines(config, 1, torch.device("cpu"))
        done = [0]

        def step(*args):
            values = engine.step(*args)
            done[0] += 1
            return values if after_step is None else after_step(done[0], values)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "verify_engine", lambda *args: ({}, {}))
            patch.setattr(loop, "candidate_engines", lambda *args: [loop.Engine(engine.name, engine.build, step)])
            return loop.fit(generator, discriminator, images, config, tmp_path / scratch, digest, noise_dim=6, **options), done[0]

    return run
