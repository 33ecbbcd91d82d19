"""Checks that a run survives on the device: a step replayed as a CUDA graph, and a kill with a resume."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES
from harness.training.engines.compiled import step_inputs, trace_step
from harness.training.engines.cuda_graph import GraphedProgram
from harness.training.loop import fit
from harness.training.randomness import Draws, draw_step, move_draws
from harness.training.step import TrainState
from lada.accelerate import use_fused_attention
from pipelines.compose import Cell
from pipelines.gpu.exact import on_device
from pipelines.profile import load_cell

SMALL = "pipelines/digits/params.yaml", "table2-12"  # Ladaformers, BatchNorm and a convolutional decoder
STEPS = 4
SAME = 1e-4  # between a replayed and an executed program, whose sums may be split differently
STEPS_RESUMED = 24


class Stopped(BaseException):
    """Stands for a kill. Nothing in the loop catches it."""


def graph(device: torch.device) -> dict[str, Any]:
    """Compares a captured step with an executed one. Checks a second capture's memory, and that a replay shows divergence."""
    cell = load_cell(*SMALL)
    config = replace(cell.train, batch=32)
    executed, replayed = _state(cell, config, device), _state(cell, config, device)
    inputs = [_inputs(cell, config, step, device) for step in range(STEPS)]
    with torch.no_grad():
        program = trace_step(executed, step_inputs(executed, *inputs[0]), config, 1.0)
        captured = GraphedProgram(program)
        pairs = [(program(*step_inputs(executed, *i)), captured(*step_inputs(replayed, *i))) for i in inputs]
        error = max(_difference(mine, theirs) for theirs, mine in pairs)
        weights = zip(replayed.generator.parameters(), executed.generator.parameters(), strict=True)
        error = max(error, *(_difference(mine, theirs) for mine, theirs in weights))
        first = torch.cuda.memory_reserved(device)
        again = _state(cell, config, device)
        captured(*step_inputs(again, *inputs[0]))
        second = torch.cuda.memory_reserved(device)
        next(again.generator.parameters()).fill_(float("nan"))
        diverged = not bool(captured(*step_inputs(again, *inputs[1])).isfinite().all())
    failures = [] if error <= SAME else [f"a replay differs from the program by {error:.2g}"]
    failures += [] if diverged else ["a replay hides that its weights are NaN"]
    said = f"replay differs by {error:.2g}; memory {first / 2**20:.0f} MiB, after a second capture {second / 2**20:.0f} MiB"
    return {"error": error, "reserved_bytes": [first, second], "summary": said, "failures": failures}


def _state(cell: Cell, config: TrainConfig, device: torch.device) -> TrainState:
    generator, discriminator = on_device(cell, device)
    return ENGINES["compiled"].build(generator, discriminator, config, use_fused_attention)


def _inputs(cell: Cell, config: TrainConfig, step: int, device: torch.device) -> tuple[Tensor, Draws]:
    side = cell.generator.resolution
    real_img = torch.rand(config.batch, 3, side, side, generator=torch.Generator().manual_seed(step)) * 2 - 1
    real_img = real_img.to(device).contiguous(memory_format=torch.channels_last)
    return real_img, move_draws(draw_step(config, cell.generator.noise_dim, side, step), real_img)


def _difference(given: Tensor, expected: Tensor) -> float:
    return float((given - expected).norm() / expected.norm().clamp_min(1e-12))


def resume(device: torch.device) -> dict[str, Any]:
    """Compares a stopped and resumed run with an undisturbed one, bit by bit, and times deterministic algorithms."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # read when the first product is made
    torch.use_deterministic_algorithms(True)
    whole, seconds = _timed(lambda: _run(device, None))
    resumed = _run(device, STEPS_RESUMED // 2)
    torch.use_deterministic_algorithms(False)
    _, free = _timed(lambda: _run(device, None))
    wrong = [name for name, value in whole.items() if not torch.equal(value, resumed[name])]
    failures = [f"{len(wrong)} of {len(whole)} tensors differ after a resume, first {wrong[0]}"] if wrong else []
    price = seconds / free
    return {"price": price, "summary": f"bit-equal; deterministic runs take {price:.2f} times as long", "failures": failures}


def _timed(run: Callable[[], dict[str, Tensor]]) -> tuple[dict[str, Tensor], float]:
    began = time.perf_counter()
    return run(), time.perf_counter() - began


def _run(device: torch.device, stop_at: int | None) -> dict[str, Tensor]:
    """The averaged generator's weights. The run is stopped after `stop_at` steps, and then resumed."""
    cell = load_cell(*SMALL)
    batch, side = 32, cell.generator.resolution
    config = replace(
        cell.train, engine="eager", nimg=batch * STEPS_RESUMED, batch=batch, checkpoint_nimg=batch * 4, log_nimg=batch
    )
    images = np.random.default_rng(0).integers(0, 256, (500, 3, side, side), dtype=np.uint8)

    def step_and_stop(*given: Any) -> Tensor:
        taken.append(1)
        if len(taken) == stop_at:
            raise Stopped
        return engine.step(*given)

    engine, taken = ENGINES["eager"], list[int]()
    with tempfile.TemporaryDirectory() as scratch:
        ENGINES["eager"] = replace(engine, step=step_and_stop)
        try:
            for _ in range(2):
                try:
                    return fit(
                        *cell.build(),
                        images,
                        config,
                        Path(scratch),
                        "gpu",
                        noise_dim=cell.generator.noise_dim,
                        device=device,
                        accelerate=use_fused_attention,
                    ).g_ema
                except Stopped:
                    continue
        finally:
            ENGINES["eager"] = engine
    raise HarnessError("the run was stopped twice; expected once")
