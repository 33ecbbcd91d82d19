"""HiT's multi-axis attention: half of the heads work inside blocks, half across blocks. All share one key and value head."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from baselines.attention.windows import fit_window, from_windows, to_windows
from lada.attention import Attention

WINDOW = 8


class HitAttention(Attention):
    """Multi-query softmax(Q K^T / sqrt d_h) V over two axes of a grid that is cut into window x window blocks.

    In the first half of the heads, a token attends to the tokens of its own block. In the second half, it attends to the
    tokens at the same position in every block. Raises ValueError for an odd number of heads, or if blocks do not tile the grid.
    """

    title = "HiT multi-axis (8x8)"
    source = "Zhao et al. 2021, arXiv 2106.07631"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0, window: int = WINDOW) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        if num_heads % 2:
            raise ValueError(f"given num_heads {num_heads}; expected an even number, one half for each axis")
        self.window = fit_window(window, grid)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, self.head_dim)
        self.value = nn.Linear(dim, self.head_dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, max(window^2, blocks)).

        If the two axes differ in length, the weights of the shorter one are padded with zeros.
        """
        x = to_windows(x, self.grid, self.window)  # (B, W, w^2, dim)
        k, v = self.key(x), self.value(x)  # (B, W, w^2, d_h)
        inside, across = self.query(x).unflatten(-1, (2, -1)).unbind(-2)  # (B, W, w^2, dim / 2)
        inside, inside_maps = self._attend(inside, k, v)
        across, across_maps = self._attend(*(t.transpose(1, 2) for t in (across, k, v)))  # (B, w^2, W, dim / 2)
        out = torch.cat([inside, across.transpose(1, 2)], dim=-1)  # (B, W, w^2, dim)
        out = from_windows(self.output(out), self.grid, self.window)
        return (out, self._join_maps(inside_maps, across_maps.transpose(1, 2))) if return_maps else out

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """(B, G, M, h/2 d_h), (B, G, M, d_h) twice -> attention inside each group G, and its weights (B, G, M, h/2, M)."""
        q = q.unflatten(-1, (-1, self.head_dim)).transpose(2, 3)  # (B, G, h/2, M, d_h)
        logits = q @ k.unsqueeze(2).transpose(-1, -2) / math.sqrt(self.head_dim)  # (B, G, h/2, M, M)
        weights = torch.softmax(logits, dim=-1)
        return (weights @ v.unsqueeze(2)).transpose(2, 3).flatten(3), weights.transpose(2, 3)

    def _join_maps(self, *maps: Tensor) -> Tensor:
        width = max(self.window**2, (self.grid // self.window) ** 2)
        padded = [nn.functional.pad(m, (0, width - m.shape[-1])) for m in maps]
        joint = torch.cat(padded, dim=3).flatten(3)  # (B, W, w^2, h M)
        return from_windows(joint, self.grid, self.window).unflatten(-1, (self.num_heads, width)).transpose(1, 2)

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads and tokens."""
        return self.output(torch.stack([self._reference_image(tokens) for tokens in x]))

    def _reference_image(self, tokens: Tensor) -> Tensor:
        k, v = self.key(tokens), self.value(tokens)
        heads = iter(range(self.num_heads))
        window, grid = self.window, self.grid

        def per_head(q: Tensor) -> list[Tensor]:
            axis = (lambda i: (i // grid // window, i % grid // window), lambda i: (i // grid % window, i % grid % window))
            group_of, rows = axis[next(heads) >= self.num_heads // 2], []
            for i in range(len(q)):
                seen = [j for j in range(len(q)) if group_of(j) == group_of(i)]
                rows.append(naive.attend(q[i], [k[j] for j in seen], [v[j] for j in seen]))
            return rows

        return naive.merge_heads(self.num_heads, per_head, self.query(tokens))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        inside = min(WINDOW**2, num_tokens)
        projections = 2 * num_tokens * dim**2 + 2 * num_tokens * dim * (dim // num_heads)
        return projections + num_tokens * dim * inside + num_tokens * dim * (num_tokens // inside)

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        head_dim = dim // num_heads
        return 2 * dim**2 + 2 * dim + 2 * (dim * head_dim + head_dim)
