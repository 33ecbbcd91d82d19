"""How fast training reads its batches, and how fast it needs them: `python -m pipelines.benches.loader`.

Reads made-up images for one cell of each resolution of the paper's profile, in the order of a training. CIFAR-10 and CelebA have
their true size, and stay in memory as in a training. The other sets are just too large for that, and are read from shards on the
disk: once after the system was asked to forget them, and once more. The need is that of a step on an H100, modelled by `plan`.
Writes results/bench/<device>/loader.json.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from harness.data.arrays import open_split
from harness.data.writer import ArrayWriter
from harness.errors import run_command
from harness.progress import tracked
from harness.records.environment import environment
from harness.training.data import RESIDENT_BYTES, image_batches
from pipelines.benches.places import add_places, write_result
from pipelines.commands.amounts import modelled_hours
from pipelines.compose import Cell
from pipelines.profile import load_profile

CELLS = ("table1-16", "table2-07", "table2-11", "table4-ffhq", "table4-lsun256")
KEPT = {"cifar10": 50_000, "celeba-64": 162_770}  # images of the sets that stay in memory
SHARD_BYTES = 64 << 20
PAPER = "pipelines/paper/params.yaml"


def main(argv: list[str] | None = None) -> None:
    """Measures, prints and writes images per second."""
    parser = argparse.ArgumentParser(prog="ladabench bench loader", description=main.__doc__)
    parser.add_argument("--steps", type=int, default=20, help="batches read, twice (default: %(default)s)")
    parser.add_argument("--scratch", type=Path, help="folder for 2 GiB of images (default: the system's)")
    add_places(parser)
    args = parser.parse_args(argv)
    provenance, cells, rows = environment(), load_profile(Path(PAPER)).cells, {}
    for name in tracked(CELLS, "reading", "cells"):
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            rows[name] = row = measure(cells[name], Path(folder), torch.device(args.device), args.steps)
        rates = f"{row['images_per_s']:,.0f} images/s, {row['cold_images_per_s']:,.0f} not in the system's cache"
        print(f"{name}, {row['resolution']} px: {rates}; an H100 needs {row['needed_images_per_s']:,.0f}", flush=True)
    path = write_result(args.out, "loader", {"steps": args.steps, "cells": rows}, provenance)
    print(f"-> {path}")


def measure(cell: Cell, folder: Path, device: torch.device, steps: int) -> dict[str, Any]:
    """Images per second of the cell's batches, from the disk and again."""
    side, batch = cell.generator.resolution, cell.train.batch
    count = KEPT.get(cell.params.data) or RESIDENT_BYTES // (3 * side**2) + 1
    make_images(folder, side, count)
    images = open_split(folder, "train")
    images[np.arange(0, count, max(SHARD_BYTES // (3 * side**2), 1))]  # every shard's hash is checked once, before the clock runs
    drop_pages(folder)
    load = image_batches(images, None, cell.train, slice(0, batch), device)
    cold, warm = (median(timed(load, steps, device)) for _ in range(2))
    need = cell.train.nimg / (3600 * modelled_hours(cell)["H100"])
    rates = {"images_per_s": batch / warm, "cold_images_per_s": batch / cold, "needed_images_per_s": need}
    return {"resolution": side, "batch": batch, "images": count, "resident": cell.params.data in KEPT, **rates}


def make_images(folder: Path, side: int, count: int) -> None:
    """Prepared noise: `count` images in shards."""
    rng, writer, each = np.random.default_rng(0), ArrayWriter(folder, "noise", side), max(SHARD_BYTES // (3 * side**2), 1)
    for start in range(0, count, each):
        writer.add("train", rng.integers(0, 256, (min(each, count - start), 3, side, side), np.uint8))
    writer.finish({"kind": "noise"}, {})


def drop_pages(folder: Path) -> None:
    """Lets the system forget the files' content, where it can be asked to."""
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def timed(load: Callable[[int], torch.Tensor], steps: int, device: torch.device) -> list[float]:
    """Seconds of each of the first `steps` batches, on the device."""
    found = []
    for step in range(steps):
        began = perf_counter()
        load(step)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(perf_counter() - began)
    return found


if __name__ == "__main__":
    run_command(main)
