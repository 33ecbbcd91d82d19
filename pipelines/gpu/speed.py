"""Measures the cost of training on the device: memory and time of every paper cell, the authors' step, energy."""

import time
from argparse import Namespace
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from harness.cost.memory import PeakMemory
from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES, Engine
from harness.training.engines.verify import verify_engine
from harness.training.randomness import draw_step, move_draws
from harness.training.step import TrainState
from lada.accelerate import use_fused_attention
from pipelines.compose import Cell
from pipelines.gpu.exact import PAPER, on_device
from pipelines.profile import load_cell, load_profile

WARM_UP, TIMED = 2, 5  # steps


def cells(device: torch.device, params: str = PAPER) -> dict[str, Any]:
    """Peak memory, images per second and hours of every cell of the paper's profile, by the eager engine at the cell's batch."""
    rows: dict[str, dict[str, Any]] = {}
    done: dict[tuple, dict[str, Any]] = {}
    for name, cell in load_profile(params).cells.items():
        mechanisms, bcr = (cell.params.attention, cell.params.discriminator), cell.train.bcr_weight > 0
        key = (cell.generator, cell.discriminator, mechanisms, cell.train.batch, bcr)
        if key not in done:
            done[key] = _cell(cell, ENGINES["eager"], device)
        rows[name] = dict(done[key])
        if "images_per_s" in rows[name]:
            rows[name]["hours"] = round(cell.train.nimg / rows[name]["images_per_s"] / 3600, 1)
    hours = sum(row.get("hours", 0.0) for row in rows.values())
    lacking = sorted({row["reason"] for row in rows.values() if "reason" in row})
    said = f"{hours:,.0f} hours for {len(rows)} cells; most memory {max(row.get('peak_gib', 0.0) for row in rows.values())} GiB"
    return {"rows": rows, "summary": said + "".join(f"; {reason}" for reason in lacking)}


def _cell(cell: Cell, engine: Engine, device: torch.device, programs: dict | None = None) -> dict[str, Any]:
    """peak_gib and images_per_s of one cell's step, or the reason why it cannot run."""
    generator, discriminator = on_device(cell, device)
    state = engine.build(generator, discriminator, cell.train, use_fused_attention)
    state.programs.update(programs or {})
    memory = PeakMemory(torch.nn.Identity(), device)
    try:
        seconds = _seconds(
            _stepper(state, engine, cell.train, cell.generator.noise_dim, cell.generator.resolution, device), device
        )
    except torch.OutOfMemoryError:
        return {"reason": f"a step of {cell.train.batch} images at {cell.generator.resolution} px is out of memory"}
    whole = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak_bytes()
    return {"peak_gib": round(whole / 2**30, 2), "images_per_s": round(cell.train.batch / seconds, 1)}


def _stepper(
    state: TrainState, engine: Engine, config: TrainConfig, noise_dim: int, side: int, device: torch.device
) -> Callable[[], object]:
    real_img = torch.rand(config.batch, 3, side, side, device=device) * 2 - 1
    draws = move_draws(draw_step(config, noise_dim, side, 0), real_img)
    return lambda: engine.step(state, real_img, draws, config, 1.0)


def _seconds(run: Callable[[], object], device: torch.device, warm_up: int = WARM_UP, timed: int = TIMED) -> float:
    """Median seconds of `run`, after the device has finished."""
    found = []
    for _ in range(warm_up + timed):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - began)
    return median(found[warm_up:])


def authors(device: torch.device, resolutions: tuple[int, ...] = (32, 64), batch: int = 128) -> dict[str, Any]:
    """Images per second of the authors' step and of the eager engine, in turn, in every precision."""
    from pipelines.benches.contenders import training
    from pipelines.benches.train import clock_of, race

    clock, rows = clock_of("wall", device), {}
    names = [f"{who}/{precision}" for who in ("authors", "eager") for precision in ("fp32", "tf32", "bf16")]
    for side in resolutions:
        raced = race(Namespace(contenders=names, rounds=TIMED), training, side, batch, device, clock)
        rows[str(side)] = {f"{c.engine}/{c.precision}": round(batch / median(c.seconds), 1) for c in raced}
    said = "; ".join(f"{side} px: {', '.join(f'{name} {rate}' for name, rate in found.items())}" for side, found in rows.items())
    return {"images_per_s": rows, "summary": f"images/s at {said}"}


def compiled(device: torch.device, name: str = "table1-16", params: str = PAPER) -> dict[str, Any]:
    """Compiles the step of a whole cell, compares it with the reference, captures it, and times it against the eager engine."""
    cell = load_cell(params, name)
    noise_dim, side = cell.generator.noise_dim, cell.generator.resolution
    began = time.perf_counter()
    errors, programs = verify_engine(
        ENGINES["compiled"], on_device(cell, device), cell.train, noise_dim, side, use_fused_attention
    )
    took = time.perf_counter() - began
    found = {name: _cell(cell, ENGINES[name], device, programs if name == "compiled" else None) for name in ("eager", "compiled")}
    rates = {name: row.get("images_per_s") for name, row in found.items()}
    said = f"ready after {took:.0f} s; images/s {rates}; error {max(errors.values()):.2g}"
    return {"errors": errors, "seconds_to_compile": round(took, 1), "engines": found, "summary": said}


def energy(device: torch.device, name: str = "table1-16", params: str = PAPER) -> dict[str, Any]:
    """Energy of a training image by the device's own counter (NVML)."""
    from harness.cost.energy import energy_per_image

    cell = load_cell(params, name)
    generator, discriminator = on_device(cell, device)
    engine = ENGINES["eager"]
    state = engine.build(generator, discriminator, cell.train, use_fused_attention)
    run = _stepper(state, engine, cell.train, cell.generator.noise_dim, cell.generator.resolution, device)

    def step() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    step()
    found = energy_per_image(step, cell.train.batch, device, None)
    if found is None:
        raise HarnessError("no counter of energy can be read here")
    whole = found["kwh_per_image"] * cell.train.nimg
    return {**found, "kwh_of_the_cell": whole, "summary": f"{whole:,.0f} kWh for the {cell.train.nimg:,} images of {name}"}
