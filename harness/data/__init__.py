"""Datasets: `DATASETS[name](entry, out)` writes an array directory (see harness/data/arrays.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.arrays import ImageArray, open_split, read_manifest
from harness.data.celeba import CelebaParams, prepare_celeba
from harness.data.cifar10 import Cifar10Params, prepare_cifar10
from harness.data.digits import DigitsParams, prepare_digits
from harness.data.ffhq import FfhqParams, prepare_ffhq
from harness.data.fractions import fraction_indices
from harness.data.image_folder import FolderParams, prepare_image_folder
from harness.data.lsun import LsunParams, prepare_lsun


@dataclass(frozen=True)
class Dataset:
    """How to prepare one dataset."""

    params: type  # dataclass of its entry in the section `data` of params.yaml
    prepare: Callable[[dict[str, Any], Path], None]  # (entry, out) -> writes the array directory `out`

    def __call__(self, entry: dict[str, Any], out: Path) -> None:
        """Writes the array directory `out`. HarnessError for errors in `entry` or in the files it names."""
        self.prepare(entry, out)


DATASETS = {
    "celeba": Dataset(CelebaParams, prepare_celeba),
    "cifar10": Dataset(Cifar10Params, prepare_cifar10),
    "digits": Dataset(DigitsParams, prepare_digits),
    "ffhq": Dataset(FfhqParams, prepare_ffhq),
    "image-folder": Dataset(FolderParams, prepare_image_folder),
    "lsun": Dataset(LsunParams, prepare_lsun),
}

__all__ = ["DATASETS", "ImageArray", "fraction_indices", "open_split", "read_manifest"]
