"""Loads an extractor for commands that a user may start twice at once: one process alone downloads its weights."""

from pathlib import Path

import torch

from harness.data.published_files import fetch_alone
from harness.metrics.extractors import Extractor, load_extractor


def load_fetched(name: str, weights: Path | str | None, device: str, random_seed: int | None = None) -> Extractor:
    """Does what `load_extractor` does. InUse if another process downloads the published weights to torch's own folder."""
    if name == "inception-v3" and weights is None and random_seed is None:
        from harness.metrics.inception import MAX_BYTES, SHA256, URL_INCEPTION_V3  # torch-fidelity takes seconds to import

        path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rsplit("/", 1)[1]
        weights = fetch_alone(URL_INCEPTION_V3, path, f"sha256:{SHA256}", MAX_BYTES)
    return load_extractor(name, weights, device, random_seed=random_seed)
