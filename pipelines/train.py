"""Stage: train one cell. `python -m pipelines.train --params pipelines/digits/params.yaml --cell table1-16`."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
from contextlib import nullcontext
from pathlib import Path

from safetensors.torch import save_file

from harness.device import default_device, use_threads
from harness.errors import run_command
from harness.files import atomic_path, write_json
from harness.records.environment import environment
from harness.tracking import live_run
from harness.training.curves import write_curves
from harness.training.distributed import join_ranks
from harness.training.loop import RunResult, fit
from lada.accelerate import use_fused_attention
from pipelines.compose import Cell, cell_arguments
from pipelines.profile import load_profile


def main(argv: list[str] | None = None) -> None:
    """Trains the cell, going on from its newest checkpoint if there is one, and writes its weights and curves."""
    args = cell_arguments(__doc__, argv)
    cell = load_profile(args.params).cell(args.cell, args.set)
    use_threads(cell.threads)
    images, indices = cell.images()
    digest = cell.digest(images.sha256)
    generator, discriminator = cell.build()
    leads = join_ranks().rank == 0  # of the ranks that torchrun started; without it there is one
    with live_run(cell.name, cell.results.name, cell.config()) if leads else nullcontext() as log_curves:
        result = fit(
            generator,
            discriminator,
            images,
            cell.train,
            noise_dim=cell.generator.noise_dim,
            scratch=Path(".ckpt") / cell.results.name / f"{cell.name}-{digest[:12]}",
            digest=digest,
            indices=indices,
            device=default_device(),
            on_curves=log_curves,
            accelerate=use_fused_attention,
            label=cell.name,
        )
    if leads:
        write_outputs(cell, result, digest)


def write_outputs(cell: Cell, result: RunResult, digest: str) -> None:
    """The cell's weights and run facts as one directory, and its curves as CSV."""
    with atomic_path(cell.results / "runs" / cell.name) as run:
        run.mkdir(parents=True)
        for nimg, state in result.snapshots.items():
            save_file(state, run / f"g_ema-{nimg:09d}.safetensors")
        save_file(result.g_ema, run / "g_ema.safetensors")
        write_json(run / "run.json", {**run_facts(result), "digest": digest, "config": cell.config(), **environment()})
    write_curves(cell.results / "curves" / f"{cell.name}.csv", result.curves)


def run_facts(result: RunResult) -> dict:
    """What the record says of the run."""
    return {
        "status": result.status,
        "diverged_step": result.diverged_step,
        "images_seen": result.nimg,
        "steps": result.steps,
        "wall_seconds": round(result.seconds, 3),
        "peak_bytes": result.peak_bytes,
        "engine": result.engine,
    }


if __name__ == "__main__":
    run_command(main)
