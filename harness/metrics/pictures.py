"""Opens pictures as uint8 arrays: a folder of PNG files, an ADM-format .npz of samples, or prepared images."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.data.arrays import open_split
from harness.data.finding import find_pictures
from harness.data.manifest import MANIFEST
from harness.data.views import Images
from harness.errors import HarnessError
from harness.metrics.adm import SAMPLES, NpzSamples
from harness.metrics.npz import array_names

PNG = ".png"


class PngFolder:
    """The PNG files under a folder, in the order of their paths: uint8 (N, 3, H, W). They are decoded on access.

    HarnessError if there is a lossy picture or no picture at all, and on access to one whose size or number of channels differs
    from the first. `channels` is 1 if the pictures are grey.
    """

    def __init__(self, folder: Path) -> None:
        found = find_pictures(folder)
        lossy = next((name for name in found if not name.lower().endswith(PNG)), None)
        if lossy:
            why = "lossy compression changes every score (an FID of 2.50 became 5.80)"
            raise HarnessError(f"given {folder / lossy}; expected PNG only: {why}; save the pictures as PNG")
        if not found:
            raise HarnessError(f"no PNG files under {folder}; expected pictures, prepared images or an .npz")
        self.files = [folder / name for name in found]
        self.channels, first = decode(self.files[0])
        self.shape: tuple[int, ...] = (len(self.files), *first.shape)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> np.ndarray:
        files = self.files[index] if isinstance(index, slice) else [self.files[i] for i in np.asarray(index).tolist()]
        pictures = [self._checked(path) for path in files]
        return np.stack(pictures) if pictures else np.empty((0, *self.shape[1:]), np.uint8)

    def _checked(self, path: Path) -> np.ndarray:
        channels, picture = decode(path)
        if picture.shape != self.shape[1:]:
            given, wanted = picture.shape[1:], self.shape[2:]
            raise HarnessError(f"{path} has {given[0]}x{given[1]} pixels; the first picture has {wanted[0]}x{wanted[1]}")
        if channels != self.channels:
            raise HarnessError(f"{path} has {channels} channels; the first picture has {self.channels}; use one kind")
        return picture


def decode(path: Path) -> tuple[int, np.ndarray]:
    """Channels (1 for grey, else 3) and pixels uint8 (3, H, W) of a PNG. A grey channel is repeated.

    HarnessError for transparency, palettes and 16 bits, because any conversion would change scores, and for a damaged file.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in ("RGB", "L"):
                raise HarnessError(f"{path} is a PNG of mode {image.mode}; expected 8-bit RGB or grey; convert it first")
            return len(image.getbands()), np.asarray(image.convert("RGB")).transpose(2, 0, 1)  # (3, H, W)
    except HarnessError:
        raise
    except Exception as error:  # decoders raise many kinds of errors for damaged bytes
        raise HarnessError(f"{path} is no readable PNG ({error}); save it again") from error


def open_pictures(path: Path, split: str) -> Images:
    """The pictures at `path`, in any of the three forms. `split` is used only for prepared images."""
    if (path / MANIFEST).is_file():
        return open_split(path, split)
    if path.is_dir():
        return PngFolder(path)
    if not path.is_file():
        raise HarnessError(f"no pictures at {path}; expected a folder of PNG files, prepared images or an .npz")
    if SAMPLES not in array_names(path):
        raise HarnessError(f"{path} holds no {SAMPLES}; expected an ADM-format .npz of samples")
    return NpzSamples(path)
