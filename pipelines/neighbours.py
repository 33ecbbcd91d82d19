"""The training images that lie nearest to a cell's samples in feature space, as a picture and two numbers."""

from typing import Any

import numpy as np

from harness.data.draws import drawn_indices
from harness.data.views import Images
from harness.images import neighbour_grid
from harness.metrics.features import Features, features
from harness.metrics.neighbours import nearest
from harness.metrics.protocol import SUBSET_SEED, Protocol
from harness.metrics.reference import reference_images
from harness.metrics.sampling import latents
from harness.records.parts import Neighbours
from pipelines.compose import Cell
from pipelines.sampler import PREVIEW_SEED, SAMPLES, Sampler
from pipelines.scoring import Scorer

SHOWN, RANKS = 12, 3  # samples in the picture, neighbours of each
NONE = "No training images to compare with: the reference is a file of statistics."


def draw_neighbours(cell: Cell, sampler: Sampler, scorer: Scorer) -> dict[str, Neighbours]:
    """Writes the picture of the last weights, which `sampler` holds; returns the record's field. For rank 0."""
    path = cell.results / "neighbours" / f"{cell.name}.png"
    samples = sampler.show(latents(cell.generator.noise_dim, SAMPLES, PREVIEW_SEED))[0]
    training = _training(cell, scorer)
    if training is None:
        neighbour_grid(samples[:SHOWN], np.empty((SHOWN, 0, *samples.shape[1:]), np.uint8), [], [NONE], path)
        return {"neighbours": Neighbours(path=str(path))}
    images, pool, kept = training
    seen = features(samples, scorer.extractor, scorer.params.batch, progress=False)
    indices, distances = nearest(seen.pool, pool[kept], RANKS)
    shown = np.stack([np.asarray(images[kept[row]]) for row in indices[:SHOWN]])
    found = Neighbours(path=str(path), among=len(kept), samples=_median(distances), held_out=_held_out(scorer, pool[kept]))
    neighbour_grid(samples[:SHOWN], shown, distances[:SHOWN, 0].tolist(), _said(found, scorer.extractor.label), path)
    return {"neighbours": found}


def _training(cell: Cell, scorer: Scorer) -> tuple[Images, np.ndarray, np.ndarray] | None:
    """Images and pool features of a reference that is of the training split, and which of them the cell was trained on."""
    protocol = _protocol(scorer, "train")
    if protocol is None:
        return None
    reference, images = scorer.reference(protocol), reference_images(cell.data_root, protocol)
    if not isinstance(reference, Features):
        return None
    split, used = cell.images()
    drawn = protocol.reference_indices(len(split))
    positions = np.arange(len(split)) if drawn is None else drawn
    kept = np.arange(len(positions)) if used is None else np.flatnonzero(np.isin(positions, used))
    return (images, reference.pool, kept) if len(kept) else None


def _protocol(scorer: Scorer, split: str) -> Protocol | None:
    found = (protocol for protocol in scorer.protocols if protocol.reference_split == split)
    return next((protocol for protocol in found if protocol.statistics_file is None), None)


def _held_out(scorer: Scorer, training: np.ndarray) -> float | None:
    """The median distance of real images that no cell was trained on; None where the dataset has none."""
    protocol = _protocol(scorer, "test")
    reference: Any = None if protocol is None else scorer.reference(protocol)
    if not isinstance(reference, Features):
        return None
    chosen = drawn_indices(len(reference), SAMPLES, SUBSET_SEED)
    return _median(nearest(reference.pool[chosen], training, 1)[1])


def _median(distances: np.ndarray) -> float:
    return float(np.median(distances[:, 0]))


def _said(found: Neighbours, label: str) -> list[str]:
    first = f"Numbers: distance to the nearest of {found.among:,} training images, features of {label}."
    held_out = "" if found.held_out is None else f"; of {SAMPLES} real images held out {found.held_out:.2f}"
    return [first, f"Median of {SAMPLES} samples {found.samples:.2f}{held_out}."]
