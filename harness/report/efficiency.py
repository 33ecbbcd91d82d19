"""Score against the share of the training images (Table III), with and without bCR."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.paper import printed_table
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.plots import log_scale, rounded, score_words
from harness.report.points import seeds_in_words
from harness.report.table_cells import Row, table_cells
from harness.report.verdicts import interval

COLUMNS = {"fid_50k": "training", "fid_10k": "test"}
STYLES = {"yes": ("-", "o", "with bCR"), "no": ("--", "s", "without bCR")}


def data_efficiency(store: Store) -> Figure | None:
    """Draws measured and printed scores on separate axes. None if nothing was measured."""
    rows = [(row, cells) for row, cells in table_cells(printed_table(3), store) if row["method"] == "ladagan"]
    if not any(cells["fid_50k"].value is not None for _, cells in rows):
        return None
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.8), layout="constrained")
    for index, (column, reference) in enumerate(COLUMNS.items()):
        label = next((cells[column].label for _, cells in rows if cells[column].label), "fid")
        _panel(axes[index], rows, column, lambda cell: list(cell.points))
        _panel(axes[index + 2], rows, column, lambda cell: [float(cell.printed)])
        axes[index].set(title=f"measured, against {reference} images", ylabel=score_words(label))
        axes[index + 2].set(title=f"printed, against {reference} images", ylabel=score_words("fid"))
    figure.legend(*axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    counts = [len(cells[column].points) for _, cells in rows for column in COLUMNS]
    figure.suptitle(f"Data efficiency (Table III; {seeds_in_words(counts)})")
    sns.despine(figure)
    return figure


def _panel(axis: Axes, rows: Sequence[Row], column: str, values: Callable[[Cell], list[float]]) -> None:
    """Draws means over seeds as lines and every seed as a point, with and without bCR."""
    for colour, (key, (dash, marker, name)) in enumerate(STYLES.items()):
        found = [(100 * float(row["fraction"]), values(cells[column])) for row, cells in rows if row["bcr"] == key]
        found = sorted((share, points) for share, points in found if points)
        if found:
            means = [rounded(sum(points) / len(points)) for _, points in found]
            axis.plot([share for share, _ in found], means, dash, marker=marker, markersize=4, color=f"C{colour}", label=name)
            for share, points in found:
                if len(points) > 1:
                    low, high = interval(points)
                    ends = [rounded(max(low, min(points) / 2)), rounded(high)]
                    axis.plot([share] * 2, ends, color=f"C{colour}", linewidth=0.9, alpha=0.8)
            dots = [(share, rounded(point)) for share, points in found for point in points]
            axis.scatter([x for x, _ in dots], [y for _, y in dots], s=6, color=f"C{colour}", alpha=0.5, linewidths=0)
    axis.set(xlabel="share of the training images (%)")
    log_scale(axis.xaxis)
    log_scale(axis.yaxis)
