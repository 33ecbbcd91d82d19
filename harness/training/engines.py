"""The ways to run the one training step, fastest last. All compute what `step.reference_step` says."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.errors import unknown_choice
from harness.training.config import TrainConfig
from harness.training.ema import Ema
from harness.training.randomness import Draws
from harness.training.step import TrainState, reference_step

Step = Callable[[TrainState, Tensor, Draws, TrainConfig, float], Tensor]


@dataclass(frozen=True)
class Engine:
    """name: as recorded; build: (G, D, config) -> the state; step: one training step of that state."""

    name: str
    build: Callable[[nn.Module, nn.Module, TrainConfig], TrainState]
    step: Step


def build_state(generator: nn.Module, discriminator: nn.Module, config: TrainConfig, fused: bool = False) -> TrainState:
    """The state of a run that starts with these networks."""

    def adam(network: nn.Module, lr: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), lr=lr, betas=config.betas, eps=config.adam_eps, fused=fused)

    return TrainState(
        generator=generator.train(),
        discriminator=discriminator.train(),
        ema=Ema(generator, config.ema_decay),
        opt_g=adam(generator, config.lr_g),
        opt_d=adam(discriminator, config.lr_d),
    )


def _build_fused(generator: nn.Module, discriminator: nn.Module, config: TrainConfig) -> TrainState:
    return build_state(generator, discriminator, config, fused=True)


ENGINES = {
    "reference": Engine("reference", build_state, reference_step),
    "eager": Engine("eager", _build_fused, reference_step),
}


def choose_engine(name: str) -> Engine:
    """The engine of a name; "auto" is eager."""
    name = "eager" if name == "auto" else name
    if name not in ENGINES:
        raise unknown_choice("engine", name, ENGINES)
    return ENGINES[name]
