"""Compares the order of Table I's rows here with the paper's, and shows their precision and recall."""

import math
from collections.abc import Sequence
from statistics import NormalDist, correlation

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.paper import NOT_PRINTED, printed_table
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.own import own_cells
from harness.report.plots import looks, plain, rounded, score_words
from harness.report.points import Point, draw_points, legend_below, number_points, seeds_in_words
from harness.report.table_cells import Row, table_cells

LEVEL = 0.90
SPEARMAN_SPREAD = 1.06  # sd of Fisher's z of a rank correlation, times sqrt(n - 3) (Fieller, Hartley and Pearson 1957)


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    """Spearman's correlation of at least four pairs, and its 90% interval by Fisher's transformation.

    ValueError if all values of one side are equal and so have no order.
    """
    found = correlation(_ranks([x for x, _ in pairs]), _ranks([y for _, y in pairs]))
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * SPEARMAN_SPREAD / math.sqrt(len(pairs) - 3)
    centre = math.atanh(max(-0.999999, min(0.999999, found)))
    return found, (math.tanh(centre - half), math.tanh(centre + half))


def _with_scores(store: Store) -> list[Row]:
    rows = table_cells(printed_table(1), store)
    return [(row, cells) for row, cells in rows if cells["fid"].value is not None and cells["fid"].printed != "diverged"]


def rank_against_rank(store: Store) -> Figure | None:
    """Draws rank by measured score against rank by printed FID, for rows that have both. None for fewer than four."""
    rows = _with_scores(store)
    if len(rows) < 4 or len({cells["fid"].value for _, cells in rows}) < 2:
        return None
    printed = [float(cells["fid"].printed) for _, cells in rows]
    means = [rounded(cells["fid"].value or 0.0) for _, cells in rows]
    figure, axis = plt.subplots(figsize=(5.4, 5.2), layout="constrained")
    axis.plot([1, len(rows)], [1, len(rows)], color="0.8", linewidth=1, zorder=0)
    styles = looks(row["attention"] for row, _ in rows)
    points = [
        Point(row["row"], row["attention"], [x], [y], styles[row["attention"]])
        for (row, _), x, y in zip(rows, _ranks(printed), _ranks(means), strict=True)
    ]
    placed = {axis: draw_points(axis, points)}
    title = _agreement(printed, means, [cells["fid"].points for _, cells in rows])
    axis.set(title=title, xlabel="rank by the printed FID (1 is best)")
    axis.set(ylabel=f"rank by {score_words(rows[0][1]['fid'].label or 'fid').partition(' (')[0]} here (1 is best)")
    legend_below(figure, axis, 3)
    figure.suptitle("Rows of Table I: rank here against rank in print")
    sns.despine(figure)
    number_points(figure, placed)
    return figure


def _agreement(printed: Sequence[float], means: Sequence[float], seeds: Sequence[Sequence[float]]) -> str:
    """The rank correlation of the means with its interval and, where every row has as many seeds, that of each seed."""
    found, (low, high) = rank_correlation(list(zip(printed, means, strict=True)))
    said = f"Spearman {found:.2f} (90% interval {low:.2f} to {high:.2f}, {len(printed)} rows)"
    counts = {len(points) for points in seeds}
    if counts == {1} or len(counts) > 1:
        return said
    each = [correlation(_ranks(printed), _ranks([points[k] for points in seeds])) for k in range(counts.pop())]
    return f"{said}\nof each of {len(each)} seeds alone: {', '.join(f'{value:.2f}' for value in each)}"


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1. Equal values get their mean rank."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) + 1) / 2 for value in values]


def _printed(cell: Cell) -> list[float]:
    """The printed score as its only point; none for an experiment of one's own."""
    return [] if cell.printed == NOT_PRINTED else [float(cell.printed)]


def precision_against_recall(store: Store) -> Figure | None:
    """Draws precision and recall of the rows, here and as printed. None if nothing was measured."""
    rows = [(row, cells) for row, cells in [*_with_scores(store), *own_cells(store)] if cells["precision"].value is not None]
    rows = [(row, cells) for row, cells in rows if cells["recall"].value is not None]
    if not rows:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    styles, placed = looks(row["attention"] for row, _ in rows), {}
    for axis, values in zip(axes, (lambda cell: cell.points, _printed), strict=True):
        points = [
            Point(row["row"], row["attention"], values(cells["recall"]), values(cells["precision"]), styles[row["attention"]])
            for row, cells in rows
            if values(cells["recall"])
        ]
        placed[axis] = draw_points(axis, points) if points else []
    extractor = (rows[0][1]["recall"].label or "").partition("/")[2]
    for axis, title in zip(axes, (f"measured{f' on {extractor} features' if extractor else ''}", "printed"), strict=True):
        axis.set(
            title=plain(title),
            xlabel="recall (share of real images near a sample)",
            ylabel="precision (share of samples near a real image)",
        )
    legend_below(figure, axes[0])
    counts = [len(cells["recall"].points) for _, cells in rows]
    figure.suptitle(f"Precision against recall (numbers are rows of Table I; higher is better; {seeds_in_words(counts)})")
    sns.despine(figure)
    number_points(figure, placed)
    return figure
