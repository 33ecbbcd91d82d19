"""Converts one picture: the bytes of a PNG, JPEG or WebP to a uint8 (3, R, R) array."""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from harness.errors import HarnessError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 100_000_000  # a picture that declares more is refused as a decompression bomb
EXIF_ORIENTATION = 0x0112

Fit = Literal["crop", "shorten", "squash"]
Resample = Literal["box", "bilinear", "bilinear-aliased", "bicubic", "lanczos"]
FILTERS = {
    "box": Image.Resampling.BOX,  # the mean over a pixel's area, if the factor is a whole number
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}  # Pillow widens these when it shrinks (antialiasing) and uses half-pixel centres


@dataclass(frozen=True)
class Recipe:
    """How to convert every picture of a dataset.

    fit: "crop" keeps the largest central square and resizes it. "shorten" resizes the shorter side to `resolution`, then keeps
    the central square, as for the ADM evaluator's LSUN references. "squash" resizes the whole picture and ignores its shape.
    """

    resolution: int  # side of the result, in pixels
    fit: Fit
    resample: Resample  # filter of the resize
    sizes: tuple[tuple[int, int], ...] = ()  # (width, height) that pictures must have, because other sizes mean another release

    def __call__(self, data: bytes, name: str) -> np.ndarray:
        """uint8 (3, R, R), C-contiguous. HarnessError with `name` if the picture is damaged or has a wrong size."""
        image = decode_rgb(data, name)
        if self.sizes and image.size not in self.sizes:
            expected = " or ".join(f"{width}x{height}" for width, height in self.sizes)
            raise HarnessError(
                f"{name} is {image.width}x{image.height}; expected {expected}; is this the right release of the data?"
            )
        return np.ascontiguousarray(fit_square(image, self.resolution, self.fit, self.resample))


def decode_rgb(data: bytes, name: str, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """The picture in `data` as 8-bit RGB. EXIF rotation is applied, transparency becomes white, 16-bit grey keeps its high byte.

    HarnessError with `name` if the picture cannot be decoded completely.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > MAX_PIXELS:
            raise HarnessError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS}")
        image.load()
        return _rgb(image)
    except Exception as error:  # decoders raise many kinds of errors for damaged bytes
        raise HarnessError(
            f"{name} cannot be decoded ({error}); expected a whole PNG, JPEG or WebP picture; replace it"
        ) from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        high_byte = np.asarray(image).astype(np.int64) >> 8  # Pillow's own conversion would clip at 255
        return Image.fromarray(high_byte.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def fit_square(image: Image.Image, resolution: int, fit: Fit, resample: Resample) -> np.ndarray:
    """Makes uint8 (3, R, R) from an RGB picture. See Recipe."""
    if fit == "shorten":
        scale = resolution / min(image.size)
        image = _resize(image, (round(scale * image.width), round(scale * image.height)), resample)
    if fit != "squash":  # crops first, because Pillow's resize(box=...) would use pixels outside the box
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return np.asarray(_resize(image, (resolution, resolution), resample)).transpose(2, 0, 1)  # (R, R, 3) -> (3, R, R)


def _resize(image: Image.Image, size: tuple[int, int], resample: Resample) -> Image.Image:
    if image.size == size:
        return image
    if resample == "bilinear-aliased":
        return Image.fromarray(resize_aliased(np.asarray(image), size))
    return image.resize(size, FILTERS[resample])


def resize_aliased(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 (H, W, 3) to (H', W', 3): only the four nearest pixels, half-pixel centres, rounded half to even.

    This is the default of TensorFlow 2's `tf.image.resize`, which the authors' training code uses. It aliases when it shrinks.
    """
    taps, across, down = _plan(pixels.shape[:2], size)
    corners = (
        pixels.ravel().take(taps, mode="clip").astype(np.float32)
    )  # (4, H', W', 3); all indices are in range, and clip is the fastest mode
    near, far = corners[0::2], corners[1::2]
    above, below = near + (far - near) * across
    return np.rint(above + (below - above) * down).astype(np.uint8)


@lru_cache(maxsize=4)  # a dataset has few sizes; a plan takes up to 6 MiB
def _plan(shape: tuple[int, int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat indices (4, H', W', 3) of the corners above left, above right, below left and below right; weights across and down."""
    left, right, across = _taps(shape[1], size[0])
    above, below, down = _taps(shape[0], size[1])
    corners = [row[:, None] * shape[1] + column for row in (above, below) for column in (left, right)]  # each (H', W')
    taps = np.stack(corners)[..., None] * 3 + np.arange(3)
    return taps, np.broadcast_to(across[:, None], (*size[::-1], 3)).copy(), down[:, None, None]


def _taps(size: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every target pixel on one axis: the two source pixels, and the weight of the second."""
    position = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * np.float32(size / target) - np.float32(0.5)
    first = np.floor(position)
    weight = position - first
    return np.clip(first, 0, size - 1).astype(int), np.clip(first + 1, 0, size - 1).astype(int), weight
