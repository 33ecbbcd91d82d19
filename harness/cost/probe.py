"""One attention mechanism under the stopwatch: checked against its naive loops first, in a process of its own."""

import ctypes
import gc
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor, nn

from harness.cost.mechanism_check import check_mechanism
from harness.cost.memory import PeakMemory
from harness.processes import serve_parent

SAMPLE_SECONDS = 0.005  # a sample repeats a pass until it lasts this long
FORWARD, BACKWARD, R1 = "forward", "forward+backward", "r1"
MODES = (FORWARD, BACKWARD, R1)
CLOCKS = {
    "wall": time.perf_counter,
    "process": time.process_time,  # summed over threads; for a machine that others use, with one thread and no accelerator
}


class Probe:
    """Builds one mechanism at the sizes asked for and times its passes.

    `mechanism` is a class of the attention protocol: (dim, num_heads, grid, block_index) -> module over tokens (B, N, dim),
    with `reference(x)`. Batch size 1, float32. `clock` is one of CLOCKS.
    """

    def __init__(self, mechanism: type[nn.Module], device: str = "cpu", clock: str = "wall") -> None:
        self.mechanism, self.device, self.clock = mechanism, torch.device(device), CLOCKS[clock]
        self.run: Callable[[], object] = lambda: None
        self.repeats = 1

    def check(self) -> str | None:
        """Why the mechanism is not what it claims to be, or None: see `check_mechanism`."""
        try:
            return check_mechanism(self.mechanism, self.device)
        except (AttributeError, RuntimeError, ValueError) as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]

    def prepare(self, dim: int, num_heads: int, grid: int, mode: str) -> tuple[float, int]:
        """Makes `mode` at these sizes ready to sample; seconds of one pass, warm, and its peak memory in bytes."""
        self.run = lambda: None
        _give_memory_back()
        torch.manual_seed(0)
        module = self.mechanism(dim, num_heads, grid).to(self.device)
        x = torch.randn(1, grid**2, dim).to(self.device)
        passes = {FORWARD: _forward, BACKWARD: _backward, R1: _r1}[mode]
        self.run = lambda: passes(module, x)
        memory = PeakMemory(module, self.device)
        self.repeats = 1
        self.sample()
        peak, seconds = memory.peak_bytes(), max(self.sample(), 1e-6)  # a clock may stand still for a short pass
        self.repeats = max(1, round(SAMPLE_SECONDS / seconds))
        return seconds, peak

    def sample(self) -> float:
        """Seconds of one pass, the mean over as many as a sample needs."""
        self._synchronise()
        start = self.clock()
        for _ in range(self.repeats):
            self.run()
        self._synchronise()
        return (self.clock() - start) / self.repeats

    def _synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def close(self) -> None:
        """Nothing to end; a Worker has."""


def _forward(module: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        module(x)


def _backward(module: nn.Module, x: Tensor) -> None:
    x = x.detach().requires_grad_()
    torch.autograd.grad(module(x).sum(), [x, *module.parameters()], allow_unused=True)


def _r1(module: nn.Module, x: Tensor) -> None:
    """What R1 asks of a layer: the gradient of its squared input gradient."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    torch.autograd.grad(gradient.square().sum(), [x, *module.parameters()], allow_unused=True)


class Worker:
    """A Probe in a fresh process, with the same methods. EOFError where that process has died."""

    def __init__(self, mechanism: type[nn.Module], device: str, threads: int, clock: str = "wall") -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch"])  # read once for all workers
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, mechanism, device, threads, clock), daemon=True)
        self.process.start()
        other.close()

    def check(self) -> str | None:
        return self._call("check")

    def prepare(self, *sizes: object) -> tuple[float, int]:
        return self._call("prepare", *sizes)

    def sample(self) -> float:
        return self._call("sample")

    def _call(self, *message: object) -> Any:
        self.connection.send(message)
        answer = self.connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Ends the process."""
        self.connection.close()
        self.process.join(timeout=5)
        self.process.kill()


def _serve(connection: Connection, mechanism: type[nn.Module], device: str, threads: int, clock: str) -> None:
    serve_parent()
    torch.set_num_threads(threads)
    probe = Probe(mechanism, device, clock)
    while True:
        try:
            name, *arguments = connection.recv()
        except EOFError:  # the other end is closed
            return
        try:
            connection.send(getattr(probe, name)(*arguments))
        except (ValueError, RuntimeError) as error:
            kind = torch.OutOfMemoryError if isinstance(error, torch.OutOfMemoryError) else RuntimeError
            connection.send(kind(str(error).splitlines()[0]))


def _give_memory_back() -> None:
    """Returns freed memory to the system, so that what the next pass takes is seen as its own."""
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none
        if trim:
            trim(0)
