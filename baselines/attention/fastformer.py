"""Fastformer's additive attention, as in its official implementation: the values are the queries, no output projection."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from lada.attention import Attention


class FastformerAttention(Attention):
    """Two additive poolings per head, over tokens i = 1..N:

    a = softmax_i(w_q . q_i / sqrt d_h),  g = sum a_i q_i,  p_i = g * k_i,
    b = softmax_i(w_k . p_i / sqrt d_h),  c = sum b_i p_i,  out_i = W_t (c * q_i) + q_i.
    """

    title = "Fastformer"
    source = "Wu et al. 2021, arXiv 2108.09084, and github.com/wuch15/Fastformer"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.query_score = nn.Linear(dim, num_heads)
        self.key_score = nn.Linear(dim, num_heads)
        self.transform = nn.Linear(dim, dim)

    def _pool(self, tokens: Tensor, score: nn.Linear) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> the pooled vector (B, 1, dim) and the weights (B, N, h)."""
        weights = torch.softmax(score(tokens) / math.sqrt(self.head_dim), dim=1)
        heads = tokens.unflatten(-1, (self.num_heads, self.head_dim))  # (B, N, h, d_h)
        return torch.einsum("bnh,bnhd->bhd", weights, heads).flatten(1).unsqueeze(1), weights

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the query weights a (B, h, N)."""
        q = self.query(x)
        g, weights = self._pool(q, self.query_score)  # (B, 1, dim)
        c, _ = self._pool(g * self.key(x), self.key_score)  # (B, 1, dim)
        out = self.transform(c * q) + q
        return (out, weights.transpose(1, 2)) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""
        return torch.stack([self._reference_image(tokens) for tokens in x])

    def _reference_image(self, tokens: Tensor) -> Tensor:
        q = self.query(tokens)
        g = self._reference_pool(q, self.query_score)
        p = torch.stack([g * key for key in self.key(tokens)])
        c = self._reference_pool(p, self.key_score)
        return torch.stack([self.transform(c * query) + query for query in q])

    def _reference_pool(self, tokens: Tensor, score: nn.Linear) -> Tensor:
        scores, parts = score(tokens) / math.sqrt(self.head_dim), tokens.chunk(self.num_heads, dim=-1)
        return torch.cat([naive.pool(naive.softmax(scores[:, head]), part) for head, part in enumerate(parts)])

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 3 * num_tokens * dim**2 + 2 * num_tokens * dim * num_heads + 2 * num_tokens * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 3 * dim**2 + 3 * dim + 2 * (dim * num_heads + num_heads)
