"""Triton kernel: softmax-weighted mean of the tokens in one pass, by a running softmax. Import it only where Triton can run."""

import torch
import triton
import triton.language as tl
from torch import Tensor

MAX_SPLITS = 64


@triton.jit
def _pool_split(  # type: ignore[no-untyped-def]  # compiled by Triton, which reads the annotations itself
    x_ptr, scores_ptr, largest_ptr, total_ptr, sum_ptr, num_tokens, split_tokens, dim,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """One program per (image, head, split). It stores the split's largest logit, and sums of exp(logit - largest) and of that
    times x.
    """
    image, head, split = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2)
    slot = (image * tl.num_programs(1) + head) * tl.num_programs(2) + split
    columns = tl.arange(0, BLOCK_D)
    inside = columns < dim
    score = tl.load(scores_ptr + head * dim + columns, mask=inside, other=0.0).to(tl.float32)  # (D,)
    largest = tl.full([], -float("inf"), tl.float32)
    total = tl.full([], 0.0, tl.float32)
    pooled = tl.zeros([BLOCK_D], dtype=tl.float32)
    first = split * split_tokens
    last = tl.minimum(first + split_tokens, num_tokens)
    for start in range(first, last, BLOCK_N):
        rows = start + tl.arange(0, BLOCK_N)
        offsets = (image * num_tokens + rows[:, None]) * dim + columns[None, :]
        x = tl.load(x_ptr + offsets, mask=(rows[:, None] < last) & inside[None, :], other=0.0).to(tl.float32)  # (N, D)
        logits = tl.where(rows < last, tl.sum(x * score[None, :], axis=1), -float("inf"))  # (N,)
        new_largest = tl.maximum(largest, tl.max(logits, axis=0))
        shrink = tl.exp(largest - new_largest)
        weights = tl.exp(logits - new_largest)
        total = total * shrink + tl.sum(weights, axis=0)
        pooled = pooled * shrink + tl.sum(weights[:, None] * x, axis=0)
        largest = new_largest
    tl.store(largest_ptr + slot, largest)
    tl.store(total_ptr + slot, total)
    tl.store(sum_ptr + slot * dim + columns, pooled, mask=inside)


def pool_tokens(x: Tensor, scores: Tensor, block_tokens: int | None = None, splits: int | None = None) -> Tensor:
    """sum_i softmax_i(x . scores_h) x_i: tokens (B, N, dim), scores (h, dim) -> (B, h, dim), accumulated in float32.

    A long sequence is cut into `splits` parts, so that even a few images fill the device. The parts' sums are combined here.
    """
    x, scores = x.contiguous(), scores.contiguous()
    batch, num_tokens, dim = x.shape
    heads, block_d = len(scores), triton.next_power_of_2(dim)
    block_tokens = block_tokens or max(1, 8192 // block_d)  # 8192 values of x in registers at a time
    splits = splits or min(MAX_SPLITS, max(1, 1024 // (batch * heads)), triton.cdiv(num_tokens, 4 * block_tokens))
    split_tokens = triton.cdiv(num_tokens, splits)
    splits = triton.cdiv(num_tokens, split_tokens)  # none is empty
    largest, total = (x.new_empty(batch, heads, splits, dtype=torch.float32) for _ in range(2))
    sums = x.new_empty(batch, heads, splits, dim, dtype=torch.float32)
    _pool_split[(batch, heads, splits)](
        x, scores, largest, total, sums, num_tokens, split_tokens, dim, BLOCK_N=block_tokens, BLOCK_D=block_d
    )
    share = torch.exp(largest - largest.amax(-1, keepdim=True))  # (B, h, splits)
    pooled = torch.einsum("bhs,bhsd->bhd", share, sums) / (share * total).sum(-1, keepdim=True)
    return pooled.to(x.dtype)
