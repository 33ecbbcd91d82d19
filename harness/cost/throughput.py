"""Measures images per second of a network's forward pass, at batch 1 and at the largest batch within the limits."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from harness.cost.memory import PeakMemory

LONG_PASS = 10.0  # seconds; a first pass takes some 0.3 more, to select and compile kernels, so only a long one counts


@dataclass(frozen=True)
class Limits:
    """How much memory and time a measurement may take. ValueError for a value of zero or less."""

    memory_gib: float = 4.0  # largest peak memory of a batch, in GiB
    pass_seconds: float = 0.25  # longest forward pass of a batch, in seconds
    repeats: int = 10  # timed passes per batch size, at most
    seconds: float = 0.6  # time after which no further pass of a batch size is started
    country: str | None = None  # ISO 3166-1 alpha-3; if given, and the machine measures energy, its CO2 is recorded

    def __post_init__(self) -> None:
        for name in ("memory_gib", "pass_seconds", "repeats", "seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"given {name} {getattr(self, name)}; expected more than 0")


@dataclass(frozen=True)
class Timing:
    """Speed and memory at one batch size."""

    median: float  # images/s
    low: float  # images/s of the slowest pass
    high: float  # images/s of the fastest pass
    n: int  # timed passes
    peak_bytes: int  # including the network


def measure(
    network: nn.Module, inputs: Callable[[int], tuple[Tensor, ...]], memory: PeakMemory, limits: Limits
) -> dict[int, Timing]:
    """{batch size: timing} for batch 1 and the largest batch within the limits.

    `network` is in evaluation mode on `memory.device`. `inputs` makes the arguments for a batch size. The batch is doubled as
    long as the next one is expected to fit.
    """
    with torch.inference_mode():
        timings = {1: _time(network, inputs(1), 1, memory, limits)}
        largest = _largest_batch(network, inputs, timings[1], memory, limits)
        if largest > 1:
            timings[largest] = _time(network, inputs(largest), largest, memory, limits)
    return timings


def _time(network: nn.Module, arguments: tuple[Tensor, ...], batch: int, memory: PeakMemory, limits: Limits) -> Timing:
    memory.reset()
    start = time.perf_counter()
    first = _pass_seconds(network, arguments, memory.device)
    rates = [batch / first]
    if first < LONG_PASS:
        rates, start = [], time.perf_counter()
    while not rates or (len(rates) < limits.repeats and time.perf_counter() - start < limits.seconds):
        rates.append(batch / _pass_seconds(network, arguments, memory.device))
    return Timing(median(rates), min(rates), max(rates), len(rates), memory.peak_bytes())


def _largest_batch(network: nn.Module, inputs: Callable, one: Timing, memory: PeakMemory, limits: Limits) -> int:
    """The largest power of two within the limits. It expects time and memory to double, at most, with the batch."""
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
    """Wall time of one forward pass in seconds. It waits for the device before and after."""
    _synchronise(device)
    start = time.perf_counter()
    network(*arguments)
    _synchronise(device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
