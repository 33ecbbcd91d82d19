"""Stage: score one trained cell. `python -m pipelines.evaluate --params pipelines/digits/params.yaml --cell table1-16`.

Under torchrun the ranks share out sampling and feature extraction; rank 0 alone scores and writes.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import json
import shlex
import sys
from pathlib import Path
from statistics import fmean, stdev
from time import monotonic
from typing import Any

from harness.cost.names import discriminator_id, generator_id
from harness.device import default_device, use_threads
from harness.errors import HarnessError, run_command
from harness.files import sha256_file
from harness.metrics.metric import METRICS
from harness.records.record import new_record, write_record
from harness.training.distributed import join_ranks
from pipelines.compose import Cell, cell_arguments
from pipelines.profile import load_profile
from pipelines.sampler import Sampler, draw
from pipelines.scoring import Scorer, load_scorer, summarised


def main(argv: list[str] | None = None) -> None:
    """Scores the cell's snapshots, its last weights and its untrained generator; writes its record and its pictures."""
    args = cell_arguments(__doc__, argv)
    began, ranks = monotonic(), join_ranks()
    profile = load_profile(args.params)
    cell = profile.cell(args.cell, args.set)
    use_threads(cell.threads)
    run = read_run(cell)
    scorer = load_scorer(profile, cell.params.data, default_device(), ranks)
    sampler = Sampler(cell, scorer.params.batch, scorer.device)
    measured = measure(run, run_path(cell), sampler, scorer)
    if ranks.rank:
        return
    pictures = draw(sampler, run_path(cell))
    command = shlex.join(["python", "-m", "pipelines.evaluate", *(argv or sys.argv[1:])])
    wall_seconds = round(run["wall_seconds"] + monotonic() - began, 3)
    fields = {**identity(cell, run), **scorer.identity(), **measured, **pictures}
    record = new_record(
        "score",
        cell=cell.name,
        profile=cell.results.name,
        config=cell.config(),
        command=command,
        wall_seconds=wall_seconds,
        **fields,
    )
    write_record(cell.results / "records" / f"{cell.name}.json", record)


def read_run(cell: Cell) -> dict[str, Any]:
    """The facts of the cell's training; HarnessError if it has not been trained with this configuration."""
    path = run_path(cell) / "run.json"
    if not path.is_file():
        raise HarnessError(f"cell {cell.name} has no trained weights at {path}; run its train stage first")
    run = json.loads(path.read_text(encoding="utf-8"))
    if run["config"] != json.loads(json.dumps(cell.config())):
        raise HarnessError(f"{path} was trained with another configuration of cell {cell.name}; run its train stage again")
    return run


def run_path(cell: Cell) -> Path:
    """Where the train stage left the cell's weights."""
    return cell.results / "runs" / cell.name


def identity(cell: Cell, run: dict[str, Any]) -> dict[str, Any]:
    """The record's fields that training decided."""
    images, indices = cell.images()
    config = cell.params
    return {
        "rows": list(cell.rows),
        "seed": cell.train.seed,
        "status": run["status"],
        "images_seen": run["images_seen"],
        "diverged_step": run["diverged_step"],
        "weights_sha256": sha256_file(run_path(cell) / "g_ema.safetensors"),
        "curves": str(cell.results / "curves" / f"{cell.name}.csv"),
        "data": {
            "name": config.data,
            "sha256": images.sha256,
            "train_count": len(images) if indices is None else len(indices),
            "fraction": config.fraction,
        },
        "networks": full_size_networks(cell),
        **{name: run[name] for name in ("git", "versions", "device", "engine")},
    }


def full_size_networks(cell: Cell) -> dict[str, str]:
    """Names of the cost records of the cell's networks, at the paper's size where the profile's are narrower."""
    config = cell.generator
    resolution, widening = config.resolution * 8 // config.base, max(1, 1024 // config.dims[0])
    dims = [widening * dim for dim in config.dims]
    return {
        "generator": generator_id(cell.params.attention, resolution, dims, config.lee_conv, config.modulation),
        "discriminator": discriminator_id(cell.params.discriminator, resolution),
    }


def measure(run: dict[str, Any], folder: Path, sampler: Sampler, scorer: Scorer) -> dict[str, Any]:
    """Scores of the untrained generator, of every snapshot and of the last weights; the best snapshot stands apart."""
    untrained = scorer.score(sampler)
    history = []
    for path in sorted(folder.glob("g_ema-*.safetensors")):
        sampler.load(path)
        history.append({"nimg": int(path.stem.split("-")[1]), **scorer.score(sampler)})
    sampler.load(folder / "g_ema.safetensors")
    if run["status"] != "ok":
        return {"untrained": untrained, "history": history}
    runs = scorer.runs(sampler)
    best = min(history, key=_distance) if history else None
    return {
        "untrained": untrained,
        "history": history,
        "metrics": summarised(runs, fmean),
        "generation_sd": summarised(runs, stdev) if len(runs) > 1 else {},
        "best": {"nimg": best["nimg"], "metrics": _scores(best)} if best else None,
    }


def _scores(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "nimg"}


def _distance(entry: dict[str, Any]) -> float:
    """The first protocol's Frechet distance, FID or not."""
    first = next(iter(_scores(entry).values()))
    return first[METRICS["fid"].label_in(first)]


if __name__ == "__main__":
    run_command(main)
