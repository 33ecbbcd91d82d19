"""A training state as named tensors and back, bit for bit."""

import torch
from torch import Tensor

from harness.training.step import TrainState, in_layout_of


def state_tensors(state: TrainState) -> dict[str, Tensor]:
    """Both networks, the averaged generator and both optimizers, as one flat dict."""
    tensors = {}
    for part, module in _modules(state).items():
        tensors |= {f"{part}/{name}": value for name, value in module.state_dict().items()}
    for part, optimizer in _optimizers(state).items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{part}/{index}/{name}": value for name, value in values.items()}
    return tensors


def restore_state(state: TrainState, tensors: dict[str, Tensor]) -> None:
    """Puts back what `state_tensors` gave, in place."""
    for part, module in _modules(state).items():
        module.load_state_dict(_under(tensors, part))
    for part, optimizer in _optimizers(state).items():
        values: dict[int, dict[str, Tensor]] = {}
        parameters = optimizer.param_groups[0]["params"]
        for name, value in _under(tensors, part).items():
            index, field = name.split("/")
            parameter = parameters[int(index)]
            values.setdefault(int(index), {})[field] = in_layout_of(parameter, value) if value.ndim else value
        optimizer.load_state_dict({"state": values, "param_groups": optimizer.state_dict()["param_groups"]})


def _under(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}


def _modules(state: TrainState) -> dict[str, torch.nn.Module]:
    return {"generator": state.generator, "discriminator": state.discriminator, "ema": state.ema.module}


def _optimizers(state: TrainState) -> dict[str, torch.optim.Optimizer]:
    return {"opt_g": state.opt_g, "opt_d": state.opt_d}
