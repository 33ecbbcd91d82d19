"""Any pictures as uint8 arrays: a folder of PNG files, an ADM-format .npz of samples, or prepared images."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from harness.data.arrays import MANIFEST, open_split
from harness.errors import HarnessError
from harness.metrics.adm import SAMPLES, NpzSamples, names
from harness.metrics.features import Images

LOSSY = (".jpg", ".jpeg", ".webp")


class PngFolder:
    """The PNG files under a folder, in the order of their paths, decoded slice by slice: uint8 (N, 3, H, W)."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".png")
        lossy = next((path for path in sorted(folder.rglob("*")) if path.suffix.lower() in LOSSY), None)
        if lossy:
            why = "lossy compression changes every score (an FID of 2.50 became 5.80)"
            raise HarnessError(f"given {lossy}; expected PNG only: {why}; save the pictures as PNG")
        if not self.files:
            raise HarnessError(f"no PNG files under {folder}; expected pictures, prepared images or an .npz")
        self.shape = (len(self.files), *decode(self.files[0]).shape)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: slice) -> np.ndarray:
        pictures = [decode(path) for path in self.files[index]]
        for path, picture in zip(self.files[index], pictures, strict=True):
            if picture.shape != self.shape[1:]:
                given, wanted = picture.shape[1:], self.shape[2:]
                raise HarnessError(f"{path} has {given[0]}x{given[1]} pixels; the first picture has {wanted[0]}x{wanted[1]}")
        return np.stack(pictures) if pictures else np.empty((0, *self.shape[1:]), np.uint8)


class First:
    """The first `count` images."""

    def __init__(self, images: Images, count: int) -> None:
        self.images = images
        self.shape = (count, *images.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice) -> np.ndarray:
        return self.images[slice(*index.indices(len(self)))]


def decode(path: Path) -> np.ndarray:
    """A PNG as uint8 (3, H, W). Grey is repeated; transparency, palettes and 16 bits are refused: any reading changes scores."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in ("RGB", "L"):
                raise HarnessError(f"{path} is a PNG of mode {image.mode}; expected 8-bit RGB or grey; convert it first")
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)  # (3, H, W)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise HarnessError(f"{path} is no readable PNG ({error}); save it again") from error


def open_pictures(path: Path, split: str) -> Images:
    """Pictures at `path`, whichever of the three forms they have; `split` is for prepared images."""
    if (path / MANIFEST).is_file():
        return open_split(path, split)
    if path.is_dir():
        return PngFolder(path)
    if not path.is_file():
        raise HarnessError(f"no pictures at {path}; expected a folder of PNG files, prepared images or an .npz")
    if SAMPLES not in names(path):
        raise HarnessError(f"{path} holds no {SAMPLES}; expected an ADM-format .npz of samples")
    return NpzSamples(path)
