"""A faster copy of a generator, for sampling: fused attention, channels_last memory, and on request bf16 or compiled."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn


def fast_generator(
    generator: nn.Module, accelerate: Callable[[nn.Module], None], precision: str = "fp32", compiled: bool = False
) -> Callable[[Tensor], Tensor]:
    """A faster copy of `generator` in eval mode, (B, noise_dim) -> (B, 3, R, R).

    accelerate: turns a network, in place, into an equal, faster one. precision: "bf16" converts the weights of products once, as
    autocast would do in every call. compiled: takes about a minute first.
    """
    network = deepcopy(generator).eval().requires_grad_(False)
    accelerate(network)
    network.to(memory_format=torch.channels_last)
    program = torch.compile(network, dynamic=False) if compiled else network
    if precision == "fp32":
        return program
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.to(torch.bfloat16)

    def sample(z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, torch.bfloat16):
            return program(z)

    return sample
