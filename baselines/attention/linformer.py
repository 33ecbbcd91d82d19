"""Linformer: keys and values projected along the tokens to a fixed length."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from baselines.attention.dot_product import DotProductAttention
from lada.layers import orthogonal

PROJECTED_TOKENS = 64  # the paper's k


class LinformerAttention(DotProductAttention):
    """softmax(Q (E K)^T / sqrt d_h) F V per head, with E, F (k, N) learned and shared by the heads; k is at most N."""

    title = "Linformer (k=64)"
    source = "Wang et al. 2020, arXiv 2006.04768"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0, projected: int = PROJECTED_TOKENS) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        k = min(projected, grid**2)
        self.project_keys = nn.Parameter(torch.empty(k, grid**2))
        self.project_values = nn.Parameter(torch.empty(k, grid**2))
        orthogonal(self.project_keys)
        orthogonal(self.project_values)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, k)."""
        q = self.heads(self.query(x))  # (B, h, N, d_h)
        k = self.heads(self.project_keys @ self.key(x))  # (B, h, k, d_h)
        v = self.heads(self.project_values @ self.value(x))  # (B, h, k, d_h)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.head_dim), dim=-1)  # (B, h, N, k)
        out = self.output((weights @ v).transpose(1, 2).flatten(2))
        return (out, weights) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            keys = [naive.pool(row, k) for row in self.project_keys]
            values = [naive.pool(row, v) for row in self.project_values]
            return [naive.attend(query, keys, values) for query in q]

        images = [naive.merge_heads(self.num_heads, per_head, self.query(t), self.key(t), self.value(t)) for t in x]
        return self.output(torch.stack(images))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 4 * num_tokens * dim**2 + 4 * num_tokens * min(PROJECTED_TOKENS, num_tokens) * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 4 * dim**2 + 4 * dim + 2 * min(PROJECTED_TOKENS, num_tokens) * num_tokens
