"""BigGAN's generator for CIFAR-10: a residual network whose batch normalisation is conditioned on the class.

Brock et al. 2019, arXiv 1809.11096; width 64, a shared class embedding of 128, no attention and no split of the latent,
as in the authors' CIFAR-10 script, which DiffAugment's baseline keeps.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.generators.network import Network

NOISE_DIM, CLASS_DIM, CLASSES, BASE, WIDTH, BLOCKS = 128, 128, 10, 4, 256, 3


class BigGan(nn.Module):
    """Latents (B, 128), classes (B,) -> images (B, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CLASSES, CLASS_DIM)
        self.linear = nn.Linear(NOISE_DIM, WIDTH * BASE**2)
        self.blocks = nn.ModuleList(UpBlock() for _ in range(BLOCKS))
        self.output = nn.Sequential(nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Conv2d(WIDTH, 3, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """(B, 128), (B,) -> (B, 3, 32, 32)."""
        condition = self.embedding(label)  # (B, 128)
        x = self.linear(z).unflatten(1, (WIDTH, BASE, BASE))
        for block in self.blocks:
            x = block(x, condition)  # (B, 256, 2H, 2W)
        return self.output(x)


class UpBlock(nn.Module):
    """Twice the resolution: two 3x3 convolutions after conditional normalisations, and a 1x1 skip."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = ConditionalNorm(), ConditionalNorm()
        self.conv1, self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.skip = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, 256, H, W), (B, 128) -> (B, 256, 2H, 2W)."""
        main = self.conv1(F.interpolate(F.relu(self.norm1(x, condition)), scale_factor=2))
        main = self.conv2(F.relu(self.norm2(main, condition)))
        return main + self.skip(F.interpolate(x, scale_factor=2))


class ConditionalNorm(nn.Module):
    """Batch normalisation with gain 1 + G c and offset B c."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(WIDTH, affine=False)
        self.gain, self.offset = nn.Linear(CLASS_DIM, WIDTH, bias=False), nn.Linear(CLASS_DIM, WIDTH, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, 256, H, W), (B, 128) -> (B, 256, H, W)."""
        return self.norm(x) * (1 + self.gain(condition))[..., None, None] + self.offset(condition)[..., None, None]


GENERATORS = {
    "biggan-32": Network(
        title="BigGAN 32x32 (CIFAR-10)",
        resolution=32,
        source="arXiv 1809.11096 and github.com/ajbrock/BigGAN-PyTorch",
        build=BigGan,
        inputs=lambda batch: (torch.randn(batch, NOISE_DIM), torch.arange(batch) % CLASSES),
    )
}
