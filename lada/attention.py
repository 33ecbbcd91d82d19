"""The base class of attention mechanisms, and LadaGAN's additive attention (paper, section III-A, equations 1-4)."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Base class of every mechanism. It maps tokens (B, N, dim) of a square grid, N = grid^2, to tokens (B, N, dim).

    dim: width of a token. num_heads: a divisor of dim. grid: tokens per side. block_index: number of the network's block that
    holds this attention, counted from 0, for mechanisms that alternate between blocks, as Swin's windows do.
    lada.layers.initialise draws the weights of every nn.Linear. The mechanism draws its other weights itself.
    Raises ValueError if num_heads does not divide dim.
    """

    title: ClassVar[str]  # as tables print it
    source: ClassVar[str]  # the publication, and the code that is followed where it differs
    twice_differentiable: ClassVar[bool] = True  # R1 needs second derivatives, so it refuses mechanisms without them

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.grid = num_heads, split_heads(dim, num_heads), grid

    def heads(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, h, N, d_h)."""
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the attention weights, which sum to one over the last axis."""
        raise NotImplementedError

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens. Tests compare `forward` with it."""
        raise NotImplementedError

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        raise NotImplementedError

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        raise NotImplementedError


class AdditiveAttention(Attention):
    """Multi-head additive attention in O(N): one attention weight per token and head, one global query per head.

    With q_i, k_i, v_i the projections of token i, per head of width d_h and for i = 1..N:

        alpha_i = exp(w . q_i / sqrt(d_h)) / sum_j exp(w . q_j / sqrt(d_h))     (1)
        g = sum_i alpha_i q_i                                                   (2)
        p_i = g * k_i   (element by element)                                    (3)
        r_i = p_i * v_i                                                         (4)

    The heads' r_i are concatenated and projected.
    """

    title = "Lada (additive)"
    source = "arXiv 2401.09596, equations 1-4"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.score = nn.Linear(dim, num_heads)  # w of equation 1, one column per head, over the whole query
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds alpha (B, h, N), which sums to one over N."""
        q = self.query(x)
        alpha = torch.softmax(self.score(q) / math.sqrt(self.head_dim), dim=1)  # (B, N, h)
        heads = q.unflatten(-1, (self.num_heads, self.head_dim))  # (B, N, h, d_h)
        g = torch.einsum("bnh,bnhd->bhd", alpha, heads).flatten(1).unsqueeze(1)  # (B, 1, dim)
        out = self.output(g * self.key(x) * self.value(x))
        return (out, alpha.transpose(1, 2)) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function for one image, head and token at a time, as the equations have it. Slow."""
        return torch.stack([self._reference_image(tokens) for tokens in x])

    def _reference_image(self, tokens: Tensor) -> Tensor:
        q, k, v, w = self.query(tokens), self.key(tokens), self.value(tokens), self.score(self.query(tokens))
        merged = []
        for head in range(self.num_heads):
            part = slice(head * self.head_dim, (head + 1) * self.head_dim)
            exponentials = [torch.exp(w[i, head] / math.sqrt(self.head_dim)) for i in range(len(tokens))]
            total = sum(exponentials)
            g = sum(e / total * q[i, part] for i, e in enumerate(exponentials))
            merged.append(torch.stack([g * k[i, part] * v[i, part] for i in range(len(tokens))]))
        return self.output(torch.cat(merged, dim=-1))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image: q, k, v and output projections, the scores, the pooling."""
        return 4 * num_tokens * dim**2 + num_tokens * dim * num_heads + num_tokens * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 4 * dim**2 + 4 * dim + dim * num_heads + num_heads


def split_heads(dim: int, num_heads: int) -> int:
    """Width of one head; ValueError if the heads do not divide `dim` evenly."""
    if num_heads < 1 or dim % num_heads:
        raise ValueError(f"given dim {dim} and num_heads {num_heads}; expected heads that divide dim; change num_heads")
    return dim // num_heads
