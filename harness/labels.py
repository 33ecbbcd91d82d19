"""Words and colour scales around a sheet of pictures.

The font is the one that matplotlib brings: the same pixels on every machine."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_SIZE, LINE, MARGIN = 10, 15, 5  # pixels
INK, SHEET = (40, 40, 40), 255
BAR = (120, 9)  # width and height of a colour bar
MAP = "viridis"


@cache
def _font() -> ImageFont.FreeTypeFont:
    import matplotlib  # late, because training imports this module's neighbours

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)


def text_width(text: str) -> int:
    """Pixels that `text` takes."""
    return round(_font().getlength(text))


def labelled(sheet: np.ndarray, columns: Sequence[str], rows: Sequence[str], tile: tuple[int, int], gap: int) -> np.ndarray:
    """The sheet (H, W, 3) with a word over each column and before each row; `tile` is (height, width). No words, no margin."""
    left = max(map(text_width, rows), default=-2 * MARGIN) + 2 * MARGIN
    top = LINE if any(columns) else 0
    out = _paste(sheet, left, top)
    draw = ImageDraw.Draw(out)
    for index, text in enumerate(columns):
        middle = left + gap + index * (tile[1] + gap) + tile[1] // 2
        draw.text((middle - text_width(text) // 2, 2), text, INK, _font())
    for index, text in enumerate(rows):
        height = top + gap + index * (tile[0] + gap) + tile[0] // 2 - LINE // 2
        draw.text((left - MARGIN - text_width(text), height), text, INK, _font())
    return np.asarray(out)


def with_lines(sheet: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """The sheet with lines of text under it."""
    strips = [_strip([(MARGIN, text)], 2 * MARGIN + text_width(text)) for text in lines]
    return stacked([sheet, *strips])


def colour_bars(scales: Sequence[tuple[str, float, float]]) -> np.ndarray:
    """One line per (name, low, high): the name, the lowest value, the colour scale, the highest value."""
    names = MARGIN + max(text_width(name) for name, _, _ in scales) + 2 * MARGIN
    numbers = max(text_width(f"{value:.2g}") for scale in scales for value in scale[1:])
    strips = []
    for name, low, high in scales:
        start = names + numbers + MARGIN
        end = start + BAR[0] + MARGIN
        first = f"{low:.2g}"
        texts = [(MARGIN, name), (start - MARGIN - text_width(first), first), (end, f"{high:.2g}")]
        strip = _strip(texts, end + numbers + MARGIN)
        strip[(LINE - BAR[1]) // 2 :][: BAR[1], start : start + BAR[0]] = colours(np.linspace(0, 1, BAR[0])[None, :])
        strips.append(strip)
    return stacked(strips)


def colours(levels: np.ndarray) -> np.ndarray:
    """Levels in [0, 1] (h, w) on the colour scale: uint8 (h, w, 3)."""
    from matplotlib import colormaps  # late, as above

    return (colormaps[MAP](levels)[..., :3] * 255).astype(np.uint8)


def stacked(sheets: Sequence[np.ndarray]) -> np.ndarray:
    """Sheets (H, W, 3) one under the other, as wide as the widest."""
    width = max(sheet.shape[1] for sheet in sheets)
    wide = [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=SHEET) for sheet in sheets]
    return np.concatenate(wide)


def _strip(texts: Sequence[tuple[int, str]], width: int) -> np.ndarray:
    """A line of texts, each at its place."""
    out = Image.new("RGB", (width, LINE), (SHEET,) * 3)
    for left, text in texts:
        ImageDraw.Draw(out).text((left, 1), text, INK, _font())
    return np.array(out)


def _paste(sheet: np.ndarray, left: int, top: int) -> Image.Image:
    out = Image.new("RGB", (sheet.shape[1] + left, sheet.shape[0] + top), (SHEET,) * 3)
    out.paste(Image.fromarray(sheet), (left, top))
    return out
