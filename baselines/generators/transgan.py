"""TransGAN's generator for CIFAR-10: Transformer blocks on 8x8, 16x16 and 32x32 tokens, with pixel shuffles in between.

Jiang et al. 2021, arXiv 2102.07074; width 1024, depths 5, 4, 2, latent 256, as in the authors' CIFAR-10 script.
"""

import torch
from torch import Tensor, nn

from baselines.attention.dot_product import DotProductAttention
from baselines.generators.network import Network

NOISE_DIM, HEADS, BASE = 256, 4, 8
STAGES = ((1024, 5), (256, 4), (64, 2))  # width, depth


class TransGan(nn.Module):
    """Latents (B, 256) -> images (B, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(NOISE_DIM, STAGES[0][0] * BASE**2)
        self.stages = nn.ModuleList(Stage(dim, depth, BASE * 2**index) for index, (dim, depth) in enumerate(STAGES))
        self.to_rgb = nn.Conv2d(STAGES[-1][0], 3, 1)

    def forward(self, z: Tensor) -> Tensor:
        """(B, 256) -> (B, 3, 32, 32)."""
        x = self.linear(z).unflatten(1, (BASE**2, -1))  # (B, 64, 1024)
        for index, stage in enumerate(self.stages):
            if index:
                x = nn.functional.pixel_shuffle(x, 2).flatten(2).transpose(1, 2)  # (B, 4N, dim / 4)
            x = stage(x).transpose(1, 2).unflatten(2, (stage.grid, stage.grid))  # (B, dim, H, W)
        return self.to_rgb(x)


class Stage(nn.Module):
    """Learned positions, then Transformer blocks, on one grid."""

    def __init__(self, dim: int, depth: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.position = nn.Parameter(0.02 * torch.randn(grid**2, dim))
        self.blocks = nn.Sequential(*(Block(dim, grid) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        return self.blocks(x + self.position)


class Block(nn.Module):
    """Attention without biases on queries, keys and values, and an MLP of four times the width, both with skips."""

    def __init__(self, dim: int, grid: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = DotProductAttention(dim, HEADS, grid)
        for layer in (self.attention.query, self.attention.key, self.attention.value):
            layer.register_parameter("bias", None)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


GENERATORS = {
    "transgan-32": Network(
        title="TransGAN 32x32 (CIFAR-10)",
        resolution=32,
        source="arXiv 2102.07074 and github.com/VITA-Group/TransGAN",
        build=TransGan,
        inputs=lambda batch: (torch.randn(batch, NOISE_DIM),),
    )
}
