"""Draws rows of a table as points: the mean over seeds with its 90% interval, every seed, and numbers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.plots import rounded
from harness.report.verdicts import interval

DODGE = 0.012  # distance between points of one place, as a share of the axis
FONT, WIDE, HIGH, RADIUS = 7.0, 4.6, 7.0, 3.6  # size of a number, of a digit and of a marker, in points of 1/72 inch
OFFSETS = [(0.0, 8.5), (0.0, -8.5), (8.0, 0.0), (-8.0, 0.0), (7.0, 7.0), (-7.0, 7.0), (7.0, -7.0), (-7.0, -7.0)]
FARTHER = [(1.9 * x, 1.9 * y) for x, y in OFFSETS]
Box = tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True)
class Point:
    """One row of a table in a panel: its values, one per seed, and its style."""

    text: str
    name: str  # in the legend
    x: Sequence[float]
    y: Sequence[float]
    style: Mapping[str, Any]

    @property
    def mean(self) -> tuple[float, float]:
        """The means over seeds."""
        return rounded(float(np.mean(self.x))), rounded(float(np.mean(self.y)))


def draw_points(axis: Axes, points: Sequence[Point]) -> list[tuple[float, float, str]]:
    """Draws each row's mean, the 90% intervals over several seeds and every seed. Points of one place stand side by side.

    Returns where each number belongs, for `number_points`, which comes when the axes have their final limits."""
    span = max(point.mean[0] for point in points) - min(point.mean[0] for point in points) or 1.0
    together: dict[tuple[float, float], int] = {}
    placed = []
    for point in points:
        (x, y), colour = point.mean, point.style["color"]
        rank = together[x, y] = together.get((x, y), -1) + 1
        shift = DODGE * span * rank
        _bars(axis, point, shift, colour)
        known = point.name in axis.get_legend_handles_labels()[1]
        axis.scatter(rounded(x + shift), y, s=26, label="_" if known else point.name, zorder=3, **point.style)
        placed.append((rounded(x + shift), y, point.text))
    return placed


def _bars(axis: Axes, point: Point, shift: float, colour: Any) -> None:
    """Draws the 90% interval of the mean in each direction that has one, and every seed as a small dot."""
    seeds = max(len(point.x), len(point.y))
    if seeds < 2:
        return
    (x, y), line = point.mean, {"color": colour, "linewidth": 0.9, "alpha": 0.8, "zorder": 2}
    if len(point.y) > 1:
        low, high = interval(point.y)
        axis.plot([x + shift] * 2, [rounded(max(low, min(point.y) / 2)), rounded(high)], **line)
    if len(point.x) > 1:
        low, high = interval(point.x)
        axis.plot([rounded(low + shift), rounded(high + shift)], [y, y], **line)
    xs = point.x if len(point.x) > 1 else [x] * seeds
    ys = point.y if len(point.y) > 1 else [y] * seeds
    axis.scatter(
        [rounded(value + shift) for value in xs], [rounded(value) for value in ys], s=5, color=colour, alpha=0.5, linewidths=0
    )


def number_points(figure: Figure, placed: Mapping[Axes, Sequence[tuple[float, float, str]]]) -> None:
    """Writes each point's number beside it, where it covers the fewest other numbers and points. Call it last."""
    figure.draw_without_rendering()  # the layout decides where the points are
    scale = 72 / figure.dpi
    for axis, points in placed.items():
        centres = [tuple(axis.transData.transform((x, y)) * scale) for x, y, _ in points]
        taken: list[Box] = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in centres]
        for (x, y, text), centre in zip(points, centres, strict=True):
            offset = min((*OFFSETS, *FARTHER), key=lambda shift: round(_covered(_box(centre, shift, text), taken), 3))
            taken.append(_box(centre, offset, text))
            note = axis.annotate(text, (x, y), xytext=offset, textcoords="offset points", fontsize=FONT, ha="center", va="center")
            note.set_in_layout(False)


def _box(centre: tuple[float, ...], offset: tuple[float, float], text: str) -> Box:
    x, y, half = centre[0] + offset[0], centre[1] + offset[1], WIDE * len(text) / 2
    return x - half, y - HIGH / 2, x + half, y + HIGH / 2


def _covered(box: Box, taken: Sequence[Box]) -> float:
    """The area that `box` shares with others."""
    widths = (min(box[2], other[2]) - max(box[0], other[0]) for other in taken)
    heights = (min(box[3], other[3]) - max(box[1], other[1]) for other in taken)
    return sum(max(0.0, width) * max(0.0, height) for width, height in zip(widths, heights, strict=True))


def legend_below(figure: Figure, axis: Axes, columns: int = 6) -> None:
    """Draws one legend for all panels, below them."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def seeds_in_words(counts: Sequence[int]) -> str:
    """`one seed`, or `mean, 90% interval and points of 5 seeds`."""
    most = max(counts, default=0)
    return "one seed" if most < 2 else f"mean, 90% interval and points of {most} seeds"
