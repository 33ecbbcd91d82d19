"""Compares the order of Table I's rows here with the paper's, and shows their precision and recall."""

import math
from collections.abc import Sequence
from statistics import NormalDist, correlation

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.paper import printed_table
from harness.records.store import Store
from harness.report.plots import looks, plain, rounded
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
    pairs = [(float(cells["fid"].printed), rounded(cells["fid"].value or 0.0)) for _, cells in rows]
    ranks = [_ranks([pair[side] for pair in pairs]) for side in (0, 1)]
    found, (low, high) = rank_correlation(pairs)
    figure, axis = plt.subplots(figsize=(5, 4.6), layout="constrained")
    axis.plot([1, len(rows)], [1, len(rows)], color="0.8", linewidth=1, zorder=0)
    styles = looks(row["attention"] for row, _ in rows)
    for (row, _), x, y in zip(rows, *ranks, strict=True):
        known = row["attention"] in axis.get_legend_handles_labels()[1]
        axis.scatter(x, y, s=26, label="_" if known else row["attention"], **styles[row["attention"]])
        axis.annotate(row["row"], (x, y), textcoords="offset points", xytext=(0, 6), fontsize=7, ha="center")
    title = f"Spearman {found:.2f} (90% interval {low:.2f} to {high:.2f}, {len(rows)} rows)"
    axis.set(title=title, xlabel="rank by the printed FID (1 is best)")
    axis.set(ylabel=plain(f"rank by {rows[0][1]['fid'].label or 'fid'} here (1 is best)"))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("Rows of Table I: rank here against rank in print")
    sns.despine(figure)
    return figure


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1. Equal values get their mean rank."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) + 1) / 2 for value in values]


def precision_against_recall(store: Store) -> Figure | None:
    """Draws precision and recall of the rows, here and as printed. None if nothing was measured."""
    rows = [(row, cells) for row, cells in _with_scores(store) if cells["precision"].value is not None]
    rows = [(row, cells) for row, cells in rows if cells["recall"].value is not None]
    if not rows:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    styles = looks(row["attention"] for row, _ in rows)
    for row, cells in rows:
        here = (rounded(cells["recall"].value or 0.0), rounded(cells["precision"].value or 0.0))
        printed = (float(cells["recall"].printed), float(cells["precision"].printed))
        for axis, place in zip(axes, (here, printed), strict=True):
            known = row["attention"] in axis.get_legend_handles_labels()[1]
            axis.scatter(*place, s=26, label="_" if known else row["attention"], **styles[row["attention"]])
            axis.annotate(row["row"], place, textcoords="offset points", xytext=(4, 3), fontsize=7)
    for axis, title in zip(axes, (f"measured, {rows[0][1]['recall'].label or 'recall'}", "printed"), strict=True):
        axis.set(
            title=plain(title),
            xlabel="recall: share of real images near a sample",
            ylabel="precision: share of samples near a real image",
        )
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.suptitle("Precision against recall (numbers are rows of Table I; higher is better)")
    sns.despine(figure)
    return figure
