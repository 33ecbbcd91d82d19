"""Samples images from a cell's generator, and writes the pictures that its record names."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from harness.images import attention_map_grid, image_grid, interpolation_grid, progress_grid
from harness.metrics.sampling import generate, latents, to_uint8
from pipelines.compose import Cell

SAMPLES, MAPPED = 64, 6  # images in a sample grid; rows in a grid of attention maps
PAIRS, STEPS = 4, 9  # interpolations; images in each
GRID_COLUMNS = 16  # of a sample grid
PREVIEW_SEED = 7  # of the pictures' latents, the same for every cell


class Sampler:
    """The generator of a cell in eval mode: untrained, or with the weights that were loaded last."""

    def __init__(self, cell: Cell, batch: int, device: str) -> None:
        self.cell, self.batch, self.device = cell, batch, device
        self.generator = cell.build()[0].eval().requires_grad_(False).to(device)

    def load(self, weights: Path) -> None:
        """Loads the weights in a safetensors file."""
        self.generator.load_state_dict(load_file(weights))

    def __call__(self, count: int, seed: int) -> "Samples":
        """The first `count` images of `seed`. They are made on access, with the weights that are loaded at that time."""
        return Samples(self, count, seed)

    @torch.inference_mode()
    def show(self, z: Tensor) -> tuple[np.ndarray, list[np.ndarray]]:
        """Latents (B, noise_dim) -> uint8 images (B, 3, H, W) and each block's attention maps. NaN becomes 0."""
        img, maps = self.generator(z.to(self.device), return_maps=True)
        return to_uint8(img.nan_to_num()).cpu().numpy(), [block.nan_to_num().cpu().numpy() for block in maps]


@dataclass(frozen=True)
class Samples:
    """The first `count` images of a seed: uint8 (count, 3, H, W). A slice makes only its own images, for sharing among ranks."""

    sampler: Sampler
    count: int  # images
    seed: int  # of the latents

    @property
    def shape(self) -> tuple[int, ...]:
        resolution = self.sampler.cell.generator.resolution
        return self.count, 3, resolution, resolution

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: slice) -> np.ndarray:
        start, stop, step = index.indices(self.count)
        if step != 1:
            raise ValueError("expected a slice of consecutive samples")
        sampler = self.sampler
        z_dim = sampler.cell.generator.noise_dim
        return generate(sampler.generator, z_dim, stop - start, self.seed, sampler.batch, sampler.device, start=start)


def write_pictures(sampler: Sampler, run: Path) -> dict[str, object]:
    """Writes the pictures of a cell whose weights are in the folder `run`. Returns the record's fields that name them.

    They are a sample grid, attention maps (Figure 6) and interpolations (Figures 7 and 8) from the last weights, and a grid with
    one row per snapshot.
    """
    cell = sampler.cell
    paths = {field: cell.results / field / f"{cell.name}.png" for field in ("samples", "maps", "interpolation")}
    scale = grid_scale(cell.generator.resolution)
    z = latents(cell.generator.noise_dim, SAMPLES, PREVIEW_SEED)
    snapshots = {}
    for path in sorted(run.glob("g_ema-*.safetensors")):
        sampler.load(path)
        snapshots[int(path.stem.split("-")[1])] = sampler.show(z[:16])[0]
    sampler.load(run / "g_ema.safetensors")
    image_grid(sampler.show(z)[0], paths["samples"], columns=GRID_COLUMNS, scale=scale)
    side = cell.generator.resolution
    attention_map_grid(*sampler.show(z[:MAPPED]), paths["maps"], size=max(64, side))
    between, maps = sampler.show(interpolated(z[: 2 * PAIRS]))
    interpolation_grid(between, paths["interpolation"], STEPS, maps, size=max(32, side))
    fields = {field: str(path) for field, path in paths.items()}
    snapshots = snapshots or {0: sampler.show(z[:16])[0]}  # the run diverged before the first snapshot
    return fields | {"progress": progress_grid(snapshots, cell.results / "progress" / f"{cell.name}.png", scale)}


def grid_scale(resolution: int) -> int:
    """How many times pictures of `resolution` pixels are enlarged in a grid."""
    return max(1, 32 // resolution)


def interpolated(z: Tensor) -> Tensor:
    """Straight lines between consecutive pairs of latents (2 P, noise_dim) -> (P * STEPS, noise_dim)."""
    weights = torch.linspace(0, 1, STEPS)[:, None]  # (STEPS, 1)
    lines = [torch.lerp(start, end, weights) for start, end in zip(z[::2], z[1::2], strict=True)]
    return torch.cat(lines)
