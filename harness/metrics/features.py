"""Runs images through an extractor once. All scores are computed from the extractor's three outputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from harness.data.views import Images, image_shape
from harness.errors import HarnessError
from harness.metrics.extractors import Extractor
from harness.metrics.frechet import Statistics, statistics
from harness.metrics.precision_recall import ball_radii
from harness.progress import progress_bar
from harness.tf32 import tf32


@dataclass(frozen=True)
class Features:
    """The outputs of an extractor for N images, in float32."""

    pool: np.ndarray  # (N, D)
    spatial: np.ndarray  # (N, S)
    logits: np.ndarray  # (N, C)
    label: str  # of the extractor
    doubts: tuple[str, ...] = ()  # reasons why the images may not be those that a protocol asks for
    image_shape: tuple[int, ...] | None = None  # channels, height and width before any resize; None if unknown
    _statistics: dict[str, Statistics] = field(default_factory=dict, repr=False, compare=False)  # already computed
    _radii: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.pool)

    def __getitem__(self, index: slice | np.ndarray) -> "Features":
        """The features of some of the images."""
        parts = (self.pool[index], self.spatial[index], self.logits[index])
        return Features(*parts, self.label, self.doubts, self.image_shape)

    def statistics(self, part: str) -> Statistics:
        """Float64 statistics of `pool` or `spatial`, computed once."""
        if part not in self._statistics:
            self._statistics[part] = statistics(getattr(self, part))
        return self._statistics[part]

    def radii(self, neighbours: int, device: str) -> np.ndarray:
        """Squared distances (N,) in `pool` to the k-th neighbour, computed once: a reference is compared with many sets."""
        if neighbours not in self._radii:
            self._radii[neighbours] = ball_radii(self.pool, neighbours, device=device)
        return self._radii[neighbours]


OUTPUTS = ("pool", "spatial", "logits")


def features(images: Images, extractor: Extractor, batch_size: int = 64, progress: bool = True) -> Features:
    """Runs uint8 images (N, 3, H, W) through the extractor once, in eval mode and full float32 precision."""
    device = next(extractor.module.parameters()).device
    out: dict[str, np.ndarray] = {}
    bar = progress_bar(len(images), extractor.label, "images", quiet=not progress)
    with bar, torch.inference_mode(), tf32(False), _evaluating(extractor.module):
        for start in range(0, len(images) or 1, batch_size):  # without images, one empty batch, which is refused
            # Always the same memory layout, because another one would select other kernels, with other rounding.
            batch = torch.from_numpy(np.array(_checked(images[start : start + batch_size]), order="C")).to(device)
            parts = extractor.module.convert_features_tuple_to_dict(extractor.module(batch))
            for name in OUTPUTS:
                _store(out, name, parts[name].cpu().numpy(), start, len(images))
            bar.update(len(batch))
    return Features(out["pool"], out["spatial"], out["logits"], extractor.label, image_shape=image_shape(images))


def _store(out: dict[str, np.ndarray], name: str, part: np.ndarray, start: int, count: int) -> None:
    """Copies a batch into an array that is allocated once, so that memory never holds the features twice."""
    if name not in out:
        out[name] = np.empty((count, part.shape[1]), dtype=np.float32)
    out[name][start : start + len(part)] = part


def _checked(batch: np.ndarray) -> np.ndarray:
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1] != 3 or not len(batch):
        given = f"shape {batch.shape} and type {batch.dtype}"
        raise HarnessError(f"given images of {given}; expected a non-empty uint8 array (N, 3, H, W)")
    return batch


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
