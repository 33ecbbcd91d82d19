"""Scaled dot-product attention by explicit matrix products, so that R1 can differentiate it twice."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from lada.attention import Attention


class DotProductAttention(Attention):
    """softmax(Q K^T / sqrt d_h) V per head, O(N^2)."""

    title = "dot-product"
    source = "Vaswani et al. 2017, arXiv 1706.03762"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, N)."""
        q, k, v = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))  # (B, h, N, d_h)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.head_dim), dim=-1)  # (B, h, N, N)
        out = self.output((weights @ v).transpose(1, 2).flatten(2))
        return (out, weights) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            return [naive.attend(query, k, v) for query in q]

        images = [naive.merge_heads(self.num_heads, per_head, self.query(t), self.key(t), self.value(t)) for t in x]
        return self.output(torch.stack(images))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 4 * num_tokens * dim**2 + 2 * num_tokens**2 * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 4 * dim**2 + 4 * dim
