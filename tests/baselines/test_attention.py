"""Every registered mechanism against its naive loops, its closed formulas, and the rules of the protocol."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from baselines.attention import ATTENTIONS, nystrom
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

BATCH, GRID, DIM, HEADS = 3, 4, 6, 2
# Sizes at which a mechanism's own constant is smaller than the grid; a new mechanism needs no entry.
SMALL = {
    "linformer": {"projected": 5},
    "swin": {"window": 2},
    "lada-swin": {"window": 2},
    "transgan-grid": {"window": 2},
    "hit": {"window": 2},
    "nystrom": {"landmarks": 4},
}
CASES = [
    *((name, 0, {}) for name in ATTENTIONS),
    *((name, block_index, options) for name, options in SMALL.items() for block_index in (0, 1)),
]
TWICE = [name for name, attention in ATTENTIONS.items() if attention.twice_differentiable]


def build(name, block_index=0, options=None, dim=DIM, heads=HEADS, grid=GRID):
    """A mechanism in float64 with every parameter away from its initial value, biases included."""
    torch.manual_seed(1)
    module = ATTENTIONS[name](dim, heads, grid, block_index, **(options or {})).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module


def tokens():
    return torch.randn(BATCH, GRID**2, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def gradients(function, x, parameters, twice):
    """Output, its first gradients, and the gradients of R1's squared input gradient."""
    x = x.clone().requires_grad_()
    out = function(x)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    inputs = [x, *parameters]
    first = torch.autograd.grad((out * weights).sum(), inputs, create_graph=twice, materialize_grads=True)
    second = torch.autograd.grad(first[0].square().sum(), inputs, materialize_grads=True) if twice else ()
    return [out, *first, *second]


@pytest.mark.parametrize(("name", "block_index", "options"), CASES)
def test_agrees_with_the_naive_loops_up_to_the_double_gradient(name, block_index, options):
    module = build(name, block_index, options)
    parameters, twice = list(module.parameters()), module.twice_differentiable
    fast = gradients(module, tokens(), parameters, twice)
    slow = gradients(module.reference, tokens(), parameters, twice)
    for got, expected in zip(fast, slow, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ATTENTIONS)
@pytest.mark.parametrize(("grid", "dim", "heads"), [(8, 32, 4), (16, 24, 2), (32, 64, 4)])
def test_macs_and_parameters_follow_the_closed_formulas(name, grid, dim, heads):
    attention = ATTENTIONS[name]
    with torch.device("meta"):
        module, x = attention(dim, heads, grid), torch.empty(1, grid**2, dim)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert module(x).shape == x.shape
    assert counter.get_total_flops() == 2 * attention.macs(grid**2, dim, heads)
    assert sum(p.numel() for p in module.parameters()) == attention.params(grid**2, dim, heads)


@pytest.mark.parametrize(("name", "block_index", "options"), CASES)
def test_maps_are_distributions_and_asking_for_them_changes_nothing(name, block_index, options):
    module, x = build(name, block_index, options), tokens()
    out, maps = module(x, return_maps=True)
    torch.testing.assert_close(out, module(x))
    assert maps.shape[:3] == (BATCH, HEADS, GRID**2)
    assert maps.min() >= 0
    torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps.sum(-1)))


@pytest.mark.parametrize("name", ATTENTIONS)
def test_images_do_not_mix(name):
    module, x = build(name), tokens()
    torch.testing.assert_close(module(x)[1:2], module(x[1:2]))


@pytest.mark.parametrize("name", TWICE)
def test_r1_reaches_every_weight_of_the_attention_in_a_discriminator(name):
    torch.manual_seed(3)
    config = DiscriminatorConfig(resolution=16, encoder_dims=(4, 8), base=4, num_heads=2, mlp_dim=8, head_dims=(8, 8))
    network = Discriminator(config, ATTENTIONS[name])
    img = torch.randn(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(img).sum(), img, create_graph=True)
    gradient.square().sum().backward()
    for key, weight in network.attention.block.attention.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key
        assert weight.dim() == 1 or weight.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", ATTENTIONS)
def test_heads_that_do_not_divide_the_width_are_refused(name):
    with pytest.raises(ValueError, match="num_heads 4"):
        ATTENTIONS[name](6, 4, GRID)


def test_the_fused_form_is_the_explicit_one_and_cannot_be_differentiated_twice():
    fused, explicit = build("dot-product-fused"), build("dot-product")
    torch.testing.assert_close(fused(tokens()), explicit(tokens()))
    x = tokens().float().requires_grad_()
    (gradient,) = torch.autograd.grad(fused.float()(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):
        gradient.square().sum().backward()


def test_the_nystrom_iteration_converges_to_the_pseudo_inverse(monkeypatch):
    monkeypatch.setattr(nystrom, "ITERATIONS", 20)
    a = torch.softmax(3 * torch.eye(5) + torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(0)), dim=-1).double()
    torch.testing.assert_close(nystrom.pseudo_inverse(a), torch.linalg.pinv(a))


@pytest.mark.parametrize("name", ["swin", "lada-swin"])
def test_odd_blocks_shift_unless_one_window_covers_the_grid(name):
    shifted, plain = build(name, 1, {"window": 2}), build(name, 0, {"window": 2})
    assert not torch.allclose(shifted(tokens()), plain(tokens()))
    torch.testing.assert_close(build(name, 1)(tokens()), build(name, 0)(tokens()))


@pytest.mark.parametrize("name", ["swin", "lada-swin", "transgan-grid", "hit", "nystrom"])
def test_a_grid_that_windows_do_not_tile_is_refused(name):
    with pytest.raises(ValueError, match=r"given (a grid of 12|144 tokens)"):
        ATTENTIONS[name](8, 2, 12)


class MeanAttention(nn.Module):
    """The smallest mechanism: each token sees the mean; what a user's own file would hold."""

    title, source, twice_differentiable = "mean", "this test", True

    def __init__(self, dim, num_heads, grid, block_index=0):
        super().__init__()
        self.num_heads = num_heads

    def forward(self, x, return_maps=False):
        out = x.mean(1, keepdim=True).expand_as(x)
        maps = x.new_full((len(x), self.num_heads, x.shape[1]), 1 / x.shape[1])
        return (out, maps) if return_maps else out


def test_a_new_mechanism_is_one_class_and_one_registry_line(monkeypatch):
    monkeypatch.setitem(ATTENTIONS, "mean", MeanAttention)
    config = GeneratorConfig(resolution=16, dims=(32, 16, 8), base=4, noise_dim=8, num_heads=2, mlp_dim=8)
    img, maps = Generator(config, ATTENTIONS["mean"])(torch.randn(2, 8), return_maps=True)
    assert img.shape == (2, 3, 16, 16)
    assert [m.shape for m in maps] == [(2, 2, 16), (2, 2, 64), (2, 2, 256)]
    critic = DiscriminatorConfig(resolution=16, encoder_dims=(4, 8), base=4, num_heads=2, mlp_dim=8, head_dims=(8, 8))
    assert Discriminator(critic, ATTENTIONS["mean"])(img).shape == (2, 1)
