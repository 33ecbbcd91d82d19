"""HiT: multi-axis attention inside and across blocks at low resolutions, per-pixel MLPs above, cross-attention to the latent.

Zhao et al. 2021, arXiv 2106.07631; the widths, heads and blocks of the authors' 128x128 and 256x256 generators.
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from baselines.attention.hit import HitAttention
from baselines.generators.network import Network

BASE, LATENT_TOKENS = 8, 16
NOISE_DIM = {128: 256, 256: 512}
STAGES = {  # per resolution, from 8x8 up: width, heads, block side (None: no attention among pixels), layers
    128: [(512, 16, 4, 2), (512, 8, 4, 2), (256, 4, 8, 2), (128, 4, 8, 2), (128, 4, None, 2)],
    256: [(512, 16, 4, 2), (512, 8, 4, 2), (256, 4, 8, 2), (128, 4, 8, 2), (64, 4, None, 1), (64, 4, None, 1)],
}


class Hit(nn.Module):
    """Latents (B, 256) -> images (B, 3, 128, 128), or (B, 512) -> (B, 3, 256, 256)."""

    def __init__(self, resolution: int) -> None:
        super().__init__()
        stages = STAGES[resolution]
        width, noise_dim = stages[0][0], NOISE_DIM[resolution]
        self.to_grid = nn.Linear(noise_dim, width * BASE**2)
        self.to_latents = nn.Linear(noise_dim, width * LATENT_TOKENS)
        self.latent_position = nn.Parameter(0.02 * torch.randn(LATENT_TOKENS, width))
        self.latent_norm = TokenNorm(width)
        self.stages = nn.ModuleList(Stage(*stage, grid=BASE * 2**index, latent_dim=width) for index, stage in enumerate(stages))
        self.expansions = nn.ModuleList(Expansion(stages[i][0], stages[i + 1][0]) for i in range(len(stages) - 1))

    def forward(self, z: Tensor) -> Tensor:
        """(B, noise_dim) -> (B, 3, R, R)."""
        x = self.to_grid(z).unflatten(1, (BASE**2, -1))  # (B, 64, 512)
        latents = self.latent_norm(self.to_latents(z).unflatten(1, (LATENT_TOKENS, -1)) + self.latent_position)
        img: Any = None
        for index, stage in enumerate(self.stages):
            x, img = stage(x, latents, img)
            if index < len(self.expansions):
                x = self.expansions[index](x, stage.grid)  # (B, 4N, next width)
        return img


class Stage(nn.Module):
    """One resolution: cross-attention to the latent, then attention blocks or MLPs; the latter also paint the image."""

    def __init__(self, dim: int, num_heads: int, window: int | None, layers: int, grid: int, latent_dim: int) -> None:
        super().__init__()
        self.grid = grid
        self.position = nn.Parameter(0.02 * torch.randn(grid**2, dim))
        self.cross = Residual(dim, CrossAttention(dim, latent_dim, num_heads))
        self.cross_mlp = Residual(dim, _mlp(dim))
        blocks = []
        for _ in range(layers):
            blocks += [Residual(dim, BlockAttention(dim, num_heads, grid, window=window))] if window else []
            blocks += [Residual(dim, _mlp(dim))]
        self.blocks = nn.Sequential(*blocks)
        self.to_rgb = None if window else nn.Sequential(TokenNorm(dim), nn.Linear(dim, 3))
        self.upsample = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor, latents: Tensor, img: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, N, dim), latents (B, 16, 512), image so far (B, 3, H/2, W/2) or None -> tokens, image (B, 3, H, W)."""
        x = self.blocks(self.cross_mlp(self.cross(x + self.position, latents)))
        if self.to_rgb is not None:
            rgb = self.to_rgb(x).transpose(1, 2).unflatten(2, (self.grid, self.grid))  # (B, 3, H, W)
            img = rgb if img is None else rgb + self.upsample(img)
        return x, img


class BlockAttention(HitAttention):
    """Multi-axis attention with the stage's own block side, to which the registered mechanism's closed formula does not apply."""


class CrossAttention(nn.Module):
    """Multi-query attention of every token to the latent tokens: one key and one value head for all query heads."""

    def __init__(self, dim: int, latent_dim: int, num_heads: int) -> None:
        super().__init__()
        self.head_dim = dim // num_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(latent_dim, self.head_dim)
        self.value = nn.Linear(latent_dim, self.head_dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """(B, N, dim), (B, M, latent_dim) -> (B, N, dim)."""
        q = self.query(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # (B, h, N, d_h)
        k, v = self.key(latents).unsqueeze(1), self.value(latents).unsqueeze(1)  # (B, 1, M, d_h)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.head_dim), dim=-1)  # (B, h, N, M)
        return self.output((weights @ v).transpose(1, 2).flatten(2))


class Residual(nn.Module):
    """x + f(norm(x), ...)."""

    def __init__(self, dim: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm, self.inner = TokenNorm(dim), inner

    def forward(self, x: Tensor, *context: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        return x + self.inner(self.norm(x), *context)


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of every channel over images and tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Expansion(nn.Module):
    """Pixel shuffle by 2, then a linear layer to the next width."""

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim // 4, dim_out)

    def forward(self, x: Tensor, grid: int) -> Tensor:
        """(B, N, dim) -> (B, 4N, dim_out)."""
        x = nn.functional.pixel_shuffle(x.transpose(1, 2).unflatten(2, (grid, grid)), 2)  # (B, dim/4, 2H, 2W)
        return self.linear(x.flatten(2).transpose(1, 2))


def _mlp(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))


def _network(resolution: int) -> Network:
    return Network(
        title=f"HiT {resolution}x{resolution}",
        resolution=resolution,
        source="arXiv 2106.07631 and the authors' github.com/google-research/hit-gan",
        build=partial(Hit, resolution),
        inputs=lambda batch: (torch.randn(batch, NOISE_DIM[resolution]),),
    )


GENERATORS = {"hit-128": _network(128), "hit-256": _network(256)}
