"""The sampling copy of a generator against the generator itself."""

import torch

from harness.training.engines.inference import fast_generator
from lada.accelerate import use_fused_attention
from lada.attention import AdditiveAttention
from lada.configs import GeneratorConfig
from lada.generator import Generator

BF16 = 2**-6  # two roundings to 8 bits of mantissa: here a few biases are rounded, that autocast leaves
CONFIG = GeneratorConfig(resolution=32, dims=(32, 16, 8), base=4, noise_dim=6, mlp_dim=16, output="conv", decoder_dims=(4,))


def test_bf16_weights_are_what_autocast_makes_of_them():
    torch.manual_seed(0)
    generator, z = Generator(CONFIG).eval(), torch.randn(3, 6)
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            expected = fast_generator(generator, use_fused_attention)(z)
        given = fast_generator(generator, use_fused_attention, "bf16")(z)
    assert not torch.equal(given, fast_generator(generator, use_fused_attention)(z))
    torch.testing.assert_close(given, expected, rtol=0, atol=BF16 * float(expected.abs().max()))


def test_same_images_from_a_copy_that_leaves_the_original_alone():
    torch.manual_seed(0)
    generator = Generator(CONFIG).double()
    z = torch.randn(3, 6, dtype=torch.float64)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    with torch.no_grad():
        given = fast_generator(generator, use_fused_attention)(z)
        assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
        assert type(generator.blocks[0].attention) is AdditiveAttention
        assert generator.training
        torch.testing.assert_close(given, generator.eval()(z), rtol=1e-12, atol=1e-12)
