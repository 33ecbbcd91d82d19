"""Datasets: `DATASETS[name](params, out)` writes an array directory (see harness/data/arrays.py)."""

from harness.data.arrays import ImageArray, open_split, read_manifest
from harness.data.celeba import prepare_celeba
from harness.data.cifar10 import prepare_cifar10
from harness.data.digits import prepare_digits
from harness.data.ffhq import prepare_ffhq
from harness.data.fractions import fraction_indices
from harness.data.image_folder import prepare_image_folder
from harness.data.lsun import prepare_lsun

DATASETS = {
    "celeba": prepare_celeba,
    "cifar10": prepare_cifar10,
    "digits": prepare_digits,
    "ffhq": prepare_ffhq,
    "image-folder": prepare_image_folder,
    "lsun": prepare_lsun,
}

__all__ = ["DATASETS", "ImageArray", "fraction_indices", "open_split", "read_manifest"]
