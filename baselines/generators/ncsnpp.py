"""NCSN++, the network of consistency models on CIFAR-10: a residual U-Net that low-pass filters wherever it resamples.

Song et al. 2021, arXiv 2011.13456; sizes as github.com/openai/consistency_models_cifar10 trains consistency training (CT)
with them (configs/cifar10_ve_ct_adaptive.py). diffusers' blocks of the name give 61.9M parameters: they attend in the
resampling blocks too and carry the image up again, so the network is stated here.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.stylegan2 import fir, upsample

WIDTH, DIM, LEVELS, DEPTH = 128, 256, 3, 4  # features of the first convolution and of all others; blocks at each resolution
TIME_DIM, GROUPS, FOURIER_SCALE = 512, 32, 16.0
ATTENTION_LEVEL = 1  # 16x16


class NcsnPlusPlus(nn.Module):
    """One evaluation: noisy images (B, 3, 32, 32), noise levels (B,) -> predictions (B, 3, 32, 32)."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", FOURIER_SCALE * torch.randn(WIDTH))
        self.embedding = nn.Sequential(nn.Linear(2 * WIDTH, TIME_DIM), nn.SiLU(), nn.Linear(TIME_DIM, TIME_DIM), nn.SiLU())
        self.first = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.down = nn.ModuleList(Down(level) for level in range(LEVELS))
        self.middle = nn.ModuleList([Residual(DIM), Attention(), Residual(DIM)])
        self.up = nn.ModuleList(Up(level) for level in reversed(range(LEVELS)))
        self.output = nn.Sequential(nn.GroupNorm(GROUPS, DIM, 1e-6), nn.SiLU(), nn.Conv2d(DIM, 3, 3, padding=1))

    def forward(self, img: Tensor, noise: Tensor) -> Tensor:
        """(B, 3, 32, 32), (B,) -> (B, 3, 32, 32)."""
        angles = 2 * math.pi * noise[:, None] * self.frequencies  # (B, 128)
        time = self.embedding(torch.cat([angles.sin(), angles.cos()], dim=1))  # (B, 512)
        skips, pyramid = [self.first(img)], img
        for stage in self.down:
            pyramid = stage(skips, pyramid, time)
        first, attention, second = self.middle
        x = second(attention(first(skips[-1], time)), time)  # (B, 256, 8, 8)
        for stage in self.up:
            x = stage(x, skips, time)
        return self.output(x)


class Down(nn.Module):
    """One resolution on the way down; `skips` grows by every block's output, `pyramid` is the input at this resolution."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Residual(DIM if level or block else WIDTH) for block in range(DEPTH))
        self.attentions = nn.ModuleList(Attention() for _ in range(DEPTH) if level == ATTENTION_LEVEL)
        self.resample = Residual(DIM, "down") if level < LEVELS - 1 else None
        self.pyramid = nn.Conv2d(DIM if level else 3, DIM, 3, stride=2) if self.resample else None

    def forward(self, skips: list[Tensor], pyramid: Tensor, time: Tensor) -> Tensor:
        """(B, C, H, W), (B, 512) -> (B, 256, H/2, W/2), or the pyramid itself at the lowest resolution."""
        for index, block in enumerate(self.blocks):
            x = block(skips[-1], time)  # (B, 256, H, W)
            skips.append(self.attentions[index](x) if self.attentions else x)
        if self.resample is None or self.pyramid is None:
            return pyramid
        pyramid = F.conv2d(pyramid, fir(pyramid) / 4, padding=2, groups=pyramid.shape[1])  # (B, C, H+1, W+1)
        skips.append((self.pyramid(pyramid) + self.resample(skips[-1], time)) / math.sqrt(2))
        return skips[-1]


class Up(nn.Module):
    """One resolution on the way up; every block takes the last of `skips` beside its input."""

    def __init__(self, level: int) -> None:
        super().__init__()
        taken = [DIM] * DEPTH + [DIM if level else WIDTH]
        self.blocks = nn.ModuleList(Residual(DIM + skip) for skip in taken)
        self.attention = Attention() if level == ATTENTION_LEVEL else nn.Identity()
        self.resample = Residual(DIM, "up") if level else None

    def forward(self, x: Tensor, skips: list[Tensor], time: Tensor) -> Tensor:
        """(B, 256, H, W), (B, 512) -> (B, 256, 2H, 2W), or (B, 256, H, W) at the highest resolution."""
        for block in self.blocks:
            x = block(torch.cat([x, skips.pop()], dim=1), time)
        x = self.attention(x)
        return self.resample(x, time) if self.resample else x


class Residual(nn.Module):
    """BigGAN's residual block to 256 features, filtered and resampled behind its first activation where `resample` says so."""

    def __init__(self, dim: int, resample: str = "") -> None:
        super().__init__()
        self.resample = {"": lambda x: x, "down": downsample, "up": upsample}[resample]
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, dim, 1e-6), nn.GroupNorm(GROUPS, DIM, 1e-6)
        self.conv1, self.conv2 = nn.Conv2d(dim, DIM, 3, padding=1), nn.Conv2d(DIM, DIM, 3, padding=1)
        self.time = nn.Linear(TIME_DIM, DIM)
        self.skip = nn.Conv2d(dim, DIM, 1) if resample or dim != DIM else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, dim, H, W), (B, 512) -> (B, 256, H, W), or half or twice as large."""
        h = self.conv1(self.resample(F.silu(self.norm1(x)))) + self.time(time)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.skip(self.resample(x)) + h) / math.sqrt(2)


class Attention(nn.Module):
    """Dot-product attention of one head over the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, DIM, 1e-6)
        self.qkv, self.output = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 256, H, W) -> (B, 256, H, W)."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)  # (B, N, 256)
        q, k, v = self.qkv(tokens).unsqueeze(1).chunk(3, dim=-1)  # (B, 1, N, 256)
        out = self.output(F.scaled_dot_product_attention(q, k, v).squeeze(1))  # (B, N, 256)
        return (x + out.transpose(1, 2).unflatten(2, x.shape[2:])) / math.sqrt(2)


def downsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2), low-pass filtered."""
    return F.conv2d(x, fir(x) / 4, stride=2, padding=1, groups=x.shape[1])
