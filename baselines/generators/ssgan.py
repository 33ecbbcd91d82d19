"""SS-GAN's generator: the residual network of SNGAN.

Chen et al. 2019, arXiv 1811.11212; widths of the SNGAN generators that github.com/kwotsin/mimicry trains at each resolution.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.network import Network

NOISE_DIM, BASE = 128, 4
WIDTHS = {32: (256, 256, 256, 256), 64: (1024, 512, 256, 128, 64), 128: (1024, 1024, 512, 256, 128, 64)}


class ResNetGenerator(nn.Module):
    """Latents (B, 128) -> images (B, 3, R, R)."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = nn.Linear(NOISE_DIM, widths[0] * BASE**2)
        self.blocks = nn.Sequential(*(UpBlock(dim, dim_out) for dim, dim_out in pairwise(widths)))
        self.output = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], 3, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """(B, 128) -> (B, 3, R, R)."""
        return self.output(self.blocks(self.linear(z).unflatten(1, (-1, BASE, BASE))))


class UpBlock(nn.Module):
    """Twice the resolution: two 3x3 convolutions and a 1x1 skip, upsampled in front of the first and of the skip."""

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(dim), nn.BatchNorm2d(dim_out)
        self.conv1, self.conv2 = nn.Conv2d(dim, dim_out, 3, padding=1), nn.Conv2d(dim_out, dim_out, 3, padding=1)
        self.skip = nn.Conv2d(dim, dim_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) -> (B, dim_out, 2H, 2W)."""
        main = self.conv1(_upsample(F.relu(self.norm1(x))))
        return self.conv2(F.relu(self.norm2(main))) + self.skip(_upsample(x))


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def _network(resolution: int) -> Network:
    return Network(
        title=f"SS-GAN {resolution}x{resolution}",
        resolution=resolution,
        source="arXiv 1811.11212 and github.com/kwotsin/mimicry",
        build=partial(ResNetGenerator, WIDTHS[resolution]),
        inputs=lambda batch: (torch.randn(batch, NOISE_DIM),),
    )


GENERATORS = {f"ss-gan-{resolution}": _network(resolution) for resolution in WIDTHS}
