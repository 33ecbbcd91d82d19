"""`fit`: trains one cell, survives being killed at any moment, and tells a diverged run from a finished one."""

import math
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.device import peak_resident_bytes
from harness.locks import cell_lock
from harness.records.models import Process
from harness.training.config import TrainConfig
from harness.training.curves import CurveSums
from harness.training.data import data_digest, image_batches
from harness.training.distributed import join_ranks
from harness.training.engines import Accelerate, Engine, candidate_engines
from harness.training.engines.verify import verify_engine
from harness.training.finite import makes_images
from harness.training.identity import run_key
from harness.training.interrupt import requested_stop
from harness.training.progress import Progress
from harness.training.randomness import Draws, draw_step, move_draws
from harness.training.session import Session

CURVE_ROWS, CHECKPOINTS = 100, 10  # of a run, where the configuration does not say how often
FLUSH_SECONDS = 5  # between two calls of on_curves


@dataclass
class RunResult:
    """What a cell's training came to. nimg and diverged_step count from the run's start; diverged_step is the first step, counted
    from 1, with a loss, logit or gradient norm that is not finite, or the last, if its update left no generator of finite images.
    processes: those that took its steps, of every session.
    curves: rows of nimg and step.METRICS, means since the row before. g_ema and snapshots {nimg: ...}: averaged generators' state
    dicts on the CPU. peak_bytes: of the device's memory on CUDA, else of the process.
    engine_error: how far, by precision, the engine was from the reference step before it was let run (verify_engine)."""

    status: str
    engine: str
    nimg: int
    steps: int
    processes: list[Process]
    curves: list[dict]
    g_ema: dict[str, Tensor]
    snapshots: dict[int, dict[str, Tensor]]
    peak_bytes: int
    engine_error: dict[str, float]
    diverged_step: int | None = None


def fit(
    generator: nn.Module,
    discriminator: nn.Module,
    images: np.ndarray,
    config: TrainConfig,
    scratch: Path,
    digest: str,
    *,
    noise_dim: int,
    on_curves: Callable[[list[dict]], None] | None = None,
    device: torch.device | str = "cpu",
    indices: np.ndarray | None = None,
    accelerate: Accelerate = lambda network: None,
    label: str = "training",
) -> RunResult:
    """Trains `generator`, (B, noise_dim) -> (B, 3, H, W), against `discriminator`, (B, 3, H, W) -> (B, L), until it was shown
    config.nimg images; both are changed in place. Goes on from `scratch`'s newest checkpoint where there is one of the same run.

    images: uint8 (N, 3, H, W), or anything indexed like it; indices: the subset trained on. digest: the caller's name for what it
    put in (cell configuration, data, code); with the configuration, data and code seen here it decides what may be resumed.
    accelerate: changes a network in place into an equal, faster one (same state dict); every engine but the reference uses it.
    on_curves: gets new curve rows every few seconds; after a kill it may get a row again. The caller may delete `scratch` once it
    has stored the result. HarnessError: the cell is locked by another trainer, or a checkpoint could not be written.
    Under torchrun every rank calls it alike; rank 0 alone writes, and its result alone has snapshots.
    SIGTERM, SIGHUP and SIGINT save and then end the process (SystemExit 143 or 129, KeyboardInterrupt).
    """
    device, ranks = torch.device(device), join_ranks()
    generator, discriminator, part = generator.to(device), discriminator.to(device), ranks.part(config.batch)
    locked = cell_lock(Path(scratch)) if ranks.rank == 0 else nullcontext()
    with locked, requested_stop() as stop:
        engine, worst, programs = _verified_engine(
            candidate_engines(config, ranks.size), (generator, discriminator), config, noise_dim, images.shape[-1], accelerate
        )
        state = engine.build(generator, discriminator, config, accelerate)
        state.programs.update(programs)
        state.join(ranks)
        key = run_key(digest, config.as_dict(), data_digest(images, indices), [generator, discriminator], engine.name, device)
        session = Session(state, CurveSums(device), Path(scratch), key, config.batch)
        session.resume()
        draw = _drawer(config, noise_dim, image_batches(images, indices, config, part, device), part)
        progress = Progress(label, config.steps * config.batch, session.done * config.batch, quiet=ranks.rank > 0)
        with closing(progress):
            bad = _train(session, engine, config, draw, stop, progress, on_curves or (lambda rows: None))
        if bad is None and not makes_images(state.ema.module, noise_dim):
            bad = session.done - 1
        return _result(session, engine, bad, worst, noise_dim)


def _verified_engine(candidates: list[Engine], *setting: Any) -> tuple[Engine, dict[str, float], dict]:
    """The first candidate that equals the reference step, its errors and its programs. Of several, one that fails is passed over
    with a warning, whatever the reason: compilers fail in many ways."""
    for engine in candidates[:-1]:
        try:
            return engine, *verify_engine(engine, *setting)
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            print(f"warning: engine {engine.name} cannot be used here ({reason}); trying the next", file=sys.stderr, flush=True)
    return candidates[-1], *verify_engine(candidates[-1], *setting)


def _drawer(
    config: TrainConfig, noise_dim: int, load: Callable[[int], Tensor], part: slice
) -> Callable[[int, torch.dtype], tuple[Tensor, Draws]]:
    """A function from the step to this rank's real images and draws."""

    def draw(step: int, dtype: torch.dtype) -> tuple[Tensor, Draws]:
        real_img = load(step).to(dtype)
        return real_img, move_draws(draw_step(config, noise_dim, real_img.shape[-1], step), real_img, part)

    return draw


def _train(
    session: Session,
    engine: Engine,
    config: TrainConfig,
    draw: Callable[[int, torch.dtype], tuple[Tensor, Draws]],
    stop: Callable[[], int | None],
    progress: Progress,
    on_curves: Callable[[list[dict]], None],
) -> int | None:
    """Steps until the end, a request to stop, or divergence; returns the first bad step, counted from 0, or None."""
    log_every = config.interval_steps(config.log_nimg, CURVE_ROWS)
    save_every = config.interval_steps(config.checkpoint_nimg, CHECKPOINTS)
    snapshot_steps = {round(config.steps * part / config.snapshots) for part in range(1, config.snapshots + 1)}
    dtype, bad, sent, last_sent = next(session.state.generator.parameters()).dtype, None, len(session.rows), time.monotonic()
    ranks = session.state.ranks
    while session.done < config.steps and bad is None:
        r1_scale = config.r1_interval * (session.done % config.r1_interval == 0)
        session.sums.add(engine.step(session.state, *draw(session.done, dtype), config, r1_scale), session.done)
        session.done += 1
        progress.advance(config.batch)
        last, reading = session.done == config.steps, session.done % log_every == 0
        if reading or last:
            row, bad = session.sums.read(session.done * config.batch)
            if row is not None:
                session.rows.append(row)
                progress.losses(row)
        if len(session.rows) > sent and (time.monotonic() - last_sent > FLUSH_SECONDS or last or bad is not None):
            on_curves(session.rows[sent:])
            sent, last_sent = len(session.rows), time.monotonic()
        if session.done in snapshot_steps:
            session.snapshot()
        # Ranks must leave at the same step; they agree where the device is read anyway.
        leaving = ranks.any(bool(stop())) if ranks.size == 1 or reading else False
        if session.done % save_every == 0 or last or leaving:
            session.save()
        if leaving:
            _leave(stop())
    return bad


def _leave(number: int | None) -> None:
    """Ends the process as the signal would have; as SIGTERM where another rank received it."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + (number or signal.SIGTERM))


def _result(session: Session, engine: Engine, bad: int | None, worst: dict[str, float], noise_dim: int) -> RunResult:
    steps = session.done if bad is None else bad + 1
    device = session.sums.values.device
    return RunResult(
        status="ok" if bad is None else "diverged",
        diverged_step=None if bad is None else steps,
        engine=engine.name,
        engine_error=worst,
        nimg=steps * session.batch,
        steps=steps,
        processes=session.processes(),
        curves=session.rows,
        g_ema={name: value.cpu().contiguous() for name, value in session.state.ema.module.state_dict().items()},
        snapshots=_sound_snapshots(session, math.inf if bad is None else steps * session.batch, noise_dim),
        peak_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_resident_bytes(),
    )


def _sound_snapshots(session: Session, before: float, noise_dim: int) -> dict[int, dict[str, Tensor]]:
    """The snapshots taken before `before` images that still make images: one can fall between a bad update and its loss."""
    taken, generator = session.snapshots_before(before), deepcopy(session.state.ema.module)
    sound = {}
    for nimg, state in taken.items():
        generator.load_state_dict(state)
        if makes_images(generator, noise_dim):
            sound[nimg] = state
    return sound
