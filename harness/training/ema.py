"""The averaged generator: an exponential moving average, per step, of weights and BatchNorm statistics."""

from copy import deepcopy

import torch
from torch import nn


class Ema:
    """`module` is the average of a source network, in eval mode. `update` moves it by one step."""

    def __init__(self, source: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = deepcopy(source).eval().requires_grad_(False)
        pairs = list(zip(_tensors(self.module), _tensors(source), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]  # BatchNorm's num_batches_tracked

    @torch.no_grad()
    def update(self) -> None:
        """average = decay * average + (1 - decay) * source, for every weight and statistic at once."""
        average, source = (list(side) for side in zip(*self._floats, strict=True))
        torch._foreach_lerp_(average, source, 1 - self.decay)
        for counter, current in self._counters:
            counter.copy_(current)


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [tensor.detach() for tensor in (*module.parameters(), *module.buffers())]
