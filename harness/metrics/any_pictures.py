"""Opens a folder of PNG, JPEG, WebP or BMP pictures of any size and mode, and brings them to one size."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.data.finding import SUFFIXES, LeftOut, find_pictures
from harness.data.images import EXIF_ORIENTATION, FORMATS, decode_rgb, fit_square
from harness.errors import HarnessError

ENDINGS = (*SUFFIXES, ".bmp")
KINDS = (*FORMATS, "BMP")
LOSSY = (".jpg", ".jpeg", ".webp")
Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Folder:
    """The pictures under a folder: files in the order of their paths, their sizes, and what was left out, by reason."""

    root: Path
    files: Sequence[Path]
    sizes: Sequence[Size]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def lossy(self) -> int:
        """How many files are of a kind that loses detail; WebP may, and does not say so in its name."""
        return sum(path.suffix.lower() in LOSSY for path in self.files)

    def some(self, indices: np.ndarray) -> "Folder":
        """Only these pictures."""
        chosen = indices.tolist()
        return Folder(self.root, [self.files[i] for i in chosen], [self.sizes[i] for i in chosen], self.left_out)


def open_folder(root: Path) -> Folder:
    """Every picture under `root`. Only headers are read. HarnessError for no folder, no picture or a damaged header."""
    left_out = LeftOut()
    files = [root / name for name in find_pictures(root, ENDINGS, left_out)]
    if not files:
        raise HarnessError(f"no pictures under {root}; expected PNG, JPEG, WebP or BMP files; correct the path")
    return Folder(root, files, [_size(path) for path in files], dict(left_out.counts))


def _size(path: Path) -> Size:
    try:
        with Image.open(path, formats=KINDS) as image:
            lies_on_its_side = image.getexif().get(EXIF_ORIENTATION, 1) > 4
            return image.size[::-1] if lies_on_its_side else image.size
    except Exception as error:  # damaged bytes make a decoder raise nearly anything
        raise HarnessError(f"{path} is no readable picture ({error}); expected {', '.join(KINDS)}; replace it") from error


def common_side(folders: Sequence[Folder], resolution: int | None) -> int | None:
    """The side of the squares that all pictures are brought to.

    It is `resolution` if given, None if all pictures have one size, else the shortest side, so that nothing is enlarged.
    """
    sizes = {size for folder in folders for size in folder.sizes}
    if resolution is not None:
        return None if sizes == {(resolution, resolution)} else resolution
    return None if len(sizes) == 1 else min(min(size) for size in sizes)


def sizes_in_words(folder: Folder) -> str:
    """`1,024 of 640x480, 3 of 32x32`, the most frequent first."""
    counts = Counter(folder.sizes).most_common()
    more = f" and {len(counts) - 3} other sizes" if len(counts) > 3 else ""
    return ", ".join(f"{count:,} of {width}x{height}" for (width, height), count in counts[:3]) + more


class Pictures:
    """A folder's pictures as uint8 (N, 3, H, W), decoded as they are asked for.

    With `side`, the central square of each, resized by Pillow's bicubic filter, which averages when it shrinks; else as they are.
    """

    def __init__(self, folder: Folder, side: int | None) -> None:
        self.folder, self.side = folder, side
        width, height = (side, side) if side else folder.sizes[0]
        self.shape: tuple[int, ...] = (len(folder.files), 3, height, width)

    def __len__(self) -> int:
        return len(self.folder.files)

    def __getitem__(self, index: Any) -> np.ndarray:
        files = (
            self.folder.files[index] if isinstance(index, slice) else [self.folder.files[i] for i in np.asarray(index).tolist()]
        )
        return np.stack([self._decoded(path) for path in files]) if files else np.empty((0, *self.shape[1:]), np.uint8)

    def _decoded(self, path: Path) -> np.ndarray:
        image = decode_rgb(path.read_bytes(), str(path), KINDS)
        if self.side:
            return fit_square(image, self.side, "crop", "bicubic")
        return np.asarray(image).transpose(2, 0, 1)  # (3, H, W)
