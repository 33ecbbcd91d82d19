"""nn.Linear by oneDNN's product instead of MKL's, for fp32 on a CPU. The function and all its derivatives equal nn.Linear's.

MKL repeats its results on every x86-64 machine only with its compatible kernels, which use SSE2 (harness.pinned). oneDNN's AVX2
kernels with fused multiply-adds repeat too, and large products are 2 to 3 times as fast. A small one takes longer than MKL's: a
call costs some 0.1 ms. MKL with a free choice of kernels is faster still, so a process whose arithmetic is not pinned keeps MKL.
"""

import os
from typing import Any

import torch
from torch import Tensor, nn

from harness.training.engines.gradients import gradient_is_wanted
from harness.training.replace import replace_layers

SMALL = 2**21  # multiply-accumulates; below it MKL's compatible kernels take less time, with both gradients


class OneDnnLinear(nn.Linear):
    """nn.Linear with another product. `use_onednn_products` makes it."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim_in) -> (..., dim_out)."""
        if torch.is_autocast_enabled(x.device.type) or x.numel() * self.out_features < SMALL:
            return super().forward(x)
        out: Tensor = _Product.apply(x.reshape(-1, self.in_features), self.weight, self.bias)
        return out.unflatten(0, x.shape[:-1])


def use_onednn_products(network: nn.Module) -> None:
    """Turns each plain nn.Linear inside `network` into a OneDnnLinear, in place, where MKL is pinned to its compatible mode."""
    on_cpu = next(network.parameters()).device.type == "cpu" and torch.backends.mkldnn.is_available()
    if on_cpu and os.environ.get("MKL_CBWR") == "COMPATIBLE":
        replace_layers(network, _as_onednn_linear)


def _as_onednn_linear(layer: nn.Module) -> OneDnnLinear | None:
    if type(layer) is not nn.Linear:
        return None
    return OneDnnLinear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")  # meta: draws no weights


class _Product(torch.autograd.Function):
    """a b^T + bias: (M, K), (N, K), (N) or None -> (M, N). Its gradients are such products, so it can be differentiated again."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(a, b)
        if a.dtype is torch.float32:
            return torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
        return nn.functional.linear(a, b, bias)  # oneDNN has no float64, in which engines.verify compares

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        by_a = _Product.apply(gradient, b.t(), None) if gradient_is_wanted(ctx, 0) else None
        by_b = _Product.apply(gradient.t(), a.t(), None) if gradient_is_wanted(ctx, 1) else None
        by_bias = gradient.sum(0) if gradient_is_wanted(ctx, 2) else None
        return by_a, by_b, by_bias
