"""Draws sample grids, attention maps and interpolations as PNG files, for the evaluation stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness.errors import HarnessError
from harness.files import atomic_path

GAP = 2  # white pixels between tiles


def image_grid(
    images: np.ndarray, path: Path | str, columns: int = 8, scale: int = 1, text: Mapping[str, str] | None = None
) -> Path:
    """Writes uint8 images (N, 3, H, W) as one PNG, row by row, enlarged `scale` times. Returns its path.

    text: facts about the file, {name: value}, written as PNG text chunks.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8 or not len(images):
        raise HarnessError(f"image grid: given {images.dtype} {images.shape}; expected uint8 (N, 3, H, W) with N > 0")
    tiles = images.transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)  # (N, H, W, 3)
    return write_png(_tile(list(tiles), columns), Path(path), text)


def attention_map_grid(images: np.ndarray, maps: Sequence[np.ndarray], path: Path | str, head: int = 0, size: int = 64) -> Path:
    """Draws one row per image: the image, then one head's attention map of each block, largest grid last (Figure 6).

    images: uint8 (B, 3, H, W). maps: for each block (B, h, N), the weight of each token in the pooled query, or (B, h, N, M), of
    which the mean over queries is drawn. Every map is scaled to its own range.
    """
    rows = []
    for index, image in enumerate(np.asarray(images)):
        tiles = [resize(image.transpose(1, 2, 0), size)]
        tiles += [map_tile(block[index], head, size) for block in maps]
        rows.extend(tiles)
    return write_png(_tile(rows, 1 + len(maps)), Path(path))


def interpolation_grid(
    images: np.ndarray, path: Path | str, steps: int, maps: Sequence[np.ndarray] = (), head: int = 0, size: int = 64
) -> Path:
    """Draws images along straight lines between latents, one row per pair, and attention maps below each row (Figures 7 and 8).

    images: uint8 (pairs * steps, 3, H, W), pair by pair. maps: as in `attention_map_grid`, one row of tiles per block.
    """
    if steps < 1 or len(images) % steps:
        raise HarnessError(f"interpolation grid: given {len(images)} images in rows of {steps}; expected whole rows")
    tiles = []
    for start in range(0, len(images), steps):
        chosen = range(start, start + steps)
        tiles += [resize(np.asarray(images[index]).transpose(1, 2, 0), size) for index in chosen]
        tiles += [map_tile(block[index], head, size) for block in maps for index in chosen]
    return write_png(_tile(tiles, steps), Path(path))


def progress_grid(images_by_nimg: Mapping[int, np.ndarray], path: Path | str, scale: int = 1) -> dict:
    """Draws one row per snapshot. Returns the record's `progress` field.

    images_by_nimg: {images seen: uint8 (N, 3, H, W) from the same latents}.
    """
    steps = sorted(images_by_nimg)
    counts = {len(images_by_nimg[nimg]) for nimg in steps}
    if len(counts) != 1:
        raise HarnessError(f"progress grid: given {sorted(counts)} images a step; expected the same number at every step")
    image_grid(np.concatenate([images_by_nimg[nimg] for nimg in steps]), path, columns=counts.pop(), scale=scale)
    return {"path": str(path), "nimg": steps}


def map_tile(attention: np.ndarray, head: int, size: int) -> np.ndarray:
    """One head of an image's attention (h, N) or (h, N, M) as an RGB picture (size, size, 3), scaled to its own range."""
    return resize(_heat(_token_weights(np.asarray(attention), head)), size)


def _token_weights(attention: np.ndarray, head: int) -> np.ndarray:
    """One head's token weights, from a map (h, N) or (h, N, M), as a grid that is square if possible."""
    weights = attention[head] if attention.ndim == 2 else attention[head].mean(axis=0)  # (M,)
    side = round(len(weights) ** 0.5)
    if side * side != len(weights):
        side = max(divisor for divisor in range(1, side + 1) if len(weights) % divisor == 0)
    return weights.reshape(side, -1)


def _heat(weights: np.ndarray) -> np.ndarray:
    """Weights (h, w) as an RGB picture, in the viridis colours over their own range."""
    from matplotlib import colormaps  # here, because importing matplotlib is slow and most processes draw no map

    span = weights.max() - weights.min()
    level = (weights - weights.min()) / span if span > 0 else np.zeros_like(weights)
    return (colormaps["viridis"](level)[..., :3] * 255).astype(np.uint8)


def resize(picture: np.ndarray, size: int) -> np.ndarray:
    """Enlarges a picture (H, W, 3) to (size, size, 3). Its pixels stay sharp rectangles."""
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.NEAREST))


def _tile(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Puts tiles (H, W, 3) of one size on a white sheet."""
    height, width, _ = tiles[0].shape
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = GAP + index // columns * (height + GAP), GAP + index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def write_png(picture: np.ndarray, path: Path, text: Mapping[str, str] | None = None) -> Path:
    """Writes an RGB picture (H, W, 3) with its PNG text chunks. Returns its path."""
    chunks = PngInfo()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", optimize=True, pnginfo=chunks)
    return path
