"""How the cost of each attention mechanism grows with the number of tokens: measured curves, exponents, crossovers."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import comb
from statistics import median
from typing import Any

import numpy as np
import torch

from harness.cost.probe import MODES, R1, Probe, Worker

AnyProbe = Probe | Worker
FEWEST_ROUNDS = 3


@dataclass(frozen=True)
class Bounds:
    """What one pass may take; a larger one is predicted from the size before it, and skipped with that reason."""

    seconds: float
    memory_gib: float
    deadline: float = math.inf  # of the whole run, on time.monotonic's clock
    exempt: frozenset[tuple[str, str, int, int]] = frozenset()  # (mechanism, mode, N, dim) without bounds of time


@dataclass
class Point:
    """One mechanism at one size in one mode: the median of `n` interleaved samples, or why it was skipped."""

    mechanism: str
    mode: str
    dim: int
    num_heads: int
    num_tokens: int
    macs: int  # of one forward pass
    seconds: float | None = None  # per pass of batch 1
    low: float | None = None
    high: float | None = None
    confidence: float | None = None  # that the true median lies within [low, high]
    n: int = 0
    peak_bytes: int | None = None  # the module and what a pass allocates
    skipped: str | None = None
    samples: list[float] = field(default_factory=list, repr=False)


def measure_grid(
    probes: Mapping[str, AnyProbe],
    mechanisms: Mapping[str, Any],
    stages: Sequence[tuple[int, int]],
    grids: Sequence[int],
    bounds: Bounds,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Point]:
    """Every mechanism of `probes`, in all modes, at every (dim, num_heads) of `stages` and grid sides of `grids`, ascending."""
    ladders: dict[tuple[str, int, str], list[Point]] = {}
    for grid, (dim, num_heads), mode in product(grids, stages, MODES):
        progress(f"N={grid**2:,} dim={dim} {mode}")
        row = []
        for name, probe in probes.items():
            mechanism, ladder = mechanisms[name], ladders.setdefault((name, dim, mode), [])
            point = Point(name, mode, dim, num_heads, grid**2, mechanism.macs(grid**2, dim, num_heads))
            if mode == R1 and not mechanism.twice_differentiable:
                point.skipped = "not twice differentiable"
            else:
                _prepare(point, probe, ladder, grid, bounds)
            ladder.append(point)
            row.append(point)
        _sample(row, probes, bounds.deadline)
    return [point for ladder in ladders.values() for point in ladder]


def _prepare(point: Point, probe: AnyProbe, ladder: list[Point], grid: int, bounds: Bounds) -> None:
    """Builds and warms one point up; sets `skipped` where it is over a bound or cannot be."""
    point.skipped = over_bounds(point, ladder, bounds)
    if point.skipped:
        return
    try:
        point.seconds, point.peak_bytes = probe.prepare(point.dim, point.num_heads, grid, point.mode)
    except torch.OutOfMemoryError:
        point.skipped = "the device is out of memory"
    except (ValueError, RuntimeError) as error:
        point.skipped = f"cannot run: {error}"
    except (EOFError, OSError):
        point.skipped = "its process died"


def over_bounds(point: Point, ladder: list[Point], bounds: Bounds) -> str | None:
    """Why not to run `point`, from the sizes of its ladder measured before it; None if it is expected to fit.

    Time and memory are expected to grow as they last did, and at least as fast as the tokens.
    """
    measured = [before for before in ladder if before.seconds]
    if ladder and ladder[-1].skipped and not ladder[-1].skipped.startswith("over the "):
        return ladder[-1].skipped
    timed = (point.mechanism, point.mode, point.num_tokens, point.dim) not in bounds.exempt
    if timed and time.monotonic() > bounds.deadline:
        return "over the time of the whole run"
    if not measured:
        return None
    seconds, gib = _extrapolate(point, measured, "seconds"), _extrapolate(point, measured, "peak_bytes") / 2**30
    if gib > bounds.memory_gib:
        return f"over the memory bound: about {gib:.1f} GiB expected, {bounds.memory_gib:g} allowed"
    if timed and seconds > bounds.seconds:
        return f"over the time bound: about {seconds:.2g} s a pass expected, {bounds.seconds:.2g} allowed"
    return None


def _extrapolate(point: Point, measured: list[Point], quantity: str) -> float:
    last = measured[-1]
    exponent = 1.0
    if len(measured) > 1:
        rise = getattr(last, quantity) / max(getattr(measured[-2], quantity), 1e-12)
        exponent = max(1.0, math.log(rise) / math.log(last.num_tokens / measured[-2].num_tokens))
    return getattr(last, quantity) * (point.num_tokens / last.num_tokens) ** exponent


def _sample(row: list[Point], probes: Mapping[str, AnyProbe], deadline: float) -> None:
    """Fills in the timings of a row, one sample of each mechanism per round, so that a slow spell hits them all.

    After the deadline only the fewest rounds that give an interval are made.
    """
    wanted = {point.mechanism: rounds(point.seconds) for point in row if point.seconds}
    order = random.Random(0)
    for turn in range(max(wanted.values(), default=0)):
        if turn >= FEWEST_ROUNDS and time.monotonic() > deadline:
            break
        active = [point for point in row if point.seconds and not point.skipped and turn < wanted[point.mechanism]]
        for point in order.sample(active, len(active)):
            try:
                point.samples.append(probes[point.mechanism].sample())
            except (EOFError, OSError, RuntimeError) as error:
                point.skipped = f"its process died while it was timed ({type(error).__name__})"
    for point in row:
        if point.skipped:
            point.seconds = point.peak_bytes = None
        elif point.samples:
            point.n, point.seconds = len(point.samples), median(point.samples)
            point.low, point.high, point.confidence = median_interval(point.samples)


def rounds(seconds: float) -> int:
    """Samples of a pass that takes `seconds`: 9 where they take under 0.3 s together, never fewer than FEWEST_ROUNDS."""
    return max(FEWEST_ROUNDS, min(9, int(0.3 / seconds)))


def median_interval(samples: list[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """(low, high, coverage): the narrowest pair of order statistics that holds the true median with `confidence`.

    Free of distribution; few samples give the extremes and the lower coverage that these have, 1 - 2^(1 - n).
    """
    ordered, n = sorted(samples), len(samples)
    for cut in range((n - 1) // 2, -1, -1):
        coverage = 1 - 2 * sum(comb(n, k) for k in range(cut + 1)) / 2**n
        if coverage >= confidence or cut == 0:
            return ordered[cut], ordered[n - 1 - cut], max(coverage, 0.0)
    raise ValueError("given no samples; expected at least one")


def fit_exponent(num_tokens: list[int], values: list[float], smallest: int = 1024) -> float | None:
    """Slope of log value against log N over N >= `smallest` (overheads rule below); None for fewer than two such points."""
    pairs = [(math.log(n), math.log(value)) for n, value in zip(num_tokens, values, strict=True) if n >= smallest]
    if len(pairs) < 2:
        return None
    x, y = zip(*pairs, strict=True)
    return float(np.polyfit(x, y, 1)[0])


def crossover(first: Mapping[int, float], second: Mapping[int, float]) -> float | None:
    """The largest N at which two {N: seconds} curves cross, by straight lines between log-log points; None if they never do."""
    shared = sorted(first.keys() & second.keys())
    gaps = [(math.log(n), math.log(first[n] / second[n])) for n in shared]
    crossings = [a + (b - a) * u / (u - v) for (a, u), (b, v) in pairwise(gaps) if u * v < 0]
    return math.exp(crossings[-1]) if crossings else None
