"""Details that only the authors' code has: orders, paddings, initial values and epsilons, in both frameworks."""

import pytest
import torch
from torch.nn import functional as F

from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator, DownBlock
from lada.generator import Generator
from lada.layers import FRAMEWORKS, PlainLayerNorm, SelfModulatedLayerNorm, pixel_shuffle, pixel_unshuffle, to_grid, to_tokens

SIZES = {"resolution": 16, "dims": (32, 16, 8), "base": 4, "noise_dim": 6, "num_heads": 2, "mlp_dim": 10}


def small_generator(framework):
    torch.manual_seed(0)
    return Generator(GeneratorConfig(**SIZES, framework=framework))


def test_depth_to_space_puts_the_patch_position_before_the_channel():
    channels = 3
    x = torch.arange(2 * 4 * channels * 5 * 7.0).reshape(2, 4 * channels, 5, 7)
    out = pixel_shuffle(x, depth_major=True)
    for dy in (0, 1):
        for dx in (0, 1):
            position = (2 * dy + dx) * channels  # tf.nn.depth_to_space
            assert torch.equal(out[:, :, dy::2, dx::2], x[:, position : position + channels])
    assert torch.equal(pixel_shuffle(x, depth_major=False), F.pixel_shuffle(x, 2))
    assert not torch.equal(out, F.pixel_shuffle(x, 2))


@pytest.mark.parametrize("depth_major", [True, False])
def test_unshuffle_inverts_shuffle_and_grid_inverts_tokens(depth_major):
    x = torch.randn(2, 8, 3, 3)
    assert torch.equal(pixel_unshuffle(pixel_shuffle(x, depth_major), depth_major), x)
    assert torch.equal(to_grid(to_tokens(x), 3), x)
    assert torch.equal(to_tokens(x)[1, 5], x[1, :, 1, 2])


def test_tensorflow_draws_every_weight_orthogonal_and_every_bias_zero():
    for name, p in small_generator("tensorflow").named_parameters():
        if name.endswith("bias"):
            assert p.abs().max() == 0, name
        else:
            flat = p.flatten(1)
            gram = flat @ flat.T if len(flat) <= flat.shape[1] else flat.T @ flat
            torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-5, msg=name)


def test_pytorch_draws_q_k_v_as_one_matrix_normal_positions_and_uniform_biases():
    network = small_generator("pytorch")
    block = network.blocks[0]
    joint = torch.cat([layer.weight for layer in (block.attention.query, block.attention.key, block.attention.value)])
    torch.testing.assert_close(joint.T @ joint, torch.eye(32), rtol=0, atol=1e-5)
    assert block.position.std().item() == pytest.approx(1, abs=0.1)
    assert block.attention.query.bias.abs().max() > 0


def test_self_modulation_is_gamma_norm_plus_beta_without_an_added_one():
    torch.manual_seed(0)
    sln, x, z = SelfModulatedLayerNorm(5, 3), torch.randn(2, 4, 5), torch.randn(2, 3)
    hidden = torch.relu(z @ sln.hidden.weight.T + sln.hidden.bias)
    gamma, beta = sln.gamma(hidden)[:, None], sln.beta(hidden)[:, None]
    norm = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-6).sqrt()
    torch.testing.assert_close(sln(x, z), gamma * norm + beta)


def test_strided_convolutions_pad_as_each_framework_does():
    """TensorFlow's 'same' on an even image pads right and bottom only: the first output sees pixels 0..2."""
    for framework, first_pixel in (("tensorflow", 1), ("pytorch", 0)):
        block = DownBlock(1, 1, False, FRAMEWORKS[framework])
        torch.nn.init.zeros_(block.main[0].weight)
        block.main[0].weight.data[0, 0, 1, 1] = 1.0  # picks the centre of each window
        x = torch.arange(16.0).reshape(1, 1, 4, 4)
        strided = block.main[0](F.pad(x, block.padding))
        assert strided.shape == (1, 1, 2, 2)
        assert strided[0, 0, 0, 0] == x[0, 0, first_pixel, first_pixel]


def test_downblock_is_the_mean_of_its_two_branches():
    torch.manual_seed(0)
    block, x = DownBlock(3, 5, True, FRAMEWORKS["tensorflow"]).eval(), torch.randn(2, 3, 8, 8)
    expected = 0.5 * (block.main(F.pad(x, (0, 1, 0, 1))) + block.direct(x))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(
    ("framework", "eps", "momentum", "norm_eps"), [("tensorflow", 1e-3, 0.01, 1e-6), ("pytorch", 1e-5, 0.1, 1e-5)]
)
def test_normalisation_constants(framework, eps, momentum, norm_eps):
    sizes = {"resolution": 16, "encoder_dims": (4, 8), "base": 4, "num_heads": 2, "mlp_dim": 8, "head_dims": (8, 8)}
    network = Discriminator(DiscriminatorConfig(**sizes, framework=framework))
    batch_norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in batch_norms} == {(eps, momentum)}
    assert {m.eps for m in network.modules() if isinstance(m, PlainLayerNorm)} == {norm_eps}
    assert {m.eps for m in small_generator(framework).modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-6}


def test_the_convolutional_discriminator_has_no_batch_normalisation():
    sizes = {"resolution": 16, "encoder_dims": (4, 8), "base": 4, "num_heads": 2, "mlp_dim": 8, "head_dims": (8, 8)}
    network = Discriminator(DiscriminatorConfig(**sizes, kind="conv"))
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
