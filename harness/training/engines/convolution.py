"""A convolution whose second derivative uses the fast weight-gradient kernel. R1 needs that derivative.

PyTorch's own double backward computes the weight gradient as a convolution with the batch as channels and a kernel as large as
the image. On a CPU, wide 3x3 convolutions use Winograd's algorithm. The function and all its derivatives equal nn.Conv2d's.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness.training.engines import winograd
from harness.training.engines.gradients import gradient_is_wanted
from harness.training.replace import replace_layers

Geometry = tuple[tuple[int, ...], tuple[int, ...]]  # stride, padding


class TwiceConv2d(nn.Conv2d):
    """nn.Conv2d with another backward pass. `use_twice_convolutions` makes it."""

    def forward(self, img: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D, H', W')."""
        weight = self.weight
        if torch.is_autocast_enabled(img.device.type):  # converted here, where autograd records it
            dtype = torch.get_autocast_dtype(img.device.type)
            img, weight = img.to(dtype), weight.to(dtype)
        out = _Convolution.apply(img, weight, (self.stride, self.padding))
        return out if self.bias is None else out + self.bias[:, None, None]


def use_twice_convolutions(network: nn.Module, min_channels: int = 1) -> None:
    """Turns each plain nn.Conv2d inside `network` with at least `min_channels` in and out into a TwiceConv2d, in place.

    Parameters and state dict do not change. Without compilation, narrow convolutions would get slower: their calls cost more than
    they save.
    """
    replace_layers(network, lambda layer: _as_twice_convolution(layer, min_channels))


def _as_twice_convolution(layer: nn.Module, min_channels: int) -> TwiceConv2d | None:
    if type(layer) is not nn.Conv2d or layer.groups != 1 or set(layer.dilation) != {1}:
        return None
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str) or min(layer.weight.shape[:2]) < min_channels:
        return None
    options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias is not None}
    size: Any = layer.kernel_size
    return TwiceConv2d(layer.in_channels, layer.out_channels, size, **options, device="meta")  # meta: draws no weights


class _Convolution(torch.autograd.Function):
    """(img, weight) -> the convolution. Its derivatives of any order are made of this function and the two gradients below."""

    @staticmethod
    def forward(ctx: Any, img: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(img, weight)
        ctx.geometry = geometry
        if winograd.applies(img, weight, *geometry):
            return winograd.convolve(img, weight)
        return torch.nn.functional.conv2d(img, weight, None, *geometry)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        (img, weight), geometry = ctx.saved_tensors, ctx.geometry
        by_img = _ByImage.apply(grad_out, weight, img, geometry) if gradient_is_wanted(ctx, 0) else None
        by_weight = _ByWeight.apply(grad_out, img, weight, geometry) if gradient_is_wanted(ctx, 1) else None
        return by_img, by_weight, None


class _ByImage(torch.autograd.Function):
    """(grad_out, weight) -> the gradient by the image. Only the shape of `img` is used."""

    @staticmethod
    def forward(ctx: Any, grad_out: Tensor, weight: Tensor, img: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(grad_out, weight)
        ctx.geometry = geometry
        if winograd.applies(img, weight, *geometry):
            return winograd.by_image(grad_out, weight)
        return _gradient(grad_out, img, weight, geometry, 0)

    @staticmethod
    def backward(ctx: Any, grad_grad: Tensor) -> tuple[Tensor | None, ...]:
        (grad_out, weight), geometry = ctx.saved_tensors, ctx.geometry
        by_grad_out = _Convolution.apply(grad_grad, weight, geometry) if gradient_is_wanted(ctx, 0) else None
        by_weight = _ByWeight.apply(grad_out, grad_grad, weight, geometry) if gradient_is_wanted(ctx, 1) else None
        return by_grad_out, by_weight, None, None


class _ByWeight(torch.autograd.Function):
    """(grad_out, img) -> the gradient by the weight. Only the shape of `weight` is used."""

    @staticmethod
    def forward(ctx: Any, grad_out: Tensor, img: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(grad_out, img)
        ctx.geometry = geometry
        if winograd.applies(img, weight, *geometry):
            return winograd.by_weight(grad_out, img)
        return _gradient(grad_out, img, weight, geometry, 1)

    @staticmethod
    def backward(ctx: Any, grad_grad: Tensor) -> tuple[Tensor | None, ...]:
        (grad_out, img), geometry = ctx.saved_tensors, ctx.geometry
        by_grad_out = _Convolution.apply(img, grad_grad, geometry) if gradient_is_wanted(ctx, 0) else None
        by_img = _ByImage.apply(grad_out, grad_grad, img, geometry) if gradient_is_wanted(ctx, 1) else None
        return by_grad_out, by_img, None, None


def _gradient(grad_out: Tensor, img: Tensor, weight: Tensor, geometry: Geometry, which: int) -> Tensor:
    """The convolution's gradient by the image (which = 0) or by the weight (1)."""
    stride, padding = geometry
    wanted = [which == 0, which == 1, False]
    return torch.ops.aten.convolution_backward(grad_out, img, weight, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)[
        which
    ]
