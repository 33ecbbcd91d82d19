"""Compares an engine with the reference step, on the networks that it is about to train. No engine runs without this."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES, Accelerate, Engine
from harness.training.randomness import draw_step, move_draws
from harness.training.step import TrainState

BATCH = 4
STEPS = {
    torch.float64: 3,
    torch.float32: 1,
}  # Adam's first update is a sign, so later fp32 steps differ where a gradient is about 0
# Bounds on |engine - reference| / |reference|. float64: rounding alone. fp32: R1's gradient jumps where rounding carries a value
# over a LeakyReLU's kink. bf16: 8 bits of mantissa through every layer, and the smallest batch averages little of it out.
BOUNDS = {"fp64": 1e-8, "fp32": 2e-2, "bf16": 0.5}
LARGEST_RATE = 4e-4  # in fp32, the paper's largest: where rounding decides a gradient's sign, a weight moves by the whole rate
PARTS = ("metrics", "gradient of G", "gradient of D", "weights of G", "weights of D", "averaged G")


def verify_engine(
    engine: Engine, networks: tuple[nn.Module, nn.Module], config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> tuple[dict[str, float], dict]:
    """Returns the largest relative error of PARTS over STEPS optimizer steps, by precision, and the engine's compiled programs.

    Trains copies of the networks. HarnessError if an error exceeds its bound in BOUNDS: the engine must not run.
    """
    worst: dict[str, float] = {}
    programs: dict[float, Callable] = {}
    if engine.name != "reference":
        for precision, dtype in (("fp64", torch.float64), (config.precision, torch.float32)):
            errors, programs = _compare(engine, networks, config, noise_dim, side, accelerate, dtype)
            part, worst[precision] = max(errors.items(), key=lambda item: item[1])
            if not worst[precision] <= BOUNDS[precision]:
                raise HarnessError(
                    f"engine {engine.name} differs from the reference step by {worst[precision]:.2g} ({part}, {precision}); "
                    f"expected at most {BOUNDS[precision]:g}; it refuses to run; set engine: reference and report this"
                )
    return worst, programs


def _compare(
    engine: Engine,
    networks: tuple[nn.Module, nn.Module],
    config: TrainConfig,
    noise_dim: int,
    side: int,
    accelerate: Accelerate,
    dtype: torch.dtype,
) -> tuple[dict[str, float], dict]:
    full_batch = engine.name == "compiled" and dtype is torch.float32  # a program is compiled for the batch it will run with
    batch = config.batch if full_batch else min(config.batch, BATCH)
    config = replace(config, batch=batch, precision="fp32" if dtype is torch.float64 else config.precision)
    if dtype is torch.float32 and not full_batch:  # a compiled program has its rates built in, and the run will use it
        config = replace(config, lr_g=min(config.lr_g, LARGEST_RATE), lr_d=min(config.lr_d, LARGEST_RATE))
    device = next(networks[0].parameters()).device
    states = [
        contender.build(deepcopy(networks[0]).to(dtype), deepcopy(networks[1]).to(dtype), config, accelerate)
        for contender in (ENGINES["reference"], engine)
    ]
    worst = dict.fromkeys(PARTS, 0.0)
    for step in range(STEPS[dtype]):
        generator = torch.Generator().manual_seed(step)
        real_img = (torch.rand(config.batch, 3, side, side, generator=generator) * 2 - 1).to(device, dtype)
        draws = move_draws(draw_step(config, noise_dim, side, step), real_img)
        values = [
            contender.step(state, real_img, draws, config, 1.0)
            for contender, state in zip((ENGINES["reference"], engine), states, strict=True)
        ]
        expected, given = (_parts(state, value) for state, value in zip(states, values, strict=True))
        for part in PARTS:
            worst[part] = max(worst[part], _relative_error(given[part], expected[part]))
    return worst, states[1].programs


def _parts(state: TrainState, metrics: Tensor) -> dict[str, list[Tensor]]:
    """The tensors to compare. Adam's first moments stand for the gradients, because they are linear in them."""
    return dict(
        zip(
            PARTS,
            (
                [metrics],
                state.opt_g.m,
                state.opt_d.m,
                list(state.generator.parameters()),
                list(state.discriminator.parameters()),
                [tensor for tensor in state.ema.module.state_dict().values() if tensor.is_floating_point()],
            ),
            strict=True,
        )
    )


def _relative_error(given: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    """|given - expected| / |expected| over all tensors. If the reference is not finite, the other must not be finite either."""
    given, expected = (torch.cat([value.detach().double().flatten() for value in values]) for values in (given, expected))
    if not expected.isfinite().all():
        return 0.0 if not given.isfinite().all() else float("inf")
    error = float((given - expected).norm() / expected.norm())
    return error if error == error else float("inf")
