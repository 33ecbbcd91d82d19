"""A convolution whose second derivative, which R1 needs, takes the fast weight-gradient kernel.

PyTorch's own double backward computes that weight gradient as a convolution with the batch as channels and a kernel as large as
the image. The function and all its derivatives are those of nn.Conv2d.
"""

import torch
from torch import Tensor, nn

Geometry = tuple[tuple[int, ...], tuple[int, ...]]  # stride, padding


class TwiceConv2d(nn.Conv2d):
    """nn.Conv2d with another backward; made by `use_twice_convolutions`."""

    def forward(self, img: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D, H', W')."""
        weight = self.weight
        if torch.is_autocast_enabled(img.device.type):  # here, where autograd sees the conversion
            dtype = torch.get_autocast_dtype(img.device.type)
            img, weight = img.to(dtype), weight.to(dtype)
        out = _Convolution.apply(img, weight, (self.stride, self.padding))
        return out if self.bias is None else out + self.bias[:, None, None]


def use_twice_convolutions(network: nn.Module) -> None:
    """Turns each plain nn.Conv2d inside `network` into a TwiceConv2d, in place; parameters and state dict stay what they are."""
    for module in network.modules():
        simple = type(module) is nn.Conv2d and module.groups == 1 and set(module.dilation) == {1}
        if simple and module.padding_mode == "zeros" and not isinstance(module.padding, str):
            module.__class__ = TwiceConv2d


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, img: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(img, weight)
        ctx.geometry = geometry
        return torch.nn.functional.conv2d(img, weight, None, *geometry)

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor | None, ...]:
        by_img, by_weight = _Backward.apply(slope, *ctx.saved_tensors, ctx.geometry, ctx.needs_input_grad[:2])
        return by_img, by_weight, None


class _Backward(torch.autograd.Function):
    """The two gradients of a convolution, as a function of (slope, img, weight) that is linear in each."""

    @staticmethod
    def forward(ctx, slope: Tensor, img: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(slope, img, weight)
        ctx.geometry = geometry
        ctx.set_materialize_grads(False)
        by_img, by_weight = wanted  # two calls, so that a traced step drops the one whose result nothing uses
        return (
            _gradient(slope, img, weight, geometry, 0) if by_img else None,
            _gradient(slope, img, weight, geometry, 1) if by_weight else None,
        )

    @staticmethod
    def backward(ctx, of_img: Tensor | None, of_weight: Tensor | None) -> tuple[Tensor | None, ...]:
        (slope, img, weight), geometry = ctx.saved_tensors, ctx.geometry
        wants_slope, wants_img, wants_weight = ctx.needs_input_grad[:3]
        by_slope = by_img = by_weight = None
        if of_img is not None:
            by_slope = torch.nn.functional.conv2d(of_img, weight, None, *geometry) if wants_slope else None
            by_weight = _gradient(slope, of_img, weight, geometry, 1) if wants_weight else None
        if of_weight is not None:
            by_img = _gradient(slope, img, of_weight, geometry, 0) if wants_img else None
            if wants_slope:
                more = torch.nn.functional.conv2d(img, of_weight, None, *geometry)
                by_slope = more if by_slope is None else by_slope + more
        return by_slope, by_img, by_weight, None, None


def _gradient(slope: Tensor, img: Tensor, weight: Tensor, geometry: Geometry, which: int) -> Tensor:
    """The convolution's gradient by the image (which = 0) or by the weight (1)."""
    stride, padding = geometry
    wanted = [which == 0, which == 1, False]
    return torch.ops.aten.convolution_backward(slope, img, weight, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)[which]
