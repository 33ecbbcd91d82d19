"""Times the five scores of features that exist already: `python -m pipelines.benches.scores --count 5000`.

The features are made up, of Inception's sizes: correlated, and none is a copy of another. Writes each score's processor time, and
the memory of all, to results/bench/<device>/scores.json.
"""

import argparse
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from harness.cost.memory import PeakMemory
from harness.errors import run_command
from harness.metrics.features import Features
from harness.metrics.metric import METRICS
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import Comparison
from harness.progress import tracked
from harness.records.environment import environment
from pipelines.benches.places import add_places, write_result

WIDTHS = (2048, 2023, 1008)  # pool, spatial and logits
RANK = 512  # of what the features share; the rest is noise


def main(argv: list[str] | None = None) -> None:
    """Times each score once, prints them and writes them."""
    parser = argparse.ArgumentParser(prog="ladabench bench scores", description=main.__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="generated, and reference, images (default: %(default)s)")
    add_places(parser)
    args = parser.parse_args(argv)
    provenance, found = environment(), time_scores(args.count, args.device)
    path = write_result(args.out, "scores", found, provenance)
    peak, held = (found[name] / 2**30 for name in ("peak_bytes", "feature_bytes"))
    print(f"{args.count:,} + {args.count:,} images: all five scores take {found['cpu_seconds']:.0f} s of processor time")
    print(f"peak {peak:.1f} GiB, of which the features are {held:.1f} -> {path}")


def time_scores(count: int, device: str) -> dict[str, Any]:
    """Seconds of each score, in the order in which they share what they need, their sums, and the peak of memory."""
    memory = PeakMemory(torch.nn.Identity(), device)
    comparison, each = Comparison(made_up(count, 0), made_up(count, 1), PROTOCOLS["images-train"], device), {}
    for name, metric in tracked(list(METRICS.items()), "timing", "scores"):
        began, worked = perf_counter(), process_time()
        metric.compute(comparison)
        each[name] = {"seconds": perf_counter() - began, "cpu_seconds": process_time() - worked}
    sums = {clock: sum(found[clock] for found in each.values()) for clock in ("seconds", "cpu_seconds")}
    sizes = {"feature_bytes": 2 * 4 * count * sum(WIDTHS), "peak_bytes": memory.peak_bytes()}
    return {"images": count, "threads": torch.get_num_threads(), "scores": each, **sums, **sizes}


def made_up(count: int, seed: int) -> Features:
    """Features of `count` images."""
    rng = np.random.default_rng(seed)
    pool, spatial, logits = (_part(count, width, rng) for width in WIDTHS)
    return Features(pool, spatial, logits, "made-up")


def _part(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    mixing = np.random.default_rng(width).standard_normal((RANK, width), dtype=np.float32) / RANK**0.5
    part = rng.standard_normal((count, width), dtype=np.float32)
    for start in range(0, count, 1000):  # in place, because all of it twice would be the peak
        rows = part[start : start + 1000]
        rows += rng.standard_normal((len(rows), RANK), dtype=np.float32) @ mixing
    return part


if __name__ == "__main__":
    run_command(main)
