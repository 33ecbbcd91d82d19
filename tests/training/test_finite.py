"""A run whose last update diverged is not a success. Weights and images that are not finite are never scored."""

import math

import pytest
import torch
from torch import nn

import harness.training.loop as loop
from harness.training.finite import makes_images
from harness.training.loop import fit


@pytest.fixture
def fit_blown_up(networks, images, tmp_path):
    """Trains with the reference step, after whose step `at` the average's weights are multiplied by `factor`."""

    def run(config, at, factor):
        generator, discriminator = networks()
        (engine,) = loop.candidate_engines(config, 1, torch.device("cpu"))
        done = [0]

        def step(state, *rest):
            values = engine.step(state, *rest)
            done[0] += 1
            if done[0] == at:
                with torch.no_grad():
                    for network in (state.generator, state.ema.module):
                        for weight in network.parameters():
                            weight.mul_(factor)
            return values

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "verify_engine", lambda *args: ({}, {}))
            patch.setattr(loop, "candidate_engines", lambda *args: [loop.Engine(engine.name, engine.build, step)])
            return fit(generator, discriminator, images, config, tmp_path / "scratch", "d", noise_dim=6)

    return run


@pytest.mark.parametrize("factor", [math.nan, *(pytest.param(factor, marks=pytest.mark.slow) for factor in (math.inf, 1e36))])
def test_the_last_update_counts(fit_blown_up, make_config, factor):
    result = fit_blown_up(make_config(engine="reference"), 12, factor)  # weights of 1e36 are finite, and their images are not
    assert (result.status, result.diverged_step, result.nimg) == ("diverged", 12, 48)
    assert set(result.snapshots) == {24}


def test_a_snapshot_between_a_bad_update_and_its_loss_is_left_out(fit_blown_up, make_config):
    result = fit_blown_up(make_config(engine="reference"), 6, 1e36)
    assert (result.status, result.diverged_step) == ("diverged", 7)
    assert result.snapshots == {}


def test_a_sound_run_is_ok(fit_blown_up, make_config):
    result = fit_blown_up(make_config(engine="reference"), 12, 1.0)
    assert (result.status, set(result.snapshots)) == ("ok", {24, 48})


def test_weights_statistics_and_images_are_looked_at(networks):
    generator = networks()[0].eval()
    before = torch.get_rng_state()
    assert makes_images(generator, 6)
    assert torch.equal(before, torch.get_rng_state())
    generator[2].running_var[0] = math.nan
    assert not makes_images(generator, 6)
    assert makes_images(nn.Linear(6, 3), 6)
    assert not makes_images(nn.Sequential(nn.Linear(6, 3), nn.Threshold(1e9, math.inf)), 6)
