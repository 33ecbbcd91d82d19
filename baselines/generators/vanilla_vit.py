"""Vanilla-ViT, the baseline of the ViTGAN paper: a plain vision Transformer as generator.

Lee et al. 2021, arXiv 2107.04589, section 4. The paper states no size of its own for it, so it takes ViTGAN's width, heads and
depth; the latent is added to every position's embedding, and a linear layer paints each token's patch.
"""

from functools import partial

import torch
from torch import Tensor, nn

from baselines.attention.dot_product import DotProductAttention
from baselines.generators.network import Network
from baselines.generators.vitgan import DIM, HEADS, MLP_DIM


class VanillaViT(nn.Module):
    """Latents (B, 384) -> images (B, 3, R, R), from (R / patch)^2 tokens."""

    def __init__(self, resolution: int, patch: int, depth: int) -> None:
        super().__init__()
        self.grid = resolution // patch
        self.position = nn.Parameter(0.02 * torch.randn(self.grid**2, DIM))
        self.latent = nn.Linear(DIM, DIM)
        self.blocks = nn.Sequential(*(Block(self.grid) for _ in range(depth)))
        self.to_patch = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, 3 * patch**2))
        self.shuffle = nn.PixelShuffle(patch)

    def forward(self, z: Tensor) -> Tensor:
        """(B, 384) -> (B, 3, R, R)."""
        x = self.blocks(self.position + self.latent(z).unsqueeze(1))  # (B, N, 384)
        return self.shuffle(self.to_patch(x).transpose(1, 2).unflatten(2, (self.grid, self.grid)))


class Block(nn.Module):
    """Attention and MLP, each after a layer normalisation and with a skip."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.attention = DotProductAttention(DIM, HEADS, grid)
        self.mlp = nn.Sequential(nn.Linear(DIM, MLP_DIM), nn.GELU(), nn.Linear(MLP_DIM, DIM))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, 384) -> (B, N, 384)."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def _network(resolution: int, patch: int, depth: int) -> Network:
    return Network(
        title=f"Vanilla-ViT {resolution}x{resolution}, {depth} blocks",
        resolution=resolution,
        source="arXiv 2107.04589",
        build=partial(VanillaViT, resolution, patch, depth),
        inputs=lambda batch: (torch.randn(batch, DIM),),
        note="its publication states no size: ViTGAN's width, heads and depth",
    )


GENERATORS = {"vanilla-vit-32": _network(32, 4, 4), "vanilla-vit-64": _network(64, 8, 6)}
