"""How much memory a training step needs, from the shapes alone: nothing is computed."""

import torch
from torch import Tensor, nn

from harness.training.config import TrainConfig


def step_bytes(generator: nn.Module, discriminator: nn.Module, config: TrainConfig, noise_dim: int, side: int, batch: int) -> int:
    """Bytes that are alive at once in a step of `batch` images, of networks on torch's meta device.

    Weights, gradients, two moments and the average of G; the same without the average of D; and the outputs of all layers, of
    D's passes (real, fake, two augmented ones under bCR, and about one more for R1's second gradient) or of G's step, whichever
    is more. Against the peaks of whole steps at 32 to 256 pixels (4.7, 5.4, 10.4, 7.9, 19.8 GiB) this was 4.7, 5.2, 9.7, 8.1,
    18.2.
    """
    g = output_bytes(generator, torch.empty(batch, noise_dim, device="meta"))
    d = output_bytes(discriminator, torch.empty(batch, 3, side, side, device="meta"))
    passes = 3 if config.r1_weight else 2
    passes += 2 if config.bcr_weight else 0
    return 5 * _weight_bytes(generator) + 4 * _weight_bytes(discriminator) + max(passes * d, g + d)


def output_bytes(network: nn.Module, given: Tensor) -> int:
    """Bytes of the outputs of all innermost layers of one forward pass."""
    total = [0]

    def add(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor):
            total[0] += output.numel() * output.element_size()

    layers = [module for module in network.modules() if not any(True for _ in module.children())]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    with torch.no_grad():
        network(given)
    for hook in hooks:
        hook.remove()
    return total[0]


def _weight_bytes(network: nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in network.parameters())
