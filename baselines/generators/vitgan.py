"""ViTGAN's generator: a Transformer modulated by the latent, and an implicit network that paints each token's patch.

Lee et al. 2021, arXiv 2107.04589, equations 15-19. Width 384, 6 heads, MLP 1536; the depth at each resolution is inferred from
the printed multiply-accumulates (32x32 prints none and takes 4 blocks).
"""

import itertools
from functools import partial

import torch
from torch import Tensor, nn

from baselines.attention.dot_product import DotProductAttention
from baselines.generators.network import Network

DIM, HEADS, MLP_DIM, MAPPING_LAYERS, IMPLICIT_DIM = 384, 6, 1536, 8, 512


class ViTGan(nn.Module):
    """Latents (B, 384) -> images (B, 3, R, R), from (R / patch)^2 tokens."""

    def __init__(self, resolution: int, patch: int, depth: int) -> None:
        super().__init__()
        self.grid, self.patch = resolution // patch, patch
        layers = [layer for _ in range(MAPPING_LAYERS) for layer in (nn.Linear(DIM, DIM), nn.LeakyReLU(0.2))]
        self.mapping = nn.Sequential(*layers)
        self.position = nn.Parameter(0.02 * torch.randn(self.grid**2, DIM))
        self.blocks = nn.ModuleList(Block(self.grid) for _ in range(depth))
        self.norm = ModulatedNorm()
        self.painter = Painter(patch)

    def forward(self, z: Tensor) -> Tensor:
        """(B, 384) -> (B, 3, R, R)."""
        w = self.mapping(z)
        x = self.position.expand(len(z), -1, -1)  # (B, N, 384)
        for block in self.blocks:
            x = block(x, w)
        patches = self.painter(self.norm(x, w))  # (B, N, patch^2, 3)
        img = patches.unflatten(2, (self.patch, self.patch)).unflatten(1, (self.grid, self.grid))
        return img.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)  # (B, 3, R, R)


class Block(nn.Module):
    """Attention and MLP, each after a modulated norm and with a skip."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ModulatedNorm(), ModulatedNorm()
        self.attention = DotProductAttention(DIM, HEADS, grid)
        self.mlp = nn.Sequential(nn.Linear(DIM, MLP_DIM), nn.GELU(), nn.Linear(MLP_DIM, DIM))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Tokens (B, N, 384), latents (B, 384) -> (B, N, 384)."""
        x = x + self.attention(self.norm1(x, w))
        return x + self.mlp(self.norm2(x, w))


class ModulatedNorm(nn.Module):
    """gamma(w) * LayerNorm(x) + beta(w), equation 17."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(DIM, elementwise_affine=False)
        self.gamma, self.beta = nn.Linear(DIM, DIM), nn.Linear(DIM, DIM)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, N, 384), (B, 384) -> (B, N, 384)."""
        return self.gamma(w)[:, None] * self.norm(x) + self.beta(w)[:, None]


class Painter(nn.Module):
    """Colour of every pixel from its Fourier features, by layers whose inputs the token scales."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        side = torch.linspace(-1, 1, patch)
        places = torch.cartesian_prod(side, side).flip(1)  # rows first, as the pixels lie
        self.register_buffer("places", places, persistent=False)
        self.fourier = nn.Linear(2, DIM)
        widths = (DIM, IMPLICIT_DIM, IMPLICIT_DIM, 3)
        self.layers = nn.ModuleList(nn.Linear(dim, dim_out) for dim, dim_out in itertools.pairwise(widths))
        self.styles = nn.ModuleList(nn.Linear(DIM, dim) for dim in widths[:-1])

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, 384) -> (B, N, pixels of a patch, 3)."""
        x = torch.sin(self.fourier(self.places))  # (P, 384)
        for index, (layer, style) in enumerate(zip(self.layers, self.styles, strict=True)):
            x = layer(x * style(tokens).unsqueeze(2))  # (B, N, P, dim_out)
            x = torch.sin(x) if index < len(self.layers) - 1 else x
        return x


def _network(resolution: int, patch: int, depth: int, note: str) -> Network:
    return Network(
        title=f"ViTGAN {resolution}x{resolution}, {depth} blocks",
        resolution=resolution,
        source="arXiv 2107.04589; counts printed by arXiv 2401.09596, Table V",
        build=partial(ViTGan, resolution, patch, depth),
        inputs=lambda batch: (torch.randn(batch, DIM),),
        note=note,
    )


_INFERRED = "the depth is inferred from the printed MACs"
GENERATORS = {
    "vitgan-32": _network(32, 4, 4, "nothing is printed at this size: the depth is a choice"),
    "vitgan-64": _network(64, 8, 6, f"{_INFERRED}; no configuration that they allow has the printed 38M parameters"),
    "vitgan-128": _network(128, 8, 8, _INFERRED),
    "vitgan-256": _network(256, 8, 8, _INFERRED),
}
