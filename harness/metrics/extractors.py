"""The networks whose features are scored.

torch-fidelity takes seconds to import (torchvision loads torch's compiler), so it is imported only when Inception is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.device import check_device
from harness.errors import HarnessError, unknown_choice


@dataclass(frozen=True)
class Extractor:
    """A feature extractor on its device."""

    name: str
    label: str  # the name; for weights that are not the pinned ones, also 8 digits of their hash, because scores then differ
    sha256: str  # of the weights
    module: Any  # called as torch-fidelity's feature extractors are; with pool_dim, spatial_dim and resolution


def _load_inception(weights: Path | None, random_seed: int | None) -> tuple[str, str, nn.Module]:
    from harness.metrics.inception import load_inception

    return load_inception(weights, random_seed)


def _load_digits(weights: Path | None, random_seed: int | None) -> tuple[str, str, nn.Module]:
    if random_seed is not None:
        raise HarnessError("given random weights for digits-cnn; expected a weights file; train it with pipelines.extractor")
    from harness.metrics.digits import load_digits_cnn

    return load_digits_cnn(weights)


EXTRACTORS: dict[str, Callable[[Path | None, int | None], tuple[str, str, nn.Module]]] = {
    "inception-v3": _load_inception,
    "digits-cnn": _load_digits,
}


def load_extractor(
    name: str, weights: Path | str | None = None, device: str = "cpu", *, random_seed: int | None = None
) -> Extractor:
    """Loads a registered extractor. Its weights are checked before they are opened.

    Without `weights`, inception-v3 uses torch-fidelity's own download and digits-cnn the committed file.
    `random_seed` gives random weights, for tests and dry runs. The label says so, and the scores are comparable with nothing.
    """
    if name not in EXTRACTORS:
        raise unknown_choice("extractor", name, EXTRACTORS)
    check_device(str(device), "device")
    with torch.random.fork_rng(devices=[]):  # building a module draws random numbers, before its weights are loaded
        label, sha256, module = EXTRACTORS[name](None if weights is None else Path(weights), random_seed)
    return Extractor(name, label, sha256, module.to(device))
