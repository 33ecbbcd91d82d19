"""Layers that both networks share, and the differences between the authors' two code bases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lada.attention import Attention


@dataclass(frozen=True)
class Framework:
    """Conventions of one of the authors' code bases. The paper does not state them."""

    norm_eps: float  # epsilon of the discriminator's layer normalisation; the generator's is 1e-6 in both
    batchnorm_eps: float  # epsilon of batch normalisation
    batchnorm_momentum: float  # share of the new batch in the running statistics, as torch counts it
    stride2_padding: tuple[int, int, int, int]  # pixels added left, right, top, bottom
    depth_major: bool  # whether a pixel shuffle orders channels by the position in the 2x2 patch first
    fused_qkv: bool  # whether query, key and value weights are drawn as one orthogonal matrix
    orthogonal_positions: bool  # whether learned positions are drawn orthogonal; standard normal if not
    zero_biases: bool  # whether biases start at 0; at torch's uniform draw if not


FRAMEWORKS = {
    #                       norm  batch  momentum  padding      depth  fused  orthogonal positions, zero biases
    "tensorflow": Framework(1e-6, 1e-3, 0.01, (0, 1, 0, 1), True, False, True, True),  # torch's momentum is 1 - Keras's
    "pytorch": Framework(1e-5, 1e-5, 0.1, (1, 1, 1, 1), False, True, False, False),
}


class SelfModulatedLayerNorm(nn.Module):
    """SLN (equation 5): gamma(z) * LayerNorm(x) + beta(z), with gamma and beta from one shared ReLU layer.

    The paper does not print the shared layer, but the authors' code and the parameter counts contain it.
    """

    def __init__(self, dim: int, noise_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.hidden = nn.Linear(noise_dim, dim)
        self.gamma = nn.Linear(dim, dim)
        self.beta = nn.Linear(dim, dim)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Tokens (B, N, dim) and latents (B, noise_dim) -> (B, N, dim)."""
        hidden = torch.relu(self.hidden(z)).unsqueeze(1)  # (B, 1, dim)
        return self.gamma(hidden) * self.norm(x) + self.beta(hidden)


class PlainLayerNorm(nn.LayerNorm):
    """Layer normalisation with learned scale and offset (Table I, no modulation). It takes a latent and ignores it."""

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Tokens (B, N, dim) -> (B, N, dim)."""
        return super().forward(x)


class Block(nn.Module):
    """Ladaformer block: learned positions, attention with a skip, then an MLP with or without a skip (equations 9-11).

    In equation 10 the skip starts before the positions are added. In the authors' code it starts after; this follows the code.
    grid: tokens per side. mlp_dim: width of the MLP's hidden layer. norm: builds, from dim, a normalisation to call with (x, z).
    block_index: number of this block in its network, counted from 0; it is passed on to the attention.
    """

    def __init__(
        self,
        dim: int,
        grid: int,
        num_heads: int,
        mlp_dim: int,
        attention: type[Attention],
        norm: Callable[[int], nn.Module],
        mlp_residual: bool,
        block_index: int = 0,
    ) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.empty(grid**2, dim))
        self.norm1, self.norm2 = norm(dim), norm(dim)
        self.attention = attention(dim, num_heads, grid, block_index)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_dim), nn.GELU(), nn.Linear(mlp_dim, dim))
        self.mlp_residual = mlp_residual

    def forward(self, x: Tensor, z: Tensor | None = None, return_maps: bool = False) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, N, dim), latents (B, noise_dim) -> tokens (B, N, dim), and the attention map or None."""
        x = x + self.position
        attended, maps = self.attention(self.norm1(x, z), True) if return_maps else (self.attention(self.norm1(x, z)), None)
        x = attended + x
        out = self.mlp(self.norm2(x, z))
        return (out + x if self.mlp_residual else out), maps


def pixel_shuffle(x: Tensor, depth_major: bool) -> Tensor:
    """(B, 4C, H, W) -> (B, C, 2H, 2W), in TensorFlow's channel order (depth_major) or torch's."""
    if depth_major:
        x = x.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2)
    return F.pixel_shuffle(x, 2)


def pixel_unshuffle(x: Tensor, depth_major: bool) -> Tensor:
    """(B, C, 2H, 2W) -> (B, 4C, H, W), the inverse of `pixel_shuffle`."""
    x = F.pixel_unshuffle(x, 2)
    return x.unflatten(1, (-1, 4)).transpose(1, 2).flatten(1, 2) if depth_major else x


def to_tokens(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H*W, C)."""
    return x.flatten(2).transpose(1, 2)


def to_grid(x: Tensor, grid: int) -> Tensor:
    """(B, grid^2, C) -> (B, C, grid, grid)."""
    return x.transpose(1, 2).unflatten(-1, (grid, grid))


class LocalEmbeddingExpansion(nn.Module):
    """LEE (equation 8): pixel shuffle by 2, then optionally a 3x3 convolution to the next width."""

    def __init__(self, dim: int, next_dim: int, grid: int, conv: bool, framework: Framework) -> None:
        super().__init__()
        self.grid, self.depth_major = grid, framework.depth_major
        self.conv = nn.Conv2d(dim // 4, next_dim, 3, padding=1) if conv else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, N, dim) -> (B, 4N, next_dim)."""
        return to_tokens(self.conv(pixel_shuffle(to_grid(x, self.grid), self.depth_major)))


def initialise(network: nn.Module, framework: Framework) -> None:
    """Draws every weight as the authors' framework does. Parameters that only an attention mechanism has keep its own draw."""
    network.apply(partial(_initialise_module, framework=framework))


def _initialise_module(module: nn.Module, framework: Framework) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        orthogonal(module.weight)
        if module.bias is not None and framework.zero_biases:
            nn.init.zeros_(module.bias)
    if isinstance(module, Block):
        orthogonal(module.position) if framework.orthogonal_positions else nn.init.normal_(module.position)
    projections = [getattr(module, name, None) for name in ("query", "key", "value")]
    if framework.fused_qkv and all(projections):
        _draw_fused(*(projection.weight for projection in projections if projection is not None))


_quick_draws: ContextVar[bool] = ContextVar("quick_draws", default=False)


@contextmanager
def quick_draws() -> Iterator[None]:
    """Makes `orthogonal` draw plain normal weights, 100 times as fast. For networks of which only the cost matters."""
    token = _quick_draws.set(True)
    try:
        yield
    finally:
        _quick_draws.reset(token)


def orthogonal(weight: Tensor) -> None:
    """Draws an orthogonal matrix in place. Does nothing on the meta device, whose tensors hold no values."""
    if weight.is_meta:
        return
    if _quick_draws.get():
        nn.init.normal_(weight, std=0.02)
    else:
        nn.init.orthogonal_(weight)


@torch.no_grad()
def _draw_fused(*weights: Tensor) -> None:
    joint = torch.cat([weight.data for weight in weights])
    orthogonal(joint)
    for weight, part in zip(weights, joint.split([len(weight) for weight in weights]), strict=True):
        weight.copy_(part)
