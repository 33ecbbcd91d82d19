"""`fit` trains one cell. It survives being killed at any moment, and tells a diverged run from a finished one."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.data.views import Images
from harness.locks import cell_lock
from harness.training.checkpoint import newest_of
from harness.training.config import TrainConfig
from harness.training.curves import CurveSums
from harness.training.data import data_digest, image_batches
from harness.training.distributed import join_ranks
from harness.training.engines import ENGINES, Accelerate, Engine, candidate_engines, unchanged
from harness.training.engines.trial import try_apart
from harness.training.engines.verify import verify_engine
from harness.training.finite import makes_images
from harness.training.identity import run_key
from harness.training.interrupt import requested_stop
from harness.training.progress import Progress
from harness.training.randomness import Draws, draw_step, move_draws
from harness.training.result import RunResult, run_result
from harness.training.session import Session

CURVE_ROWS, CHECKPOINTS = 100, 10  # per run, unless the configuration sets the intervals
FLUSH_SECONDS = 5  # least time between two calls of on_curves


def fit(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Images,
    config: TrainConfig,
    scratch: Path,
    digest: str,
    *,
    noise_dim: int,
    on_curves: Callable[[list[dict]], None] | None = None,
    device: torch.device | str = "cpu",
    indices: np.ndarray | None = None,
    accelerate: Accelerate = unchanged,
    label: str = "training",
) -> RunResult:
    """Trains `generator`, (B, noise_dim) -> (B, 3, H, W), against `discriminator`, (B, 3, H, W) -> (B, L), in place.

    Stops after config.nimg images. If `scratch` holds checkpoints of the same run, the newest is resumed, by the engine that
    wrote it if that can be used. The caller may delete `scratch` once it has stored the result.

    images: uint8 (N, 3, H, W), or anything indexed like it. indices: the subset to train on, None for all.
    digest: identifies what the caller put in (cell configuration, data, code). A checkpoint is resumed only if this digest and
        the configuration, data and code seen here are the same.
    on_curves: called every few seconds with new curve rows. After a kill it may get a row a second time.
    accelerate: turns a network, in place, into an equal, faster one with the same state dict. The reference engine skips it.

    Under torchrun every rank makes the same call. Only rank 0 writes files.
    SIGTERM, SIGHUP and SIGINT save a checkpoint and end the process (SystemExit 143 or 129, KeyboardInterrupt).
    HarnessError if another trainer has locked the cell, or a checkpoint cannot be written.
    """
    device, ranks = torch.device(device), join_ranks()
    generator, discriminator, part = generator.to(device), discriminator.to(device), ranks.part(config.batch)
    locked = cell_lock(Path(scratch)) if ranks.rank == 0 else nullcontext()
    with locked, requested_stop() as stop:
        run = (digest, config.as_dict(), data_digest(images, indices), [generator, discriminator], device, accelerate)
        keys = {name: run_key(name, *run) for name in (ENGINES if config.engine == "auto" else [config.engine])}
        wrote = ranks.share(newest_of(Path(scratch), keys))  # the engine that goes on, if it can
        candidates = sorted(candidate_engines(config, ranks.size, device), key=lambda engine: engine.name != wrote)
        setting = (generator, discriminator), config, noise_dim, images.shape[-1], accelerate
        engine, engine_error, programs = _verified_engine(candidates, device.type == "cuda", *setting)
        if wrote not in (None, engine.name) and ranks.rank == 0:
            _warn(f"engine {wrote}, which wrote {scratch}'s checkpoints, cannot be used here; {label} begins anew at image 0")
        state = engine.build(generator, discriminator, config, accelerate)
        state.programs.update(programs)
        state.join(ranks)
        session = Session(state, CurveSums(device), Path(scratch), keys[engine.name], config.batch)
        session.resume()
        draw = _drawer(config, noise_dim, image_batches(images, indices, config, part, device), part)
        progress = Progress(label, config.steps * config.batch, session.done * config.batch, quiet=ranks.rank > 0)
        with closing(progress):
            bad = _train(session, engine, config, draw, stop, progress, on_curves or (lambda rows: None))
        if bad is None and not makes_images(state.ema.module, noise_dim):
            bad = session.done - 1
        return run_result(session, engine.name, bad, engine_error, noise_dim)


def _verified_engine(candidates: list[Engine], apart: bool, *setting: Any) -> tuple[Engine, dict[str, float], dict]:
    """The first candidate that equals the reference step, with its errors and its programs.

    A candidate that fails is skipped with a warning, whatever the error, because compilers fail in many ways. The last one must
    not fail. apart: each but the last is first tried in a process of its own.
    """
    for engine in candidates[:-1]:
        try:
            if apart:
                try_apart(engine, *setting)
            return engine, *verify_engine(engine, *setting)
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            _warn(f"engine {engine.name} cannot be used here ({reason}); trying the next")
    return candidates[-1], *verify_engine(candidates[-1], *setting)


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _drawer(
    config: TrainConfig, noise_dim: int, load: Callable[[int], Tensor], part: slice
) -> Callable[[int, torch.dtype], tuple[Tensor, Draws]]:
    """Returns a function that maps a step to this rank's real images and draws."""

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
    """Trains until the end, a stop request or divergence. Returns the first bad step, counted from 0, or None."""
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
        # All ranks must leave at the same step. They agree on it only when a reading waits for the device anyway.
        leaving = ranks.any(bool(stop())) if ranks.size == 1 or reading else False
        if session.done % save_every == 0 or last or leaving:
            session.save()
        if leaving:
            _leave(stop())
    return bad


def _leave(number: int | None) -> None:
    """Ends the process as the signal would have, or as SIGTERM if only another rank received one."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + (number or signal.SIGTERM))
