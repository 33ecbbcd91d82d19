"""The LadaGAN discriminators (paper, section III-C, Figure 4): with attention, and the convolutional one of Table I."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from lada.attention import AdditiveAttention, Attention
from lada.configs import DiscriminatorConfig
from lada.layers import FRAMEWORKS, Block, Framework, PlainLayerNorm, initialise, pixel_unshuffle, to_grid, to_tokens


class Discriminator(nn.Module):
    """Maps images to logits by a residual convolutional encoder, attention or one more DownBlock, and a convolutional head.

    Kind "lada" takes any subclass of lada.attention.Attention, on 2 base x 2 base tokens. Kind "conv" has neither attention nor
    batch normalisation. Seed torch before constructing.
    """

    def __init__(self, config: DiscriminatorConfig, attention: type[Attention] = AdditiveAttention) -> None:
        super().__init__()
        self.config = config
        framework = FRAMEWORKS[config.framework]
        has_attention = config.kind == "lada"
        dims = config.encoder_dims if has_attention else (*config.encoder_dims, config.head_dims[0])
        self.stem = nn.Sequential(nn.Conv2d(3, dims[0], 3, padding=1, bias=False), nn.LeakyReLU(0.2))
        self.encoder = nn.Sequential(*(DownBlock(dim, dim_out, has_attention, framework) for dim, dim_out in pairwise(dims)))
        self.attention = AttentionStage(config, attention, framework) if has_attention else nn.Identity()
        self.head = nn.Sequential(
            nn.Conv2d(config.head_dims[0], config.head_dims[1], 1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(config.head_dims[1], 1, 4, bias=False),
        )
        initialise(self, framework)

    def forward(self, img: Tensor) -> Tensor:
        """Images (B, 3, R, R) -> logits (B, (base - 3)^2), the flattened output of the 4x4 convolution."""
        return self.head(self.attention(self.encoder(self.stem(img)))).flatten(1)


class AttentionStage(nn.Module):
    """A Ladaformer block with plain normalisation and an MLP skip, then space-to-depth and a 3x3 convolution."""

    def __init__(self, config: DiscriminatorConfig, attention: type[Attention], framework: Framework) -> None:
        super().__init__()
        dim, grid = config.encoder_dims[-1], 2 * config.base
        norm = partial(PlainLayerNorm, eps=framework.norm_eps)
        self.grid = grid
        self.block = Block(dim, grid, config.num_heads, config.mlp_dim, attention, norm, mlp_residual=True)
        self.conv = nn.Conv2d(4 * dim, config.head_dims[0], 3, padding=1)
        self.depth_major = framework.depth_major

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, 2 base, 2 base) -> (B, head_dims[0], base, base)."""
        x, _ = self.block(to_tokens(x))  # (B, N, dim)
        return self.conv(pixel_unshuffle(to_grid(x, self.grid), self.depth_major))


class DownBlock(nn.Module):
    """Halves the image: the mean of a strided two-convolution branch and an average-pooled 1x1 branch."""

    def __init__(self, dim: int, dim_out: int, batchnorm: bool, framework: Framework) -> None:
        super().__init__()
        batch_norm = partial(nn.BatchNorm2d, eps=framework.batchnorm_eps, momentum=framework.batchnorm_momentum)
        norm: Callable[[int], nn.Module] = batch_norm if batchnorm else nn.Identity
        self.padding = framework.stride2_padding
        self.main = nn.Sequential(
            nn.Conv2d(dim, dim_out, 3, stride=2, bias=False),
            norm(dim_out),
            nn.LeakyReLU(0.2),
            nn.Conv2d(dim_out, dim_out, 3, padding=1, bias=False),
            norm(dim_out),
            nn.LeakyReLU(0.2),
        )
        self.direct = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(dim, dim_out, 1, bias=False), norm(dim_out), nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) -> (B, dim_out, H/2, W/2)."""
        return (self.main(F.pad(x, self.padding)) + self.direct(x)) / 2
