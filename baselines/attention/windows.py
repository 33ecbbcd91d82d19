"""Square windows of a token grid, for the mechanisms that attend inside them."""

from torch import Tensor


def fit_window(window: int, grid: int) -> int:
    """The window's side, at most the grid's. ValueError if windows do not tile the grid."""
    side = min(window, grid)
    if grid % side:
        raise ValueError(f"given a grid of {grid} tokens per side; expected a multiple of the window's {side}; change base")
    return side


def to_windows(x: Tensor, grid: int, window: int) -> Tensor:
    """Tokens (B, grid^2, C) -> (B, windows, window^2, C), windows and tokens both in row order."""
    x = x.unflatten(1, (grid // window, window, grid // window, window))
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(x: Tensor, grid: int, window: int) -> Tensor:
    """(B, windows, window^2, C) -> (B, grid^2, C), the inverse of `to_windows`."""
    x = x.unflatten(2, (window, window)).unflatten(1, (grid // window, grid // window))
    return x.transpose(2, 3).flatten(1, 4)


def roll_grid(x: Tensor, grid: int, shift: int) -> Tensor:
    """Tokens (B, grid^2, C), rolled by `shift` along both axes of the grid."""
    return x.unflatten(1, (grid, grid)).roll((shift, shift), dims=(1, 2)).flatten(1, 2)
