"""A dry run: what a profile would train or score, how long it would take, and what memory and disk it needs. Writes nothing.

`python -m pipelines.commands.plan --params pipelines/paper/params.yaml [--cell CELL ...] [--set train.nimg=1000000]`
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from time import perf_counter

import pandas as pd
import torch

from harness.device import default_device, use_threads
from harness.errors import HarnessError, run_command, unknown_choice
from harness.paper import assumptions
from harness.progress import tracked
from harness.records.environment import device_name
from harness.training.engines import ENGINES
from harness.training.randomness import draw_step, move_draws
from lada.accelerate import use_fused_attention
from pipelines.commands.amounts import (
    BANDWIDTHS,
    cell_bytes,
    modelled_hours,
    prepared_bytes,
    scored_images,
    scoring_bytes,
)
from pipelines.commands.ranks import COUNTS, ranks_table
from pipelines.compose import Cell
from pipelines.needs import GIB, lacking_lines, memory_needed
from pipelines.profile import Profile, load_profile, profile_argument

WARM_UP, TIMED = 1, 2  # steps


def main(argv: list[str] | None = None) -> None:
    """Prints the cells with their images, hours, memory and disk. Hours come from a step at the cell's batch on this device."""
    parser = argparse.ArgumentParser(
        prog="ladabench plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    profile_argument(parser)
    parser.add_argument("--cell", "--cells", nargs="+", metavar="CELL", help="only these cells (default: all)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="change every cell shown, for example train.nimg=1000000"
    )
    parser.add_argument("--batch", type=int, help="images in the timed step (default: the cell's own batch)")
    parser.add_argument("--untimed", action="store_true", help="no step is timed; hours are modelled for known devices alone")
    parser.add_argument(
        "--ranks", action="store_true", help="instead: what torchrun's ranks send in a step, and the speed that 2, 4 and 8 keep"
    )
    args = parser.parse_args(argv)
    if args.batch is not None and args.batch < 2:
        raise HarnessError(f"--batch: given {args.batch}; expected at least 2 images, which batch normalisation needs")
    profile = load_profile(args.params)
    if profile.checkpoints and args.ranks:
        raise HarnessError(f"--ranks: given for {profile.name}, which trains nothing; expected a profile with cells")
    if profile.checkpoints:
        from pipelines.published.plan import show_plan  # Inception takes seconds to import

        show_plan(profile, [checkpoint_key(profile, key) for key in args.cell or profile.checkpoints], args.batch, args.untimed)
        return
    cells = [profile.cell(name, args.set) for name in args.cell or profile.cells]
    if not cells:
        raise HarnessError(f"{args.params} has no cells; expected some to plan; add them under `cells`")
    if args.ranks:
        print(ranks_table(cells).to_string(index=False))
        print(f"share of {', '.join(map(str, COUNTS))} times one GPU's speed; modelled, not measured. Nothing was written.")
        return
    seconds = {} if args.untimed else time_steps(cells, args.batch)
    print(plan(profile, cells, seconds).to_string(index=False))
    for line in summary(profile, cells, seconds):
        print(line)
    for line in lacking_lines(profile, cells):
        print(f"lacking, {line}")


def checkpoint_key(profile: Profile, key: str) -> str:
    """`key` if it names published weights of the profile. HarnessError for another."""
    if key not in profile.checkpoints:
        raise unknown_choice("checkpoint", key, profile.checkpoints)
    return key


def plan(profile: Profile, cells: list[Cell], seconds: dict[tuple, float]) -> pd.DataFrame:
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
            **{f"{device}, modelled": f"{hours:,.0f} h" for device, hours in modelled_hours(cell).items()},
            "images scored": _or_dash(f"{scored_images(profile, cell):,}"),
            "GiB to score": _or_dash(f"{scoring_bytes(profile, cell) / GIB:.1f}"),
            "GB on disk": f"{cell_bytes(cell) / 1e9:.1f}",
        }
        for cell in cells
    ]
    return pd.DataFrame(rows)


def summary(profile: Profile, cells: list[Cell], seconds: dict[tuple, float]) -> Iterator[str]:
    """The totals, a line each: images, hours, disk of every dataset, host memory, assumptions."""
    total = f"{sum(cell.train.nimg for cell in cells):,} images in {len(cells)} cells"
    if seconds:
        hours = sum(hours_of(cell, seconds) for cell in cells)
        total += f"; about {hours:,.1f} hours on {device_name()}, from steps of the eager engine measured here"
    yield f"{total}. Nothing was written."
    for device in BANDWIDTHS:
        yield f"modelled, not measured: {sum(modelled_hours(cell)[device] for cell in cells):,.0f} hours on one {device}"
    for key in dict.fromkeys(cell.params.data for cell in cells):
        if prepared := prepared_bytes(profile.data[key]):
            yield f"disk, {key}: {prepared / 1e9:,.1f} GB prepared, twice where DVC copies, and the archive"
    if memory := max(scoring_bytes(profile, cell) for cell in cells) / GIB:
        yield f"host memory: {memory:.1f} GiB to score (Slurm: SBATCH_MEM_PER_NODE={math.ceil(memory) + 4}G)"
    for key in dict.fromkeys(cell.params.data for cell in cells):
        for entry in {e["id"]: e for p in profile.evaluate[key].resolved() for e in assumptions(p.name)}.values():
            yield f"assumed, {key}: {entry['statement']}"


def _or_dash(text: str) -> str:
    """A dash for a zero: a protocol without counts takes as many images as the prepared data have."""
    return "-" if float(text.replace(",", "")) == 0 else text


def hours_of(cell: Cell, seconds: dict[tuple, float]) -> float:
    """Estimated hours of a cell's training: its seconds per image times its images."""
    return cell.train.nimg * seconds[step_key(cell)] / 3600


def step_key(cell: Cell) -> tuple:
    """The key of a cell's time per image. Cells with the same key take the same time."""
    return cell.generator, cell.discriminator, cell.params.attention, cell.params.discriminator, cell.train.bcr_weight > 0


def time_steps(cells: list[Cell], batch: int | None) -> dict[tuple, float]:
    """{step key: seconds per image} of the eager engine's step on random images, of `batch` or of as many as the cell's."""
    use_threads(cells[0].threads)
    distinct = {step_key(cell): cell for cell in cells}
    return {key: time_step(cell, batch) for key, cell in tracked(list(distinct.items()), "timing steps", "networks")}


def time_step(cell: Cell, batch: int | None) -> float:
    """Median seconds per image of the cell's step."""
    device, engine = torch.device(default_device()), ENGINES["eager"]
    config = replace(cell.train, batch=batch or cell.train.batch)
    generator, discriminator = (network.to(device) for network in cell.build())
    state = engine.build(generator, discriminator, config, use_fused_attention)
    side, seconds = cell.generator.resolution, []
    for step in range(WARM_UP + TIMED):
        draws = draw_step(config, cell.generator.noise_dim, side, step)
        real_img = torch.rand(config.batch, 3, side, side, device=device) * 2 - 1
        began = perf_counter()
        engine.step(state, real_img, move_draws(draws, real_img), config, 1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(perf_counter() - began)
    return median(seconds[WARM_UP:]) / config.batch


if __name__ == "__main__":
    run_command(main)
