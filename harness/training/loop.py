"""`fit`: trains one cell, survives being killed at any moment, and tells a diverged run from a finished one."""

import resource
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from harness.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_tensors
from harness.training.config import TrainConfig
from harness.training.curves import CurveSums
from harness.training.data import data_digest, image_batches
from harness.training.engines import Accelerate, Engine, choose_engine
from harness.training.identity import run_key
from harness.training.interrupt import requested_stop
from harness.training.lock import cell_lock
from harness.training.progress import Progress
from harness.training.randomness import draw_step, place
from harness.training.state_io import restore_state, state_tensors
from harness.training.step import TrainState
from harness.training.verify import verify_engine

CURVE_ROWS, CHECKPOINTS = 100, 10  # of a run, where the configuration does not say how often
FLUSH_SECONDS = 5  # between two calls of on_curves


@dataclass
class RunResult:
    """What a cell's training came to. nimg and diverged_step count from the run's start; diverged_step is the first step, counted
    from 1, with a loss, logit or gradient norm that is not finite. seconds: training time, summed over resumed sessions.
    curves: rows of nimg and step.METRICS, means since the row before. g_ema and snapshots {nimg: ...}: averaged generators' state
    dicts on the CPU. peak_bytes: of the device's memory on CUDA, else of the process.
    engine_error: how far, by precision, the engine was from the reference step before it was let run (verify_engine)."""

    status: str
    engine: str
    nimg: int
    steps: int
    seconds: float
    curves: list[dict]
    g_ema: dict[str, Tensor]
    snapshots: dict[int, dict[str, Tensor]]
    peak_bytes: int
    engine_error: dict[str, float]
    diverged_step: int | None = None


@dataclass
class _Run:
    """A run in progress: what a checkpoint holds, and where it goes."""

    state: TrainState
    sums: CurveSums
    scratch: Path
    key: str
    batch: int
    done: int = 0
    rows: list[dict] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)  # file name -> sha256
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.began

    def save(self) -> None:
        tensors = state_tensors(self.state) | {"curves": self.sums.values}
        state = {"rows": self.rows, "snapshots": self.snapshots, "seconds": self.elapsed()}
        save_checkpoint(self.scratch, self.key, Checkpoint(self.done, tensors, state), self.snapshots)

    def resume(self) -> None:
        found = load_checkpoint(self.scratch, self.key)
        if found is not None:
            restore_state(self.state, found.tensors)
            self.sums.values.copy_(found.tensors["curves"])
            self.done, self.rows, self.snapshots = found.step, found.state["rows"], found.state["snapshots"]
            self.seconds = found.state["seconds"]

    def snapshot(self) -> None:
        name = f"{self.key[:12]}-snapshot-{self.done * self.batch}.safetensors"
        self.snapshots[name] = save_tensors(self.scratch / name, self.state.ema.module.state_dict())


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
    SIGTERM and SIGINT save and then end the process (SystemExit 143, KeyboardInterrupt).
    """
    device, engine = torch.device(device), choose_engine(config.engine)
    generator, discriminator = generator.to(device), discriminator.to(device)
    with cell_lock(Path(scratch)), requested_stop() as stop:
        worst = verify_engine(engine, (generator, discriminator), config, noise_dim, images.shape[-1], accelerate)
        state = engine.build(generator, discriminator, config, accelerate)
        key = run_key(digest, config.as_dict(), data_digest(images, indices), [generator, discriminator], engine.name, device)
        run = _Run(state, CurveSums(device), Path(scratch), key, config.batch)
        run.resume()
        load = image_batches(images, indices, config.seed, config.batch, device)
        with closing(Progress(label, config.steps * config.batch, run.done * config.batch)) as progress:
            bad = _train(run, engine, config, load, noise_dim, stop, progress, on_curves or (lambda rows: None))
        return _result(run, engine, bad, worst)


def _train(
    run: _Run,
    engine: Engine,
    config: TrainConfig,
    load: Callable[[int], Tensor],
    noise_dim: int,
    stop: Callable[[], int | None],
    progress: Progress,
    on_curves: Callable[[list[dict]], None],
) -> int | None:
    """Steps until the end, a request to stop, or divergence; returns the first bad step, counted from 0, or None."""
    log_every = config.interval_steps(config.log_nimg, CURVE_ROWS)
    save_every = config.interval_steps(config.checkpoint_nimg, CHECKPOINTS)
    snapshot_steps = {round(config.steps * part / config.snapshots) for part in range(1, config.snapshots + 1)}
    dtype, bad, sent, last_sent = next(run.state.generator.parameters()).dtype, None, len(run.rows), time.monotonic()
    while run.done < config.steps and bad is None:
        real_img = load(run.done).to(dtype)
        draws = place(draw_step(config, noise_dim, real_img.shape[-1], run.done), real_img)
        penalise = config.r1_interval * (run.done % config.r1_interval == 0)
        run.sums.add(engine.step(run.state, real_img, draws, config, penalise), run.done)
        run.done += 1
        progress.advance(config.batch)
        if run.done % log_every == 0 or run.done == config.steps:
            row, bad = run.sums.read(run.done * config.batch)
            if row is not None:
                run.rows.append(row)
                progress.losses(row)
        if len(run.rows) > sent and (time.monotonic() - last_sent > FLUSH_SECONDS or run.done == config.steps or bad is not None):
            on_curves(run.rows[sent:])
            sent, last_sent = len(run.rows), time.monotonic()
        if run.done in snapshot_steps:
            run.snapshot()
        if run.done % save_every == 0 or run.done == config.steps or stop():
            run.save()
        if stop():
            _leave(stop())
    return bad


def _leave(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _result(run: _Run, engine: Engine, bad: int | None, worst: dict[str, float]) -> RunResult:
    steps = run.done if bad is None else bad + 1
    snapshots = {}
    for name in run.snapshots:
        nimg = int(name.removesuffix(".safetensors").rsplit("-", 1)[1])
        if bad is None or nimg < steps * run.batch:
            snapshots[nimg] = safetensors.torch.load((run.scratch / name).read_bytes())
    device = run.sums.values.device
    on_gpu = device.type == "cuda"
    return RunResult(
        status="ok" if bad is None else "diverged",
        diverged_step=None if bad is None else steps,
        engine=engine.name,
        engine_error=worst,
        nimg=steps * run.batch,
        steps=steps,
        seconds=run.elapsed(),
        curves=run.rows,
        g_ema={name: value.cpu() for name, value in run.state.ema.module.state_dict().items()},
        snapshots=snapshots,
        peak_bytes=torch.cuda.max_memory_allocated(device)
        if on_gpu
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
