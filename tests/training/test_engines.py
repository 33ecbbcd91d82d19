"""Every engine against the reference step, on the real networks; and its refusal to run when it differs."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES
from harness.training.loop import fit
from harness.training.verify import BOUNDS, verify_engine
from lada.accelerate import use_fused_attention
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.fused import FusedAdditiveAttention
from lada.generator import Generator

CONFIG = TrainConfig(nimg=8, batch=4, bcr_weight=0.5, r1_weight=1.0)


def lada_networks(kind, seed=0):
    torch.manual_seed(seed)
    generator = GeneratorConfig(
        resolution=32, dims=(32, 16, 8), base=4, noise_dim=6, mlp_dim=16, output="conv", decoder_dims=(4,)
    )
    discriminator = DiscriminatorConfig(resolution=32, encoder_dims=(4, 8, 16), base=4, kind=kind, mlp_dim=16, head_dims=(8, 8))
    return Generator(generator), Discriminator(discriminator)


@pytest.mark.parametrize("kind", ["conv", "lada"])
@pytest.mark.parametrize("bcr_weight", [0.0, 0.5])
def test_eager_equals_the_reference_in_float64_and_in_fp32(kind, bcr_weight):
    worst = verify_engine(
        ENGINES["eager"], lada_networks(kind), replace(CONFIG, bcr_weight=bcr_weight), 6, 32, use_fused_attention
    )
    assert worst["fp64"] < BOUNDS["fp64"]
    assert worst["fp32"] < BOUNDS["fp32"]


def double_every_linear(network):
    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda module, inputs, out: 1.001 * out)


@pytest.mark.parametrize("lost", ["r1_weight", "bcr_weight", "ema_decay", "lr_g"])
def test_an_engine_that_drops_a_term_refuses_to_run(lost):
    eager = ENGINES["eager"]
    forgetful = replace(
        eager, step=lambda state, img, draws, config, p: eager.step(state, img, draws, replace(config, **{lost: 0}), p)
    )
    if lost in ("ema_decay", "lr_g"):
        forgetful = replace(eager, build=lambda g, d, config, a: eager.build(g, d, replace(config, **{lost: 0}), a))
    with pytest.raises(HarnessError, match="refuses to run"):
        verify_engine(forgetful, lada_networks("lada"), CONFIG, 6, 32, use_fused_attention)


def test_a_wrong_acceleration_refuses_to_run(images, tmp_path):
    config = replace(CONFIG, bcr_weight=0.0)
    with pytest.raises(HarnessError, match=r"engine eager differs from the reference step by .* it refuses to run"):
        fit(
            *lada_networks("conv"),
            images.repeat(4, 2).repeat(4, 3),
            config,
            tmp_path,
            "d",
            noise_dim=6,
            accelerate=double_every_linear,
        )


def test_fusing_keeps_parameters_values_and_first_and_second_gradients():
    _, network = lada_networks("lada")
    _, fused = lada_networks("lada")
    network, fused = network.double(), fused.double()
    use_fused_attention(fused)
    assert sum(type(module) is FusedAdditiveAttention for module in fused.modules()) == 1
    assert network.state_dict().keys() == fused.state_dict().keys()
    results = []
    for net in (network, fused):
        img = torch.rand(3, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
        logits = net(img)
        (slope,) = torch.autograd.grad(logits.sum(), img, create_graph=True)
        names, parameters = zip(*net.named_parameters(), strict=True)
        gradients = torch.autograd.grad(slope.square().sum(), parameters, allow_unused=True, materialize_grads=True)
        results.append((logits, slope, *(g for name, g in zip(names, gradients, strict=True) if not name.endswith("score.bias"))))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-12)
