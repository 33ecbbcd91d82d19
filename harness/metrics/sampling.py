"""Samples images from a generator. They depend neither on the batch size nor on the number of processes that share the work."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from harness.errors import HarnessError
from harness.tf32 import tf32


def generate(
    generator_fn: Callable[[torch.Tensor], torch.Tensor],
    noise_dim: int,
    count: int,
    seed: int,
    batch: int = 64,
    device: str = "cpu",
    *,
    start: int = 0,
    rounding: bool = False,
    progress: bool = False,
) -> np.ndarray:
    """uint8 images (count, 3, R, R): numbers `start` to `start + count - 1` of the endless sequence with this seed.

    `generator_fn` maps z (B, noise_dim) to images (B, 3, R, R) in [-1, 1]. Put the generator in eval mode first.
    """
    if count < 1:
        raise HarnessError(f"given {count} images to generate; expected at least 1")
    parts = []
    with torch.inference_mode(), tf32(False), tqdm(total=count, desc="generate", unit="img", disable=not progress) as bar:
        for first in range(start, start + count, batch):
            size = min(batch, start + count - first)
            img = generator_fn(latents(noise_dim, size, seed, first).to(device))  # (B, 3, R, R)
            if not bool(img.isfinite().all()):
                raise HarnessError(f"images from {first} of seed {seed} are not finite: training diverged; try other rates")
            parts.append(to_uint8(img, rounding).cpu().numpy())
            bar.update(size)
    return np.concatenate(parts)


def latents(noise_dim: int, count: int, seed: int, start: int = 0) -> torch.Tensor:
    """Latents z ~ N(0, I), (count, noise_dim). Row i depends only on `seed` and `start + i`."""
    return torch.stack([_latent(noise_dim, seed, index) for index in range(start, start + count)])


def _latent(noise_dim: int, seed: int, index: int) -> torch.Tensor:
    key = hashlib.sha256(f"sample/{seed}/{index}".encode()).digest()
    rng = torch.Generator().manual_seed(int.from_bytes(key[:8], "little", signed=True))
    return torch.randn(noise_dim, generator=rng)


def to_uint8(img: torch.Tensor, rounding: bool = False) -> torch.Tensor:
    """Converts images in [-1, 1] to uint8 by truncation, as for the ADM evaluator's samples, or by rounding to nearest."""
    img = img.float()
    scaled = img * 127.5 + 128 if rounding else (img + 1) * 127.5
    return scaled.clamp(0, 255).to(torch.uint8)
