"""Swin's window attention: dot products inside windows, which shift in every other block."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from baselines.attention.dot_product import DotProductAttention
from baselines.attention.windows import fit_window, from_windows, roll_grid, to_windows

WINDOW = 8  # tokens per side; the paper's
OUTSIDE = -100.0  # added to the logit of two tokens that share a window only because of the cyclic shift


class SwinAttention(DotProductAttention):
    """softmax(Q K^T / sqrt d_h + B) V in window x window windows, rolled by half a window in odd blocks.

    B holds one learned bias per head and relative position. The window is at most as large as the grid, and one that covers the
    grid does not shift. Raises ValueError if windows do not tile the grid.
    """

    title = "Swin (8x8)"
    source = "Liu et al. 2021, arXiv 2103.14030"
    shifts = True
    bias_index: Tensor
    mask: Tensor

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0, window: int = WINDOW) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.grid, self.window = grid, fit_window(window, grid)
        self.shift = self.window // 2 if self.shifts and block_index % 2 and self.window < grid else 0
        self.bias = nn.Parameter(torch.empty((2 * self.window - 1) ** 2, num_heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.register_buffer("bias_index", relative_positions(self.window), persistent=False)
        self.register_buffer("mask", outside_mask(grid, self.window, self.shift), persistent=False)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N, window^2)."""
        x = to_windows(roll_grid(x, self.grid, -self.shift), self.grid, self.window)  # (B, W, w^2, dim)
        q, k, v = (self._window_heads(project(x)) for project in (self.query, self.key, self.value))  # (B, W, h, w^2, d_h)
        bias = self.bias[self.bias_index].permute(2, 0, 1)  # (h, w^2, w^2)
        logits = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim) + bias + self.mask  # (B, W, h, w^2, w^2)
        weights = torch.softmax(logits, dim=-1)
        out = self._to_tokens(self.output((weights @ v).transpose(2, 3).flatten(3)))
        if not return_maps:
            return out
        maps = self._to_tokens(weights.transpose(2, 3).flatten(3))  # (B, N, h w^2)
        return out, maps.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _window_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(2, 3)

    def _to_tokens(self, x: Tensor) -> Tensor:
        return roll_grid(from_windows(x, self.grid, self.window), self.grid, self.shift)

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads, tokens and the tokens they may see."""
        return self.output(torch.stack([self._reference_image(tokens) for tokens in x]))

    def _reference_image(self, tokens: Tensor) -> Tensor:
        count, side = range(len(tokens)), 2 * self.window - 1
        heads = iter(range(self.num_heads))

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            head, rows = next(heads), []
            for i in count:
                pairs = [(j, _offset(i, j, self.grid, self.window, self.shift)) for j in count]
                seen = [(j, offset) for j, offset in pairs if offset is not None]
                logits = [
                    (q[i] * k[j]).sum() / math.sqrt(self.head_dim)
                    + self.bias[(dy + self.window - 1) * side + dx + self.window - 1, head]
                    + (OUTSIDE if wrapped else 0)
                    for j, (dy, dx, wrapped) in seen
                ]
                rows.append(naive.pool(naive.softmax(logits), [v[j] for j, _ in seen]))
            return rows

        return naive.merge_heads(self.num_heads, per_head, self.query(tokens), self.key(tokens), self.value(tokens))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        return 4 * num_tokens * dim**2 + 2 * num_tokens * min(WINDOW**2, num_tokens) * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 4 * dim**2 + 4 * dim + (2 * min(WINDOW, math.isqrt(num_tokens)) - 1) ** 2 * num_heads


def relative_positions(window: int) -> Tensor:
    """Row of the bias table for each pair of tokens in a window, (w^2, w^2)."""
    coordinate = torch.arange(window)
    difference = coordinate[:, None] - coordinate[None, :] + window - 1  # (w, w)
    rows = difference[:, None, :, None] * (2 * window - 1) + difference[None, :, None, :]  # (w, w, w, w)
    return rows.reshape(window**2, window**2)


def outside_mask(grid: int, window: int, shift: int) -> Tensor:
    """OUTSIDE between tokens that were not neighbours before the roll, 0 between others, (windows, 1, w^2, w^2)."""
    band = torch.zeros(grid)
    if shift:
        band[grid - window : grid - shift] = 1
        band[grid - shift :] = 2
    label = to_windows((3 * band[:, None] + band[None, :]).reshape(1, grid**2, 1), grid, window)[0, :, :, 0]  # (W, w^2)
    return torch.where(label[:, None, :, None] == label[:, None, None, :], 0.0, OUTSIDE)


def _offset(i: int, j: int, grid: int, window: int, shift: int) -> tuple[int, int, bool] | None:
    """Offset of two tokens in the same rolled window, and whether the roll wrapped between them. None for different windows."""
    distance, wrapped = [], False
    for a, b in zip(divmod(i, grid), divmod(j, grid), strict=True):
        rolled_a, rolled_b = (a - shift) % grid, (b - shift) % grid
        if rolled_a // window != rolled_b // window:
            return None
        distance.append(rolled_a - rolled_b)
        wrapped |= a - b != rolled_a - rolled_b
    return distance[0], distance[1], wrapped
