"""Nystrom attention: softmax attention through landmarks, which are the means of equal segments of the sequence."""

import math

import torch
from torch import Tensor, nn

from baselines.attention import naive
from baselines.attention.dot_product import DotProductAttention

LANDMARKS = 64
KERNEL = 33  # length of the depthwise convolution over the values
ITERATIONS = 6  # of the pseudo-inverse, with four matrix products each


class NystromAttention(DotProductAttention):
    """softmax(Q K~^T) Z softmax(Q~ K^T) V + conv(V) per head, O(N). Q~ and K~ are the landmarks (m, d_h); queries are scaled.

    Z approximates the pseudo-inverse of softmax(Q~ K~^T) by six steps of the paper's iteration, separately for each head.
    There are at most N landmarks. Raises ValueError if their number does not divide N.
    """

    title = "Nystrom (m=64)"
    source = "Xiong et al. 2021, arXiv 2102.03902"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0, landmarks: int = LANDMARKS) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.landmarks = min(landmarks, grid**2)
        if grid**2 % self.landmarks:
            raise ValueError(f"given {grid**2} tokens; expected a multiple of {self.landmarks} landmarks; change base")
        self.conv = nn.Conv2d(num_heads, num_heads, (KERNEL, 1), padding=(KERNEL // 2, 0), groups=num_heads, bias=False)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds each token's weights on the landmarks (B, h, N, m)."""
        q = self.heads(self.query(x)) / math.sqrt(self.head_dim)  # (B, h, N, d_h)
        k, v = self.heads(self.key(x)), self.heads(self.value(x))
        q_marks, k_marks = (t.unflatten(2, (self.landmarks, -1)).mean(3) for t in (q, k))  # (B, h, m, d_h)
        to_marks = torch.softmax(q @ k_marks.transpose(-1, -2), dim=-1)  # (B, h, N, m)
        between = torch.softmax(q_marks @ k_marks.transpose(-1, -2), dim=-1)  # (B, h, m, m)
        from_marks = torch.softmax(q_marks @ k.transpose(-1, -2), dim=-1)  # (B, h, m, N)
        out = to_marks @ pseudo_inverse(between) @ (from_marks @ v) + self.conv(v)  # (B, h, N, d_h)
        out = self.output(out.transpose(1, 2).flatten(2))
        return (out, to_marks) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images, heads, tokens and landmarks."""
        return self.output(torch.stack([self._reference_image(tokens) for tokens in x]))

    def _reference_image(self, tokens: Tensor) -> Tensor:
        kernels, length = iter(self.conv.weight[:, 0, :, 0]), len(tokens) // self.landmarks

        def weights(queries: Tensor, keys: Tensor) -> Tensor:
            rows = [naive.softmax([(q * k).sum() / math.sqrt(self.head_dim) for k in keys]) for q in queries]
            return torch.stack([torch.stack(row) for row in rows])

        def per_head(q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
            q_marks, k_marks = (torch.stack([sum(part) / length for part in t.split(length)]) for t in (q, k))
            inverse = pseudo_inverse(weights(q_marks, k_marks))
            context = [naive.pool(row, v) for row in weights(q_marks, k)]
            mixed = [naive.pool(row, context) for row in inverse]
            kernel, half = next(kernels), KERNEL // 2
            near = [range(max(0, i - half), min(len(v), i + half + 1)) for i in range(len(v))]
            local = [sum(kernel[j - i + half] * v[j] for j in window) for i, window in enumerate(near)]
            return [naive.pool(row, mixed) + local[i] for i, row in enumerate(weights(q, k_marks))]

        return naive.merge_heads(self.num_heads, per_head, self.query(tokens), self.key(tokens), self.value(tokens))

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image."""
        m = min(LANDMARKS, num_tokens)
        landmarks = 4 * num_tokens * m * dim + m**2 * dim + num_heads * num_tokens * m**2
        return 4 * num_tokens * dim**2 + landmarks + 4 * ITERATIONS * num_heads * m**3 + KERNEL * num_tokens * dim

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 4 * dim**2 + 4 * dim + KERNEL * num_heads


def pseudo_inverse(a: Tensor) -> Tensor:
    """Moore-Penrose inverse of each (..., m, m) non-negative matrix, by the paper's third-order iteration (equation 11)."""
    identity = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    largest = a.sum(-1).amax(-1) * a.sum(-2).amax(-1)  # the product bounds the squared norm
    z = a.transpose(-1, -2) / largest[..., None, None]
    for _ in range(ITERATIONS):
        az = a @ z
        z = z @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az))) / 4
    return z
