import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.metrics.sampling import generate, latents, to_uint8

DIM = 6


def generator(z):
    """Images whose every pixel follows from its own latent by arithmetic that no batch size changes."""
    return (z[:, :3, None, None] * torch.linspace(-0.5, 0.5, 16).reshape(4, 4) + z[:, 3:, None, None]).clamp(-1, 1)


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_any_batch_size_gives_the_same_images(batch):
    images = generate(generator, DIM, 11, seed=3, batch=batch)
    assert (images.shape, images.dtype) == ((11, 3, 4, 4), np.uint8)
    np.testing.assert_array_equal(images, generate(generator, DIM, 11, seed=3))


def test_any_split_over_ranks_gives_the_same_images():
    whole = generate(generator, DIM, 11, seed=3)
    parts = [generate(generator, DIM, count, seed=3, start=start) for start, count in ((0, 4), (4, 4), (8, 3))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_latents_are_normal_and_follow_the_seed_only():
    state = torch.random.get_rng_state()
    z = latents(DIM, 2000, seed=1)
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05
    assert not torch.equal(z, latents(DIM, 2000, seed=2))
    assert len(torch.unique(z, dim=0)) == len(z)
    assert torch.equal(state, torch.random.get_rng_state())


def test_truncation_and_rounding():
    img = torch.tensor([-2.0, -1.0, -0.999, 0.0, 0.004, 1.0, 3.0])
    assert to_uint8(img).tolist() == [0, 0, 0, 127, 128, 255, 255]
    assert to_uint8(img, rounding=True).tolist() == [0, 0, 0, 128, 128, 255, 255]


def test_nothing_to_generate_is_refused():
    with pytest.raises(HarnessError, match="at least 1"):
        generate(generator, DIM, 0, seed=0)
