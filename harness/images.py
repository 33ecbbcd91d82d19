"""Draws sample grids, attention maps, interpolations and nearest neighbours as PNG files, for the evaluation stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness.errors import HarnessError
from harness.files import atomic_path
from harness.labels import colour_bars, colours, labelled, stacked, with_lines

GAP = 2  # white pixels between tiles
UNIT = "colours: attention that a token gets, in shares of an even spread (1 is even)"
Maps = Sequence[np.ndarray]  # per block (B, h, N), the weight of each token in the pooled query, or (B, h, N, M)


def image_grid(
    images: np.ndarray, path: Path | str, columns: int = 8, scale: int = 1, text: Mapping[str, str] | None = None
) -> Path:
    """Writes uint8 images (N, 3, H, W) as one PNG, row by row, enlarged `scale` times. Returns its path.

    text: facts about the file, {name: value}, written as PNG text chunks.
    """
    return write_png(_sheet(images, columns, scale), Path(path), text)


def attention_map_grid(images: np.ndarray, maps: Maps, path: Path | str, head: int = 0, size: int = 64) -> Path:
    """Draws one row per image: the image, then one head's attention map of each block, largest grid last (Figure 6).

    images: uint8 (B, 3, H, W). Of maps (B, h, N, M) the mean over queries is drawn. The colours of a block mean the same in
    every row, and a bar under the sheet shows their values.
    """
    grids = [[_token_weights(np.asarray(block[index]), head) for index in range(len(images))] for block in maps]
    scales = [_scale(grid) for grid in grids]
    tiles = []
    for index, image in enumerate(np.asarray(images)):
        tiles.append(resize(image.transpose(1, 2, 0), size))
        tiles += [resize(_heat(grid[index], scale), size) for grid, scale in zip(grids, scales, strict=True)]
    names = [_block_name(grid[0]) for grid in grids]
    sheet = labelled(_tile(tiles, 1 + len(maps)), ["sample", *names], [], (size, size), GAP)
    return write_png(_with_bars(sheet, names, scales), Path(path))


def interpolation_grid(images: np.ndarray, path: Path | str, steps: int, maps: Maps = (), head: int = 0, size: int = 64) -> Path:
    """Draws images along straight lines between latents, one row per pair, and attention maps below each row (Figures 7 and 8).

    images: uint8 (pairs * steps, 3, H, W), pair by pair. maps: as in `attention_map_grid`, one row of tiles per block.
    """
    if steps < 1 or len(images) % steps:
        raise HarnessError(f"interpolation grid: given {len(images)} images in rows of {steps}; expected whole rows")
    grids = [[_token_weights(np.asarray(block[index]), head) for index in range(len(images))] for block in maps]
    scales, names = [_scale(grid) for grid in grids], [_block_name(grid[0]) for grid in grids]
    tiles, rows = [], []
    for start in range(0, len(images), steps):
        chosen = range(start, start + steps)
        tiles += [resize(np.asarray(images[index]).transpose(1, 2, 0), size) for index in chosen]
        for grid, scale in zip(grids, scales, strict=True):
            tiles += [resize(_heat(grid[index], scale), size) for index in chosen]
        pair = 2 * start // steps
        rows += [f"z{pair + 1} to z{pair + 2}", *names]
    between = [f"{index}/{steps - 1}" for index in range(steps)] if steps > 1 else []
    sheet = labelled(_tile(tiles, steps), between, rows, (size, size), GAP)
    return write_png(_with_bars(sheet, names, scales), Path(path))


def progress_grid(images_by_nimg: Mapping[int, np.ndarray], path: Path | str, scale: int = 1) -> dict:
    """Draws one row per snapshot. Returns the record's `progress` field.

    images_by_nimg: {images seen: uint8 (N, 3, H, W) from the same latents}.
    """
    steps = sorted(images_by_nimg)
    counts = {len(images_by_nimg[nimg]) for nimg in steps}
    if len(counts) != 1:
        raise HarnessError(f"progress grid: given {sorted(counts)} images a step; expected the same number at every step")
    images = np.concatenate([images_by_nimg[nimg] for nimg in steps])
    tile = (images.shape[2] * scale, images.shape[3] * scale)
    sheet = labelled(_sheet(images, counts.pop(), scale), [], [f"{nimg:,} images" for nimg in steps], tile, GAP)
    write_png(sheet, Path(path))
    return {"path": str(path), "nimg": steps}


def neighbour_grid(
    samples: np.ndarray, nearest: np.ndarray, distances: Sequence[float], lines: Sequence[str], path: Path | str, size: int = 48
) -> Path:
    """Draws samples above their nearest training images, one column per sample, headed by the distance to the nearest.

    samples: uint8 (B, 3, H, W). nearest: uint8 (B, k, 3, H, W), nearest first, with k = 0 if none can be shown.
    """
    ranked = [samples, *np.asarray(nearest).swapaxes(0, 1)]
    tiles = [resize(image.transpose(1, 2, 0), size) for row in ranked for image in row]
    rows = ["sample", *("nearest" if rank == 1 else f"{rank}." for rank in range(1, len(ranked)))]
    sheet = labelled(_tile(tiles, len(samples)), [f"{distance:.2f}" for distance in distances], rows, (size, size), GAP)
    return write_png(with_lines(sheet, lines), Path(path))


def map_tile(attention: np.ndarray, head: int, size: int) -> np.ndarray:
    """One head of an image's attention (h, N) or (h, N, M) as an RGB picture (size, size, 3), scaled to its own range."""
    grid = _token_weights(np.asarray(attention), head)
    return resize(_heat(grid, _scale([grid])), size)


def _token_weights(attention: np.ndarray, head: int) -> np.ndarray:
    """One head's token weights, from a map (h, N) or (h, N, M), as a grid that is square if possible, divided by their mean."""
    weights = attention[head] if attention.ndim == 2 else attention[head].mean(axis=0)  # (M,)
    side = round(len(weights) ** 0.5)
    if side * side != len(weights):
        side = max(divisor for divisor in range(1, side + 1) if len(weights) % divisor == 0)
    mean = float(weights.mean())
    return (weights / mean if mean > 0 else weights).reshape(side, -1)


def _block_name(grid: np.ndarray) -> str:
    """`4 x 4 tokens`."""
    return f"{grid.shape[0]}×{grid.shape[1]}"


def _scale(grids: Sequence[np.ndarray]) -> tuple[float, float]:
    """The lowest and the highest weight that a block's maps show."""
    return float(min(grid.min() for grid in grids)), float(max(grid.max() for grid in grids))


def _heat(weights: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Weights (h, w) as an RGB picture on a scale from its lowest to its highest value."""
    low, high = scale
    return colours((weights - low) / (high - low) if high > low else np.zeros_like(weights))


def _with_bars(sheet: np.ndarray, names: Sequence[str], scales: Sequence[tuple[float, float]]) -> np.ndarray:
    if not names:
        return sheet
    bars = colour_bars([(f"{name} tokens", *scale) for name, scale in zip(names, scales, strict=True)])
    return with_lines(stacked([sheet, bars]), [UNIT])


def resize(picture: np.ndarray, size: int) -> np.ndarray:
    """Enlarges a picture (H, W, 3) to (size, size, 3). Its pixels stay sharp rectangles."""
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.NEAREST))


def _sheet(images: np.ndarray, columns: int, scale: int) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8 or not len(images):
        raise HarnessError(f"image grid: given {images.dtype} {images.shape}; expected uint8 (N, 3, H, W) with N > 0")
    return _tile(list(images.transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)), columns)  # (N, H, W, 3)


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
