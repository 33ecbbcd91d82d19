"""The outcome of a training run."""

import math
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.device import peak_resident_bytes
from harness.records.parts import Process
from harness.training.finite import makes_images
from harness.training.session import Session


@dataclass
class RunResult:
    """What training a cell gave. Under torchrun, rank 0's alone has snapshots."""

    status: str  # "ok" or "diverged"
    engine: str  # name of the engine that ran
    nimg: int  # images seen since the run's start
    steps: int  # since the run's start
    processes: list[Process]  # those that did its steps, in every session
    curves: list[dict]  # rows of nimg and step.METRICS, means since the row before
    g_ema: dict[str, Tensor]  # state dict of the averaged generator, on the CPU
    snapshots: dict[int, dict[str, Tensor]]  # {images seen: the same at that time}
    peak_bytes: int  # of the device's memory on CUDA, else of the process
    engine_error: dict[str, float]  # {precision: relative error against the reference step, before the run}
    # The first step, counted from 1, with a loss, logit or gradient norm that is not finite. The last step, if only its update
    # left a generator whose images are not finite.
    diverged_step: int | None = None


def run_result(session: Session, engine: str, bad: int | None, engine_error: dict[str, float], noise_dim: int) -> RunResult:
    """The outcome of `session`. bad: the first bad step, counted from 0, or None."""
    steps = session.done if bad is None else bad + 1
    device = session.sums.values.device
    return RunResult(
        status="ok" if bad is None else "diverged",
        diverged_step=None if bad is None else steps,
        engine=engine,
        engine_error=engine_error,
        nimg=steps * session.batch,
        steps=steps,
        processes=session.processes(),
        curves=session.rows,
        g_ema={name: value.cpu().contiguous() for name, value in session.state.ema.module.state_dict().items()},
        snapshots=_finite_snapshots(session, math.inf if bad is None else steps * session.batch, noise_dim),
        peak_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_resident_bytes(),
    )


def _finite_snapshots(session: Session, before: float, noise_dim: int) -> dict[int, dict[str, Tensor]]:
    """Snapshots taken before `before` images whose images are finite.

    A snapshot can follow a bad update before any loss shows it.
    """
    taken, generator = session.snapshots_before(before), deepcopy(session.state.ema.module)
    finite = {}
    for nimg, state in taken.items():
        generator.load_state_dict(state)
        if makes_images(generator, noise_dim):
            finite[nimg] = state
    return finite
