"""NCSN++ has the layers that the authors' configuration asks for, every one of them used, and filters as it resamples."""

import pytest
import torch

from baselines.generators.ncsnpp import NcsnPlusPlus, downsample
from baselines.generators.stylegan2 import upsample

# github.com/openai/consistency_models_cifar10, configs/cifar10_ve_ct_adaptive.py
NF, CH_MULT, NUM_RES_BLOCKS, ATTENTION_RESOLUTIONS = 128, (2, 2, 2), 4, (16,)


def conv(dim, dim_out, side=3):
    return dim * dim_out * side**2 + dim_out


def residual(dim, dim_out, resampled=False):
    time, norms = 4 * NF * dim_out + dim_out, 2 * dim + 2 * dim_out
    return (
        norms + conv(dim, dim_out) + time + conv(dim_out, dim_out) + (conv(dim, dim_out, 1) if resampled or dim != dim_out else 0)
    )


def attention(dim):
    return 2 * dim + 4 * conv(dim, dim, 1)


def published_parameters():
    """The count that follows from the configuration, layer by layer; the random Fourier frequencies are not trained."""
    total, dim, image, skips = conv(2 * NF, 4 * NF, 1) + conv(4 * NF, 4 * NF, 1) + conv(3, NF), NF, 3, [NF]
    sides = [32 // 2**level for level in range(len(CH_MULT))]
    for dim_out, side in zip((NF * multiple for multiple in CH_MULT), sides, strict=True):
        for _ in range(NUM_RES_BLOCKS):
            total += residual(dim, dim_out) + (attention(dim_out) if side in ATTENTION_RESOLUTIONS else 0)
            dim = dim_out
            skips.append(dim)
        if side != sides[-1]:
            total += residual(dim, dim, resampled=True) + conv(image, dim)
            image = dim
            skips.append(dim)
    total += 2 * residual(dim, dim) + attention(dim)
    for dim_out, side in reversed(list(zip((NF * multiple for multiple in CH_MULT), sides, strict=True))):
        for _ in range(NUM_RES_BLOCKS + 1):
            total += residual(dim + skips.pop(), dim_out)
            dim = dim_out
        total += attention(dim) if side in ATTENTION_RESOLUTIONS else 0
        total += residual(dim, dim, resampled=True) if side != sides[0] else 0
    assert not skips
    return total + 2 * dim + conv(dim, 3)


def test_parameters_are_those_of_the_published_configuration():
    with torch.device("meta"):
        network = NcsnPlusPlus()
    assert sum(parameter.numel() for parameter in network.parameters()) == published_parameters() == 56_395_523


@pytest.mark.slow
def test_every_parameter_is_used():
    torch.manual_seed(0)
    network = NcsnPlusPlus()
    network(torch.randn(1, 3, 32, 32), torch.tensor([1.1])).square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_the_noise_level_matters():
    torch.manual_seed(0)
    network, img = NcsnPlusPlus().eval(), torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert not torch.allclose(network(img, torch.tensor([1.1])), network(img, torch.tensor([-1.5])))


@pytest.mark.parametrize(("resample", "side"), [(downsample, 4), (upsample, 16)])
def test_resampling_keeps_a_constant_image(resample, side):
    out = resample(torch.full((2, 5, 8, 8), 3.0))
    assert out.shape == (2, 5, side, side)
    torch.testing.assert_close(out[..., 1:-1, 1:-1], torch.full((2, 5, side - 2, side - 2), 3.0))


def test_downsampling_is_the_filter_at_every_second_pixel():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 3] = 1.0
    taps = torch.tensor([0.0, 3.0, 1.0, 0.0]) / 8  # of 1 3 3 1, the two that meet pixel 3 from outputs 1 and 2
    torch.testing.assert_close(downsample(x)[0, 0], torch.outer(taps, taps))
