"""GANformer's generator with duplex attention: StyleGAN2's convolutions, between which the image attends to latent components.

Hudson and Zitnick 2021, arXiv 2103.01209; the authors' default for 256x256 scenes: 16 components and a global one, of 32
channels each; residual blocks; attention at 4x4 to 128x128, assigning pixels to centroids (k-means), which scale the features.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.network import Network
from baselines.generators.stylegan2 import ScaledLinear, ToRgb, activate, conv_per_image, conv_up_per_image, fir, sides

RESOLUTION, COMPONENTS, LATENT_DIM, MAPPING_BLOCKS, LAST_ATTENTION = 256, 16, 32, 4, 128


class GanFormer(nn.Module):
    """Latents (B, 17, 32), the last one global -> images (B, 3, 256, 256)."""

    def __init__(self) -> None:
        super().__init__()
        channels = [min(32768 // side, 512) for side in sides(RESOLUTION)]
        self.component_position = nn.Parameter(torch.rand(COMPONENTS, LATENT_DIM))
        self.map_global, self.map_components = Mapping(attends=False), Mapping(attends=True)
        self.constant = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.first = Layer(channels[0], channels[0], 4)
        self.stages = nn.ModuleList(
            Stage(dim, dim_out, side) for (dim, dim_out), side in zip(pairwise(channels), sides(RESOLUTION)[1:], strict=True)
        )
        self.last = Layer(channels[-1], channels[-1], RESOLUTION, plain=True)
        self.to_rgb = ToRgb(channels[-1], LATENT_DIM)

    def forward(self, z: Tensor) -> Tensor:
        """(B, 17, 32) -> (B, 3, 256, 256)."""
        components = self.map_components(_unit(z[:, :-1]), self.component_position)  # (B, 16, 32)
        style = self.map_global(_unit(z[:, -1]), None)  # (B, 32)
        x = self.first(self.constant.expand(len(z), -1, -1, -1), style, components, self.component_position)
        for stage in self.stages:
            x = stage(x, style, components, self.component_position)  # (B, C, 2H, 2W)
        return self.to_rgb(self.last(x, style, components, self.component_position), style)


class Mapping(nn.Module):
    """Residual layers on one latent or on each component, which then also attend to one another."""

    def __init__(self, attends: bool) -> None:
        super().__init__()
        self.attention = nn.ModuleList(
            DuplexAttention(LATENT_DIM, LATENT_DIM, duplex=False) for _ in range(MAPPING_BLOCKS if attends else 0)
        )
        self.layers = nn.ModuleList(
            nn.ModuleList(ScaledLinear(LATENT_DIM, LATENT_DIM, lr_scale=0.01) for _ in range(2)) for _ in range(MAPPING_BLOCKS)
        )
        self.out = ScaledLinear(LATENT_DIM, LATENT_DIM, lr_scale=0.01)

    def forward(self, x: Tensor, position: Tensor | None) -> Tensor:
        """(B, 32) or (B, 16, 32) -> the same shape."""
        for index in range(MAPPING_BLOCKS):
            layers: Any = self.layers[index]  # an nn.ModuleList of two
            first, second = layers
            skipped = x
            if self.attention:
                x = self.attention[index](x, position, x, position)
            x = F.leaky_relu(second(activate(first(x))) + skipped, 0.2)
        return activate(self.out(x))


class Stage(nn.Module):
    """One resolution: an upsampling layer and a plain one, beside a 1x1 skip."""

    def __init__(self, dim: int, dim_out: int, side: int) -> None:
        super().__init__()
        self.up, self.conv = Layer(dim, dim_out, side, up=True), Layer(dim_out, dim_out, side)
        self.skip = nn.Parameter(torch.randn(dim_out, dim, 1, 1))

    def forward(self, x: Tensor, style: Tensor, components: Tensor, position: Tensor) -> Tensor:
        """(B, dim, H, W) -> (B, dim_out, 2H, 2W)."""
        skip = F.conv2d(x, self.skip / math.sqrt(self.skip.shape[1]))  # before the upsampling: the same, four times cheaper
        skip = F.conv_transpose2d(skip, fir(skip), stride=2, padding=1, groups=skip.shape[1])
        x = self.conv(self.up(x, style, components, position), style, components, position)
        return (x + skip) * math.sqrt(0.5)


class Layer(nn.Module):
    """3x3 modulated convolution, attention to the components, noise, bias, leaky ReLU; `plain` leaves out all but the first."""

    def __init__(self, dim: int, dim_out: int, side: int, up: bool = False, plain: bool = False) -> None:
        super().__init__()
        self.up, self.plain = up, plain
        self.style = ScaledLinear(LATENT_DIM, dim, bias=1.0)
        self.weight = nn.Parameter(torch.randn(dim_out, dim, 3, 3))
        self.attention = DuplexAttention(dim_out, LATENT_DIM) if side <= LAST_ATTENTION and not plain else None
        if self.attention is not None:
            self.register_buffer("grid_position", grid_positions(side), persistent=False)
        if not plain:
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.bias = nn.Parameter(torch.zeros(dim_out, 1, 1))

    def forward(self, x: Tensor, style: Tensor, components: Tensor, position: Tensor) -> Tensor:
        """(B, dim, H, W), (B, 32), (B, 16, 32), (16, 32) -> (B, dim_out, H, W), or twice as large."""
        weight = self.weight * self.style(style)[:, None, :, None, None]  # (B, dim_out, dim, 3, 3)
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        x = conv_up_per_image(x, weight) if self.up else conv_per_image(x, weight, padding=1)
        if self.attention is not None:
            tokens = self.attention(x.flatten(2).transpose(1, 2), self.grid_position, components, position)  # (B, N, dim_out)
            x = tokens.transpose(1, 2).unflatten(2, x.shape[2:])
        if self.plain:
            return x
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device, dtype=x.dtype)
        return activate(x + self.noise_strength * noise + self.bias)


class DuplexAttention(nn.Module):
    """Tokens attend to components and are scaled by what they find.

    Duplex: the logits compare a token, once without and once with its position, to learned centroids of the components.
    Simplex (in the mapping): ordinary dot-product attention, whose result is added.
    """

    def __init__(self, dim: int, component_dim: int, duplex: bool = True) -> None:
        super().__init__()
        self.query, self.query_position = ScaledLinear(dim, dim), ScaledLinear(LATENT_DIM, dim)
        self.key, self.key_position = ScaledLinear(component_dim, dim), ScaledLinear(LATENT_DIM, dim)
        self.value, self.modulation = ScaledLinear(component_dim, dim), ScaledLinear(dim, dim)
        self.duplex = duplex
        if duplex:  # the keys stay without a use, as in the authors' code: the printed parameters contain them
            self.centroids = nn.Parameter(torch.randn(COMPONENTS, 2 * dim))
            self.centroid_weight = nn.Parameter(torch.ones(2 * dim))

    def forward(self, x: Tensor, x_position: Tensor, components: Tensor, position: Tensor) -> Tensor:
        """Tokens (B, N, dim), (N, 32), components (B, M, component_dim), (M, 32) -> (B, N, dim)."""
        bare, turn = self.query(x), self.query_position(x_position)
        if self.duplex:
            elements = torch.cat([bare, turn.expand_as(bare)], dim=-1) * self.centroid_weight  # (B, N, 2 dim)
            logits = elements @ self.centroids.T
        else:
            logits = (bare + turn) @ (self.key(components) + self.key_position(position)).transpose(-1, -2)
        weights = torch.softmax(logits / math.sqrt(x.shape[-1]), dim=-1)  # (B, N, M)
        control = self.modulation(weights @ self.value(components))  # (B, N, dim)
        if not self.duplex:
            return x + control
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-8) * (1 + control)


def grid_positions(side: int) -> Tensor:
    """(side^2, 32): sines and cosines of the column, then of the row, from -1 to 1."""
    frequency = 10_000.0 ** -(torch.arange(LATENT_DIM // 4) * 4 / LATENT_DIM)
    angles = torch.linspace(-1, 1, side)[:, None] * frequency
    along = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (side, 16)
    columns, rows = along[None].expand(side, -1, -1), along[:, None].expand(-1, side, -1)
    return torch.cat([columns, rows], dim=-1).flatten(0, 1)


def _unit(x: Tensor) -> Tensor:
    dims = tuple(range(1, x.dim()))
    return x * torch.rsqrt(x.square().mean(dims, keepdim=True) + 1e-8)


GENERATORS = {
    "ganformer-256": Network(
        title="GANformer 256x256, duplex",
        resolution=RESOLUTION,
        source="arXiv 2103.01209 and the authors' github.com/dorarad/gansformer",
        build=GanFormer,
        inputs=lambda batch: (torch.randn(batch, COMPONENTS + 1, LATENT_DIM),),
        note="the authors' code also computes plain attention logits, which duplex attention discards: not done or counted here",
    )
}
