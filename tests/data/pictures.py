"""Pictures and archives that the data tests make."""

import io
import zipfile

import numpy as np
from PIL import Image


def noise(width=13, height=9, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG", **options})
    return buffer.getvalue()


def picture(seed=0, width=13, height=9, **options):
    return encode(noise(width, height, seed), **options)


def write_zip(path, members, method=zipfile.ZIP_STORED):
    """`members`: {name or ZipInfo: bytes} or such pairs."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path
