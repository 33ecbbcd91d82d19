"""Measures the speed of a machine's matrix products and copies, and counts the work and the bytes of a step."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

SIDE, COPY_BYTES, REPEATS = 1024, 1 << 27, 5
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Traffic:
    """The work of one run of a step."""

    macs: int  # multiply-accumulates of matrix products and convolutions
    moved_bytes: int  # read and written by its operations


class _Counter(TorchDispatchMode):
    """Adds up the work of products, and the bytes that operations read and write. Views move no bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.moved_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func._overloadpacket in flop_registry:
            self.flops += flop_registry[func._overloadpacket](*args, **kwargs, out_val=result)
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.moved_bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def count_traffic(step: Callable[[], object]) -> Traffic:
    """Runs an eager `step` once and counts its work."""
    with _Counter() as counter:
        step()
    return Traffic(counter.flops // 2, counter.moved_bytes)


def matmul_rate(device: torch.device, precision: str, clock: Callable[[], float]) -> float:
    """Multiply-accumulates per second of a product of two 1024 x 1024 matrices, median of five."""
    a, b = (torch.randn(SIDE, SIDE, device=device, dtype=DTYPES[precision]) for _ in range(2))
    return SIDE**3 / _median(lambda: a @ b, clock)


def copy_rate(device: torch.device, clock: Callable[[], float]) -> float:
    """Bytes per second, read and written, of a copy of 128 MiB, median of five."""
    source = torch.randn(COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _median(lambda: target.copy_(source), clock)


def _median(work: Callable[[], object], clock: Callable[[], float]) -> float:
    times = []
    for _ in range(REPEATS + 1):
        start = clock()
        work()
        times.append(clock() - start)
    return statistics.median(times[1:])
