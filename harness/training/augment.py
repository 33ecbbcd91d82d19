"""DiffAugment (Zhao et al., arXiv 2006.10738): color, translation by up to 1/8 of the side, cutout of 1/2 of the side.

Every image has its own parameters. They are drawn first and passed in, so augmenting is a pure function that can be sharded and
traced.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

TRANSLATION = 0.125  # of the side
CUTOUT = 0.5  # of the side


def draw_augmentation(policy: Sequence[str], batch: int, side: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Draws parameters for `batch` square images: color (B, 3) in [0, 1); shift and cut (B, 2) int64, rows then columns."""
    draws = {}
    if "color" in policy:
        draws["color"] = torch.rand(batch, 3, generator=generator)
    if "translation" in policy:
        reach = int(side * TRANSLATION + 0.5)
        draws["shift"] = torch.randint(-reach, reach + 1, (batch, 2), generator=generator)
    if "cutout" in policy:
        size = int(side * CUTOUT + 0.5)
        draws["cut"] = torch.randint(0, side + 1 - size % 2, (batch, 2), generator=generator) - size // 2
    return draws


def augment(img: Tensor, draws: dict[str, Tensor]) -> Tensor:
    """Applies color, then translation, then cutout: those that `draws` has parameters for. (B, 3, H, W) -> (B, 3, H, W).

    Pixels that translation uncovers or cutout removes become 0, mid-grey. One gather and one mask do both.
    """
    if "color" in draws:
        img = _color(img, draws["color"].to(img.dtype))
    kept = None
    if "shift" in draws:
        img, kept = _translate(img, draws["shift"])
    if "cut" in draws:
        outside = _outside_cut(img.shape[-1], draws["cut"])
        kept = outside if kept is None else kept & outside
    return img if kept is None else img * kept.unsqueeze(1).to(img.dtype)


def _color(img: Tensor, color: Tensor) -> Tensor:
    """Brightness +-1/2, saturation x0..2 about the pixel's grey, contrast x1/2..3/2 about the image's mean; color (B, 3)."""
    brightness, saturation, contrast = color[:, :, None, None, None].unbind(1)  # each (B, 1, 1, 1)
    img = img + (brightness - 0.5)
    grey = img.mean(dim=1, keepdim=True)  # (B, 1, H, W)
    img = (img - grey) * (2 * saturation) + grey
    mean = img.mean(dim=(1, 2, 3), keepdim=True)  # (B, 1, 1, 1)
    return (img - mean) * (contrast + 0.5) + mean


def _translate(img: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Moves image i by -shift[i]. Returns the moved images and a mask (B, H, W), false for uncovered pixels."""
    batch, channels, side, _ = img.shape
    source = torch.arange(side, device=img.device) + shift[:, :, None]  # (B, 2, side)
    inside = (source >= 0) & (source < side)
    rows, columns = source.clamp(0, side - 1).unbind(1)
    flat = (rows[:, :, None] * side + columns[:, None, :]).reshape(batch, 1, -1)  # (B, 1, H * W)
    moved = img.flatten(2).gather(2, flat.expand(-1, channels, -1)).unflatten(2, (side, side))
    return moved, inside[:, 0, :, None] & inside[:, 1, None, :]


def _outside_cut(side: int, cut: Tensor) -> Tensor:
    """Mask (B, H, W), true outside each image's square. cut (B, 2): the square's first row and column; it may cross the edge."""
    offset = torch.arange(side, device=cut.device) - cut[:, :, None]  # (B, 2, side)
    inside = (offset >= 0) & (offset < int(side * CUTOUT + 0.5))
    return ~(inside[:, 0, :, None] & inside[:, 1, None, :])
