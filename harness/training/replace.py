"""Swapping layers of a network for equal ones that compute another way."""

from collections.abc import Callable

from torch import nn


def replace_layers(network: nn.Module, other: Callable[[nn.Module], nn.Module | None]) -> None:
    """Puts `other(layer)` in the place of every layer inside `network` for which it is not None, in place.

    The new layer takes over the old one's parameters and buffers, so their order and the state dict do not change.
    A layer with hooks stays: they belong to whoever registered them. `network` itself is never replaced.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            new = None if layer._forward_hooks or layer._forward_pre_hooks else other(layer)
            if new is not None:
                new._parameters, new._buffers = layer._parameters, layer._buffers
                setattr(parent, name, new.train(layer.training))
