"""StyleSwin's generator: style-modulated window attention from a 4x4 constant up, half the heads in shifted windows.

Zhang et al. 2022, arXiv 2112.10762; widths of the authors' code with channel multiplier 2, window 8, MLP ratio 4.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn

from baselines.attention.swin import outside_mask, relative_positions
from baselines.attention.windows import from_windows, roll_grid, to_windows
from baselines.generators.network import Network
from baselines.generators.stylegan2 import STYLE_DIM, ScaledLinear, activate, sides, upsample

WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}
MAPPING_LAYERS, WINDOW = 8, 8


class StyleSwin(nn.Module):
    """Latents (B, 512) -> images (B, 3, R, R)."""

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.mapping = nn.ModuleList(ScaledLinear(STYLE_DIM, STYLE_DIM, lr_scale=0.01) for _ in range(MAPPING_LAYERS))
        self.constant = nn.Parameter(torch.randn(16, WIDTHS[4]))
        self.stages = nn.ModuleList(Stage(side, is_last=side == resolution) for side in sides(resolution))

    def forward(self, z: Tensor) -> Tensor:
        """(B, 512) -> (B, 3, R, R)."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            w = activate(layer(w))
        x, img = self.stages[0](self.constant.expand(len(z), -1, -1), None, w)  # of (B, 16, 512)
        for stage in self.stages[1:]:
            x, img = stage(x, img, w)
        return img


class Stage(nn.Module):
    """Two blocks on one grid, the expansion to the next unless it is the last, and the contribution to the image."""

    def __init__(self, grid: int, is_last: bool) -> None:
        super().__init__()
        dim = WIDTHS[grid]
        dim_out = dim if is_last else WIDTHS[2 * grid]
        self.blocks = nn.ModuleList(Block(dim, grid) for _ in range(2))
        self.expansion = None if is_last else Expansion(dim, dim_out, grid)
        self.to_rgb = nn.Conv2d(dim_out, 3, 1)
        self.rgb_bias = nn.Parameter(torch.zeros(3, 1, 1))  # a second one, as in the authors' code

    def forward(self, x: Tensor, img: Tensor | None, w: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, dim), image so far or None, styles (B, 512) -> tokens and image of the next grid, if there is one."""
        for block in self.blocks:
            x = block(x, w)
        x = self.expansion(x) if self.expansion is not None else x  # (B, 4N, dim_out)
        side = math.isqrt(x.shape[1])
        rgb = self.to_rgb(x.transpose(1, 2).unflatten(2, (side, side))) + self.rgb_bias  # (B, 3, side, side)
        if img is not None:
            rgb = rgb + (upsample(img) if self.expansion is not None else img)
        return x, rgb


class Block(nn.Module):
    """Double attention and MLP, each after an adaptive instance normalisation and with a skip."""

    def __init__(self, dim: int, grid: int) -> None:
        super().__init__()
        window, heads = min(WINDOW, grid), max(dim // 32, 4)
        self.norm1, self.norm2 = AdaptiveNorm(dim), AdaptiveNorm(dim)
        self.qkv, self.output = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.halves = nn.ModuleList(
            WindowAttention(heads // 2, grid, window, shift) for shift in (0, window // 2 if grid > window else 0)
        )
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, N, dim), (B, 512) -> (B, N, dim)."""
        qkv = self.qkv(self.norm1(x, w)).unflatten(-1, (3, 2, -1))  # (B, N, 3, 2, dim / 2)
        attended = [half(qkv[:, :, :, index]) for index, half in enumerate(self.halves)]
        x = x + self.output(torch.cat(attended, dim=-1))
        return x + self.mlp(self.norm2(x, w))


class WindowAttention(nn.Module):
    """softmax(Q K^T / sqrt d_h + B) V inside windows that are rolled by `shift`."""

    bias_index: Tensor
    mask: Tensor

    def __init__(self, num_heads: int, grid: int, window: int, shift: int) -> None:
        super().__init__()
        self.num_heads, self.grid, self.window, self.shift = num_heads, grid, window, shift
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, num_heads))
        self.register_buffer("bias_index", relative_positions(window), persistent=False)
        self.register_buffer("mask", outside_mask(grid, window, shift), persistent=False)

    def forward(self, qkv: Tensor) -> Tensor:
        """(B, N, 3, half) -> (B, N, half)."""
        x = to_windows(roll_grid(qkv.flatten(2), self.grid, -self.shift), self.grid, self.window)  # (B, W, w^2, 3 half)
        q, k, v = x.unflatten(-1, (3, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5)  # (B, W, h, w^2, d_h)
        bias = self.bias[self.bias_index].permute(2, 0, 1)  # (h, w^2, w^2)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias + self.mask, dim=-1)
        out = (weights @ v).transpose(2, 3).flatten(3)  # (B, W, w^2, half)
        return roll_grid(from_windows(out, self.grid, self.window), self.grid, self.shift)


class AdaptiveNorm(nn.Module):
    """Instance normalisation over the tokens, scaled and shifted by the style."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm1d(dim)
        self.style = ScaledLinear(STYLE_DIM, 2 * dim)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, N, dim), (B, 512) -> (B, N, dim)."""
        gamma, beta = self.style(w).unsqueeze(1).chunk(2, dim=-1)  # (B, 1, dim)
        return gamma * self.norm(x.transpose(1, 2)).transpose(1, 2) + beta


class Expansion(nn.Module):
    """Bilinear upsampling, layer normalisation, a linear layer, and sinusoidal positions of a learned strength."""

    positions: Tensor

    def __init__(self, dim: int, dim_out: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.norm, self.linear = nn.LayerNorm(dim), nn.Linear(dim, dim_out, bias=False)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("positions", sinusoidal_positions(2 * grid, dim_out), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, 4N, dim_out)."""
        x = self.upsample(x.transpose(1, 2).unflatten(2, (self.grid, self.grid))).flatten(2).transpose(1, 2)  # (B, 4N, dim)
        return self.linear(self.norm(x)) + self.strength * self.positions


def sinusoidal_positions(grid: int, dim: int) -> Tensor:
    """(grid^2, dim): sines and cosines of the column in one half of the channels, of the row in the other."""
    frequency = 10_000.0 ** -(torch.arange(dim // 4) / (dim // 4))
    angles = torch.arange(grid)[:, None] * frequency
    along = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (grid, dim / 2)
    columns, rows = along[None].expand(grid, -1, -1), along[:, None].expand(-1, grid, -1)
    return torch.cat([columns, rows], dim=-1).flatten(0, 1)


def _network(resolution: int) -> Network:
    return Network(
        title=f"StyleSwin {resolution}x{resolution}",
        resolution=resolution,
        source="arXiv 2112.10762 and the authors' github.com/microsoft/StyleSwin",
        build=partial(StyleSwin, resolution),
        inputs=lambda batch: (torch.randn(batch, STYLE_DIM),),
    )


GENERATORS = {f"styleswin-{resolution}": _network(resolution) for resolution in (64, 128, 256)}
