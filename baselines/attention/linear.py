"""Linear attention with the feature map elu(x) + 1."""

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.attention import naive
from baselines.attention.dot_product import DotProductAttention


class LinearAttention(DotProductAttention):
    """phi(Q) (phi(K)^T V) / (phi(Q) sum_j phi(k_j)) per head with phi = elu + 1, O(N)."""

    title = "linear (elu + 1)"
    source = "Katharopoulos et al. 2020, arXiv 2006.16236"

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the implied weights (B, h, N, N), which are O(N^2)."""
        q, k = (F.elu(self.heads(project(x))) + 1 for project in (self.query, self.key))  # (B, h, N, d_h)
        v = self.heads(self.value(x))  # (B, h, N, d_h)
        total = q @ k.sum(-2, keepdim=True).transpose(-1, -2)  # (B, h, N, 1)
        out = q @ (k.transpose(-1, -2) @ v) / total  # (B, h, N, d_h)
        out = self.output(out.transpose(1, 2).flatten(2))
        return (out, q @ k.transpose(-1, -2) / total) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            phi_q, phi_k = F.elu(q) + 1, F.elu(k) + 1
            rows = []
            for query in phi_q:
                similarities = [(query * key).sum() for key in phi_k]
                total = sum(similarities)
                rows.append(naive.pool([s / total for s in similarities], v))
            return rows

        images = [naive.merge_heads(self.num_heads, per_head, self.query(t), self.key(t), self.value(t)) for t in x]
        return self.output(torch.stack(images))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 4 * num_tokens * dim**2 + 2 * num_tokens * dim * (dim // num_heads) + num_tokens * dim
