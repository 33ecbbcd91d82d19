"""Curves over training: the mean over seeds, its 90% interval, and every seed."""

from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from harness.records.curves import read_curves
from harness.records.models import ScoreRecord
from harness.report.plots import rounded
from harness.report.verdicts import interval

Points = dict[int, list[float]]  # {images seen: one value per seed}


def curve_points(records: list[ScoreRecord], name: str, positive: bool = True) -> Points:
    """The values of one curve; with `positive`, those that a logarithmic axis can show."""
    found: Points = {}
    for record in records:
        for row in read_curves(record):
            if name in row.values and (row.values[name] > 0 or not positive):
                found.setdefault(row.nimg, []).append(row.values[name])
    return found


def draw_line(axis: Axes, found: Points, style: dict[str, Any], points: bool = False) -> None:
    """Draws the mean over seeds as a line, its 90% interval as a band, and on request each seed as a point."""
    if not found:
        return
    steps = sorted(found)
    thousands = [nimg / 1000 for nimg in steps]
    axis.plot(thousands, [rounded(fmean(found[nimg])) for nimg in steps], linewidth=1.2, markersize=3.5, **style)
    bands = [interval(found[nimg]) if len(found[nimg]) > 1 else (found[nimg][0],) * 2 for nimg in steps]
    if any(low < high for low, high in bands):
        lows, highs = ([rounded(band[side]) for band in bands] for side in (0, 1))
        least = min(value for values in found.values() for value in values)
        floor = least / 2 if least > 0 else min(lows)  # what a logarithmic axis can show
        axis.fill_between(thousands, [max(low, floor) for low in lows], highs, color=style["color"], alpha=0.15, linewidth=0)
    if points and any(len(values) > 1 for values in found.values()):
        dots = [(nimg / 1000, rounded(value)) for nimg in steps for value in found[nimg]]
        axis.scatter([x for x, _ in dots], [y for _, y in dots], s=5, color=style["color"], alpha=0.6, linewidths=0)
