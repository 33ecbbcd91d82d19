"""A faster form of lada.attention: the same function, parameters and gradients, with less arithmetic and memory."""

import math
import sys
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from lada.attention import AdditiveAttention

TILE = 2048  # tokens worked on at a time on the CPU without gradients, so that their keys and values fit the cache


class FusedAdditiveAttention(AdditiveAttention):
    """Additive attention in one pass over the tokens, without the query projection of every token.

    The weights alpha sum to one, so with W_q, b_q the query projection and w the scores (equations 1 and 2):

        logits_i = x_i (w W_q)^T + const,   g = sum_i alpha_i q_i = W_q (sum_i alpha_i x_i) + b_q

    This replaces N dim^2 multiply-accumulates by N dim h and needs no (B, h, N, d) intermediate. On a GPU a Triton kernel pools
    the tokens by a running softmax and reads them once (lada.fused_kernel). Every path can be differentiated twice.
    """

    title = "Lada (additive), fused"
    source = "arXiv 2401.09596, equations 1-4, with the query projection folded"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.tile_images = max(1, TILE // grid**2)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds alpha (B, h, N)."""
        scores, offset = self.folded_scores()
        pooled = pool(x, scores, offset)  # (B, h, dim)
        weight = self.query.weight.unflatten(0, (self.num_heads, self.head_dim))  # (h, d_h, dim)
        g = torch.einsum("bhd,hed->bhe", pooled, weight).flatten(1) + self.query.bias  # (B, dim)
        out = self._mix(x, g.unsqueeze(1))
        return (out, additive_weights(x, scores, offset)) if return_maps else out

    def folded_scores(self) -> tuple[Tensor, Tensor]:
        """w W_q / sqrt d_h (h, dim), and the logits' constant (h), which cancels in the softmax."""
        scale = 1 / math.sqrt(self.head_dim)
        offset = F.linear(self.query.bias, self.score.weight, self.score.bias)
        return self.score.weight @ self.query.weight * scale, offset * scale

    def _mix(self, x: Tensor, g: Tensor) -> Tensor:
        """(g * k * v) W_O. Without gradients it works in place, and on the CPU tile by tile."""
        if torch.is_grad_enabled():
            return self.output(GatedProduct.apply(g, self.key(x), self.value(x)))
        if x.is_cuda:
            return self.output(self.key(x).mul_(self.value(x)).mul_(g))
        out = torch.empty_like(x)
        for images, gates, targets in zip(*(t.split(self.tile_images) for t in (x, g, out)), strict=True):
            for tile, target in zip(images.split(TILE, dim=1), targets.split(TILE, dim=1), strict=True):
                target.copy_(self.output(self.key(tile).mul_(self.value(tile)).mul_(gates)))
        return out

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image of this form. Tables count the canonical form, AdditiveAttention.macs."""
        return 3 * num_tokens * dim**2 + 2 * num_tokens * dim * num_heads + (num_heads + 1) * dim**2 + num_heads * dim


def additive_weights(x: Tensor, scores: Tensor, offset: Tensor) -> Tensor:
    """Softmax of x scores^T + offset over the tokens: (B, N, dim), (h, dim), (h) -> (B, h, N)."""
    return torch.softmax(F.linear(x, scores, offset), dim=1).transpose(1, 2)


def pool(x: Tensor, scores: Tensor, offset: Tensor) -> Tensor:
    """sum_i alpha_i x_i for each head, (B, h, dim): one kernel where `try_kernel` saw it run, two matrix products elsewhere."""
    if _RUNS.get(x.device) and x.dtype in (torch.float32, torch.bfloat16, torch.float16):
        return KernelPool.apply(x, scores.to(x.dtype), offset)
    return additive_weights(x, scores, offset) @ x


_RUNS: dict[torch.device, bool] = {}  # whether the kernel was seen to run there


def try_kernel(device: torch.device) -> bool:
    """Whether the Triton kernel runs on `device`: tried once, on real tensors. Where it does not, because there is no C compiler
    for Triton or its driver is too old, one warning says so."""
    if device.type == "cuda" and device not in _RUNS:
        _RUNS[device] = False
        try:
            x = torch.ones(1, 4, 8, device=device)
            _RUNS[device] = bool(torch.allclose(pool_tokens(x, x[0, :2]), x[:, :2]))  # of equal tokens the mean is any of them
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            print(
                f"warning: Lada's Triton kernel cannot run on {device} ({reason}); plain products do", file=sys.stderr, flush=True
            )
    return _RUNS.get(device, False)


@torch.library.custom_op("lada::pool_tokens", mutates_args=())
def pool_tokens(x: Tensor, scores: Tensor) -> Tensor:
    """The kernel as one operation, so that a step traced on tensors without memory holds the call and never launches it: tokens
    (B, N, dim), scores (h, dim) -> (B, h, dim)."""
    from lada.fused_kernel import pool_tokens as launch

    pooled: Tensor = launch(x, scores)
    return pooled.contiguous()  # as the compiler is told below


@pool_tokens.register_fake
def _(x: Tensor, scores: Tensor) -> Tensor:
    return x.new_empty(len(x), *scores.shape)


class KernelPool(Function):
    """`pool` by the Triton kernel. Its backward pass uses ordinary operations, which autograd can differentiate again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scores: Tensor, offset: Tensor) -> Tensor:
        ctx.save_for_backward(x, scores, offset)
        return pool_tokens(x, scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With t_i = G . x_i per head and mean t = sum alpha_i t_i: dx = alpha G + alpha (t - mean t) scores."""
        x, scores, offset = ctx.saved_tensors
        alpha = additive_weights(x, scores, offset)  # (B, h, N)
        t = gradient @ x.transpose(1, 2)  # (B, h, N)
        d_logits = alpha * (t - (alpha * t).sum(-1, keepdim=True))  # (B, h, N)
        dx = alpha.transpose(1, 2) @ gradient + d_logits.transpose(1, 2) @ scores
        return dx, torch.einsum("bhn,bnd->hd", d_logits, x), torch.zeros_like(offset)  # a constant's gradient is zero


class GatedProduct(Function):
    """g * k * v for g (B, 1, dim) and k, v (B, N, dim). For the backward pass it keeps its inputs, but no product of them."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, k: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(g, k, v)
        return (k * v).mul_(g)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g, k, v = ctx.saved_tensors
        gated = gradient * g
        return (gradient * k * v).sum(1, keepdim=True), gated * v, gated * k
