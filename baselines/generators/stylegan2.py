"""StyleGAN2's generator: mapping network, modulated convolutions, skip connections to RGB.

Karras et al. 2020, arXiv 1912.04958; channels min(16384 / r, 512) at resolution r, as their 256x256 configuration has.
"""

import itertools
import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.network import Network

STYLE_DIM = 512
FIR = (1.0, 3.0, 3.0, 1.0)  # low-pass filter after every upsampling


class StyleGan2(nn.Module):
    """Latents (B, 512) -> images (B, 3, R, R), R a power of two from 8."""

    def __init__(self, resolution: int, mapping_layers: int = 8) -> None:
        super().__init__()
        channels = [min(16384 // side, 512) for side in sides(resolution)]
        self.mapping = nn.ModuleList(ScaledLinear(STYLE_DIM, STYLE_DIM, lr_scale=0.01) for _ in range(mapping_layers))
        self.constant = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.first = ModulatedConv(channels[0], channels[0])
        self.first_rgb = ToRgb(channels[0])
        self.stages = nn.ModuleList(Stage(dim, dim_out) for dim, dim_out in itertools.pairwise(channels))

    def forward(self, z: Tensor) -> Tensor:
        """(B, 512) -> (B, 3, R, R)."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            w = activate(layer(w))
        x = self.first(self.constant.expand(len(z), -1, -1, -1), w)
        img = self.first_rgb(x, w)
        for stage in self.stages:
            x, img = stage(x, img, w)  # (B, C, 2H, 2W), (B, 3, 2H, 2W)
        return img


class Stage(nn.Module):
    """One resolution: an upsampling and a plain modulated convolution, and their contribution to the image."""

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.up = ModulatedConv(dim, dim_out, up=True)
        self.conv = ModulatedConv(dim_out, dim_out)
        self.rgb = ToRgb(dim_out)

    def forward(self, x: Tensor, img: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """(B, dim, H, W), (B, 3, H, W) -> (B, dim_out, 2H, 2W), (B, 3, 2H, 2W)."""
        x = self.conv(self.up(x, w), w)
        return x, upsample(img) + self.rgb(x, w)


class ModulatedConv(nn.Module):
    """3x3 convolution whose weights are scaled by the style and normalised (eqs. 1-3), then noise, bias, leaky ReLU."""

    def __init__(self, dim: int, dim_out: int, up: bool = False) -> None:
        super().__init__()
        self.up = up
        self.style = ScaledLinear(STYLE_DIM, dim, bias=1.0)
        self.weight = nn.Parameter(torch.randn(dim_out, dim, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(dim_out))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, dim, H, W), (B, 512) -> (B, dim_out, H, W), or twice as large."""
        weight = self.weight * self.style(w)[:, None, :, None, None]  # (B, dim_out, dim, 3, 3)
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        x = conv_up_per_image(x, weight) if self.up else conv_per_image(x, weight, padding=1)
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device, dtype=x.dtype)
        return activate(x + self.noise_strength * noise + self.bias[:, None, None])


class ToRgb(nn.Module):
    """1x1 modulated convolution to three channels, without normalisation of the weights."""

    def __init__(self, dim: int, style_dim: int = STYLE_DIM) -> None:
        super().__init__()
        self.style = ScaledLinear(style_dim, dim, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, dim, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, dim, H, W), (B, style_dim) -> (B, 3, H, W)."""
        style = self.style(w) / math.sqrt(self.weight.shape[1])
        return conv_per_image(x, self.weight * style[:, None, :, None, None], padding=0) + self.bias[:, None, None]


class ScaledLinear(nn.Module):
    """Linear layer with weights of unit variance, scaled when it runs (equalised learning rate)."""

    def __init__(self, dim: int, dim_out: int, bias: float = 0.0, lr_scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim_out, dim) / lr_scale)
        self.bias = nn.Parameter(torch.full((dim_out,), bias))
        self.scale, self.lr_scale = lr_scale / math.sqrt(dim), lr_scale

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim) -> (B, dim_out)."""
        return F.linear(x, self.weight * self.scale, self.bias * self.lr_scale)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def conv_per_image(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """(B, C, H, W) under one kernel per image (B, D, C, k, k) -> (B, D, H, W): a convolution in B groups."""
    out = F.conv2d(x.flatten(0, 1).unsqueeze(0), weight.flatten(0, 1), padding=padding, groups=len(x))
    return out.unflatten(1, weight.shape[:2]).squeeze(0)


def conv_up_per_image(x: Tensor, weight: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, D, 2H, 2W): a transposed convolution in B groups, then the low-pass filter."""
    kernel = weight.transpose(1, 2).flatten(0, 1)  # (B C, D, 3, 3)
    out = F.conv_transpose2d(x.flatten(0, 1).unsqueeze(0), kernel, stride=2, groups=len(x))  # (1, B D, 2H+1, 2W+1)
    out = F.conv2d(out, fir(out), padding=1, groups=out.shape[1])
    return out.unflatten(1, weight.shape[:2]).squeeze(0)


def upsample(img: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 3, 2H, 2W), low-pass filtered."""
    return F.conv_transpose2d(img, fir(img), stride=2, padding=1, groups=img.shape[1])


def fir(x: Tensor) -> Tensor:
    """The filter for every channel of `x`, (C, 1, 4, 4); it sums to 4, since three of four samples are inserted zeros."""
    taps = torch.tensor(FIR, device=x.device, dtype=x.dtype)
    return (4 * torch.outer(taps, taps) / sum(FIR) ** 2).expand(x.shape[1], 1, -1, -1)


def sides(resolution: int) -> list[int]:
    return [4 * 2**stage for stage in range(int(math.log2(resolution)) - 1)]


def _network(resolution: int) -> Network:
    return Network(
        title=f"StyleGAN2 {resolution}x{resolution}",
        resolution=resolution,
        source="arXiv 1912.04958; counts printed by arXiv 2401.09596, Table V",
        build=partial(StyleGan2, resolution),
        inputs=lambda batch: (torch.randn(batch, STYLE_DIM),),
        note="the printed MACs are 0.15 G higher at every size, probably the scaling of the weights, which is no contraction",
    )


GENERATORS = {f"stylegan2-{resolution}": _network(resolution) for resolution in (32, 64, 128, 256)}
