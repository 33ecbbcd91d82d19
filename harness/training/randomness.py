"""Everything random in step k comes from generators seeded by (seed, purpose, k): a run resumes from its step number alone.

All draws are for the GLOBAL batch on the CPU, so that they depend neither on the device nor on the number of ranks.
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
    """What one step draws. z_d and z_g (B, noise_dim) float32; the augmentations' parameters by name, each with B first."""

    z_d: Tensor
    z_g: Tensor
    augment_real: dict[str, Tensor]
    augment_fake: dict[str, Tensor]
    augment_g: dict[str, Tensor]


def generator_for(seed: int, purpose: str, index: int) -> torch.Generator:
    """A CPU generator that depends on nothing but its three arguments."""
    name = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(name[:8], "little") >> 1)


def draw_step(config: TrainConfig, noise_dim: int, side: int, step: int) -> Draws:
    """The draws of step `step` (counted from 0) for images of `side` pixels. The generator's step is not augmented under bCR."""

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
    """The `part` of the batch's draws on `like`'s device, latents in its dtype."""

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
    """Which of `count` images step `step` shows: an endless sequence of shuffled epochs, cut into batches. (B,) int64"""
    position = step * batch + np.arange(batch)
    epoch, within = position // count, position % count
    return np.concatenate([_epoch_order(seed, count, int(e))[within[epoch == e]] for e in np.unique(epoch)])


@lru_cache(maxsize=2)  # a batch can straddle two epochs
def _epoch_order(seed: int, count: int, epoch: int) -> np.ndarray:
    return torch.randperm(count, generator=generator_for(seed, "order", epoch)).numpy()
