"""Which gradients a backward pass asks of an autograd function."""

from typing import Any

import torch


def gradient_is_wanted(ctx: Any, index: int) -> bool:
    """Whether the backward pass under way uses the gradient by input `index`; inputs that may be None come last.

    ctx.needs_input_grad is not enough: it is true for the weights while R1 asks for the image's gradient alone.
    """
    if not ctx.needs_input_grad[index]:
        return False
    node = ctx.next_functions[index][0]  # of the inputs that are tensors
    if node is None:
        return False
    try:
        return torch._C._will_engine_execute_node(node)
    except RuntimeError:  # raised for a tensor that is itself one of the inputs of torch.autograd.grad: that one is wanted
        return True
