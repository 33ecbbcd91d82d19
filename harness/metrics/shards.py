"""Divides one pass over the images among the ranks that torchrun started.

Each rank takes consecutive whole batches. So every batch holds the same images as in a single process, and gives the same
features to the last bit. Rank 0 collects them in the order of the images.
"""

from itertools import accumulate, pairwise

import numpy as np
import torch
import torch.distributed as dist

from harness.data.views import Images, Span
from harness.metrics.extractors import Extractor
from harness.metrics.features import OUTPUTS, Features, features
from harness.training.distributed import Ranks

ALONE = Ranks()


def shares(count: int, batch_size: int, size: int) -> list[tuple[int, int]]:
    """(start, stop) of every rank's images: whole batches, in order. The first ranks get one more if they divide unevenly."""
    each, more = divmod(-(-count // batch_size), size)
    ends = accumulate(each + (rank < more) for rank in range(size))  # in batches
    return list(pairwise([0, *(min(end * batch_size, count) for end in ends)]))


def sharded_features(
    images: Images, extractor: Extractor, batch_size: int = 64, progress: bool = True, ranks: Ranks = ALONE
) -> Features | None:
    """Does what `features` does. Rank 0 gets the features of all images, the others None. Every rank makes the same call.

    If one rank fails, torchrun stops the others.
    """
    if ranks.size == 1:
        return features(images, extractor, batch_size, progress)
    spans = shares(len(images), batch_size, ranks.size)
    if ranks.rank == 0:
        return _gathered(features(Span(images, *spans[0]), extractor, batch_size, progress), spans)
    if len(part := Span(images, *spans[ranks.rank])):  # there may be fewer batches than ranks
        seen = features(part, extractor, batch_size, progress=False)
        for name in OUTPUTS:
            dist.send(torch.from_numpy(getattr(seen, name)), dst=0)
    return None


def _gathered(own: Features, spans: list[tuple[int, int]]) -> Features:
    """Rank 0's features, followed by those of the other ranks. Each rank's are received directly into their rows."""
    out = {name: np.empty((spans[-1][1], getattr(own, name).shape[1]), np.float32) for name in OUTPUTS}
    for name in OUTPUTS:
        out[name][: len(own)] = getattr(own, name)
    for rank, (start, stop) in enumerate(spans):
        for name in OUTPUTS if rank and stop > start else ():
            dist.recv(torch.from_numpy(out[name][start:stop]), src=rank)
    return Features(out["pool"], out["spatial"], out["logits"], own.label, image_shape=own.image_shape)
