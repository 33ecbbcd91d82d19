"""Small archives of random pictures in the published formats of CelebA, FFHQ and LSUN."""

import io
import zipfile
from pathlib import Path

import lmdb
import numpy as np
from PIL import Image

COUNT = 10  # pictures of a data set


def encoded(seed: int, width: int, height: int, kind: str) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_archives(root: Path) -> None:
    """CelebA's zip and partition file, FFHQ's thumbnails, LSUN's lmdb of WebP pictures whose shorter side is 256."""
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for i in range(2 * COUNT):
            archive.writestr(f"img_align_celeba/{i:06d}.jpg", encoded(i, 178, 218, "JPEG"))
    lines = [f"{i:06d}.jpg {2 * (i >= COUNT)}" for i in range(2 * COUNT)]
    lines[0] = "000000.jpg 1"
    (root / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    (root / "thumbnails128x128").mkdir()
    for i in range(COUNT):
        (root / "thumbnails128x128" / f"{i:05d}.png").write_bytes(encoded(i, 128, 128, "PNG"))
    (root / "bedroom_train_lmdb").mkdir()
    with lmdb.open(str(root / "bedroom_train_lmdb"), map_size=1 << 26) as database, database.begin(write=True) as transaction:
        for i in range(COUNT):
            transaction.put(f"{i * 7919 % 1000:04d}abc".encode(), encoded(i, 256 + 9 * i, 256, "WEBP"))
