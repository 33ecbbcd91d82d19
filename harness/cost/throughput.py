"""Images per second of a network's forward pass: warmed up, repeated, at batch 1 and at the largest batch within the limits."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from harness.cost.memory import PeakMemory


@dataclass(frozen=True)
class Limits:
    """How much memory and time a measurement may take. Raises ValueError for a value that leaves nothing to measure."""

    memory_gib: float = 4.0  # the largest batch stays below this peak
    pass_seconds: float = 0.25  # and one forward pass below this time
    repeats: int = 10  # timed passes per batch size, fewer where together they take longer than
    seconds: float = 0.6
    country: str | None = None  # ISO 3166-1 alpha-3, for the CO2 of the energy where the machine measures any

    def __post_init__(self) -> None:
        for name in ("memory_gib", "pass_seconds", "repeats", "seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"given {name} {getattr(self, name)}; expected more than 0")


@dataclass(frozen=True)
class Timing:
    """Images/s over n passes (median, slowest, fastest) and the peak memory, network included, in bytes."""

    median: float
    low: float
    high: float
    n: int
    peak_bytes: int


def measure(
    network: nn.Module, inputs: Callable[[int], tuple[Tensor, ...]], memory: PeakMemory, limits: Limits
) -> dict[int, Timing]:
    """{batch size: timing} of `network`, in evaluation mode on `memory.device`, for batch 1 and the largest one in the limits.

    `inputs` makes the arguments for a batch size. The batch doubles as long as the next one is expected to fit.
    """
    with torch.inference_mode():
        timings = {1: _time(network, inputs(1), 1, memory, limits)}
        largest = _largest_batch(network, inputs, timings[1], memory, limits)
        if largest > 1:
            timings[largest] = _time(network, inputs(largest), largest, memory, limits)
    return timings


def _time(network: nn.Module, arguments: tuple[Tensor, ...], batch: int, memory: PeakMemory, limits: Limits) -> Timing:
    memory.reset()
    _pass_seconds(network, arguments, memory.device)  # the first pass chooses and compiles kernels
    rates: list[float] = []
    start = time.perf_counter()
    while not rates or (len(rates) < limits.repeats and time.perf_counter() - start < limits.seconds):
        rates.append(batch / _pass_seconds(network, arguments, memory.device))
    return Timing(median(rates), min(rates), max(rates), len(rates), memory.peak_bytes())


def _largest_batch(network: nn.Module, inputs: Callable, one: Timing, memory: PeakMemory, limits: Limits) -> int:
    """The last power of two whose double is not expected to stay within the limits (time and memory grow at most twofold)."""
    batch, seconds, peak = 1, 1 / one.median, one.peak_bytes
    while 2 * seconds <= limits.pass_seconds and 2 * peak <= limits.memory_gib * 2**30:
        memory.reset()
        try:
            seconds = _pass_seconds(network, inputs(2 * batch), memory.device)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
        batch, peak = 2 * batch, memory.peak_bytes()
    return batch


def _pass_seconds(network: nn.Module, arguments: tuple[Tensor, ...], device: torch.device) -> float:
    """Wall time of one forward pass, the device's queue empty before and after."""
    _synchronise(device)
    start = time.perf_counter()
    network(*arguments)
    _synchronise(device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
