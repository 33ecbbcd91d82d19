"""Everything random in step k comes from generators seeded by (seed, purpose, k), so a run needs only its step number to resume.

All draws are for the global batch, on the CPU. They depend neither on the device nor on the number of ranks.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness.training.augment import draw_augmentation
from harness.training.config import TrainConfig


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step. Augmentation parameters are by name, and their first axis is B (augment.py)."""

    z_d: Tensor  # latents of the discriminator's step, (B, noise_dim) float32
    z_g: Tensor  # latents of the generator's step, (B, noise_dim) float32
    augment_real: dict[str, Tensor]  # for the real images
    augment_fake: dict[str, Tensor]  # for the fake images of the discriminator's step
    augment_g: dict[str, Tensor]  # for the images of the generator's step; empty under bCR


def generator_for(seed: int, purpose: str, index: int) -> torch.Generator:
    """A CPU generator that depends only on the three arguments."""
    name = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(name[:8], "little") >> 1)


def draw_step(config: TrainConfig, noise_dim: int, side: int, step: int) -> Draws:
    """The draws of `step`, counted from 0, for square images of `side` pixels."""

    def latent(purpose: str) -> Tensor:
        return torch.randn(config.batch, noise_dim, generator=generator_for(config.seed, purpose, step))  # (B, noise_dim)

    def augmentation(purpose: str) -> dict[str, Tensor]:
        return draw_augmentation(config.augment, config.batch, side, generator_for(config.seed, purpose, step))

    return Draws(
        z_d=latent("latent-d"),
        z_g=latent("latent-g"),
        augment_real=augmentation("augment-real"),
        augment_fake=augmentation("augment-fake"),
        augment_g={} if config.bcr_weight else augmentation("augment-g"),
    )


def move_draws(draws: Draws, like: Tensor, part: slice = slice(None)) -> Draws:
    """The `part` of the batch's draws on `like`'s device, with latents in its dtype."""

    def move(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value[part].to(like.device, non_blocking=True) for name, value in values.items()}

    return replace(
        draws,
        z_d=draws.z_d[part].to(like),
        z_g=draws.z_g[part].to(like),
        augment_real=move(draws.augment_real),
        augment_fake=move(draws.augment_fake),
        augment_g=move(draws.augment_g),
    )


def batch_indices(seed: int, count: int, batch: int, step: int) -> np.ndarray:
    """Indices (B,) int64 of the images that `step` uses, out of `count`. Shuffled epochs, cut into batches."""
    position = step * batch + np.arange(batch)
    epoch, within = position // count, position % count
    return np.concatenate([_epoch_order(seed, count, int(e))[within[epoch == e]] for e in np.unique(epoch)])


@lru_cache(maxsize=2)  # a batch can straddle two epochs
def _epoch_order(seed: int, count: int, epoch: int) -> np.ndarray:
    return torch.randperm(count, generator=generator_for(seed, "order", epoch)).numpy()
