"""A dry run: shows what a profile would train, and how long it would take here. Writes nothing.

`python -m pipelines.commands.plan --params pipelines/paper/params.yaml [--cell CELL ...] [--set train.nimg=1000000]`
"""

import argparse
from dataclasses import replace
from statistics import median
from time import perf_counter

import pandas as pd
import torch
from tqdm import tqdm

from harness.device import default_device, use_threads
from harness.errors import HarnessError, run_command
from harness.records.environment import device_name
from harness.training.engines import ENGINES
from harness.training.randomness import draw_step, move_draws
from harness.training.step import reference_step
from pipelines.compose import Cell
from pipelines.needs import GIB, lacking_lines, memory_needed
from pipelines.profile import load_profile, profile_argument

WARM_UP, TIMED = 1, 3  # steps


def main(argv: list[str] | None = None) -> None:
    """Prints the cells, their images, their steps and their hours, estimated from a step on this machine's device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    profile_argument(parser)
    parser.add_argument("--cell", nargs="+", help="only these cells")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="change every cell shown")
    parser.add_argument("--batch", type=int, default=4, help="images in the timed step, scaled to the cell's batch (default: 4)")
    parser.add_argument("--untimed", action="store_true", help="only the cells and their images")
    args = parser.parse_args(argv)
    if args.batch < 2:
        raise HarnessError(f"--batch: given {args.batch}; expected at least 2 images, which batch normalisation needs")
    profile = load_profile(args.params)
    cells = [profile.cell(name, args.set) for name in args.cell or profile.cells]
    if not cells:
        raise HarnessError(f"{args.params} has no cells; expected some to plan; add them under `cells`")
    seconds = {} if args.untimed else time_steps(cells, args.batch)
    print(plan(cells, seconds).to_string(index=False))
    total = f"{sum(cell.train.nimg for cell in cells):,} images in {len(cells)} cells"
    if seconds:
        hours = sum(hours_of(cell, seconds) for cell in cells)
        total += f"; about {hours:,.1f} hours on {device_name()}, from reference steps of {args.batch} images; engines are faster"
    print(f"{total}. Nothing was written.")
    for line in lacking_lines(profile, cells):
        print(f"lacking, {line}")


def plan(cells: list[Cell], seconds: dict[tuple, float]) -> pd.DataFrame:
    """One row per cell."""
    rows = [
        {
            "cell": cell.name,
            "rows": " ".join(cell.rows),
            "data": cell.params.data,
            "fraction": cell.params.fraction,
            "networks": f"{cell.params.attention} / {cell.params.discriminator} at {cell.generator.resolution}",
            "images": f"{cell.train.nimg:,}",
            "batch": cell.train.batch,
            "steps": f"{cell.train.steps:,}",
            "GiB a step": f"{memory_needed(cell) / GIB:.1f}",
            "hours here": f"{hours_of(cell, seconds):,.1f}" if seconds else "not measured",
        }
        for cell in cells
    ]
    return pd.DataFrame(rows)


def hours_of(cell: Cell, seconds: dict[tuple, float]) -> float:
    """Estimated hours of a cell's training: its seconds per image times its images."""
    return cell.train.nimg * seconds[step_key(cell)] / 3600


def step_key(cell: Cell) -> tuple:
    """The key of a cell's time per image. Cells with the same key take the same time."""
    return cell.generator, cell.discriminator, cell.params.attention, cell.params.discriminator, cell.train.bcr_weight > 0


def time_steps(cells: list[Cell], batch: int) -> dict[tuple, float]:
    """{step key: seconds per image} of the reference step on random images."""
    use_threads(cells[0].threads)
    distinct = {step_key(cell): cell for cell in cells}
    return {key: time_step(cell, batch) for key, cell in tqdm(distinct.items(), desc="timing steps", unit="network")}


def time_step(cell: Cell, batch: int) -> float:
    """Median seconds per image of a cell's reference step."""
    device, config = torch.device(default_device()), replace(cell.train, batch=batch)
    generator, discriminator = (network.to(device) for network in cell.build())
    state = ENGINES["reference"].build(generator, discriminator, config, lambda network: None)
    side, seconds = cell.generator.resolution, []
    for step in range(WARM_UP + TIMED):
        draws = draw_step(config, cell.generator.noise_dim, side, step)
        real_img = torch.rand(batch, 3, side, side, device=device) * 2 - 1
        began = perf_counter()
        reference_step(state, real_img, move_draws(draws, real_img), config)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(perf_counter() - began)
    return median(seconds[WARM_UP:]) / batch


if __name__ == "__main__":
    run_command(main)
