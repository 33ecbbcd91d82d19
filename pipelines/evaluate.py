"""Stage: score one trained cell. `python -m pipelines.evaluate --params pipelines/digits/params.yaml --cell table1-16`."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from harness.config import load_params
from harness.cost.names import discriminator_id, generator_id
from harness.errors import HarnessError, run_command
from harness.files import sha256_file
from harness.metrics.sampling import generate, latents, to_uint8
from harness.records import new_record, write_record
from harness.report.images import attention_map_grid, image_grid
from pipelines.compose import Cell, cell_arguments, default_device, load_cell, use_threads
from pipelines.scoring import Scorer, load_scorer

SAMPLES, MAPPED = 64, 6  # images in a sample grid, rows in a grid of attention maps
PREVIEW_SEED = 7  # latents of the grids, the same for every cell


def main(argv: list[str] | None = None) -> None:
    """Scores the cell's snapshots, its last weights and its untrained generator; writes its record and its pictures."""
    args = cell_arguments(__doc__, argv)
    began = monotonic()
    cell = load_cell(args.params, args.cell, args.set)
    use_threads(cell.threads)
    run = read_run(cell)
    scorer = load_scorer(load_params(args.params), cell.params.data, default_device())
    measured = measure(cell, run, scorer)
    pictures = draw(cell, run, scorer.device)
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
        "rows": list(config.rows),
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
        **{name: run[name] for name in ("git", "versions", "device")},
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


def measure(cell: Cell, run: dict[str, Any], scorer: Scorer) -> dict[str, Any]:
    """Scores of the untrained generator, of every snapshot and of the last weights; the best snapshot stands apart."""
    untrained = scorer.score(sampler(cell, None, scorer))
    snapshots = sorted(run_path(cell).glob("g_ema-*.safetensors"))
    history = [{"nimg": int(path.stem.split("-")[1]), **scorer.score(sampler(cell, path, scorer))} for path in snapshots]
    if run["status"] != "ok":
        return {"untrained": untrained, "history": history}
    last = history[-1] if history and history[-1]["nimg"] == run["images_seen"] else None
    metrics = _scores(last) if last else scorer.score(sampler(cell, run_path(cell) / "g_ema.safetensors", scorer))
    best = min(history, key=_distance) if history else None
    return {
        "untrained": untrained,
        "history": history,
        "metrics": metrics,
        "best": {"nimg": best["nimg"], "metrics": _scores(best)} if best else None,
    }


def _scores(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "nimg"}


def _distance(entry: dict[str, Any]) -> float:
    """The first protocol's Frechet distance, FID or not."""
    first = next(iter(_scores(entry).values()))
    return next(value for label, value in first.items() if label.split("/")[0] in ("fid", "fd"))


def load_generator(cell: Cell, weights: Path | None, device: str) -> nn.Module:
    """The cell's generator in eval mode with the given weights, or as it was before training."""
    generator, _ = cell.build()
    if weights is not None:
        generator.load_state_dict(load_file(weights))
    return generator.eval().requires_grad_(False).to(device)


def sampler(cell: Cell, weights: Path | None, scorer: Scorer) -> Callable[[int, int], np.ndarray]:
    """`(count, seed) -> uint8 images` of a generator."""
    generator = load_generator(cell, weights, scorer.device)
    noise_dim, batch = cell.generator.noise_dim, scorer.params.batch
    return lambda count, seed: generate(generator, noise_dim, count, seed, batch, scorer.device)


def draw(cell: Cell, run: dict[str, Any], device: str) -> dict[str, str]:
    """Sample grid, and attention maps beside their images, of the last weights; the same latents for every cell."""
    generator = load_generator(cell, run_path(cell) / "g_ema.safetensors", device)
    z = latents(cell.generator.noise_dim, SAMPLES, PREVIEW_SEED).to(device)
    with torch.inference_mode():
        img, maps = generator(z, return_maps=True)
    images = to_uint8(img.nan_to_num()).cpu().numpy()
    scale = max(1, 32 // cell.generator.resolution)
    samples = image_grid(images, cell.results / "samples" / f"{cell.name}.png", columns=16, scale=scale)
    shown = [block[:MAPPED].nan_to_num().cpu().numpy() for block in maps]
    drawn = attention_map_grid(images[:MAPPED], shown, cell.results / "maps" / f"{cell.name}.png")
    return {"samples": str(samples), "maps": str(drawn)}


if __name__ == "__main__":
    run_command(main)
