"""What a machine can do and what a step asks of it: products, copies, and the bytes that each operation reads and writes."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

SIDE, COPY_BYTES, REPEATS = 1024, 1 << 27, 5
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Traffic:
    """Of one run of a step: multiply-accumulates of its products and convolutions; bytes in and out of its operations."""

    macs: int
    moved_bytes: int


class _MovedBytes(TorchDispatchMode):
    """Adds up the tensors that operations read and write; one that only makes a view moves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def count_traffic(step: Callable[[], object]) -> Traffic:
    """Runs an eager `step` once and counts."""
    with FlopCounterMode(display=False) as flops, _MovedBytes() as moved:
        step()
    return Traffic(flops.get_total_flops() // 2, moved.total)


def matmul_rate(device: torch.device, precision: str, clock: Callable[[], float]) -> float:
    """Multiply-accumulates per second of a product of two 1024 x 1024 matrices: median of five."""
    a, b = (torch.randn(SIDE, SIDE, device=device, dtype=DTYPES[precision]) for _ in range(2))
    return SIDE**3 / _median(lambda: a @ b, clock)


def copy_rate(device: torch.device, clock: Callable[[], float]) -> float:
    """Bytes per second, read and written, of a copy of 128 MiB: median of five."""
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
