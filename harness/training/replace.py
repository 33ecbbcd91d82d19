"""Swaps layers of a network for equivalent ones that compute differently."""

from collections.abc import Callable

from torch import nn


def replace_layers(network: nn.Module, replacement: Callable[[nn.Module], nn.Module | None]) -> None:
    """Replaces every layer inside `network` by `replacement(layer)`, in place, unless that is None.

    The new layer takes over the old one's parameters and buffers, so their order and the state dict do not change.
    A layer with hooks is kept, because the hooks belong to whoever registered them. `network` itself is never replaced.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            new = None if layer._forward_hooks or layer._forward_pre_hooks else replacement(layer)
            if new is not None:
                new._parameters, new._buffers = layer._parameters, layer._buffers
                setattr(parent, name, new.train(layer.training))
