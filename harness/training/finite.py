"""Checks that a generator still makes finite images. No loss is computed after its last update, so the losses cannot tell."""

import torch
from torch import nn

SAMPLED = 8  # images


@torch.no_grad()
def makes_images(generator: nn.Module, noise_dim: int) -> bool:
    """Whether all weights and statistics, and the images of a few latents, are finite. The generator is in eval mode."""
    tensors = [tensor for tensor in generator.state_dict().values() if tensor.is_floating_point()]
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        return False
    rng = torch.Generator().manual_seed(0)  # separate, so that the run's random numbers stay as they are
    z = torch.randn(SAMPLED, noise_dim, generator=rng).to(tensors[0])  # (B, noise_dim)
    return bool(generator(z).isfinite().all())
