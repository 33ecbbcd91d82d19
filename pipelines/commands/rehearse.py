"""Makes some steps of a cell by the engine of its whole run: `python -m pipelines.commands.rehearse --params P --cell C`.

A trial of few images takes another engine: compiling pays in long runs alone. This makes the cell's own engine ready, on its own
data, batch and device, as the run will, and says what a step takes. Writes nothing.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import torch

from harness.device import default_device, peak_resident_bytes, use_threads
from harness.errors import HarnessError, run_command
from harness.training import loop
from harness.training.data import image_batches
from harness.training.engines import Engine, candidate_engines
from harness.training.randomness import draw_step, move_draws
from harness.training.step import TrainState
from lada.accelerate import use_fused_attention
from pipelines.compose import Cell
from pipelines.needs import GIB, check_ready
from pipelines.profile import load_profile

WARM_UP = 3  # steps that are not timed; the compiled engine captures its graph in the first


def main(argv: list[str] | None = None) -> None:
    """Rehearses one cell. HarnessError if something is missing, or if its weights do not stay finite."""
    args = _parse(argv)
    profile, device = load_profile(args.params), default_device()
    cell = profile.cell(args.cell)
    use_threads(cell.threads)
    check_ready(profile, cell, device)
    began = time.perf_counter()
    engine, errors, state = ready(cell, torch.device(device))
    took = time.perf_counter() - began
    error = ", ".join(f"{precision} {value:.2g}" for precision, value in errors.items()) or "none, it is the reference"
    print(f"{cell.name}: engine {engine.name}, {cell.train.precision}, ready after {took:.0f} s; errors: {error}", flush=True)
    seconds = steps(cell, engine, state, torch.device(device), args.steps)
    rate = cell.train.batch / seconds
    peak = torch.cuda.max_memory_allocated() if device != "cpu" else peak_resident_bytes()
    print(
        f"{cell.name}: {rate:,.1f} images/s, at most {peak / GIB:.1f} GiB; "
        f"about {cell.train.nimg / rate / 3600:,.1f} hours for {cell.train.nimg:,} images. Nothing was written."
    )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.commands.rehearse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    parser.add_argument("--cell", required=True, help="a key of its `cells`")
    parser.add_argument("--steps", type=int, default=20, help="timed steps (default: 20)")
    args = parser.parse_args(argv)
    if args.steps < 1:
        raise HarnessError(f"--steps: given {args.steps}; expected at least 1")
    return args


def ready(cell: Cell, device: torch.device) -> tuple[Engine, dict[str, float], TrainState]:
    """The engine of the whole run, its errors against the reference step, and a state for it."""
    generator, discriminator = (network.to(device) for network in cell.build())
    setting = (generator, discriminator), cell.train, cell.generator.noise_dim, cell.generator.resolution, use_fused_attention
    engine, errors, programs = loop._verified_engine(candidate_engines(cell.train, 1, device), device.type == "cuda", *setting)
    state = engine.build(generator, discriminator, cell.train, use_fused_attention)
    state.programs.update(programs)
    return engine, errors, state


def steps(cell: Cell, engine: Engine, state: TrainState, device: torch.device, count: int) -> float:
    """Median seconds of a step on the cell's own images. HarnessError if a loss, logit or gradient is not finite."""
    load, every = image_batches(*cell.images(), cell.train, slice(None), device), cell.train.r1_interval
    found = []
    for step in range(WARM_UP + count):
        began = time.perf_counter()
        real_img = load(step)
        draws = move_draws(draw_step(cell.train, cell.generator.noise_dim, cell.generator.resolution, step), real_img)
        values = engine.step(state, real_img, draws, cell.train, every * (step % every == 0))
        if not values.isfinite().all():  # which also waits for the device
            raise HarnessError(f"cells.{cell.name}: step {step + 1} is not finite; expected finite losses; see its settings")
        found.append(time.perf_counter() - began)
    return median(found[WARM_UP:])


if __name__ == "__main__":
    run_command(main)
