"""Samples images from a published generator, and writes the picture that its record names."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from harness.images import image_grid
from harness.metrics.sampling import generate, latents, to_uint8
from lada.generator import Generator
from pipelines.sampler import PREVIEW_SEED, SAMPLES


@dataclass(frozen=True)
class PublishedSamples:
    """The first `count` images of a seed, uint8 (count, 3, R, R). A slice is made on access and not kept.

    Image i depends only on the seed and i, so any part can be made again.
    """

    generator: Generator
    count: int
    seed: int
    batch: int
    device: str

    @property
    def shape(self) -> tuple[int, ...]:
        resolution = self.generator.config.resolution
        return self.count, 3, resolution, resolution

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: slice) -> np.ndarray:
        start, stop, _ = index.indices(self.count)
        z_dim = self.generator.config.noise_dim
        return generate(self.generator, z_dim, stop - start, self.seed, self.batch, self.device, start=start)


@torch.inference_mode()
def draw_samples(generator: Generator, path: Path, device: str) -> str:
    """Writes a grid of uncurated samples, from the same latents as in every record. Returns its path as text."""
    z = latents(generator.config.noise_dim, SAMPLES, PREVIEW_SEED).to(device)
    images = to_uint8(generator(z).nan_to_num()).cpu().numpy()
    image_grid(images, path, columns=16, scale=max(1, 32 // generator.config.resolution))
    return str(path)
