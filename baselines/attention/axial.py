"""Axial attention: every token attends along its row and along its column."""

import math

import torch
from torch import Tensor

from baselines.attention import naive
from baselines.attention.dot_product import DotProductAttention


class AxialAttention(DotProductAttention):
    """Mean of softmax(Q K^T / sqrt d_h) V along the token's row and along its column, one set of projections, O(N^1.5)."""

    title = "axial"
    source = "Ho et al. 2019, arXiv 1912.12180"

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, 2 grid): row, then column."""
        on_grid = [self.heads(project(x)).unflatten(2, (self.grid, self.grid)) for project in (self.query, self.key, self.value)]
        rows, row_maps = self._along_rows(*on_grid)  # (B, h, g, g, d_h)
        columns, column_maps = self._along_rows(*(t.transpose(2, 3) for t in on_grid))
        out = self.output(((rows + columns.transpose(2, 3)) / 2).flatten(2, 3).transpose(1, 2).flatten(2))
        maps = torch.cat([row_maps, column_maps.transpose(2, 3)], dim=-1) / 2  # (B, h, g, g, 2g)
        return (out, maps.flatten(2, 3)) if return_maps else out

    def _along_rows(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.head_dim), dim=-1)  # (B, h, g, g, g)
        return weights @ v, weights

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            out = []
            for i in range(len(q)):
                row = [j for j in range(len(q)) if j // self.grid == i // self.grid]
                column = [j for j in range(len(q)) if j % self.grid == i % self.grid]
                lines = [naive.attend(q[i], [k[j] for j in line], [v[j] for j in line]) for line in (row, column)]
                out.append((lines[0] + lines[1]) / 2)
            return out

        images = [naive.merge_heads(self.num_heads, per_head, self.query(t), self.key(t), self.value(t)) for t in x]
        return self.output(torch.stack(images))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 4 * num_tokens * dim**2 + 4 * num_tokens * math.isqrt(num_tokens) * dim
