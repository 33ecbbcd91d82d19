"""Makes pictures by their seeds. Each is computed alone, so it depends neither on a batch nor on other seeds."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.metrics.sampling import latents, to_uint8
from harness.progress import tracked
from lada.generator import Generator

LEAST_TRUNCATION = 0.1  # below it hardly any draw is kept


@dataclass(frozen=True)
class SeededPictures:
    """One picture a seed: uint8 (N, 3, R, R), made when it is asked for. The generator is on the CPU and in eval mode.

    truncation: numbers of a latent beyond it, on either side, are drawn again (arXiv 1809.11096, section 3.1); None for none."""

    generator: Generator
    seeds: Sequence[int]
    truncation: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        side = self.generator.config.resolution
        return len(self.seeds), 3, side, side

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: slice) -> np.ndarray:
        chosen = self.seeds[index]
        bar: Iterable[int] = tracked(chosen, f"pictures {index.start or 0}-", "img") if len(chosen) > 1 else chosen
        return np.concatenate([self.shown(self.latent(seed), f"seed {seed}")[0] for seed in bar])

    def latent(self, seed: int) -> Tensor:
        """The latent (1, noise_dim) of a seed: number 0 of the sequence that it names in evaluation too."""
        z = latents(self.generator.config.noise_dim, 1, seed)
        return z if self.truncation is None else _truncated(z, seed, self.truncation)

    @torch.inference_mode()
    def shown(self, z: Tensor, name: str, maps: bool = False) -> tuple[np.ndarray, list[np.ndarray]]:
        """uint8 (1, 3, R, R) of a latent (1, noise_dim); with `maps` each block's attention maps too, (h, N) or (h, N, M)."""
        img, found = self.generator(z, return_maps=True) if maps else (self.generator(z), [])
        if not bool(img.isfinite().all()):
            raise HarnessError(f"the picture of {name} is not finite: the weights are of a training that diverged; use others")
        return to_uint8(img).numpy(), [block[0].numpy() for block in found]

    def between(self, steps: int) -> list[tuple[np.ndarray, list[np.ndarray]]]:
        """Images uint8 (3, R, R) and their maps on straight lines: `steps` from each seed's latent to the next, then the last."""
        ends = [self.latent(seed) for seed in self.seeds]
        weights = [step / steps for step in range(steps)]
        points = [torch.lerp(start, end, weight) for start, end in pairwise(ends) for weight in weights]
        found = [self.shown(z, "a frame", maps=True) for z in tracked([*points, ends[-1]], "frames", "img")]
        return [(images[0], maps) for images, maps in found]


def _truncated(z: Tensor, seed: int, limit: float) -> Tensor:
    """Draws the numbers of `z` that are beyond the limit again, from the seed's own stream, until none is."""
    key = hashlib.sha256(f"truncation/{seed}".encode()).digest()
    rng = torch.Generator().manual_seed(int.from_bytes(key[:8], "little", signed=True))
    while bool((beyond := z.abs() > limit).any()):
        z = torch.where(beyond, torch.randn(z.shape, generator=rng), z)
    return z
