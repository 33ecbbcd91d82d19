"""Parameters, multiply-accumulates and shapes of the paper's networks, and gradients through small ones."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.attention import ATTENTIONS
from lada.attention import AdditiveAttention
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS, DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

# parameters, and the giga-MACs that fvcore counts: contractions, and 4 or 5 per element of a norm, 1 of an upsampling
GENERATORS = {
    "32": (19_901_647, 0.7599),
    "32-no-conv": (None, 0.5712),
    "32-expansion": (20_187_023, 0.9178),
    "64": (19_900_351, 0.7599),
    "64-expansion": (None, 0.9178),
    "128-narrow": (None, 0.9178),
    "128": (24_026_255 - 384, 4.350),  # the printed summary counts 384 batch normalisation statistics
    "256": (None, 5.594),
}
DISCRIMINATORS = {
    "32": (6_775_940, 0.710),
    "64": (7_004_356, 0.949),
    "128": (7_061_220, 1.193),
    "256": (7_075_316, 1.445),
    "32-conv": (None, 0.5073),
    "64-conv": (None, 0.7457),
    "128-conv": (None, 0.9876),
    "256-conv": (None, 1.2367),
}
TABLE_1 = {  # giga-MACs of the 32-pixel generator without and with the LEE convolution
    "lada": (0.5712, 0.7599),
    "linformer": (0.6205, 0.8093),
    "fastformer": (0.4841, 0.6728),
    "swin": (0.5954, None),
    "lada-swin": (0.5713, None),
}
SMALL_G = GeneratorConfig(resolution=16, dims=(32, 16, 8), base=4, noise_dim=6, num_heads=2, mlp_dim=10)
SMALL_D = DiscriminatorConfig(resolution=16, encoder_dims=(4, 8), base=4, num_heads=2, mlp_dim=10, head_dims=(6, 7))


def on_meta(network, config, attention=AdditiveAttention):
    """Parameters and contractions of one forward pass, and the output's shape, without any arithmetic."""
    shape = (1, config.noise_dim) if isinstance(config, GeneratorConfig) else (1, 3, config.resolution, config.resolution)
    with torch.device("meta"):
        module, x = network(config, attention).eval(), torch.empty(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        out = module(x)
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2, out.shape


@pytest.mark.parametrize(("name", "parameters", "giga_macs"), [(name, *row) for name, row in GENERATORS.items()])
def test_paper_generators(name, parameters, giga_macs):
    config = PAPER_GENERATORS[name]
    counted, macs, shape = on_meta(Generator, config)
    assert parameters in (None, counted)
    assert macs / 1e9 == pytest.approx(giga_macs, rel=4e-3)
    assert shape == (1, 3, config.resolution, config.resolution)


@pytest.mark.parametrize(("name", "parameters", "giga_macs"), [(name, *row) for name, row in DISCRIMINATORS.items()])
def test_paper_discriminators(name, parameters, giga_macs):
    counted, macs, shape = on_meta(Discriminator, PAPER_DISCRIMINATORS[name])
    assert parameters in (None, counted)
    assert macs / 1e9 == pytest.approx(giga_macs, rel=5e-3)
    assert shape == (1, 25)


@pytest.mark.parametrize(("name", "giga_macs"), TABLE_1.items())
def test_table_1_generators_to_the_printed_digits(name, giga_macs):
    norms = 4 * 2 * (64 * 1024 + 256 * 256 + 1024 * 64)  # what fvcore adds: 4 per element of each unscaled LayerNorm
    for key, expected in zip(("32-no-conv", "32"), giga_macs, strict=True):
        _, macs, _ = on_meta(Generator, PAPER_GENERATORS[key], ATTENTIONS[name])
        assert expected in (None, round((macs + norms) / 1e9, 4))


@pytest.mark.parametrize("framework", ["tensorflow", "pytorch"])
@pytest.mark.parametrize("modulation", [True, False])
@pytest.mark.parametrize("mlp_residual", [True, False])
def test_every_switch_gives_a_generator_that_trains_every_parameter(framework, modulation, mlp_residual):
    torch.manual_seed(0)
    options = {"framework": framework, "modulation": modulation, "mlp_residual": mlp_residual}
    network = Generator(GeneratorConfig(**{**SMALL_G.__dict__, **options}))
    network(torch.randn(2, 6)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("output", "resolution", "decoder"), [("pixel", 16, ()), ("patch", 32, ()), ("conv", 64, (6, 4))])
def test_output_stages(output, resolution, decoder):
    config = GeneratorConfig(**{**SMALL_G.__dict__, "output": output, "resolution": resolution, "decoder_dims": decoder})
    img, maps = Generator(config)(torch.randn(2, 6), return_maps=True)
    assert img.shape == (2, 3, resolution, resolution)
    assert [m.shape for m in maps] == [(2, 2, 16), (2, 2, 64), (2, 2, 256)]


def test_without_mlp_residual_the_block_output_is_the_mlp_alone():
    torch.manual_seed(0)
    block = Generator(SMALL_G).blocks[0]
    torch.nn.init.zeros_(block.mlp[2].weight)
    out, _ = block(torch.randn(2, 16, 32), torch.randn(2, 6))
    assert out.abs().max() == 0


@pytest.mark.parametrize("kind", ["lada", "conv"])
def test_r1_gradients_of_a_discriminator_are_exact(kind):
    """The gradient of the squared input gradient, against central differences along one direction in float64.

    The step is small enough that no leaky ReLU changes side.
    """
    torch.manual_seed(0)
    network = Discriminator(DiscriminatorConfig(**{**SMALL_D.__dict__, "kind": kind})).double().eval()
    img = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    parameters = list(network.parameters())
    directions = [torch.randn_like(p) for p in parameters]

    def penalty():
        (gradient,) = torch.autograd.grad(network(img).sum(), img, create_graph=True)
        return gradient.square().sum()

    analytic = sum((g * d).sum() for g, d in zip(torch.autograd.grad(penalty(), parameters), directions, strict=True))
    moved = []
    for step in (1e-8, -2e-8):
        torch._foreach_add_([p.data for p in parameters], directions, alpha=step)
        moved.append(penalty().item())
    assert (moved[0] - moved[1]) / 2e-8 == pytest.approx(analytic.item(), rel=1e-4)


def test_a_seed_fixes_the_weights():
    def draw(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in Generator(SMALL_G).parameters()])

    assert torch.equal(draw(5), draw(5))
    assert not torch.equal(draw(5), draw(6))
