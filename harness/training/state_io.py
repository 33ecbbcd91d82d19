"""Converts a training state to named tensors and back, bit for bit."""

import torch
from torch import Tensor

from harness.training.adam import Adam
from harness.training.step import TrainState


def state_tensors(state: TrainState) -> dict[str, Tensor]:
    """Both networks, the averaged generator and both optimizers, as one flat dict."""
    parts = {name: module.state_dict() for name, module in _modules(state).items()}
    parts |= {name: optimizer.tensors() for name, optimizer in _optimizers(state).items()}
    return {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}


def restore_state(state: TrainState, tensors: dict[str, Tensor]) -> None:
    """Restores, in place, what `state_tensors` returned."""
    for part, module in _modules(state).items():
        module.load_state_dict(_without_prefix(tensors, part))
    for part, optimizer in _optimizers(state).items():
        optimizer.restore(_without_prefix(tensors, part))


def _without_prefix(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}


def _modules(state: TrainState) -> dict[str, torch.nn.Module]:
    return {"generator": state.generator, "discriminator": state.discriminator, "ema": state.ema.module}


def _optimizers(state: TrainState) -> dict[str, Adam]:
    return {"opt_g": state.opt_g, "opt_d": state.opt_d}
