"""Any folder of PNG, JPEG or WebP pictures of any size and mode, with sub-folders of any depth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.config import from_mapping
from harness.data.checks import check_range
from harness.data.fractions import fraction_indices
from harness.data.images import Fit, Recipe, Resample
from harness.data.parallel import prepare_images
from harness.data.sources import FolderSource
from harness.errors import HarnessError


@dataclass(frozen=True)
class FolderParams:
    """An entry of `data` for a folder of pictures."""

    path: str  # the folder
    resolution: int  # side of the prepared images, in pixels
    name: Literal["image-folder"] = "image-folder"
    fit: Fit = "crop"  # how a picture becomes square; see images.Recipe
    resample: Resample = "bicubic"  # filter of the resize
    test_fraction: float = 0.2  # share of the pictures in the test split; 0 for no test split
    seed: int = 0  # of the split

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 4, 2048)
        check_range("test_fraction", self.test_fraction, 0, 0.9)
        check_range("seed", self.seed, 0, 2**32 - 1)


def prepare_image_folder(params: dict[str, Any], out: Path) -> None:
    """Writes the splits train and test to `out`, in the order of the pictures' relative paths. No test if test_fraction is 0."""
    config = from_mapping(FolderParams, params, "data")
    folder = Path(config.path)
    source = FolderSource(folder)
    splits = split_items(source.items(), config.test_fraction, config.seed, folder)
    recipe = Recipe(config.resolution, config.fit, config.resample)
    prepare_images(out, "image-folder", splits, source, recipe, {**asdict(config), "path": folder.name})


def split_items(items: Sequence, test_fraction: float, seed: int, folder: Path) -> dict[str, Sequence]:
    """The items of each split, in order. HarnessError if a split would be empty."""
    testing = round(len(items) * test_fraction)
    if len(items) <= testing or (test_fraction > 0 and testing < 1):
        raise HarnessError(
            f"given {len(items)} pictures under {folder} and data.test_fraction {test_fraction}; "
            "expected at least one picture in each split; add pictures or change the fraction"
        )
    if testing == 0:
        return {"train": items}
    chosen = set(fraction_indices(len(items), test_fraction, seed).tolist())
    return {
        "train": [item for i, item in enumerate(items) if i not in chosen],
        "test": [item for i, item in enumerate(items) if i in chosen],
    }
