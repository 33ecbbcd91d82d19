"""L2 attention: weights from distances between tied queries and keys. ViTGAN uses it for Lipschitz continuity."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from lada.attention import Attention


class L2Attention(Attention):
    """softmax_j(-||q_i - q_j||^2 / sqrt d_h) V per head, with W_Q = W_K, O(N^2)."""

    title = "L2"
    source = "Kim et al. 2021, arXiv 2006.04710; used by ViTGAN, arXiv 2107.04589"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.query = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, N).

        ||q_i||^2 is the same for every j, so the softmax cancels it and only 2 q_i.q_j - ||q_j||^2 is computed.
        """
        q, v = self.heads(self.query(x)), self.heads(self.value(x))  # (B, h, N, d_h)
        logits = 2 * q @ q.transpose(-1, -2) - q.square().sum(-1).unsqueeze(-2)  # (B, h, N, N)
        weights = torch.softmax(logits / math.sqrt(self.head_dim), dim=-1)
        out = self.output((weights @ v).transpose(1, 2).flatten(2))
        return (out, weights) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""

        def per_head(q: Tensor, v: Tensor) -> list[Tensor]:
            distances = [[-(a - b).square().sum() / math.sqrt(self.head_dim) for b in q] for a in q]
            return [naive.pool(naive.softmax(row), v) for row in distances]

        return self.output(torch.stack([naive.merge_heads(self.num_heads, per_head, self.query(t), self.value(t)) for t in x]))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 3 * num_tokens * dim**2 + 2 * num_tokens**2 * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 3 * dim**2 + 3 * dim
