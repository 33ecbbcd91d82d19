"""A protocol's reference: finds its images or statistics, and caches the features of images."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.arrays import open_split
from harness.data.manifest import read_manifest
from harness.data.views import Images, Subset
from harness.errors import HarnessError, unknown_choice
from harness.metrics.adm import SAMPLES, NpzSamples, StoredReference, read_statistics
from harness.metrics.cache import cached_features
from harness.metrics.extractors import Extractor
from harness.metrics.features import Features
from harness.metrics.npz import array_names
from harness.metrics.protocol import Protocol
from harness.metrics.shards import ALONE, sharded_features
from harness.training.distributed import Ranks

CACHE = Path(".ckpt") / "features"


def prepared_reference(
    root: Path,
    protocol: Protocol,
    extractor: Extractor,
    cache: Path = CACHE,
    batch_size: int = 64,
    progress: bool = True,
    ranks: Ranks = ALONE,
) -> Features | None:
    """Features of the protocol's reference among the prepared images under `root`. None on every rank but 0.

    HarnessError if the manifest is not what the protocol asks for. If the features are in the cache, no image is read.
    """
    manifest = read_manifest(root)
    protocol.check_manifest(manifest, root)
    if protocol.reference_split not in manifest["splits"]:
        raise unknown_choice(f"split of {root}", protocol.reference_split, manifest["splits"])
    split = manifest["splits"][protocol.reference_split]
    indices = protocol.reference_indices(split["count"])

    def compute() -> Features | None:
        return sharded_features(reference_images(root, protocol), extractor, batch_size, progress, ranks)

    return cached_features(cache, made_from(manifest, split, indices, extractor), extractor.label, compute, ranks)


def reference_images(root: Path, protocol: Protocol) -> Images:
    """The protocol's reference images under `root`."""
    images = open_split(root, protocol.reference_split)
    indices = protocol.reference_indices(len(images))
    return images if indices is None else Subset(images, indices)


def made_from(
    manifest: dict[str, Any], split: dict[str, Any], indices: np.ndarray | None, extractor: Extractor
) -> dict[str, Any]:
    """Everything that decides a reference's features: weights, image content, preparation, and which images were drawn."""
    drawn = None if indices is None else hashlib.sha256(indices.astype(np.int64).tobytes()).hexdigest()
    return {
        "extractor": extractor.name,
        "weights": extractor.sha256,
        "data": split["sha256"],
        "preparation": manifest["preparation"],
        "count": split["count"] if indices is None else len(indices),
        "drawn": drawn,
    }


def stored_reference(
    path: Path,
    protocol: Protocol,
    extractor: Extractor,
    batch_size: int = 64,
    progress: bool = True,
    ranks: Ranks = ALONE,
) -> StoredReference:
    """The statistics in an ADM-format .npz as the protocol's reference.

    If the file also holds images, precision and recall can be computed. Only rank 0 gets the features of these images.
    """
    protocol.check_statistics(path)
    found = read_statistics(path, extractor.label, protocol.reference)
    for part, dim in (("pool", extractor.module.pool_dim), ("spatial", extractor.module.spatial_dim)):
        if found.statistics(part).mean.size != dim:
            given = found.statistics(part).mean.size
            raise HarnessError(f"{path} holds {part} statistics of width {given}; {extractor.label} gives {dim}")
    doubt = "the statistics are believed to be of this extractor and of the protocol's images"
    doubts = () if protocol.statistics_sha256 else (doubt,)
    if SAMPLES not in array_names(path):
        return replace(found, doubts=doubts)
    samples = NpzSamples(path)
    seen = sharded_features(samples, extractor, batch_size, progress, ranks)
    return replace(found, pool=None if seen is None else seen.pool, doubts=doubts, image_shape=samples.shape[1:])
