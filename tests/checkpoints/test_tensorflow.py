"""lada's table of TensorFlow names on its own, against names and shapes written out once more."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tf_graph
import torch
from tf_shapes import discriminator_shapes, generator_shapes, variables

from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS
from lada.discriminator import Discriminator
from lada.generator import Generator
from lada.tensorflow import SUFFIX, discriminator_state, generator_state
from lada.tensorflow_config import published_configs

CONFIG = json.loads((Path(__file__).parent / "published" / "pixel32" / "config.json").read_text())
PATCH64 = CONFIG | {"img_size": 64, "g_dim": [24, 16, 8], "d_enc_dim": [4, 6, 8], "noise_dim": 5, "g_mlp": [7] * 3, "d_mlp": 9}
PATCH64 |= {"g_heads": [2] * 3, "d_heads": 2, "d_out_dim": [10, 11]}
CIFAR10 = CONFIG | {"g_dim": [1024, 256, 64], "noise_dim": 128, "g_mlp": [512] * 3, "d_enc_dim": [128, 256]}
CIFAR10 |= {"d_mlp": 512, "d_out_dim": [512, 1024]}
FFHQ = CIFAR10 | {"img_size": 128, "g_dim": [1024, 512, 256], "dec_dim": [128, 64], "d_enc_dim": [32, 64, 128, 256]}
CELEBA = CIFAR10 | {"img_size": 64, "d_enc_dim": [64, 128, 256]}


def empty(shapes, prefix):
    """The same without values."""
    return {f"{prefix}/{path}{SUFFIX}": torch.empty(shape, device="meta") for path, shape in shapes.items()}


def values(tensors, prefix):
    return {key.removeprefix(f"{prefix}/").removesuffix(SUFFIX): value.double().numpy() for key, value in tensors.items()}


@pytest.mark.parametrize("config", [PATCH64, CONFIG, CONFIG | {"img_size": 128, "dec_dim": [6, 5], "d_enc_dim": [3, 4, 5, 8]}])
def test_generators_of_every_output_are_the_graph_in_float64(config):
    ours = published_configs(config)[0]
    tensors = variables(generator_shapes(config), "ema_generator")
    network = Generator(ours).eval()
    network.load_state_dict(generator_state(ours, tensors))
    z = np.random.default_rng(0).standard_normal((2, config["noise_dim"]))
    patch, stages = (2 if config["img_size"] == 64 else 1), len(config["dec_dim"] or [])
    theirs, maps = tf_graph.generator(values(tensors, "ema_generator"), z, (8, 16, 32), config["g_heads"][0], patch, stages)
    with torch.no_grad():
        img, our_maps = network.double()(torch.from_numpy(z), return_maps=True)
    np.testing.assert_allclose(img.permute(0, 2, 3, 1).numpy(), theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())
    for ours, theirs in zip(our_maps, maps, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-10 * theirs.max())


@pytest.mark.parametrize("config", [CONFIG, PATCH64])
def test_discriminators_are_the_graph_in_float64(config):
    ours = published_configs(config)[1]
    tensors = variables(discriminator_shapes(config), "discriminator")
    network = Discriminator(ours).eval()
    network.load_state_dict(discriminator_state(ours, tensors))
    img = np.random.default_rng(0).uniform(-1, 1, (2, config["img_size"], config["img_size"], 3))
    theirs = tf_graph.discriminator(values(tensors, "discriminator"), img, len(config["d_enc_dim"]) - 1, config["d_heads"])
    with torch.no_grad():
        logits = network.double()(torch.from_numpy(img).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(logits, theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())


PUBLISHED = [(CIFAR10, "32", 88, 39), (CELEBA, "64", 88, 54), (FFHQ, "128", 100, 69)]


@pytest.mark.parametrize(("config", "paper", "g_count", "d_count"), PUBLISHED)
def test_the_published_configurations_are_the_papers_networks_with_every_variable_used(config, paper, g_count, d_count):
    generator, discriminator = published_configs(config)
    assert (generator, discriminator) == (PAPER_GENERATORS[paper], PAPER_DISCRIMINATORS[paper])
    tensors = empty(generator_shapes(config), "ema_generator") | empty(discriminator_shapes(config), "discriminator")
    assert len(tensors) == g_count + d_count
    generator_state(generator, tensors)
    discriminator_state(discriminator, tensors)


def test_missing_surplus_and_misshapen_variables_are_named():
    config = published_configs(CONFIG)[0]
    tensors = variables(generator_shapes(CONFIG), "generator")
    key = f"generator/ch_conv/bias{SUFFIX}"
    with pytest.raises(ValueError, match=rf"no variable {key}; expected the checkpoint"):
        generator_state(config, {k: v for k, v in tensors.items() if k != key}, "generator")
    with pytest.raises(ValueError, match="1 variables below generator have no place in the network, first generator/new/"):
        generator_state(config, tensors | {f"generator/new{SUFFIX}": torch.zeros(1)}, "generator")
    with pytest.raises(ValueError, match=r"ch_conv/bias.* is torch.float32 \(4,\) in our layout, not float32 \(3,\)"):
        generator_state(config, tensors | {key: torch.zeros(4)}, "generator")
    with pytest.raises(ValueError, match=r"ch_conv/bias.* is torch.float64"):
        generator_state(config, tensors | {key: torch.zeros(3).double()}, "generator")
    with pytest.raises(ValueError, match="no variable ema_generator/init"):
        generator_state(config, tensors)
    with pytest.raises(ValueError, match="given weights 'discriminator'; expected one of ema_generator, generator"):
        generator_state(config, tensors, "discriminator")


def test_what_lies_outside_the_prefix_and_older_optimisers_moments_are_left_aside():
    config = published_configs(CONFIG)[0]
    tensors = variables(generator_shapes(CONFIG), "generator")
    others = {f"g_optimizer/_variables/1{SUFFIX}", f"generator/ch_conv/bias/.OPTIMIZER_SLOT/g_optimizer/m{SUFFIX}", "generator"}
    state = generator_state(config, tensors | dict.fromkeys(others, torch.zeros(3)), "generator")
    assert all(torch.equal(value, state[name]) for name, value in generator_state(config, tensors, "generator").items())


@pytest.mark.parametrize("change", [{"mlp_residual": True}, {"modulation": False}, {"framework": "pytorch"}])
def test_networks_that_were_not_published_are_refused(change):
    config = replace(published_configs(CONFIG)[0], **change)
    with pytest.raises(ValueError, match="expected"):
        generator_state(config, variables(generator_shapes(CONFIG), "ema_generator"))
