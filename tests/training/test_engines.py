"""Every engine is compared with the reference step on the real networks, and refuses to run if it differs."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.training import loop
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES, LONG_RUN, candidate_engines, compiled, winograd
from harness.training.engines.verify import BOUNDS, _compare, verify_engine
from harness.training.loop import fit
from lada.accelerate import use_fused_attention
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.fused import FusedAdditiveAttention
from lada.generator import Generator

pytestmark = pytest.mark.slow

CONFIG = TrainConfig(nimg=8, batch=4, bcr_weight=0.5, r1_weight=1.0)


def lada_networks(kind, seed=0):
    torch.manual_seed(seed)
    generator = GeneratorConfig(
        resolution=32, dims=(32, 16, 8), base=4, noise_dim=6, mlp_dim=16, output="conv", decoder_dims=(4,)
    )
    discriminator = DiscriminatorConfig(resolution=32, encoder_dims=(4, 8, 16), base=4, kind=kind, mlp_dim=16, head_dims=(8, 8))
    return Generator(generator), Discriminator(discriminator)


def small_networks(kind):
    """As lada_networks, at 16 pixels with two blocks: tracing takes seconds."""
    torch.manual_seed(0)
    generator = GeneratorConfig(resolution=16, dims=(16, 8), base=4, noise_dim=6, mlp_dim=8, output="conv", decoder_dims=(4,))
    discriminator = DiscriminatorConfig(resolution=16, encoder_dims=(4, 8), base=4, kind=kind, mlp_dim=8, head_dims=(8, 8))
    return Generator(generator), Discriminator(discriminator)


@pytest.fixture
def narrow_winograd(monkeypatch):
    """These networks' 3x3 convolutions as the paper's wide ones are computed."""
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 1)


@pytest.mark.parametrize("kind", ["conv", "lada"])
@pytest.mark.parametrize("bcr_weight", [0.0, 0.5])
def test_eager_equals_the_reference_in_float64_and_in_fp32(kind, bcr_weight, narrow_winograd):
    worst, _ = verify_engine(
        ENGINES["eager"], lada_networks(kind), replace(CONFIG, bcr_weight=bcr_weight), 6, 32, use_fused_attention
    )
    assert worst["fp64"] < BOUNDS["fp64"]
    assert worst["fp32"] < BOUNDS["fp32"]


def test_high_rates_do_not_turn_rounding_into_a_refusal():
    networks = lada_networks("lada")
    high = replace(CONFIG, lr_g=0.02, lr_d=0.02)
    paper, given = (
        verify_engine(ENGINES["eager"], networks, config, 6, 32, use_fused_attention)[0]
        for config in (replace(CONFIG, lr_g=4e-4, lr_d=4e-4), high)
    )
    assert given["fp32"] == paper["fp32"] < BOUNDS["fp32"]
    assert given["fp64"] < BOUNDS["fp64"]


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


@pytest.mark.parametrize(("kind", "bcr_weight"), [("conv", 0.5), ("lada", 0.0)])
def test_the_traced_step_equals_the_reference_in_float64(kind, bcr_weight, narrow_winograd):
    """The whole step as one graph, before any compiler has touched it."""
    config = replace(CONFIG, bcr_weight=bcr_weight)
    errors, programs = _compare(ENGINES["compiled"], small_networks(kind), config, 6, 16, use_fused_attention, torch.float64)
    assert max(errors.values()) < 1e-11
    assert list(programs) == [1.0]


def test_the_compiled_program_is_checked_and_then_used(monkeypatch, images, tmp_path):
    """Without a compiler here, whose minutes a test cannot have: one program, made once, for the check and for the run."""
    made = []
    monkeypatch.setattr(compiled, "_compile", lambda traced, device: made.append(traced) or traced)
    config, pictures = replace(CONFIG, engine="compiled"), images.repeat(2, 2).repeat(2, 3)
    result = fit(*small_networks("lada"), pictures, config, tmp_path / "c", "d", noise_dim=6, accelerate=use_fused_attention)
    reference = fit(*small_networks("lada"), pictures, replace(config, engine="reference"), tmp_path / "r", "d", noise_dim=6)
    assert (result.engine, len(made)) == ("compiled", 1)
    assert set(result.engine_error) == {"fp64", "fp32"}
    assert result.curves[0]["loss_d"] == pytest.approx(reference.curves[0]["loss_d"], rel=1e-4)


def test_bf16_stays_within_its_bound_and_keeps_fp32_weights():
    errors, _ = verify_engine(
        ENGINES["eager"], lada_networks("lada"), replace(CONFIG, precision="bf16"), 6, 32, use_fused_attention
    )
    assert 1e-4 < errors["bf16"] < BOUNDS["bf16"]


def test_auto_compiles_long_runs_alone_and_falls_back(monkeypatch, images, tmp_path, capsys):
    def names(config, ranks=1):
        return [engine.name for engine in candidate_engines(config, ranks, torch.device("cpu"))]

    long_run = replace(CONFIG, nimg=LONG_RUN * 4)
    assert (names(CONFIG), names(long_run), names(long_run, 2)) == (["eager"], ["compiled", "eager"], ["eager"])
    with pytest.raises(HarnessError, match="compiled for 2 ranks"):
        names(replace(CONFIG, engine="compiled"), 2)
    monkeypatch.setattr(loop, "candidate_engines", lambda *args: [ENGINES["compiled"], ENGINES["eager"]])
    monkeypatch.setattr(compiled, "trace_step", lambda *args: 1 / 0)
    result = fit(*lada_networks("conv"), images.repeat(4, 2).repeat(4, 3), CONFIG, tmp_path, "d", noise_dim=6)
    assert result.engine == "eager"
    assert "engine compiled cannot be used here (division by zero)" in capsys.readouterr().err
