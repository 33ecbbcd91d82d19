"""Tells which gradients a backward pass needs from an autograd function."""

from typing import Any

import torch


def gradient_is_wanted(ctx: Any, index: int) -> bool:
    """Whether the running backward pass uses the gradient by input `index`. Inputs that may be None must come last.

    ctx.needs_input_grad is not enough: it is true for the weights even when R1 asks only for the image's gradient.
    """
    if not ctx.needs_input_grad[index]:
        return False
    node = ctx.next_functions[index][0]  # has entries for tensors only
    if node is None:
        return False
    try:
        return torch._C._will_engine_execute_node(node)
    except RuntimeError:  # raised for a tensor that is itself one of the inputs of torch.autograd.grad: that one is wanted
        return True
