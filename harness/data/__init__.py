"""Datasets: `DATASETS[name](params, out)` writes an array directory (see harness/data/arrays.py)."""

from harness.data.arrays import ImageArray, open_split, read_manifest
from harness.data.digits import prepare_digits
from harness.data.fractions import fraction_indices
from harness.data.image_folder import prepare_image_folder

DATASETS = {
    "digits": prepare_digits,
    "image-folder": prepare_image_folder,
}

__all__ = ["DATASETS", "ImageArray", "fraction_indices", "open_split", "prepare_digits", "prepare_image_folder", "read_manifest"]
