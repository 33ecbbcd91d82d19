"""The ways to run the one training step. All compute what `step.reference_step` says; `verify` holds each of them to it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.errors import unknown_choice
from harness.training.adam import Adam, fused_update
from harness.training.config import TrainConfig
from harness.training.ema import Ema
from harness.training.randomness import Draws
from harness.training.step import TrainState, reference_step

Step = Callable[[TrainState, Tensor, Draws, TrainConfig, float], Tensor]
Accelerate = Callable[[nn.Module], None]


@dataclass(frozen=True)
class Engine:
    """name: as recorded; build: (G, D, config, accelerate) -> the state; step: one training step of that state."""

    name: str
    build: Callable[[nn.Module, nn.Module, TrainConfig, Accelerate], TrainState]
    step: Step


def build_state(
    generator: nn.Module, discriminator: nn.Module, config: TrainConfig, update: Callable | None = None
) -> TrainState:
    """The state of a run that starts with these networks; `update`: how Adam computes its step, plainly by default."""

    def optimizer(network: nn.Module, lr: float) -> Adam:
        return Adam(network.parameters(), lr, config.betas, config.adam_eps, update)

    return TrainState(
        generator=generator.train(),
        discriminator=discriminator.train(),
        ema=Ema(generator, config.ema_decay),
        opt_g=optimizer(generator, config.lr_g),
        opt_d=optimizer(discriminator, config.lr_d),
    )


def _build_reference(generator: nn.Module, discriminator: nn.Module, config: TrainConfig, accelerate: Accelerate) -> TrainState:
    return build_state(generator, discriminator, config)


def _build_eager(generator: nn.Module, discriminator: nn.Module, config: TrainConfig, accelerate: Accelerate) -> TrainState:
    for network in (generator, discriminator):
        accelerate(network)
        network.to(memory_format=torch.channels_last)
    return build_state(generator, discriminator, config, fused_update)


def _eager_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, penalise: float) -> Tensor:
    return reference_step(state, real_img.contiguous(memory_format=torch.channels_last), draws, config, penalise)


ENGINES = {
    "reference": Engine("reference", _build_reference, reference_step),
    "eager": Engine("eager", _build_eager, _eager_step),
}


def choose_engine(name: str) -> Engine:
    """The engine of a name; "auto" is eager."""
    name = "eager" if name == "auto" else name
    if name not in ENGINES:
        raise unknown_choice("engine", name, ENGINES)
    return ENGINES[name]
