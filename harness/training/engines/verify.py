"""Compares an engine with the reference step, on the networks that it is about to train. No engine runs without this."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES, Accelerate, Engine, unchanged
from harness.training.randomness import draw_step, move_draws
from harness.training.step import TrainState

BATCH = 4
STEPS = {
    torch.float64: 3,
    torch.float32: 1,
}  # Adam's first update is a sign, so later fp32 steps differ where a gradient is about 0
# Bounds on |engine - reference| / |reference|, whose reference is in true fp32. float64: rounding alone. fp32: R1's gradient
# jumps where rounding carries a value over a LeakyReLU's kink. tf32: operands of 11 bits gave 3e-2 to 7e-2
# (tests/training/tf32.py). bf16: operands of 8 bits, and the smallest batch averages little of it out.
BOUNDS = {"fp64": 1e-8, "fp32": 2e-2, "tf32": 0.2, "bf16": 0.5}
# A device that rounds worse is measured: an engine may err this many times as much as the plain step does in its precision, for
# a weight moves by the whole rate where rounding decides its gradient's sign; and never more than bf16 may.
OWN_ERRORS = 10
LARGEST_RATE = 4e-4  # in fp32, the paper's largest: where rounding decides a gradient's sign, a weight moves by the whole rate
PARTS = ("metrics", "gradient of G", "gradient of D", "weights of G", "weights of D", "averaged G")


def verify_engine(
    engine: Engine, networks: tuple[nn.Module, nn.Module], config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> tuple[dict[str, float], dict]:
    """Returns the largest relative error of PARTS over STEPS optimizer steps, by precision, and the engine's compiled programs.

    Trains copies of the networks. HarnessError if an error exceeds its bound in BOUNDS and, except in float64, OWN_ERRORS times
    what the plain step itself loses in that precision on this device: the engine must not run.
    """
    worst: dict[str, float] = {}
    programs: dict[float, Callable] = {}
    if engine.name != "reference":
        for precision, dtype in (("fp64", torch.float64), (config.precision, torch.float32)):
            errors, programs = _compare(engine, networks, config, noise_dim, side, accelerate, dtype)
            part, worst[precision] = max(errors.items(), key=lambda item: item[1])
            bound = BOUNDS[precision]
            if not worst[precision] <= bound and precision != "fp64":
                bound = max(bound, min(BOUNDS["bf16"], OWN_ERRORS * own_error(networks, config, noise_dim, side)))
            if not worst[precision] <= bound:
                raise HarnessError(
                    f"engine {engine.name} differs from the reference step by {worst[precision]:.2g} ({part}, {precision}); "
                    f"expected at most {bound:.2g}; it refuses to run; set engine: reference and report this"
                )
    return worst, programs


def own_error(networks: tuple[nn.Module, nn.Module], config: TrainConfig, noise_dim: int, side: int) -> float:
    """The largest relative error of PARTS after one plain step in the precision asked for, against the same in float64."""
    plain = replace(ENGINES["eager"], build=ENGINES["reference"].build)
    contenders = ((ENGINES["reference"], torch.float64), (plain, torch.float32))
    return max(_errors(contenders, networks, _small(config), noise_dim, side, unchanged, 1)[0].values())


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
    if dtype is torch.float64:
        config = replace(config, batch=min(config.batch, BATCH), precision="fp32")
    elif not full_batch:  # a compiled program has its rates built in, and the run will use it
        config = _small(config)
    contenders = ((ENGINES["reference"], dtype), (engine, dtype))
    return _errors(contenders, networks, config, noise_dim, side, accelerate, STEPS[dtype])


def _small(config: TrainConfig) -> TrainConfig:
    rates = {name: min(getattr(config, name), LARGEST_RATE) for name in ("lr_g", "lr_d")}
    return replace(config, batch=min(config.batch, BATCH), **rates)


def _errors(
    contenders: tuple[tuple[Engine, torch.dtype], tuple[Engine, torch.dtype]],
    networks: tuple[nn.Module, nn.Module],
    config: TrainConfig,
    noise_dim: int,
    side: int,
    accelerate: Accelerate,
    steps: int,
) -> tuple[dict[str, float], dict]:
    """Relative errors of the second contender against the first over `steps`, and the second one's programs."""
    device = next(networks[0].parameters()).device
    states = [
        engine.build(deepcopy(networks[0]).to(dtype), deepcopy(networks[1]).to(dtype), config, accelerate)
        for engine, dtype in contenders
    ]
    worst = dict.fromkeys(PARTS, 0.0)
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        real_img = (torch.rand(config.batch, 3, side, side, generator=generator) * 2 - 1).to(device)
        drawn, values = draw_step(config, noise_dim, side, step), []
        for (engine, dtype), state in zip(contenders, states, strict=True):
            images = real_img.to(dtype)
            values.append(engine.step(state, images, move_draws(drawn, images), config, 1.0))
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
