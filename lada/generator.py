"""The LadaGAN generator (paper, section III-B, Figure 3)."""

from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from lada.attention import AdditiveAttention, Attention
from lada.configs import GeneratorConfig
from lada.layers import (
    FRAMEWORKS,
    Block,
    Framework,
    LocalEmbeddingExpansion,
    PlainLayerNorm,
    SelfModulatedLayerNorm,
    initialise,
    pixel_shuffle,
    to_grid,
)


class Generator(nn.Module):
    """Maps latents to images by attention blocks, whose grid doubles from each to the next, and an output stage.

    `attention` is any subclass of lada.attention.Attention. Image values lie mostly in [-1, 1], and nothing clips them.
    Seed torch before constructing.
    """

    def __init__(self, config: GeneratorConfig, attention: type[Attention] = AdditiveAttention) -> None:
        super().__init__()
        self.config = config
        framework = FRAMEWORKS[config.framework]
        norm = partial(SelfModulatedLayerNorm, noise_dim=config.noise_dim) if config.modulation else _plain_norm
        self.linear = nn.Linear(config.noise_dim, config.base**2 * config.dims[0], bias=False)
        self.blocks = nn.ModuleList(
            Block(dim, grid, config.num_heads, config.mlp_dim, attention, norm, config.mlp_residual, index)
            for index, (dim, grid) in enumerate(zip(config.dims, config.grids, strict=True))
        )
        self.expansions = nn.ModuleList(
            LocalEmbeddingExpansion(dim, next_dim, grid, config.lee_conv, framework)
            for (dim, next_dim), grid in zip(pairwise(config.dims), config.grids, strict=False)
        )
        self.output = Output(config, framework)
        initialise(self, framework)

    def forward(self, z: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Latents (B, noise_dim) -> images (B, 3, R, R). `return_maps` adds each block's attention map."""
        x = self.linear(z).unflatten(-1, (self.config.base**2, -1))  # (B, base^2, dims[0])
        x, attention_map = self.blocks[0](x, z, return_maps)
        maps = [attention_map]
        for expansion, block in zip(self.expansions, self.blocks[1:], strict=True):
            x, attention_map = block(expansion(x), z, return_maps)  # (B, 4N, next_dim)
            maps.append(attention_map)
        img = self.output(to_grid(x, self.config.grids[-1]))
        return (img, maps) if return_maps else img


class Output(nn.Module):
    """Maps the last features to RGB: directly, after a pixel shuffle (patch generation), or through a convolutional decoder."""

    def __init__(self, config: GeneratorConfig, framework: Framework) -> None:
        super().__init__()
        self.depth_major = framework.depth_major if config.output == "patch" else None
        dims = (config.dims[-1], *config.decoder_dims)
        stages = [_decoder_stage(dim, dim_out, framework) for dim, dim_out in pairwise(dims)]
        self.decoder = nn.Sequential(*stages)
        self.conv = nn.Conv2d(dims[-1] // 4 if config.output == "patch" else dims[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 3, R, R)."""
        if self.depth_major is not None:
            x = pixel_shuffle(x, self.depth_major)  # (B, C/4, 2H, 2W)
        return self.conv(self.decoder(x))


def _decoder_stage(dim: int, dim_out: int, framework: Framework) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv2d(dim, dim_out, 3, padding=1),
        nn.BatchNorm2d(dim_out, eps=framework.batchnorm_eps, momentum=framework.batchnorm_momentum),
        nn.LeakyReLU(0.2),
    )


def _plain_norm(dim: int) -> nn.Module:
    return PlainLayerNorm(dim, eps=1e-6)
