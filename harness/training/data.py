"""Real images for the training step: kept as uint8, in memory if they fit. Only the current batch becomes floats in [-1, 1]."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from harness.data.views import Images
from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.randomness import batch_indices

RESIDENT_BYTES = 2 << 30  # CIFAR-10 at 32 (150 MB) and CelebA at 64 (2.0 GB) stay in memory; larger sets are read by batch


def image_batches(
    images: Images, indices: np.ndarray | None, config: TrainConfig, part: slice, device: torch.device
) -> Callable[[int], Tensor]:
    """Returns a function that maps a step to the `part` of its batch, (B, 3, H, W) float32 in [-1, 1] on `device`.

    images: uint8 (N, 3, H, W), an array or anything indexed like one; indices: the subset to train on, None for all.
    """
    chosen = np.arange(len(images)) if indices is None else np.asarray(indices)
    if len(chosen) == 0:
        raise HarnessError("given 0 training images; expected at least 1; check the data set or the fraction")
    resident = None
    if len(chosen) * int(np.prod(images.shape[1:])) <= RESIDENT_BYTES:
        resident = torch.from_numpy(np.ascontiguousarray(images[chosen])).to(device)

    def gather(step: int) -> Tensor:
        """From the disk, in memory out of which a GPU copies while it computes."""
        within = batch_indices(config.seed, len(chosen), config.batch, step)[part]
        pixels = torch.from_numpy(images[chosen[within]])
        return pixels.pin_memory() if device.type == "cuda" else pixels

    read = Ahead(gather) if device.type == "cuda" else gather

    def load(step: int) -> Tensor:
        if resident is None:
            pixels = read(step).to(device, non_blocking=True)
        else:
            within = batch_indices(config.seed, len(chosen), config.batch, step)[part]
            pixels = resident[torch.from_numpy(within).to(device)]
        return pixels.float() / 127.5 - 1  # (B, 3, H, W)

    return load


class Ahead:
    """`read`, called by another thread for the step after the one that is asked for."""

    def __init__(self, read: Callable[[int], Tensor]) -> None:
        self.read, self.thread = read, ThreadPoolExecutor(1)
        self.waiting: dict[int, Future[Tensor]] = {}

    def __call__(self, step: int) -> Tensor:
        """What `read(step)` gives; raises what it raises."""
        batch = self.waiting.get(step) or self.thread.submit(self.read, step)
        self.waiting = {step + 1: self.thread.submit(self.read, step + 1)}
        return batch.result()


def data_digest(images: Images, indices: np.ndarray | None) -> str:
    """Digest of the images' content and of the chosen subset. Uses the manifest's hash if the images carry one."""
    content = getattr(images, "sha256", None) or hashlib.sha256(np.ascontiguousarray(images[:]).data).hexdigest()
    subset = "all" if indices is None else hashlib.sha256(np.ascontiguousarray(indices, dtype=np.int64).data).hexdigest()
    return f"{content}/{subset}"
