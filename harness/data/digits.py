"""Handwritten digits: the 1,797 real 8x8 scans of UCI's optical recognition set that ship inside scikit-learn."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from harness.config import from_mapping
from harness.data.checks import check_range
from harness.data.writer import ArrayWriter
from harness.files import atomic_path

MAX_INTENSITY = 16  # a value of a scan counts the inked pixels in a 4x4 block


@dataclass(frozen=True)
class DigitsParams:
    """An entry of `data` for the digits."""

    name: Literal["digits"] = "digits"
    resolution: int = 16  # side of the prepared images, in pixels
    test_fraction: float = 0.2  # share of the images in the test split
    seed: int = 0  # of the split, which is stratified by label

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 8, 256)
        check_range("test_fraction", self.test_fraction, 0.01, 0.9)
        check_range("seed", self.seed, 0, 2**32 - 1)


def prepare_digits(params: dict[str, Any], out: Path) -> None:
    """Writes the splits train and test with labels to `out`: 1,437 and 360 images by default."""
    config = from_mapping(DigitsParams, params, "data")
    import sklearn
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    scans = load_digits()
    images = np.stack([upsample(scan, config.resolution) for scan in scans.images])  # (N, 3, R, R)
    train, test = train_test_split(
        np.arange(len(images)), test_size=config.test_fraction, random_state=config.seed, stratify=scans.target
    )
    with atomic_path(out) as root:
        writer = ArrayWriter(root, "digits", config.resolution)
        for split, indices in (("train", np.sort(train)), ("test", np.sort(test))):
            writer.add(split, images[indices])
            writer.add_labels(split, scans.target[indices])
        source = {"kind": "scikit-learn", "sha256": hashlib.sha256(scans.images.astype(np.uint8)).hexdigest()}
        preparation = {
            **asdict(config),
            "resize": "bilinear, half-pixel centres (align_corners=False)",
            "colour": "grey repeated",
        }
        writer.finish(source, preparation, {"scikit-learn": sklearn.__version__})


def upsample(scan: np.ndarray, resolution: int) -> np.ndarray:
    """Intensities 0..16 (8, 8) -> uint8 (3, R, R), by Pillow's bilinear resize in floating point, rounded once at the end."""
    image = Image.fromarray(scan.astype(np.float32))
    resized = np.asarray(image.resize((resolution, resolution), Image.Resampling.BILINEAR))
    grey = np.rint(resized.astype(np.float64) * (255 / MAX_INTENSITY)).astype(np.uint8)
    return np.repeat(grey[None], 3, axis=0)
