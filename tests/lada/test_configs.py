"""Configurations refuse what cannot work, naming the key."""

import pytest

from lada.configs import DiscriminatorConfig, GeneratorConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "pixels"}, "output 'pixels'; expected one of pixel, patch, conv"),
        ({"framework": "jax"}, "framework 'jax'"),
        ({"resolution": 48}, "given resolution 48; expected 32"),
        ({"num_heads": 3}, "num_heads 3"),
        ({"num_heads": "4"}, "given num_heads '4'; expected a positive int"),
        ({"mlp_dim": 0}, "given mlp_dim 0"),
        ({"mlp_dim": True}, "given mlp_dim True"),
        ({"lee_conv": "no"}, "given lee_conv 'no'; expected bool"),
        ({"dims": ()}, "an empty dims"),
        ({"dims": (1024, 256, "64")}, "dims"),
        ({"dims": (1024, 256, 128), "lee_conv": False}, "lee_conv false"),
        ({"dims": (1022, 256, 64), "num_heads": 2}, "multiples of 4"),
        ({"decoder_dims": (32,)}, "decoder_dims"),
        ({"output": "conv", "resolution": 64}, "decoder_dims"),
    ],
)
def test_generator_errors(options, message):
    with pytest.raises(ValueError, match=message):
        GeneratorConfig(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "fastformer"}, "kind 'fastformer'; expected one of lada, conv"),
        ({"resolution": 64}, "given resolution 64; expected 32"),
        ({"base": 2, "resolution": 8}, "given base 2; expected at least 4"),
        ({"num_heads": 3}, "num_heads 3"),
        ({"head_dims": (8, 8, 8)}, "expected two widths"),
    ],
)
def test_discriminator_errors(options, message):
    with pytest.raises(ValueError, match=message):
        DiscriminatorConfig(**options)


def test_lists_become_tuples_and_grids_double():
    config = GeneratorConfig(resolution=16, dims=[256, 64, 16], base=4)
    assert config.dims == (256, 64, 16)
    assert config.grids == (4, 8, 16)
    assert hash(config) == hash(GeneratorConfig(resolution=16, dims=(256, 64, 16), base=4))
