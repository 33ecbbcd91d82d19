"""The engines: different ways to run the same training step. `verify` compares each of them with `step.reference_step`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.tf32 import tf32
from harness.training.adam import Adam, Decay
from harness.training.config import TrainConfig
from harness.training.distributed import use_global_batchnorm
from harness.training.ema import Ema
from harness.training.engines import winograd
from harness.training.engines.compiled import compiled_step
from harness.training.engines.convolution import use_twice_convolutions
from harness.training.engines.fused_adam import fused_update
from harness.training.engines.measured import compiled_pays
from harness.training.engines.products import use_onednn_products
from harness.training.randomness import Draws
from harness.training.step import TrainState, reference_step

Step = Callable[[TrainState, Tensor, Draws, TrainConfig, float], Tensor]
Accelerate = Callable[[nn.Module], None]


def unchanged(network: nn.Module) -> None:
    """The Accelerate that leaves a network as it is."""


@dataclass(frozen=True)
class Engine:
    """One way to run the training step."""

    name: str  # as in the records
    build: Callable[[nn.Module, nn.Module, TrainConfig, Accelerate], TrainState]  # (G, D, config, accelerate) -> the first state
    step: Step  # makes one training step of that state


def build_state(
    generator: nn.Module, discriminator: nn.Module, config: TrainConfig, update: Callable | None = None
) -> TrainState:
    """The state of a run that starts with these networks. update: computes Adam's step; None for the plain formulas."""

    decay = Decay(config.steps, config.decay_steps) if config.decay_steps else None

    def optimizer(network: nn.Module, lr: float) -> Adam:
        return Adam(network.parameters(), lr, config.betas, config.adam_eps, config.adam_framework, update, decay)

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
        use_twice_convolutions(network, winograd.MIN_CHANNELS)
        use_onednn_products(network)
        network.to(memory_format=torch.channels_last)
    return build_state(generator, discriminator, config, fused_update)


def _build_compiled(generator: nn.Module, discriminator: nn.Module, config: TrainConfig, accelerate: Accelerate) -> TrainState:
    for network in (generator, discriminator):
        accelerate(network)
        use_global_batchnorm(network)
        use_twice_convolutions(network)
        network.to(memory_format=torch.channels_last)
    return build_state(generator, discriminator, config)


def _reference_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float) -> Tensor:
    """The reference step, always in full fp32 or float64, whatever precision the configuration asks for."""
    with tf32(False) if real_img.is_cuda else nullcontext():
        return reference_step(state, real_img, draws, config, r1_scale)


def _eager_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float) -> Tensor:
    with _precision(real_img, config):
        return reference_step(state, real_img.contiguous(memory_format=torch.channels_last), draws, config, r1_scale)


def _compiled_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float) -> Tensor:
    with _precision(real_img, config):
        return compiled_step(state, real_img.contiguous(memory_format=torch.channels_last), draws, config, r1_scale)


@contextmanager
def _precision(like: Tensor, config: TrainConfig) -> Iterator[None]:
    """Computes products in TF32 or bf16 if the configuration asks for it. Weights, moments and averages stay fp32."""
    rounding = tf32(config.precision == "tf32") if like.is_cuda else nullcontext()
    with rounding, torch.autocast(like.device.type, torch.bfloat16, enabled=config.precision == "bf16", cache_enabled=False):
        yield


ENGINES = {
    "reference": Engine("reference", _build_reference, _reference_step),
    "eager": Engine("eager", _build_eager, _eager_step),
    "compiled": Engine("compiled", _build_compiled, _compiled_step),
}


LONG_RUN = 20_000  # steps; in a run of this length, minutes of compiling cost at most a few per cent


def candidate_engines(config: TrainConfig, ranks: int, device: torch.device) -> list[Engine]:
    """The engine that `config` names, or for "auto" those to try, best first: the compiled one in a long run on one rank, unless
    `make gpu` found on this device that it fails or is slower.

    HarnessError if the compiled engine is asked for on several ranks.
    """
    if config.engine == "compiled" and ranks > 1:
        raise HarnessError(f"engine: given compiled for {ranks} ranks; expected one rank; use engine: eager or auto")
    if config.engine != "auto":
        return [ENGINES[config.engine]]
    long = config.steps >= LONG_RUN and ranks == 1 and compiled_pays(device)
    names = ["compiled", "eager"] if long else ["eager"]
    return [ENGINES[name] for name in names]
