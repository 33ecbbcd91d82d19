"""Any folder of pictures: PNG, JPEG or WebP, in sub-folders as deep as you like, of any size and mode."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harness.config import from_mapping
from harness.data.arrays import ArrayWriter
from harness.data.checks import check_range
from harness.data.fractions import fraction_indices
from harness.data.images import SUFFIXES, Fit, Resample, decode_rgb, fit_square
from harness.errors import HarnessError
from harness.files import atomic_path

SHARD = 1024


@dataclass(frozen=True)
class FolderParams:
    """`fit` crop keeps the central square, squash the whole picture; `test_fraction` 0 makes no test split."""

    path: str
    resolution: int
    name: Literal["image-folder"] = "image-folder"
    fit: Fit = "crop"
    resample: Resample = "bicubic"
    test_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self):
        check_range("resolution", self.resolution, 4, 2048)
        check_range("test_fraction", self.test_fraction, 0, 0.9)
        check_range("seed", self.seed, 0, 2**32 - 1)


def prepare_image_folder(params: dict, out: Path) -> None:
    """Writes splits train and (unless test_fraction is 0) test to `out`; images in the order of their relative paths."""
    config = from_mapping(FolderParams, params, "data")
    folder = Path(config.path)
    splits = split_names(list_images(folder), config.test_fraction, config.seed, folder)
    source_hash = hashlib.sha256()
    with atomic_path(out) as root:
        writer = ArrayWriter(root, "image-folder", config.resolution)
        for split, names in splits.items():
            for start in range(0, len(names), SHARD):
                writer.add(
                    split, np.stack([_prepare(folder, name, config, source_hash) for name in names[start : start + SHARD]])
                )
        preparation = {**asdict(config), "path": folder.name}
        writer.finish({"kind": "folder", "sha256": source_hash.hexdigest()}, preparation)


def _prepare(folder: Path, name: str, config: FolderParams, source_hash) -> np.ndarray:
    data = (folder / name).read_bytes()
    source_hash.update(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())
    return fit_square(decode_rgb(data, str(folder / name)), config.resolution, config.fit, config.resample)


def list_images(folder: Path) -> list[str]:
    """Relative POSIX paths of every picture under `folder`, sorted; hidden files and folders are left out."""
    if not folder.is_dir():
        raise HarnessError(f"data.path: no folder at {folder}; expected a folder of PNG, JPEG or WebP pictures; correct the path")
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def split_names(names: list[str], test_fraction: float, seed: int, folder: Path) -> dict[str, list[str]]:
    """The names of each split, in order. Raises HarnessError where a split would be empty."""
    testing = round(len(names) * test_fraction)
    if len(names) <= testing or (test_fraction > 0 and testing < 1):
        raise HarnessError(
            f"given {len(names)} pictures under {folder} and data.test_fraction {test_fraction}; "
            "expected at least one picture in each split; add pictures or change the fraction"
        )
    if testing == 0:
        return {"train": names}
    chosen = set(fraction_indices(len(names), test_fraction, seed).tolist())
    return {
        "train": [name for i, name in enumerate(names) if i not in chosen],
        "test": [name for i, name in enumerate(names) if i in chosen],
    }
