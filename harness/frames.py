"""A walk between latents as an animated GIF: each frame a picture, and beside it what every head of every block looks at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from harness.files import atomic_path
from harness.images import GAP, map_tile, resize

FRAME_MS = 80  # GIF counts in hundredths of a second
LEAST = 128  # pixels of the image's side: smaller images are enlarged by a whole number, larger ones stay as they are


def frame(image: np.ndarray, maps: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 (H, W, 3) of an image uint8 (3, R, R) and its blocks' attention maps, each (h, N) or (h, N, M).

    The image stands left; right of it each block is a column, the one with the smallest grid first, and each head a row."""
    heads, side = len(maps[0]), image.shape[-1] * max(1, LEAST // image.shape[-1])
    size = max(8, (side + GAP) // heads - GAP)  # of a map
    step = size + GAP
    sheet = np.full((max(side, heads * step - GAP) + 2 * GAP, side + 2 * GAP + len(maps) * step, 3), 255, np.uint8)
    sheet[GAP : GAP + side, GAP : GAP + side] = resize(image.transpose(1, 2, 0), side)
    for column, block in enumerate(maps):
        for head in range(heads):
            top, left = GAP + head * step, side + 2 * GAP + column * step
            sheet[top : top + size, left : left + size] = map_tile(block, head, size)
    return sheet


def write_gif(frames: Sequence[np.ndarray], path: Path, comment: str) -> None:
    """Writes RGB frames (H, W, 3) as a GIF that repeats for ever, each frame with its own 256 colours; `comment` is ASCII."""
    pictures = [Image.fromarray(one).quantize(256, dither=Image.Dither.NONE) for one in frames]
    with atomic_path(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=FRAME_MS,
            loop=0,
            comment=comment.encode("ascii", "backslashreplace"),
            optimize=False,
        )
