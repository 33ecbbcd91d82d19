"""One picture: bytes of any PNG, JPEG or WebP to a uint8 (3, R, R) array."""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from harness.errors import HarnessError

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MAX_PIXELS = 100_000_000  # a bigger header is taken for a decompression bomb
EXIF_ORIENTATION = 0x0112

Fit = Literal["crop", "squash"]
Resample = Literal["box", "bilinear", "bicubic", "lanczos"]
FILTERS = {
    "box": Image.Resampling.BOX,  # the mean over the area of a pixel when the factor is whole
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}  # Pillow widens the filter when it shrinks (antialiasing) and uses half-pixel centres


def decode_rgb(data: bytes, name: str) -> Image.Image:
    """The picture in `data` as 8-bit RGB, upright (EXIF), alpha laid over white, 16-bit grey by its high byte.

    Raises HarnessError naming `name` for anything that does not decode completely."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise HarnessError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS}")
        image.load()
        return _rgb(image)
    except Exception as error:  # damaged bytes make a decoder raise nearly anything
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
    """uint8 (3, R, R): the whole picture squashed, or its largest central square, resized with the named filter."""
    if fit == "crop":  # a real crop: Pillow's resize(box=...) would let the filter see beyond the box
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (resolution, resolution):
        image = image.resize((resolution, resolution), FILTERS[resample])
    return np.asarray(image).transpose(2, 0, 1)  # (R, R, 3) -> (3, R, R)
