"""Stage: train one cell. `python -m pipelines.train --params pipelines/digits/params.yaml --cell table1-16`."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from harness.data.views import Images
from harness.device import default_device, prepare_long_work, use_threads
from harness.errors import HarnessError, run_command
from harness.files import atomic_path, sha256_file
from harness.locks import output_lock
from harness.records.measured import Training
from harness.records.models import Run
from harness.records.record import make, read_as, write_record
from harness.tracking import live_run
from harness.training.curves import write_curves
from harness.training.distributed import join_ranks
from harness.training.loop import fit
from harness.training.result import RunResult
from lada.accelerate import use_fused_attention
from pipelines.arguments import cell_arguments
from pipelines.compose import Cell
from pipelines.needs import check_ready
from pipelines.profile import load_profile
from pipelines.results import run_path, training_path


def main(argv: list[str] | None = None) -> None:
    """Trains the cell, from its newest checkpoint if there is one, and writes its weights and curves."""
    args = cell_arguments(__doc__, argv, tracks=True)
    profile, device = load_profile(args.params), default_device()
    cell = profile.cell(args.cell, args.set)
    use_threads(cell.threads)
    prepare_long_work()
    ranks = join_ranks()
    check_ready(profile, cell, device, ranks.size)
    images, indices = cell.images()
    digest = cell.digest(images.sha256)
    leads = ranks.rank == 0  # without torchrun there is only rank 0
    with output_lock(run_path(cell)) if leads else nullcontext():
        train(cell, images, indices, digest, device, leads, args.tracking_uri)


def train(
    cell: Cell,
    images: Images,
    indices: np.ndarray | None,
    digest: str,
    device: str,
    leads: bool,
    tracking_uri: str | None = None,
) -> None:
    """Trains the cell on `images`. The leading rank writes the outputs and then removes the checkpoints."""
    generator, discriminator = cell.build()
    scratch = Path(".ckpt") / cell.results.name / f"{cell.name}-{digest[:12]}"
    live = live_run(cell.name, cell.results.name, cell.config(), tracking_uri) if leads else nullcontext()
    with live as log_curves:
        result = fit(
            generator,
            discriminator,
            images,
            cell.train,
            noise_dim=cell.generator.noise_dim,
            scratch=scratch,
            digest=digest,
            indices=indices,
            device=device,
            on_curves=log_curves,
            accelerate=use_fused_attention,
            label=cell.name,
        )
    if leads:
        write_outputs(cell, result, digest)
        print(said(cell, result), flush=True)
        shutil.rmtree(scratch, ignore_errors=True)  # checkpoints of finished cells once took 1.5 GB in one tree


def said(cell: Cell, result: RunResult) -> str:
    """How the run ended, and its last losses."""
    end = "trained" if result.status == "ok" else f"{result.status} at step {result.diverged_step}"
    last = result.curves[-1] if result.curves else {}
    losses = "".join(f", {name} {last[name]:.4g}" for name in ("loss_d", "loss_g", "r1") if name in last)
    return f"{cell.name}: {end}, {result.nimg:,} images seen{losses}"


def write_outputs(cell: Cell, result: RunResult, made_from: str) -> None:
    """Writes the cell's weights and run.json as one directory, its curves as CSV, and its measurements."""
    with atomic_path(run_path(cell)) as folder:
        folder.mkdir(parents=True)
        for nimg, state in result.snapshots.items():
            save_file(state, folder / f"g_ema-{nimg:09d}.safetensors")
        save_file(result.g_ema, folder / "g_ema.safetensors")
        weights = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
        run = run_of(cell, result, made_from, weights)
        write_record(folder / "run.json", run)
    write_curves(cell.results / "curves" / f"{cell.name}.csv", result.curves)
    write_record(training_path(cell), training_of(cell, result, run))


def is_trained(cell: Cell) -> bool:
    """Whether the outputs come from this cell's parameters, data and code, and are undamaged."""
    try:
        run = read_as(Run, run_path(cell) / "run.json")
        training = read_as(Training, training_path(cell))
        same = {name: sha256_file(run_path(cell) / name) for name in run.weights} == run.weights
    except (HarnessError, OSError):
        return False
    return same and training.run_digest == run.digest and run.made_from == cell.digest(cell.images()[0].sha256)


def run_of(cell: Cell, result: RunResult, made_from: str, weights: dict[str, str]) -> Run:
    """The part of the run's record that repeats. weights: {file: sha256} in the folder."""
    return make(
        Run,
        cell=cell.name,
        profile=cell.results.name,
        config=cell.config(),
        made_from=made_from,
        status=result.status,
        steps=result.steps,
        images_seen=result.nimg,
        diverged_step=result.diverged_step,
        engine=result.engine,
        weights=weights,
    )


def training_of(cell: Cell, result: RunResult, run: Run) -> Training:
    """The measurements of the run: time, memory, device."""
    return make(
        Training,
        cell=cell.name,
        profile=cell.results.name,
        run_digest=run.digest,
        processes=result.processes,
        peak_bytes=result.peak_bytes,
        engine_error=result.engine_error,
    )


if __name__ == "__main__":
    run_command(main)
