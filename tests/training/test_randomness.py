"""Draws depend on the seed, the purpose and the step, and on nothing else."""

import numpy as np
import torch

from harness.training.randomness import batch_indices, draw_step, generator_for


def test_golden_draw():
    """A change of these numbers would change every committed result."""
    assert torch.randint(0, 1000, (4,), generator=generator_for(0, "latent-d", 5)).tolist() == [642, 735, 913, 924]


def test_draws_are_repeatable_and_differ_by_step_purpose_and_seed(make_config):
    first, again = (draw_step(make_config(), 6, 8, 4) for _ in range(2))
    assert torch.equal(first.z_d, again.z_d)
    assert torch.equal(first.augment_real["shift"], again.augment_real["shift"])
    others = (first.z_g, draw_step(make_config(), 6, 8, 5).z_d, draw_step(make_config(seed=4), 6, 8, 4).z_d)
    assert not any(torch.equal(first.z_d, other) for other in others)


def test_the_generator_step_is_augmented_only_without_bcr(make_config):
    assert draw_step(make_config(), 6, 8, 0).augment_g
    assert not draw_step(make_config(bcr_weight=1.0), 6, 8, 0).augment_g


def test_every_epoch_shows_every_image_once_across_batch_borders():
    shown = np.concatenate([batch_indices(3, 10, 4, step) for step in range(5)])
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert list(shown[:10]) != list(shown[10:])


def test_a_batch_may_be_larger_than_the_data():
    assert sorted(batch_indices(0, 3, 6, 0)) == [0, 0, 1, 1, 2, 2]
