"""TF32 where there is no GPU: the operands of fp32 products and convolutions are rounded to 11 significant bits."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

ROUNDED = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::convolution", "aten::convolution_backward")
ROUNDED += ("mkldnn::_linear_pointwise",)


class Tf32(TorchDispatchMode):
    """While it is entered; sums stay fp32, as on the device."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: tuple = (), keywords: dict | None = None) -> Any:
        """Runs `function` on rounded operands where it is a product."""
        if function._schema.name in ROUNDED:
            arguments = tuple(map(rounded, arguments))
        return function(*arguments, **(keywords or {}))


def rounded(value: Any) -> Any:
    """An fp32 tensor with the last 13 of its 23 bits of mantissa rounded away; anything else as it is."""
    if not (isinstance(value, Tensor) and value.dtype is torch.float32):
        return value
    return ((value.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)
