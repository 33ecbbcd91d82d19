"""GAT: Transformers that generate the latent of an image autoencoder, from a learned latent and a class.

Hyun et al. 2025, arXiv 2509.24935: RMS normalisation scaled by the latent, rotary positions, SwiGLU, intermediate outputs at
every quarter of the depth. Patches of 2x2 on a 32x32x4 latent; the autoencoder's decoder is left out, as in the publication.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.network import Network

NOISE_DIM, CLASSES, GRID, PATCH, CHANNELS, OUTPUTS = 64, 1000, 16, 2, 4, 4
SIZES = {"s": (12, 384, 6), "b": (12, 768, 12), "l": (24, 1024, 16), "xl": (28, 1152, 16)}  # depth, width, heads
PRINTED = {"xl": "; printed: 602M, 119 G"}


class Gat(nn.Module):
    """Latents (B, 64), classes (B,) -> autoencoder latents (B, 4, 32, 32) of a 256x256 image."""

    def __init__(self, depth: int, dim: int, num_heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CLASSES, NOISE_DIM)
        self.mapping = nn.Sequential(nn.Linear(2 * NOISE_DIM, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.position = nn.Parameter(0.02 * torch.randn(GRID**2, dim))
        self.blocks = nn.ModuleList(Block(dim, num_heads) for _ in range(depth))
        self.outputs = nn.ModuleList(Output(dim) for _ in range(OUTPUTS))
        self.register_buffer("angles", rotary_angles(dim // num_heads), persistent=False)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """(B, 64), (B,) -> (B, 4, 32, 32)."""
        w = self.mapping(torch.cat([_unit(self.embedding(label)), _unit(z)], dim=1))  # (B, dim)
        x = self.position.expand(len(z), -1, -1)  # (B, 256, dim)
        out = torch.zeros((), device=z.device)
        quarter = len(self.blocks) // OUTPUTS
        for index, block in enumerate(self.blocks, start=1):
            x = block(x, w, self.angles)
            if index % quarter == 0:
                out = out + self.outputs[index // quarter - 1](x, w)  # (B, 256, 16)
        return F.pixel_shuffle(out.transpose(1, 2).unflatten(2, (GRID, GRID)), PATCH)


class Block(nn.Module):
    """Attention and SwiGLU, their inputs scaled and their outputs gated by the latent."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-6, elementwise_affine=False)
        self.attention = RotaryAttention(dim, num_heads)
        hidden = int(2 / 3 * 4 * dim)
        self.gate_and_up, self.down = nn.Linear(dim, 2 * hidden), nn.Linear(hidden, dim)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(dim, 4 * dim))

    def forward(self, x: Tensor, w: Tensor, angles: Tensor) -> Tensor:
        """(B, N, dim), (B, dim) -> (B, N, dim)."""
        scale1, gate1, scale2, gate2 = self.modulation(w).unsqueeze(1).chunk(4, dim=-1)  # (B, 1, dim)
        x = x + gate1 * self.attention(self.norm(x) * (1 + scale1), angles)
        gate, up = self.gate_and_up(self.norm(x) * (1 + scale2)).chunk(2, dim=-1)
        return x + gate2 * self.down(F.silu(gate) * up)


class RotaryAttention(nn.Module):
    """Dot-product attention with normalised queries and keys, rotated by the token's row and column."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, head_dim = num_heads, dim // num_heads
        self.qkv, self.output = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.query_norm, self.key_norm = nn.RMSNorm(head_dim, eps=1e-6), nn.RMSNorm(head_dim, eps=1e-6)

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        """(B, N, dim), (N, head_dim / 2) -> (B, N, dim)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, N, d_h)
        q, k = rotate(self.query_norm(q), angles), rotate(self.key_norm(k), angles)
        return self.output(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Output(nn.Module):
    """Tokens to the patches of one intermediate output."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim))
        self.linear = nn.Linear(dim, CHANNELS * PATCH**2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, N, dim), (B, dim) -> (B, N, 16)."""
        return self.linear(self.norm(x) * (1 + self.modulation(w).unsqueeze(1)))


def rotary_angles(head_dim: int) -> Tensor:
    """(N, head_dim / 2): a quarter of the head's pairs turn with the row, a quarter with the column."""
    frequency = 10_000.0 ** -(torch.arange(head_dim // 4) / (head_dim // 4))
    along = torch.arange(GRID)[:, None] * frequency  # (GRID, head_dim / 4)
    rows, columns = along[:, None].expand(-1, GRID, -1), along[None].expand(GRID, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turns each pair of channels of (B, h, N, d_h) by its angle (N, d_h / 2)."""
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)  # (B, h, N, d_h / 2)
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(-2)


def _unit(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def _network(name: str) -> Network:
    return Network(
        title=f"GAT-{name.upper()}/2 256x256",
        resolution=256,
        source="arXiv 2509.24935 and the authors' github.com/hse1032/GAT",
        build=partial(Gat, *SIZES[name]),
        inputs=lambda batch: (torch.randn(batch, NOISE_DIM), torch.arange(batch) % CLASSES),
        note=f"generates a 32x32 latent: the autoencoder's decoder is not counted or timed{PRINTED.get(name, '')}",
    )


GENERATORS = {f"gat-{name}-256": _network(name) for name in SIZES}
