"""Whether a generator still makes images: its last update is seen by no later loss."""

import torch
from torch import nn

SAMPLED = 8  # images


@torch.no_grad()
def makes_images(generator: nn.Module, noise_dim: int) -> bool:
    """Whether all weights and statistics, and the images of a few latents, are finite. The generator is in eval mode."""
    tensors = [tensor for tensor in generator.state_dict().values() if tensor.is_floating_point()]
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        return False
    draw = torch.Generator().manual_seed(0)  # of its own: the run's random numbers are not touched
    z = torch.randn(SAMPLED, noise_dim, generator=draw).to(tensors[0])  # (B, noise_dim)
    return bool(generator(z).isfinite().all())
